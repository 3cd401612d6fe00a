/* Guards drivers/acpi.c: CPUs and I/O APICs in the MADT. */
#include "tests/unit/acpi_alone.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(enabled_cpus_are_listed),
        TEST(an_entry_without_length_ends_the_list),
        TEST(entries_shorter_than_their_type_are_skipped),
        TEST(a_truncated_madt_has_no_cpus),
        TEST(the_io_apics_are_listed),
        TEST(a_madt_of_256_cpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
