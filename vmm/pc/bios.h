/* What a guest finds where a PC has its BIOS: the ACPI tables, and code at the reset vector. There
 * are no BIOS services. It is RAM: a guest that overwrites it harms only itself. */
#pragma once

struct pc;

/* Before the kernel is loaded: a kernel that is linked to these addresses overwrites the BIOS.
 * Returns NULL, or why the tables do not fit, in words. */
const char *bios_place(struct pc *pc);
