/* ACPI tables, as far as Pinwheel needs them: the CPUs, the I/O APICs, switching off.
 *
 * Pure: memory is reached through a callback. The tables come from firmware and are believed only
 * as far as their checksums and lengths hold; any bytes are safe to parse, and every loop ends. The
 * AML code in the DSDT is not run: the one constant that is needed from it, \_S5, is found by its
 * bytes. ACPI 6.5, "Root System Description Pointer (RSDP)", "Multiple APIC Description Table
 * (MADT)", "Fixed ACPI Description Table (FADT)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum acpi_result {
    ACPI_OK,
    ACPI_NOT_FOUND,
    ACPI_NOT_READABLE, /* the callback returned NULL */
    ACPI_BAD_LENGTH,   /* too short for what it is, or absurdly long */
    ACPI_BAD_CHECKSUM,
    ACPI_BAD_SIGNATURE,
};

struct acpi {
    void *ctx;
    /* Where [phys, phys + size) can be read; NULL if it cannot. The pointer stays valid. */
    const void *(*map)(void *ctx, uint64_t phys, uint64_t size);
    uint64_t root;       /* RSDT or XSDT; set by acpi_open() */
    uint32_t entry_size; /* of the root table: 4 or 8 */
};

/* A whole table, its header included; size is at least that of the header. */
struct acpi_table {
    const uint8_t *bytes;
    uint32_t size;
};

/* Finds the root table: the XSDT, or the RSDT if there is no sound XSDT. ctx and map are set
 * before. */
enum acpi_result acpi_open(struct acpi *acpi, uint64_t rsdp);

/* The table number `index` (from 0) with this signature of four letters. */
enum acpi_result acpi_find_table(const struct acpi *acpi, const char *signature, uint32_t index,
                                 struct acpi_table *table);

/* ---- MADT ------------------------------------------------------------------------------------ */

struct acpi_madt {
    struct acpi_table table;
    uint64_t lapic_base;
    bool has_8259; /* the pair of PICs that must be masked */
};

enum acpi_madt_type {
    ACPI_MADT_CPU, /* enabled; "online capable" ones are not listed */
    ACPI_MADT_IOAPIC,
    ACPI_MADT_OVERRIDE, /* an ISA interrupt that is not the pin of its number, or not edge and high
                         */
};

struct acpi_madt_entry {
    enum acpi_madt_type type;
    uint32_t apic_id; /* CPU: LAPIC or x2APIC ID; I/O APIC: its ID */
    uint64_t base;    /* I/O APIC: address of its registers */
    uint32_t gsi;     /* I/O APIC: number of its pin 0; override: where the interrupt arrives */
    uint8_t isa_irq;  /* override */
    bool active_low, level; /* override */
};

enum acpi_result acpi_find_madt(const struct acpi *acpi, struct acpi_madt *madt);

/* The next entry of the kinds above. Begin with *offset = 0; false at the end, also where the
 * table is damaged. A CPU can be listed twice, as LAPIC and as x2APIC. */
bool acpi_madt_next(const struct acpi_madt *madt, uint32_t *offset, struct acpi_madt_entry *entry);

/* ---- FADT and \_S5 --------------------------------------------------------------------------- */

#define ACPI_FADT_RESET_SUPPORTED (1u << 10) /* flags: the reset register exists */
#define ACPI_FADT_HW_REDUCED      (1u << 20) /* flags: there are no PM1 registers */

enum acpi_space {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
    ACPI_SPACE_PCI = 2,
};

struct acpi_fadt {
    uint64_t dsdt;
    uint32_t flags;
    uint32_t smi_command;                /* port; 0: ACPI mode is always on */
    uint8_t acpi_enable;                 /* what to write there */
    uint32_t pm1a_control, pm1b_control; /* ports; 0: none */
    uint8_t reset_space;                 /* enum acpi_space */
    uint64_t reset_address;              /* 0: none */
    uint8_t reset_value;
};

enum acpi_result acpi_find_fadt(const struct acpi *acpi, struct acpi_fadt *fadt);

/* SLP_TYP for the state S5, soft off: what goes into bits 10 to 12 of PM1a_CNT and PM1b_CNT. */
struct acpi_s5 {
    uint8_t type_a, type_b;
};

/* Searches the DSDT, then the SSDTs. */
enum acpi_result acpi_find_s5(const struct acpi *acpi, const struct acpi_fadt *fadt,
                              struct acpi_s5 *s5);
