/* Describes the machine from what the firmware reports: ACPI, the time, the screen, the CPUs.
 *
 * Once the boot services are exited, the hypervisor can no longer ask for these. UEFI 2.10, "EFI
 * Configuration Table", "GetTime()", "Graphics Output Protocol". Read next: lib/boot_info.h. */
#pragma once
#include "lib/boot_info.h"

/* Fills in rsdp, reset_system, time, time_tsc, framebuffer, cpu_count and cpu_apic_id. */
void machine_describe(struct boot_info *info);

/* Fills in the serial port: the one that the firmware names in the SPCR, else COM1. Needs rsdp and
 * the regions. Returns NULL, or why the firmware's port is not used. */
const char *machine_find_serial(struct boot_info *info);
