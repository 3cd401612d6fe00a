/* Guards drivers/acpi.c: the firmware's serial console in the SPCR, with I/O ports or registers in
 * memory. The layouts are those of real firmware, and of firmware that contradicts itself. */
#include "tests/unit/acpi_alone.h"

#define IO      1
#define IN      0 /* system memory */
#define UART    0xfe034000u
#define NO_BAUD 0

/* An SPCR, of revision 2 unless a test says otherwise, in the place of the MADT. */
struct spcr {
    uint8_t type, space, bits, access;
    uint64_t address;
    uint8_t baud, revision;
    uint32_t clock, exact_baud, size;
};

#define SPCR(t, s, b, ac, ad, rate, ...)                                                           \
    ((struct spcr){.type = (t),                                                                    \
                   .space = (s),                                                                   \
                   .bits = (b),                                                                    \
                   .access = (ac),                                                                 \
                   .address = (ad),                                                                \
                   .baud = (rate),                                                                 \
                   __VA_ARGS__})

static const char *problem;

static struct boot_serial found_in(struct spcr table) {
    struct acpi acpi = opened();

    memset(at(MADT), 0, 100);
    put(MADT + 8, table.revision ? table.revision : 2, 1);
    put(MADT + 36, table.type, 1);
    put(MADT + 40, table.space, 1);
    put(MADT + 41, table.bits, 1);
    put(MADT + 43, table.access, 1);
    put(MADT + 44, table.address, 8);
    put(MADT + 58, table.baud, 1);
    put(MADT + 64, 0xffffffff, 4); /* no PCI device */
    put(MADT + 76, table.clock, 4);
    put(MADT + 80, table.exact_baud, 4);
    finish_table(MADT, "SPCR", table.size ? table.size : table.revision >= 4 ? 90 : 80);
    return acpi_find_serial(&acpi, &problem);
}

static void assert_port(struct boot_serial serial, uint64_t base, uint32_t baud, unsigned divisor) {
    assert_null(problem);
    assert_int_equal(serial.base, base);
    assert_int_equal(serial.baud, baud);
    assert_int_equal(serial.divisor, divisor);
    assert_int_equal(serial.access, 0);
    assert_int_equal(serial.stride, 1);
}

static void assert_memory(struct boot_serial serial, unsigned access, unsigned stride) {
    assert_null(problem);
    assert_int_equal(serial.base, UART);
    assert_int_equal(serial.access, access);
    assert_int_equal(serial.stride, stride);
}

static void assert_refused(struct spcr table, const char *why) {
    struct boot_serial serial = found_in(table);

    assert_non_null(problem);
    assert_string_equal(problem, why);
    assert_int_equal(serial.base, 0);
}

static void without_a_table_there_is_none(void **state) {
    struct acpi acpi = opened();

    (void)state;
    assert_int_equal(acpi_find_serial(&acpi, &problem).base, 0);
    assert_null(problem);
    assert_int_equal(found_in(SPCR(0, IO, 8, 0, 0, 7)).base, 0); /* switched off */
    assert_null(problem);
    assert_int_equal(found_in(SPCR(0, IO, 8, 0, 0x2f8, 7, .size = 79)).base, 0);
    assert_null(problem);
}

static void ports_with_their_baud_rate(void **state) {
    (void)state;
    assert_port(found_in(SPCR(0, IO, 8, 0, 0x2f8, 7)), 0x2f8, 115200, 1);
    assert_port(found_in(SPCR(1, IO, 8, 1, 0x3e8, 3)), 0x3e8, 9600, 12);
    assert_port(found_in(SPCR(0x12, IO, 8, 1, 0xe010, 4)), 0xe010, 19200, 6);
    assert_port(found_in(SPCR(0, IO, 8, 0, 0x3f8, 6)), 0x3f8, 57600, 2);
    assert_port(found_in(SPCR(0, IO, 8, 0, 0x3f8, NO_BAUD)), 0x3f8, 0, 0);
    assert_port(found_in(SPCR(0, IO, 8, 0, 0x3f8, 255)), 0x3f8, 0, 0);
    assert_port(found_in(SPCR(0, IO, 32, 3, 0xfff8, 7)), 0xfff8, 115200, 1);
}

static void a_newer_table_gives_clock_and_exact_rate(void **state) {
    (void)state;
    struct spcr table = SPCR(0x12, IO, 8, 1, 0x2f8, 7, .revision = 3, .clock = 24000000);
    assert_port(found_in(table), 0x2f8, 115200, 13);
    table.revision = 2; /* the field is reserved */
    assert_port(found_in(table), 0x2f8, 115200, 1);
    table.revision = 4;
    table.exact_baud = 1500000;
    assert_port(found_in(table), 0x2f8, 1500000, 1);
    table.clock = 0;
    table.exact_baud = 38400;
    assert_port(found_in(table), 0x2f8, 38400, 3);
    table.exact_baud = 1;
    table.clock = UINT32_MAX;
    assert_port(found_in(table), 0x2f8, 0, 0); /* no divisor is so large */
    table.exact_baud = UINT32_MAX;
    assert_port(found_in(table), 0x2f8, 0, 0);
}

/* The distance of registers, and the size of an access. */
static void registers_in_memory(void **state) {
    (void)state;
    assert_memory(found_in(SPCR(0x12, IN, 32, 3, UART, 7)), 4, 4);
    assert_memory(found_in(SPCR(0x12, IN, 8, 1, UART, 7)), 1, 1);
    assert_memory(found_in(SPCR(0x12, IN, 32, 1, UART, 7)), 1, 4);
    assert_memory(found_in(SPCR(0x12, IN, 16, 2, UART, 7)), 2, 2);
    assert_memory(found_in(SPCR(0x12, IN, 64, 3, UART, 7)), 4, 8);
    assert_memory(found_in(SPCR(0, IN, 32, 3, UART, 7)), 4, 4);
    assert_memory(found_in(SPCR(1, IN, 8, 1, UART, 7)), 1, 1);
}

/* As Linux: what is not given follows from the rest. */
static void layouts_that_are_given_in_part(void **state) {
    (void)state;
    assert_memory(found_in(SPCR(0, IN, 8, 0, UART, 7)), 1, 1);
    assert_memory(found_in(SPCR(0, IN, 0, 0, UART, 7)), 1, 1);
    assert_memory(found_in(SPCR(0, IN, 32, 0, UART, 7)), 4, 4);
    assert_memory(found_in(SPCR(0, IN, 64, 0, UART, 7)), 4, 8);
    assert_memory(found_in(SPCR(0, IN, 8, 3, UART, 7)), 4, 4);
    assert_memory(found_in(SPCR(0, IN, 13, 3, UART, 7)), 4, 4);
}

/* Its clock may be any, so that only the firmware knows the divisor. */
static void the_baud_rate_in_memory_stays_unless_the_clock_is_known(void **state) {
    struct spcr table = SPCR(0x12, IN, 32, 3, UART, 7);

    (void)state;
    assert_int_equal(found_in(table).divisor, 0);
    assert_int_equal(found_in(table).baud, 0);
    table.revision = 3;
    table.clock = 44236800;
    assert_int_equal(found_in(table).divisor, 24);
    assert_int_equal(found_in(table).baud, 115200);
}

/* A port on a PCI card: the table names the card, but has the address, too. */
static void a_port_on_a_pci_card_is_like_any_other(void **state) {
    struct acpi acpi = opened();

    (void)state;
    found_in(SPCR(0x12, IN, 32, 3, UART, 7));
    put(MADT + 64, 0x8086a0a8, 4);
    put(MADT + 68, 0x00021e00, 4);
    finish_table(MADT, "SPCR", 80);
    assert_memory(acpi_find_serial(&acpi, &problem), 4, 4);
}

static void what_cannot_be_used_is_named(void **state) {
    (void)state;
    assert_refused(SPCR(3, IN, 32, 3, UART, 7), "it is no 16550"); /* a PL011 */
    assert_refused(SPCR(0, 2, 8, 1, 0x2f8, 7), "it has neither I/O ports nor registers in memory");
    assert_refused(SPCR(0, IN, 64, 4, UART, 7), "its registers are not of 8, 16 or 32 bits");
    assert_refused(SPCR(0, IN, 32, 0x20, UART, 7), "its registers are not of 8, 16 or 32 bits");
    assert_refused(SPCR(0, IN, 32, 3, UART + 2, 7), "its address is not aligned");
    assert_refused(SPCR(0, IN, 16, 2, UART + 1, 7), "its address is not aligned");
    assert_refused(SPCR(0, IO, 8, 0, 0xfff9, 7), "its address is too high");
    assert_refused(SPCR(0, IO, 8, 0, 0x1000002f8, 7), "its address is too high");
    assert_refused(SPCR(0, IN, 32, 3, (1ULL << 46) - 28, 7), "its address is too high");
    assert_refused(SPCR(0, IN, 8, 1, UINT64_MAX, 7), "its address is too high");
    assert_int_equal(found_in(SPCR(0, IN, 32, 3, (1ULL << 46) - 32, 7)).base, (1ULL << 46) - 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_a_table_there_is_none),
        TEST(ports_with_their_baud_rate),
        TEST(a_newer_table_gives_clock_and_exact_rate),
        TEST(registers_in_memory),
        TEST(layouts_that_are_given_in_part),
        TEST(the_baud_rate_in_memory_stays_unless_the_clock_is_known),
        TEST(a_port_on_a_pci_card_is_like_any_other),
        TEST(what_cannot_be_used_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
