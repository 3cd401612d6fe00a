/* ACPI tables, as far as Pinwheel needs them: the CPUs, and switching off.
 *
 * Pure: memory is reached through a callback. The tables come from firmware and are believed only
 * as far as their checksums and lengths hold; any bytes are safe to parse, and every loop ends. The
 * AML code in the DSDT is not run: the one constant that is needed from it, \_S5, is found by its
 * bytes. ACPI 6.5, "Root System Description Pointer (RSDP)", "Multiple APIC Description Table
 * (MADT)", "Fixed ACPI Description Table (FADT)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct acpi_table { /* a whole sound table, its header included; size 0: none */
    const uint8_t *bytes;
    uint32_t size;
};

struct acpi {
    /* Where [phys, phys + size) can be read; NULL if it cannot. The pointer stays valid. */
    const void *(*map)(uint64_t phys, uint64_t size);
    struct acpi_table root; /* XSDT, or RSDT if there is no sound XSDT; set by acpi_open() */
    uint32_t entry_size;    /* of the root table: 8 or 4 */
};

/* Finds the root table. map is set before. False if there is none that is sound. */
bool acpi_open(struct acpi *acpi, uint64_t rsdp);

/* The next sound table with this signature of four letters. Begin with *index = 0. */
struct acpi_table acpi_next_table(const struct acpi *acpi, const char *signature, uint32_t *index);

/* The next enabled CPU of a MADT ("APIC"); "online capable" ones are not listed, one CPU can be
 * listed twice, as LAPIC and as x2APIC. Begin with *offset = 0; false at the end, also where the
 * table is damaged or none. */
bool acpi_next_cpu(const struct acpi_table *madt, uint32_t *offset, uint32_t *apic_id);

/* What the FADT and \_S5 say of the state S5, soft off. */
struct acpi_soft_off {
    uint16_t pm1a_control, pm1b_control; /* ports; 0: none */
    uint16_t smi_command;                /* port that switches ACPI mode on; 0: it is on */
    uint8_t acpi_enable;                 /* what to write there */
    uint8_t sleep_type_a, sleep_type_b;  /* SLP_TYP: for bits 10 to 12 of the two ports */
};

/* \_S5 is searched in the DSDT, then in the SSDTs. False, and *off as it was, if it is not found.
 */
bool acpi_find_soft_off(const struct acpi *acpi, struct acpi_soft_off *off);
