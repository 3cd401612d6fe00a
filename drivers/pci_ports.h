/* Access to PCI configuration space by the two ports that all PCs have: the first 256 bytes of each
 * function. PCI Local Bus 3.0, "Software Generation of Configuration Transactions". Read next:
 * pci.h. */
#pragma once
#include "drivers/pci.h"

extern const struct pci_access pci_by_ports;
