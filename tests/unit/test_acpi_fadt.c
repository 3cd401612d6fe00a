/* Guards drivers/acpi.c: the FADT's ports and flags, and \_S5 in the DSDT or an SSDT. */
#include "tests/unit/acpi_alone.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_fadt_gives_the_ports),
        TEST(valid_extended_fields_are_preferred),
        TEST(an_old_fadt_is_shorter),
        TEST(s5_is_read_in_each_encoding),
        TEST(code_that_only_resembles_s5_is_ignored),
        TEST(s5_may_be_in_an_ssdt),
        TEST(an_endless_list_of_ssdts_ends),
        TEST(the_power_management_timer),
        TEST(only_a_newer_fadt_denies_a_keyboard_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
