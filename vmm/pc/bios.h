/* What a guest finds where a PC has its BIOS: the ACPI tables and the MP table, code at the reset
 * vector, and the BIOS data areas. There are no BIOS services. The place is RAM: a guest that
 * overwrites it harms only itself. Read next: vmm/devices/acpi_tables.h, mp_table.h. */
#pragma once

struct pc;

/* Places all of it in RAM. To call before the kernel is loaded, which may overwrite the BIOS data
 * area. Returns NULL, or why the tables do not fit, for the user. */
const char *bios_place(struct pc *pc);
