/* The machine's I/O APICs: see ioapic.h. */
#include "drivers/ioapic.h"

#include "arch/apic_registers.h"

#define SELECT        (0x00 / 4)
#define WINDOW        (0x10 / 4)
#define VERSION       1
#define FIRST_ENTRY   0x10
#define ENTRIES_MAX   240 /* more do not fit the index register */
#define ENTRY_MASKED  0x10000u
#define DELIVERY_MODE 8
#define NOTHING_THERE 0xffffffffu

static uint32_t read_register(volatile uint32_t *registers, uint32_t index) {
    registers[SELECT] = index;
    return registers[WINDOW];
}

void ioapic_mask(volatile uint32_t *registers) {
    uint32_t version = read_register(registers, VERSION);
    uint32_t entries = (version >> 16 & 0xff) + 1;

    if (version == NOTHING_THERE || entries > ENTRIES_MAX / 2)
        return;
    for (uint32_t i = 0; i < entries; i++) {
        uint32_t entry = read_register(registers, FIRST_ENTRY + 2 * i);

        if ((entry >> DELIVERY_MODE & 7) == APIC_DELIVERY_SMI)
            continue;
        registers[SELECT] = FIRST_ENTRY + 2 * i;
        registers[WINDOW] = entry | ENTRY_MASKED;
    }
}
