/* Guards drivers/acpi.c: valid tables are read; invalid ones are rejected, and no read leaves them.
 *
 * The tables are built in a small simulated physical memory, which refuses reads outside of it. */
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

static uint8_t *at(uint64_t phys) {
    return memory + (phys - MEMORY_BASE);
}

static void put(uint64_t phys, uint64_t value, unsigned size) {
    memcpy(at(phys), &value, size);
}

static void fix_checksum(uint64_t phys, uint32_t size, uint32_t checksum_offset) {
    uint8_t sum = 0;

    at(phys)[checksum_offset] = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + at(phys)[i]);
    at(phys)[checksum_offset] = (uint8_t)-sum;
}

static void finish_table(uint64_t phys, const char *signature, uint32_t size) {
    memcpy(at(phys), signature, 4);
    put(phys + 4, size, 4);
    fix_checksum(phys, size, 9);
}

static void make_rsdp(uint8_t revision, uint64_t rsdt, uint64_t xsdt) {
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
static void make_root(bool is_xsdt, const uint64_t *entry, unsigned count) {
    uint64_t phys = is_xsdt ? XSDT : RSDT;
    unsigned size = is_xsdt ? 8 : 4;

    for (unsigned i = 0; i < count; i++)
        put(phys + 36 + i * size, entry[i], size);
    finish_table(phys, is_xsdt ? "XSDT" : "RSDT", 36 + count * size);
}

static void make_madt(const uint8_t *entries, uint32_t size) {
    put(MADT + 36, 0xfee00000, 4);
    put(MADT + 40, 1, 4);
    memcpy(at(MADT + 44), entries, size);
    finish_table(MADT, "APIC", 44 + size);
}

static void make_fadt(uint32_t size) {
    put(FADT + 40, DSDT, 4);
    put(FADT + 48, 0xb2, 4);
    put(FADT + 52, 0xa0, 1);
    put(FADT + 64, 0x604, 4);
    finish_table(FADT, "FACP", size);
}

/* A table of AML code: the header, 16 bytes NoopOp, the code. */
#define AML_TABLE_SIZE(code) (36u + 16u + (code))

static void make_aml(uint64_t phys, const char *signature, const void *aml, uint32_t size) {
    memset(at(phys + 36), 0xa3, 16);
    memcpy(at(phys) + 36 + 16, aml, size);
    finish_table(phys, signature, AML_TABLE_SIZE(size));
}

static const uint8_t s5_aml[] = {0x08, '_',  'S',  '5',  '_',  0x12, 0x06,
                                 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00};
static const uint64_t all_tables[] = {FADT, MADT, SSDT};

static int setup(void **state) {
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

static int teardown(void **state) {
    (void)state;
    free(memory);
    return 0;
}

static bool opens(void) {
    struct acpi acpi = {.map = map};

    return acpi_open(&acpi, RSDP);
}

static struct acpi opened(void) {
    struct acpi acpi = {.map = map};

    assert_true(acpi_open(&acpi, RSDP));
    return acpi;
}

/* The table with this signature and this position among them, from 0. */
static struct acpi_table found(const struct acpi *acpi, const char *signature, unsigned number) {
    struct acpi_table table;
    uint32_t index = 0;

    do
        table = acpi_next_table(acpi, signature, &index);
    while (table.size && number--);
    return table;
}

/* ---- root ------------------------------------------------------------------------------------ */

static void the_xsdt_is_preferred(void **state) {
    (void)state;
    assert_ptr_equal(opened().root.bytes, at(XSDT));
    assert_int_equal(opened().entry_size, 8);
}

static void the_rsdt_is_used_without_a_valid_xsdt(void **state) {
    (void)state;
    make_rsdp(0, RSDT, XSDT);
    assert_ptr_equal(opened().root.bytes, at(RSDT));
    make_rsdp(2, RSDT, 0);
    assert_ptr_equal(opened().root.bytes, at(RSDT));
    make_rsdp(2, RSDT, XSDT);
    at(RSDP)[32]++; /* the extended checksum */
    assert_ptr_equal(opened().root.bytes, at(RSDT));
    make_rsdp(2, RSDT, XSDT);
    at(XSDT)[20]++;
    assert_ptr_equal(opened().root.bytes, at(RSDT));
    assert_int_equal(opened().entry_size, 4);
}

static void an_invalid_root_is_refused(void **state) {
    struct acpi acpi = {.map = map};

    (void)state;
    assert_false(acpi_open(&acpi, 0));
    assert_false(acpi_open(&acpi, MEMORY_BASE + MEMORY_SIZE - 19));
    assert_false(acpi_open(&acpi, MEMORY_BASE));
    at(RSDP)[8]++;
    assert_false(opens());
    make_rsdp(0, 0, 0);
    assert_false(opens());
    make_rsdp(0, 0x1000, 0);
    assert_false(opens());
    make_rsdp(0, MADT, 0);
    assert_false(opens());
    make_rsdp(0, RSDT, 0);
    assert_true(acpi_open(&acpi, RSDP));
    at(RSDT)[9]++;
    assert_false(acpi_open(&acpi, RSDP));
    assert_int_equal(found(&acpi, "APIC", 0).size, 0);
}

static void impossible_lengths_are_refused(void **state) {
    static const uint32_t bad[] = {0, 35, (16 << 20) + 1, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    make_rsdp(0, RSDT, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(RSDT + 4, bad[i], 4);
        assert_false(opens());
    }
    put(RSDT + 4, MEMORY_SIZE, 4); /* extends beyond readable memory */
    assert_false(opens());
}

static void tables_are_found_by_signature_and_index(void **state) {
    static const uint64_t entry[] = {0, 0x1000, MADT, SSDT, FADT, SSDT};

    (void)state;
    make_root(true, entry, 6);
    struct acpi acpi = opened();
    assert_ptr_equal(found(&acpi, "SSDT", 1).bytes, at(SSDT));
    assert_int_equal(found(&acpi, "SSDT", 1).size, 52);
    assert_int_equal(found(&acpi, "SSDT", 2).size, 0);
    assert_int_equal(found(&acpi, "HPET", 0).size, 0);
    at(SSDT)[40]++;
    assert_int_equal(found(&acpi, "SSDT", 0).size, 0);
    assert_ptr_equal(found(&acpi, "FACP", 0).bytes, at(FADT));
}

static void half_an_entry_at_the_end_is_ignored(void **state) {
    (void)state;
    make_root(true, all_tables, 2);
    finish_table(XSDT, "XSDT", 36 + 15);
    struct acpi acpi = opened();
    assert_ptr_equal(found(&acpi, "FACP", 0).bytes, at(FADT));
    assert_int_equal(found(&acpi, "APIC", 0).size, 0);
}

/* ---- MADT ------------------------------------------------------------------------------------ */

/* A MADT with these entries lists exactly these CPUs. */
static void assert_cpus(const uint8_t *entries, uint32_t size, const uint32_t *cpu,
                        unsigned count) {
    uint32_t offset = 0, apic_id;

    make_madt(entries, size);
    struct acpi acpi = opened();
    struct acpi_table madt = found(&acpi, "APIC", 0);
    for (unsigned i = 0; i < count; i++) {
        assert_true(acpi_next_cpu(&madt, &offset, &apic_id));
        assert_int_equal(apic_id, cpu[i]);
    }
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
    offset = UINT32_MAX;
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
}

static void enabled_cpus_are_listed(void **state) {
    static const uint8_t entries[] = {
        0,    8,  0,    0, 1,    0,    0,    0,                /* LAPIC 0, enabled */
        0,    8,  1,    3, 0,    0,    0,    0,                /* LAPIC 3, disabled */
        0,    8,  1,    4, 2,    0,    0,    0,                /* LAPIC 4, only online capable */
        0,    8,  2,    7, 3,    0,    0,    0,                /* LAPIC 7, enabled */
        4,    6,  0xff, 0, 0,    1,                            /* LAPIC NMI */
        1,    12, 9,    0, 1,    0,    0xc0, 0xfe, 1, 0, 0, 0, /* I/O APIC 9 */
        9,    16, 0,    0, 0x34, 0x12, 0,    0,    1, 0, 0, 0, 8, 0, 0, 0, /* x2APIC 0x1234 */
        9,    16, 0,    0, 0x35, 0x12, 0,    0,    2, 0, 0, 0, 8, 0, 0, 0, /* only online capable */
        0x7f, 5,  1,    2, 3,                                              /* unknown type */
    };

    (void)state;
    assert_cpus(entries, sizeof(entries), (const uint32_t[]){0, 7, 0x1234}, 3);
}

static void an_entry_without_length_ends_the_list(void **state) {
    static const uint8_t zero[] = {0, 8, 0, 1, 1, 0, 0, 0, 0, 0, 0, 8, 0, 2, 1, 0, 0, 0};
    static const uint8_t one[] = {0, 1, 0, 8, 0, 2, 1, 0, 0, 0};
    static const uint8_t beyond[] = {0, 8, 0, 1, 1, 0, 0, 0, 0, 8, 0, 2, 1, 0, 0};
    static const uint32_t cpu[] = {1};

    (void)state;
    assert_cpus(zero, sizeof(zero), cpu, 1);
    assert_cpus(one, sizeof(one), cpu, 0);
    assert_cpus(beyond, sizeof(beyond), cpu, 1);
}

static void entries_shorter_than_their_type_are_skipped(void **state) {
    static const uint8_t entries[] = {0, 7, 0, 1, 1, 0, 0, 9, 15, 0, 0, 1, 0, 0, 0,
                                      1, 0, 0, 0, 8, 0, 0, 0, 8,  0, 6, 1, 0, 0, 0};

    (void)state;
    assert_cpus(entries, sizeof(entries), (const uint32_t[]){6}, 1);
}

static void a_truncated_madt_has_no_cpus(void **state) {
    uint32_t offset = 0, apic_id;

    (void)state;
    finish_table(MADT, "APIC", 43);
    struct acpi acpi = opened();
    struct acpi_table madt = found(&acpi, "APIC", 0);
    assert_int_equal(madt.size, 43);
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
    at(MADT)[9]++;
    madt = found(&acpi, "APIC", 0);
    assert_int_equal(madt.size, 0);
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
}

/* ---- FADT and \_S5 --------------------------------------------------------------------------- */

static struct acpi_soft_off soft_off(void) {
    struct acpi acpi = opened();
    struct acpi_soft_off off;

    assert_true(acpi_find_soft_off(&acpi, &off));
    return off;
}

static void the_fadt_gives_the_ports(void **state) {
    struct acpi_soft_off off = soft_off();

    (void)state;
    assert_int_equal(off.pm1a_control, 0x604);
    assert_int_equal(off.pm1b_control, 0);
    assert_int_equal(off.smi_command, 0xb2);
    assert_int_equal(off.acpi_enable, 0xa0);
    assert_int_equal(off.sleep_type_a, 5);
    assert_int_equal(off.sleep_type_b, 1);
}

static void valid_extended_fields_are_preferred(void **state) {
    (void)state;
    put(FADT + 172, 1, 1);
    put(FADT + 176, 0x1804, 8);
    put(FADT + 184, 0, 1); /* memory, not a port */
    put(FADT + 188, 0x1904, 8);
    finish_table(FADT, "FACP", 268);
    assert_int_equal(soft_off().pm1a_control, 0x1804);
    assert_int_equal(soft_off().pm1b_control, 0);
    put(FADT + 176, 0x10001804, 8);
    finish_table(FADT, "FACP", 268);
    assert_int_equal(soft_off().pm1a_control, 0x604);
    put(FADT + 140, SSDT, 8); /* that is not a DSDT */
    finish_table(FADT, "FACP", 268);
    struct acpi acpi = opened();
    assert_false(acpi_find_soft_off(&acpi, &(struct acpi_soft_off){0}));
    make_aml(SSDT, "DSDT", s5_aml, sizeof(s5_aml));
    assert_int_equal(soft_off().sleep_type_a, 5);
}

static void an_old_fadt_is_shorter(void **state) {
    (void)state;
    finish_table(FADT, "FACP", 116);
    assert_int_equal(soft_off().pm1a_control, 0x604);
    finish_table(FADT, "FACP", 115);
    struct acpi acpi = opened();
    assert_false(acpi_find_soft_off(&acpi, &(struct acpi_soft_off){0}));
}

/* The sleep types found in a DSDT with this code; 0xee if none is found. */
static struct acpi_soft_off s5_from(const void *aml, uint32_t size) {
    struct acpi acpi = opened();
    struct acpi_soft_off off = {.sleep_type_a = 0xee};
    uint64_t dsdt =
        MEMORY_BASE + MEMORY_SIZE - AML_TABLE_SIZE(size); /* ends at the last byte of memory */

    make_aml(dsdt, "DSDT", aml, size);
    put(FADT + 40, dsdt, 4);
    finish_table(FADT, "FACP", 268);
    bool is_found = acpi_find_soft_off(&acpi, &off);
    assert_int_equal(is_found, off.sleep_type_a != 0xee);
    return off;
}

static void s5_is_read_in_each_encoding(void **state) {
    static const struct {
        uint8_t aml[20];
        uint8_t size, a, b;
    } good[] = {
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x01, 0, 0}, 13, 5, 1},
        {{0x08, '\\', '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 7, 0x0a, 7, 0}, 14, 7, 7},
        {{0x08, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0}, 10, 0, 0},
        {{0x08, '_', 'S', '5', '_', 0x12, 0x49, 0, 2, 0x0b, 5, 0, 0x0c, 6, 0, 0, 0}, 17, 5, 6},
        {{0x08, '_', 'S', '5', '_', 0x12, 0x86, 0, 0, 2, 1, 1}, 12, 1, 1},
        {{0x08, '_', 'S', '5', '_', 0x12, 0xc7, 0, 0, 0, 2, 1, 1}, 13, 1, 1},
        /* a reference to the name, then its definition */
        {{'_', 'S', '5', '_', 0x08, 0x08, '_', 'S', '5', '_', 0x12, 4, 2, 1, 0}, 15, 1, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct acpi_soft_off off = s5_from(good[i].aml, good[i].size);
        assert_int_equal(off.sleep_type_a, good[i].a);
        assert_int_equal(off.sleep_type_b, good[i].b);
    }
}

static void code_that_only_resembles_s5_is_ignored(void **state) {
    static const struct {
        uint8_t aml[20];
        uint8_t size;
    } bad[] = {
        {{0x08, '_', 'S', '4', '_', 0x12, 6, 4, 1, 1, 0, 0}, 12}, /* another name */
        {{0x14, '_', 'S', '5', '_', 0x12, 6, 4, 1, 1, 0, 0}, 12}, /* a method */
        {{0x08, '_', 'S', '5', '_', 0x11, 6, 4, 1, 1, 0, 0}, 12}, /* a buffer */
        {{0x08, '_', 'S', '5', '_', 0x12, 3, 1, 1}, 9},           /* one element */
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 8, 1}, 11}, /* not a sleep type */
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 0xff, 1}, 10},    /* Ones */
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 'A', 'B', 'C', 'D'}, 12},
        /* truncated at every byte */
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 1, 0x0c, 1, 0, 0}, 13},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 1, 0x0b, 1}, 11},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 1, 0x0a}, 10},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2, 1}, 9},
        {{0x08, '_', 'S', '5', '_', 0x12, 6, 2}, 8},
        {{0x08, '_', 'S', '5', '_', 0x12, 6}, 7},
        {{0x08, '_', 'S', '5', '_', 0x12, 0xc6}, 7},
        {{0x08, '_', 'S', '5', '_', 0x12}, 6},
        {{0x08, '_', 'S', '5', '_'}, 5},
        {{0x08, '_', 'S', '5'}, 4},
        {{0x08, '\\', '_', 'S', '5'}, 5},
        {{0x08}, 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(s5_from(bad[i].aml, bad[i].size).sleep_type_a, 0xee);
}

static void s5_may_be_in_an_ssdt(void **state) {
    (void)state;
    make_aml(SSDT, "SSDT", s5_aml, sizeof(s5_aml));
    assert_int_equal(s5_from("", 0).sleep_type_a, 5);
    assert_int_equal(s5_from("", 0).sleep_type_b, 1);
    at(SSDT)[9]++;
    assert_int_equal(s5_from("", 0).sleep_type_a, 0xee);
}

static void an_endless_list_of_ssdts_ends(void **state) {
    uint64_t entry[400];

    (void)state;
    for (unsigned i = 0; i < 400; i++)
        entry[i] = i ? SSDT : FADT;
    make_rsdp(2, 0, MEMORY_BASE + 0x3000);
    for (unsigned i = 0; i < 400; i++)
        put(MEMORY_BASE + 0x3000 + 36 + 8 * i, entry[i], 8);
    finish_table(MEMORY_BASE + 0x3000, "XSDT", 36 + 8 * 400);
    assert_int_equal(s5_from("", 0).sleep_type_a, 0xee);
}

/* Random bytes are changed and the checksums corrected: no access may leave the tables. */
static void damaged_tables_are_safe_to_read(void **state) {
    static const uint64_t table[] = {XSDT, MADT, FADT, DSDT, SSDT};
    uint8_t *sound = malloc(MEMORY_SIZE);

    srand(1);
    memcpy(sound, memory, MEMORY_SIZE);
    for (unsigned round = 0; round < 20000; round++) {
        struct acpi acpi = {.map = map};
        struct acpi_soft_off off;
        uint32_t offset = 0, steps = 0, apic_id;

        memcpy(memory, sound, MEMORY_SIZE);
        for (unsigned i = 0; i < 5; i++) {
            uint32_t size = 36 + (uint32_t)rand() % 400;

            for (int n = rand() % 30; n; n--)
                at(table[i])[36 + rand() % 200] = (uint8_t)rand();
            put(table[i] + 4, size, 4);
            fix_checksum(table[i], size, 9);
        }
        if (!acpi_open(&acpi, RSDP))
            continue;
        struct acpi_table madt = found(&acpi, "APIC", 0);
        while (acpi_next_cpu(&madt, &offset, &apic_id))
            assert_true(++steps < 1000);
        acpi_find_soft_off(&acpi, &off);
    }
    free(sound);
    (void)state;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void the_io_apics_are_listed(void **state) {
    static const uint8_t entries[] = {
        0, 8,  0, 0, 1, 0,    0,    0,                 /* a CPU */
        1, 12, 2, 0, 0, 0,    0xc0, 0xfe, 0,  0, 0, 0, /* an I/O APIC */
        1, 8,  3, 0, 0, 0,    0xc1, 0xfe,              /* too short */
        1, 12, 4, 0, 0, 0x10, 0xc0, 0xfe, 24, 0, 0, 0, 1, 12};
    struct acpi acpi = opened();
    uint32_t offset = 0, apic_id;
    uint64_t address;

    (void)state;
    make_madt(entries, sizeof(entries));
    struct acpi_table madt = found(&acpi, "APIC", 0);
    assert_true(acpi_next_ioapic(&madt, &offset, &address));
    assert_int_equal(address, 0xfec00000);
    assert_true(acpi_next_ioapic(&madt, &offset, &address));
    assert_int_equal(address, 0xfec01000);
    assert_false(acpi_next_ioapic(&madt, &offset, &address)); /* cut off */
    offset = 0;
    assert_true(acpi_next_cpu(&madt, &offset, &apic_id));
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
    madt.size = 0;
    offset = 0;
    assert_false(acpi_next_ioapic(&madt, &offset, &address));
}

static void the_power_management_timer(void **state) {
    struct acpi acpi = opened();

    (void)state;
    assert_int_equal(acpi_find_pm_timer(&acpi).port, 0);
    put(FADT + 76, 0x608, 4);
    make_fadt(268);
    assert_int_equal(acpi_find_pm_timer(&acpi).port, 0x608);
    assert_false(acpi_find_pm_timer(&acpi).wide);
    put(FADT + 112, 1u << 8, 4);
    put(FADT + 208, 1, 1);
    put(FADT + 212, 0x1808, 8);
    make_fadt(268);
    assert_int_equal(acpi_find_pm_timer(&acpi).port, 0x1808);
    assert_true(acpi_find_pm_timer(&acpi).wide);
    make_fadt(100); /* cut off */
    assert_int_equal(acpi_find_pm_timer(&acpi).port, 0);
}

static void assert_8042(uint8_t revision, uint16_t flags, bool expected) {
    struct acpi acpi = opened();

    put(FADT + 8, revision, 1);
    put(FADT + 109, flags, 2);
    make_fadt(244);
    assert_int_equal(acpi_may_have_8042(&acpi), expected);
}

static void only_a_newer_fadt_denies_a_keyboard_controller(void **state) {
    (void)state;
    assert_8042(3, 0, false);
    assert_8042(6, (uint16_t)~2u, false);
    assert_8042(3, 2, true);
    assert_8042(6, 3, true);
    assert_8042(2, 0, true);
    assert_8042(1, 0, true);
    assert_8042(3, 0, false);
    put(FADT + 20, 0x55, 1); /* the checksum is wrong: there is no FADT */
    struct acpi acpi = opened();
    assert_true(acpi_may_have_8042(&acpi));
}

/* A large server: 64 local APICs, then x2APICs up to an ID of 3F8H, and some sockets that are
 * empty. */
static void a_madt_of_256_cpus(void **state) {
    uint8_t *entry = at(SSDT + 44);
    uint32_t offset = 0, apic_id;

    (void)state;
    finish_table(MADT, "XXXX", 44);
    for (uint32_t i = 0; i < 64; i++, entry += 8)
        memcpy(entry, (const uint8_t[]){0, 8, 0, (uint8_t)(4 * i), 1, 0, 0, 0}, 8);
    for (uint32_t i = 64; i < 272; i++, entry += 16) {
        const uint8_t id = (uint8_t)(4 * i), high = (uint8_t)(4 * i >> 8), enabled = i < 256;
        memcpy(entry, (const uint8_t[]){9, 16, 0, 0, id, high, 0, 0, enabled, 0, 0, 0, 0, 0, 0, 0},
               16);
    }
    finish_table(SSDT, "APIC", (uint32_t)(entry - at(SSDT)));
    struct acpi acpi = opened();
    struct acpi_table madt = found(&acpi, "APIC", 0);
    for (uint32_t i = 0; i < 256; i++) {
        assert_true(acpi_next_cpu(&madt, &offset, &apic_id));
        assert_int_equal(apic_id, 4 * i);
    }
    assert_false(acpi_next_cpu(&madt, &offset, &apic_id));
}

/* The SPCR in the place of the MADT. */
static struct acpi_serial serial_of(uint8_t type, uint8_t space, uint64_t address, uint8_t baud,
                                    uint32_t size) {
    struct acpi acpi = opened();

    memset(at(MADT), 0, 100);
    put(MADT + 36, type, 1);
    put(MADT + 40, space, 1);
    put(MADT + 44, address, 8);
    put(MADT + 58, baud, 1);
    finish_table(MADT, "SPCR", size);
    return acpi_find_serial(&acpi);
}

static void assert_serial(struct acpi_serial serial, unsigned port, unsigned divisor, bool other) {
    assert_int_equal(serial.port, port);
    assert_int_equal(serial.divisor, divisor);
    assert_int_equal(serial.other, other);
}

static void the_serial_console_of_the_firmware(void **state) {
    struct acpi acpi = opened();

    (void)state;
    assert_serial(acpi_find_serial(&acpi), 0, 0, false); /* no such table */
    assert_serial(serial_of(0, 1, 0x2f8, 7, 80), 0x2f8, 1, false);
    assert_serial(serial_of(1, 1, 0x3e8, 3, 80), 0x3e8, 12, false);
    assert_serial(serial_of(0x12, 1, 0xe010, 4, 90), 0xe010, 6, false);
    assert_serial(serial_of(0, 1, 0x3f8, 6, 80), 0x3f8, 2, false);
    assert_serial(serial_of(0, 1, 0x3f8, 0, 80), 0x3f8, 0, false); /* as it is */
    assert_serial(serial_of(0, 1, 0x3f8, 255, 80), 0x3f8, 0, false);
    assert_serial(serial_of(0, 1, 0, 7, 80), 0, 0, false);         /* switched off */
    assert_serial(serial_of(0, 0, 0xfe034000, 7, 80), 0, 0, true); /* registers in memory */
    assert_serial(serial_of(3, 1, 0x3f8, 7, 80), 0, 0, true);      /* a PL011 */
    assert_serial(serial_of(0, 1, 0xfff9, 7, 80), 0, 0, true);     /* beyond the last port */
    assert_serial(serial_of(0, 1, 0x1000002f8, 7, 80), 0, 0, true);
    assert_serial(serial_of(0, 1, 0x2f8, 7, 79), 0, 0, false); /* cut off */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(only_a_newer_fadt_denies_a_keyboard_controller),
        cmocka_unit_test_setup_teardown(a_madt_of_256_cpus, setup, teardown),
        cmocka_unit_test_setup_teardown(the_serial_console_of_the_firmware, setup, teardown),
        cmocka_unit_test_setup_teardown(the_io_apics_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_power_management_timer, setup, teardown),
        TEST(the_xsdt_is_preferred),
        TEST(the_rsdt_is_used_without_a_valid_xsdt),
        TEST(an_invalid_root_is_refused),
        TEST(impossible_lengths_are_refused),
        TEST(tables_are_found_by_signature_and_index),
        TEST(half_an_entry_at_the_end_is_ignored),
        TEST(enabled_cpus_are_listed),
        TEST(an_entry_without_length_ends_the_list),
        TEST(entries_shorter_than_their_type_are_skipped),
        TEST(a_truncated_madt_has_no_cpus),
        TEST(the_fadt_gives_the_ports),
        TEST(valid_extended_fields_are_preferred),
        TEST(an_old_fadt_is_shorter),
        TEST(s5_is_read_in_each_encoding),
        TEST(code_that_only_resembles_s5_is_ignored),
        TEST(s5_may_be_in_an_ssdt),
        TEST(an_endless_list_of_ssdts_ends),
        TEST(damaged_tables_are_safe_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
