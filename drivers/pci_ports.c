/* PCI configuration space by ports: see pci_ports.h. */
#include "drivers/pci_ports.h"

#include "arch/instructions.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1u << 31)

static uint32_t read_by_ports(void *context, uint32_t address) {
    (void)context;
    out32(CONFIG_ADDRESS, CONFIG_ENABLE | address);
    return in32(CONFIG_DATA);
}

static void write_by_ports(void *context, uint32_t address, uint32_t value) {
    (void)context;
    out32(CONFIG_ADDRESS, CONFIG_ENABLE | address);
    out32(CONFIG_DATA, value);
}

const struct pci_access pci_by_ports = {.read = read_by_ports, .write = write_by_ports};
