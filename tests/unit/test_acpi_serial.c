/* Guards drivers/acpi.c: the firmware's serial console in the SPCR. */
#include "tests/unit/acpi_alone.h"

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
        TEST(the_serial_console_of_the_firmware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
