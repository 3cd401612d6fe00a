/* Silencing devices that the firmware has left running.
 *
 * A network card, or a disk controller behind a bridge, may still write to memory after
 * ExitBootServices(): a received packet, a late completion. The firmware's buffers are the
 * hypervisor's memory then. So bus mastering is switched off at PCI bridges, behind which nearly
 * all devices are, and at network functions. Pure: configuration space is accessed by a callback.
 * PCI Local Bus 3.0, "Configuration Space Functions"; PCI-to-PCI Bridge 1.2. Read next:
 * pci_ports.h. */
#pragma once
#include <stdint.h>

struct pci_access {
    uint32_t (*read)(void *context, uint32_t address);
    void (*write)(void *context, uint32_t address, uint32_t value);
    void *context;
};

/* The address of a register: bus, device (0 to 31), function (0 to 7), offset (a multiple of 4). */
static inline uint32_t pci_address(uint32_t bus, uint32_t device, uint32_t function,
                                   uint32_t offset) {
    return bus << 16 | device << 11 | function << 8 | offset;
}

/* Switches bus mastering off at the bridges and network functions of all buses. Returns at how many
 * it was on. */
unsigned pci_silence(const struct pci_access *access);
