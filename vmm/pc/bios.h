/* What a guest finds where a PC has its BIOS: the ACPI tables, and code at the reset vector. There
 * are no BIOS services. The place is RAM: a guest that overwrites it harms only itself. Read next:
 * vmm/devices/acpi_tables.h. */
#pragma once

struct pc;

/* Places both in RAM. To call before the kernel is loaded, because a kernel that is linked to these
 * addresses overwrites them. Returns NULL, or why they do not fit, for the user. */
const char *bios_place(struct pc *pc);
