/* What the firmware knows of the machine: ACPI, the screen, the CPUs. */
#pragma once
#include "vmm/boot_info.h"

/* Fills in rsdp, reset_system, framebuffer, cpu_count and cpu_apic_id. */
void machine_describe(struct boot_info *info);
