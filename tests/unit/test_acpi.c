/* Guards drivers/acpi.c: valid tables are found, invalid ones are rejected, and no read leaves
 * them.
 */
#include "tests/unit/acpi_alone.h"

static bool opens(void) {
    struct acpi acpi = {.map = map};

    return acpi_open(&acpi, RSDP);
}

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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_xsdt_is_preferred),
        TEST(the_rsdt_is_used_without_a_valid_xsdt),
        TEST(an_invalid_root_is_refused),
        TEST(impossible_lengths_are_refused),
        TEST(tables_are_found_by_signature_and_index),
        TEST(half_an_entry_at_the_end_is_ignored),
        TEST(damaged_tables_are_safe_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
