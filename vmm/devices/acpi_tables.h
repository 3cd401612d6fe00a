/* The ACPI tables that report a guest's devices: RSDP, XSDT, RSDT, FADT, MADT, DSDT.
 *
 * They describe hardware-reduced ACPI: without SCI and FACS; one register to sleep
 * and one to reset (vmm/pc/power.h). Programs that know ACPI 1.0 only, such as test programs, find
 * the same FADT through the RSDT, and in it a power management timer. The devices are in the DSDT,
 * vmm/devices/dsdt.asl, which iasl compiles during the build. ACPI 6.5, "ACPI Software Programming
 * Model", "Hardware-reduced ACPI". Pure. Read next: vmm/pc/bios.h. */
#pragma once
#include <stdint.h>

struct acpi_tables_request {
    uint8_t *at;         /* the memory of guest-physical address `physical` */
    uint64_t physical;   /* 16-byte aligned, below 4 GiB */
    uint64_t size;       /* bytes at `at` */
    uint32_t vcpus;      /* with the APIC IDs 0 and up */
    const uint8_t *dsdt; /* a complete table with its header */
    uint64_t dsdt_size;
};

/* Writes the tables, the RSDP first, at `physical`. Returns NULL, or what is wrong in words: they
 * do not fit. Nothing outside [at, at + size) is written. */
const char *acpi_tables_build(const struct acpi_tables_request *request);
