/* Reads the machine's ACPI tables: the list of CPUs, and how to switch the machine off.
 *
 * The firmware's tables are accepted only if their checksums and lengths are right; any bytes are
 * safe to parse, and every loop ends. The AML code in the DSDT is not executed: the one constant
 * that is needed from it, \_S5, is found by a search for its bytes. Memory is accessed through a
 * callback. Pure. ACPI 6.5, "Root System Description Pointer (RSDP)", "Multiple APIC Description
 * Table (MADT)", "Fixed ACPI Description Table (FADT)". Read next: power.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/boot_info.h"

/* A table with valid length and checksum. */
struct acpi_table {
    const uint8_t *bytes; /* the header included */
    uint32_t size;        /* 0: there is no such table */
};

struct acpi {
    /* Returns a pointer to [phys, phys + size), which stays valid; NULL if it cannot be read. */
    const void *(*map)(uint64_t phys, uint64_t size);
    struct acpi_table root; /* XSDT, or RSDT if there is no valid XSDT; set by acpi_open() */
    uint32_t entry_size;    /* of the root table, in bytes: 8 or 4 */
};

/* Finds the root table from the RSDP at physical address `rsdp`. The caller has set `map`. False if
 * there is no valid root table. */
bool acpi_open(struct acpi *acpi, uint64_t rsdp);

/* The next valid table with this signature of four characters. *index is 0 for the first call, and
 * is advanced. Size 0 if there are no more. */
struct acpi_table acpi_next_table(const struct acpi *acpi, const char *signature, uint32_t *index);

/* The local APIC ID of the next enabled CPU in a MADT (signature "APIC"). *offset is 0 for the
 * first call, and is advanced. "Online capable" CPUs are not listed; a CPU may be listed twice, as
 * local APIC and as local x2APIC. False if there are no more, if the rest is damaged, or if there
 * is no table. */
bool acpi_next_cpu(const struct acpi_table *madt, uint32_t *offset, uint32_t *apic_id);

/* The physical address of the next I/O APIC in a MADT, as acpi_next_cpu() finds CPUs. */
bool acpi_next_ioapic(const struct acpi_table *madt, uint32_t *offset, uint64_t *address);

/* The ACPI power-management timer, which counts at ACPI_PM_TIMER_HZ. */
#define ACPI_PM_TIMER_HZ 3579545
struct acpi_pm_timer {
    uint16_t port; /* 0: none */
    bool wide;     /* 32 bits, else 24 */
};

/* From the FADT; port 0 if there is none. ACPI 6.5, "Power Management Timer". */
struct acpi_pm_timer acpi_find_pm_timer(const struct acpi *acpi);

/* Whether there may be a PS/2 keyboard controller: false only if a FADT of revision 3 or later says
 * that there is none. ACPI 6.5, "IA-PC Boot Architecture Flags". */
bool acpi_may_have_8042(const struct acpi *acpi);

/* The serial port that the firmware uses as its console, from the SPCR; base 0 if there is none or
 * *problem says why it cannot be used (else it is NULL). A port on a PCI card is like any other:
 * the table has its address, too. Microsoft, "Serial Port Console Redirection Table", revisions 1
 * to 4.
 */
struct boot_serial acpi_find_serial(const struct acpi *acpi, const char **problem);

/* How to enter the state S5, soft off, from the FADT and \_S5. ACPI 6.5, "Sleeping States". */
struct acpi_soft_off {
    uint16_t pm1a_control, pm1b_control; /* ports; 0: none */
    uint16_t smi_command;                /* port that enables ACPI mode; 0: it is always enabled */
    uint8_t acpi_enable;                 /* the value to write there */
    uint8_t sleep_type_a, sleep_type_b;  /* SLP_TYP for each port: bits 10 to 12 */
};

/* Fills in *off. \_S5 is searched for in the DSDT, then in the SSDTs. Returns false, and leaves
 * *off unchanged, if the FADT or \_S5 is not found. */
bool acpi_find_soft_off(const struct acpi *acpi, struct acpi_soft_off *off);
