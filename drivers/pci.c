/* Silencing PCI devices: see pci.h. */
#include "drivers/pci.h"

#include <stdbool.h>

#define BUSES              256
#define ID                 0x00
#define COMMAND            0x04 /* the status register is in the upper half */
#define CLASS              0x08
#define HEADER             0x0c
#define COMMAND_BUS_MASTER (1u << 2)
#define COMMAND_MASK       0xffffu /* writing 1 to a status bit would clear it */
#define NOTHING_THERE      0xffff
#define CLASS_NETWORK      0x02
#define CLASS_BRIDGE_PCI   0x0604
#define HEADER_SEVERAL     (1u << 23) /* a device of several functions */

struct scan {
    const struct pci_access *access;
    unsigned silenced;
};

static uint32_t read_register(const struct scan *scan, uint32_t address) {
    return scan->access->read(scan->access->context, address);
}

static void silence(struct scan *scan, uint32_t function) {
    uint32_t command = read_register(scan, function + COMMAND) & COMMAND_MASK;

    if (!(command & COMMAND_BUS_MASTER))
        return;
    scan->access->write(scan->access->context, function + COMMAND, command & ~COMMAND_BUS_MASTER);
    scan->silenced++;
}

/* Returns whether the device may have further functions. */
static bool visit(struct scan *scan, uint32_t function) {
    if ((read_register(scan, function + ID) & 0xffff) == NOTHING_THERE)
        return false;
    uint32_t class = read_register(scan, function + CLASS) >> 16;
    if (class == CLASS_BRIDGE_PCI || class >> 8 == CLASS_NETWORK)
        silence(scan, function);
    return read_register(scan, function + HEADER) & HEADER_SEVERAL;
}

static void visit_bus(struct scan *scan, uint32_t bus) {
    for (uint32_t device = 0; device < 32; device++) {
        if (!visit(scan, pci_address(bus, device, 0, 0)))
            continue;
        for (uint32_t function = 1; function < 8; function++)
            visit(scan, pci_address(bus, device, function, 0));
    }
}

/* Visits all 256 bus numbers: servers have several root buses, to which no bridge leads. */
unsigned pci_silence(const struct pci_access *access) {
    struct scan scan = {.access = access};

    for (uint32_t bus = 0; bus < BUSES; bus++)
        visit_bus(&scan, bus);
    return scan.silenced;
}
