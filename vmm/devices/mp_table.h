/* The MP table, which reports CPUs and interrupt wiring to kernels that do not read ACPI tables.
 *
 * A floating pointer structure and the configuration table behind it, with what the MADT says
 * (acpi_tables.h): the vCPUs, one I/O APIC, the ISA bus with its IRQs, IRQ 0 at pin 2. The virtio
 * devices are on no bus that this table knows. MultiProcessor Specification 1.4, "MP Configuration
 * Table". Pure. Read next: vmm/pc/bios.h. */
#pragma once
#include <stdint.h>

struct mp_table_request {
    uint8_t *at;       /* the memory of guest-physical address `physical` */
    uint32_t physical; /* 16-byte aligned, in F0000H to FFFFFH, where kernels search */
    uint32_t size;     /* bytes at `at` */
    uint32_t vcpus;    /* with the APIC IDs 0 and up, at most MP_VCPUS_MAX */
    uint8_t ioapic_version;
};

#define MP_VCPUS_MAX 64

/* Writes the structure and the table. Returns NULL, or what is wrong in words: they do not fit.
 * Nothing outside [at, at + size) is written. */
const char *mp_table_build(const struct mp_table_request *request);
