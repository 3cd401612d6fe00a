/* ACPI tables in a small simulated physical memory, which refuses reads outside of it, for tests of
 * drivers/acpi.h. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/acpi.h"

#define MEMORY_BASE 0x7fe0000ULL
#define MEMORY_SIZE 0x4000
#define RSDP        (MEMORY_BASE + 0x100)
#define RSDT        (MEMORY_BASE + 0x200)
#define XSDT        (MEMORY_BASE + 0x300)
#define MADT        (MEMORY_BASE + 0x400)
#define FADT        (MEMORY_BASE + 0x800)
#define DSDT        (MEMORY_BASE + 0x1000)
#define SSDT        (MEMORY_BASE + 0x2000)

static uint8_t *memory; /* on the heap, where the sanitizer detects accesses outside */

static const void *map(uint64_t phys, uint64_t size) {
    if (phys < MEMORY_BASE || phys - MEMORY_BASE > MEMORY_SIZE ||
        size > MEMORY_SIZE - (phys - MEMORY_BASE))
        return NULL;
    return memory + (phys - MEMORY_BASE);
}

static inline uint8_t *at(uint64_t phys) {
    return memory + (phys - MEMORY_BASE);
}

static inline void put(uint64_t phys, uint64_t value, unsigned size) {
    memcpy(at(phys), &value, size);
}

static inline void fix_checksum(uint64_t phys, uint32_t size, uint32_t checksum_offset) {
    uint8_t sum = 0;

    at(phys)[checksum_offset] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + at(phys)[i]);
    at(phys)[checksum_offset] = (uint8_t)-sum;
}

static inline void finish_table(uint64_t phys, const char *signature, uint32_t size) {
    memcpy(at(phys), signature, 4);
    put(phys + 4, size, 4);
    fix_checksum(phys, size, 9);
}

static inline void make_rsdp(uint8_t revision, uint64_t rsdt, uint64_t xsdt) {
    memset(at(RSDP), 0, 36);
    memcpy(at(RSDP), "RSD PTR ", 8);
    at(RSDP)[15] = revision;
    put(RSDP + 16, rsdt, 4);
    put(RSDP + 20, 36, 4);
    put(RSDP + 24, xsdt, 8);
    fix_checksum(RSDP, 20, 8);
    fix_checksum(RSDP, 36, 32);
}

/* A root table with these entries. */
static inline void make_root(bool is_xsdt, const uint64_t *entry, unsigned count) {
    uint64_t phys = is_xsdt ? XSDT : RSDT;
    unsigned size = is_xsdt ? 8 : 4;

    for (unsigned i = 0; i < count; i++)
        put(phys + 36 + i * size, entry[i], size);
    finish_table(phys, is_xsdt ? "XSDT" : "RSDT", 36 + count * size);
}

static inline void make_madt(const uint8_t *entries, uint32_t size) {
    put(MADT + 36, 0xfee00000, 4);
    put(MADT + 40, 1, 4);
    memcpy(at(MADT + 44), entries, size);
    finish_table(MADT, "APIC", 44 + size);
}

static inline void make_fadt(uint32_t size) {
    put(FADT + 40, DSDT, 4);
    put(FADT + 48, 0xb2, 4);
    put(FADT + 52, 0xa0, 1);
    put(FADT + 64, 0x604, 4);
    finish_table(FADT, "FACP", size);
}

/* A table of AML code: the header, 16 bytes NoopOp, the code. */
#define AML_TABLE_SIZE(code) (36u + 16u + (code))

static inline void make_aml(uint64_t phys, const char *signature, const void *aml, uint32_t size) {
    memset(at(phys + 36), 0xa3, 16);
    memcpy(at(phys) + 36 + 16, aml, size);
    finish_table(phys, signature, AML_TABLE_SIZE(size));
}

static const uint8_t s5_aml[] __attribute__((unused)) = {0x08, '_',  'S',  '5',  '_',  0x12, 0x06,
                                                         0x04, 0x0a, 0x05, 0x01, 0x00, 0x00};
static const uint64_t all_tables[] = {FADT, MADT, SSDT};

static inline int setup(void **state) {
    (void)state;
    memory = calloc(1, MEMORY_SIZE);
    make_rsdp(2, RSDT, XSDT);
    make_root(true, all_tables, 3);
    make_root(false, all_tables, 3);
    make_madt((const uint8_t *)"", 0);
    make_fadt(268);
    make_aml(DSDT, "DSDT", s5_aml, sizeof(s5_aml));
    make_aml(SSDT, "SSDT", "", 0);
    return 0;
}

static inline int teardown(void **state) {
    (void)state;
    free(memory);
    return 0;
}

static inline struct acpi opened(void) {
    struct acpi acpi = {.map = map};

    assert_true(acpi_open(&acpi, RSDP));
    return acpi;
}

/* The table with this signature and this position among them, from 0. */
static inline struct acpi_table found(const struct acpi *acpi, const char *signature,
                                      unsigned number) {
    struct acpi_table table;
    uint32_t index = 0;

    do
        table = acpi_next_table(acpi, signature, &index);
    while (table.size && number--);
    return table;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
