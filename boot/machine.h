/* What the firmware knows of the machine: ACPI, the time, the screen, the CPUs.
 *
 * The hypervisor cannot ask for these after the firmware is gone. Read next: lib/boot_info.h. */
#pragma once
#include "lib/boot_info.h"

/* Fills in rsdp, reset_system, time, framebuffer, cpu_count and cpu_apic_id. */
void machine_describe(struct boot_info *info);
