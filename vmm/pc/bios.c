/* Tables, data areas and the reset vector: see bios.h. */
#include "vmm/pc/bios.h"

#include <stdint.h>

#include "lib/memory.h"
#include "vmm/devices/acpi_tables.h"
#include "vmm/devices/mp_table.h"
#include "vmm/devices/pc_map.h"
#include "vmm/devices/vga_text.h"
#include "vmm/pc/pc.h"

/* In real-address mode: MOV DX, port; MOV AL, value; OUT DX, AL; HLT; and a jump back to the HLT.
 * It writes ACPI's reset register. Operating systems jump to the reset vector to reset a PC; on
 * hardware-reduced ACPI without EFI, Linux does so before it tries the register itself. */
static const uint8_t reset_code[] = {
    0xba, PC_RESET_PORT & 0xff, PC_RESET_PORT >> 8, 0xb0, PC_RESET_VALUE, 0xee, 0xf4, 0xeb, 0xfd,
};
_Static_assert(PC_RESET_VECTOR + sizeof(reset_code) <= PC_ACPI_BASE + PC_ACPI_SIZE,
               "it ends in the BIOS's place");

/* ---- the BIOS data area: IBM, "BIOS Data Area" ---- */

static void put16(struct pc *pc, uint32_t address, uint16_t value) {
    memcpy(pc->config.ram + address, &value, sizeof(value));
}

static void place_data_areas(struct pc *pc) {
    put16(pc, 0x400, PC_UART_PORT);        /* the first serial port */
    put16(pc, 0x40e, PC_EBDA_BASE >> 4);   /* segment of the extended area */
    put16(pc, 0x410, 1 << 9 | 2 << 4 | 2); /* one serial port, 80 x 25 in colour, an FPU */
    put16(pc, 0x413, PC_EBDA_BASE / 1024); /* base memory in KiB */
    pc->config.ram[0x449] = 3;             /* the video mode */
    put16(pc, 0x44a, VGA_TEXT_COLUMNS);
    put16(pc, 0x44c, 0x1000); /* bytes of a page of text */
    put16(pc, 0x460, 0x0d0e); /* the cursor's shape */
    put16(pc, 0x463, PC_CRTC_PORT);
    pc->config.ram[0x484] = VGA_TEXT_ROWS - 1;
    put16(pc, 0x485, 16); /* lines of a character */
    pc->config.ram[PC_EBDA_BASE] = PC_EBDA_SIZE / 1024;
}

static const char *place_mp_table(struct pc *pc) {
    struct mp_table_request request = {
        .at = pc->config.ram + PC_MP_BASE,
        .physical = PC_MP_BASE,
        .size = PC_RESET_VECTOR - PC_MP_BASE,
        .vcpus = pc->config.vcpu_count,
        .ioapic_version = pc->config.ioapic_version,
    };

    return mp_table_build(&request);
}

const char *bios_place(struct pc *pc) {
    extern const uint8_t dsdt[], dsdt_end[];
    uint8_t *rom = pc->config.ram + PC_ACPI_BASE;
    struct acpi_tables_request request = {
        .at = rom,
        .physical = PC_ACPI_BASE,
        .size = PC_MP_BASE - PC_ACPI_BASE,
        .vcpus = pc->config.vcpu_count,
        .dsdt = dsdt,
        .dsdt_size = dsdt_end - dsdt,
    };

    if (pc->config.ram_size < PC_ACPI_BASE + PC_ACPI_SIZE)
        return "its memory ends below 1 MiB, where the ACPI tables are; set its memory to 2M at "
               "least";
    memcpy(rom + (PC_RESET_VECTOR - PC_ACPI_BASE), reset_code, sizeof(reset_code));
    place_data_areas(pc);
    const char *problem = place_mp_table(pc);
    return problem ? problem : acpi_tables_build(&request);
}
