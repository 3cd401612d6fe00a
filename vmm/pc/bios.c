/* ACPI tables and the reset vector: see bios.h. */
#include "vmm/pc/bios.h"

#include <stdint.h>

#include "lib/memory.h"
#include "vmm/devices/acpi_tables.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"

/* In real-address mode: MOV DX, port; MOV AL, value; OUT DX, AL; HLT; and a jump back to the HLT.
 * It writes ACPI's reset register. Operating systems jump to the reset vector to reset a PC; on
 * hardware-reduced ACPI without EFI, Linux does so before it tries the register itself. */
static const uint8_t reset_code[] = {
    0xba, PC_RESET_PORT & 0xff, PC_RESET_PORT >> 8, 0xb0, PC_RESET_VALUE, 0xee, 0xf4, 0xeb, 0xfd,
};
_Static_assert(PC_RESET_VECTOR + sizeof(reset_code) <= PC_ACPI_BASE + PC_ACPI_SIZE,
               "it ends in the BIOS's place");

const char *bios_place(struct pc *pc) {
    extern const uint8_t dsdt[], dsdt_end[];
    uint8_t *rom = pc->config.ram + PC_ACPI_BASE;
    struct acpi_tables_request request = {
        .at = rom,
        .physical = PC_ACPI_BASE,
        .size = PC_RESET_VECTOR - PC_ACPI_BASE,
        .vcpus = pc->config.vcpu_count,
        .dsdt = dsdt,
        .dsdt_size = dsdt_end - dsdt,
    };

    if (pc->config.ram_size < PC_ACPI_BASE + PC_ACPI_SIZE)
        return "its memory ends below 1 MiB, where the ACPI tables are; set its memory to 2M at "
               "least";
    memcpy(rom + (PC_RESET_VECTOR - PC_ACPI_BASE), reset_code, sizeof(reset_code));
    return acpi_tables_build(&request);
}
