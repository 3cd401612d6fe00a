/* The ACPI tables that tell a guest what its PC has: RSDP, XSDT, RSDT, FADT, MADT, DSDT.
 *
 * Hardware-reduced ACPI: no PM1 registers, no SCI, no FACS; what is left is a register to sleep and
 * one to reset by (vmm/pc/power.h). Programs that know ACPI 1.0 only, such as tests, find the
 * same FADT by the RSDT, and in it a power management timer. The devices are in the DSDT,
 * vmm/devices/dsdt.asl, which iasl compiles during the build. ACPI 6.5, "ACPI Software Programming
 * Model", "Hardware-reduced ACPI". Pure. */
#pragma once
#include <stdint.h>

struct acpi_tables_request {
    uint8_t *at; /* where guest-physical address `physical` is, 16-byte aligned */
    uint64_t physical;
    uint64_t size;
    uint32_t vcpus;      /* APIC IDs from 0 */
    const uint8_t *dsdt; /* a whole table, its header included */
    uint64_t dsdt_size;
};

/* The RSDP is the first of the tables, at `physical`. Returns NULL, or why not, in words; nothing
 * outside [at, at + size) is written. */
const char *acpi_tables_build(const struct acpi_tables_request *request);
