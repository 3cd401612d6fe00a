/* Guards vmm/devices/acpi_tables.c: the tables are valid, describe the PC and stay within their
 * memory. The hypervisor's own parser, which trusts no table, reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/acpi.h"
#include "vmm/devices/acpi_tables.h"
#include "vmm/devices/pc_map.h"

#define GAP 64 /* bytes before and behind the tables; must not change */

static uint8_t *memory;
static uint64_t size;
/* A header and a body; make_dsdt() fills them in. */
static uint8_t dsdt[77];

static uint8_t sum(const uint8_t *bytes, uint64_t count) {
    uint8_t total = 0;

    while (count--)
        total = (uint8_t)(total + *bytes++);
    return total;
}

static void make_dsdt(void) {
    for (unsigned i = 0; i < sizeof(dsdt); i++)
        dsdt[i] = (uint8_t)i;
    memcpy(dsdt, "DSDT", 4);
    memcpy(dsdt + 4, &(uint32_t){sizeof(dsdt)}, 4);
    dsdt[9] = (uint8_t)(dsdt[9] - sum(dsdt, sizeof(dsdt)));
}

static int teardown(void **state) {
    (void)state;
    free(memory);
    memory = NULL;
    return 0;
}

/* Builds into a buffer of exactly this size, with gaps around it. */
static const char *build(uint32_t vcpus, uint64_t room) {
    make_dsdt();
    free(memory);
    size = room;
    memory = malloc(room + 2 * GAP);
    memset(memory, 0xa5, room + 2 * GAP);
    struct acpi_tables_request request = {.at = memory + GAP,
                                          .physical = PC_ACPI_BASE,
                                          .size = room,
                                          .vcpus = vcpus,
                                          .dsdt = dsdt,
                                          .dsdt_size = sizeof(dsdt)};
    return acpi_tables_build(&request);
}

static const void *map(uint64_t physical, uint64_t count) {
    uint64_t offset = physical - PC_ACPI_BASE;

    return offset <= size && count <= size - offset ? memory + GAP + offset : NULL;
}

static uint64_t number(const uint8_t *bytes, unsigned count) {
    uint64_t value = 0;

    memcpy(&value, bytes, count);
    return value;
}

static struct acpi_table table(const char *signature) {
    struct acpi acpi = {.map = map};
    uint32_t index = 0;

    assert_true(acpi_open(&acpi, PC_ACPI_BASE));
    struct acpi_table found = acpi_next_table(&acpi, signature, &index);
    assert_true(found.size > 0);
    return found;
}

/* MADT entry n (from 0) of a type; NULL if there are fewer. */
static const uint8_t *entry(uint8_t type, unsigned n) {
    struct acpi_table madt = table("APIC");

    for (uint32_t at = 44; at < madt.size; at += madt.bytes[at + 1]) {
        assert_true(madt.bytes[at + 1] >= 2 && madt.bytes[at + 1] <= madt.size - at);
        if (madt.bytes[at] == type && n-- == 0)
            return madt.bytes + at;
    }
    return NULL;
}

/* ---- all tables ---- */

static void the_root_pointer_has_both_checksums(void **state) {
    (void)state;
    assert_null(build(2, PC_ACPI_SIZE));
    const uint8_t *rsdp = map(PC_ACPI_BASE, 36);
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(rsdp, 20), 0);
    assert_int_equal(sum(rsdp, 36), 0);
    assert_int_equal(rsdp[15], 2);
    assert_int_equal(number(rsdp + 20, 4), 36);
}

static void the_rsdt_lists_the_same_tables_as_the_xsdt(void **state) {
    (void)state;
    assert_null(build(2, PC_ACPI_SIZE));
    const uint8_t *rsdp = map(PC_ACPI_BASE, 36);
    const uint8_t *rsdt = map(number(rsdp + 16, 4), 36 + 2 * 4);
    const uint8_t *xsdt = map(number(rsdp + 24, 8), 36 + 2 * 8);
    assert_non_null(rsdt);
    assert_non_null(xsdt);
    assert_memory_equal(rsdt, "RSDT", 4);
    assert_int_equal(number(rsdt + 4, 4), 36 + 2 * 4);
    assert_int_equal(sum(rsdt, 36 + 2 * 4), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(number(rsdt + 36 + 4 * i, 4), number(xsdt + 36 + 8 * i, 8));
}

static void the_xsdt_lists_two_valid_tables(void **state) {
    struct acpi acpi = {.map = map};

    (void)state;
    assert_null(build(2, PC_ACPI_SIZE));
    assert_true(acpi_open(&acpi, PC_ACPI_BASE));
    assert_int_equal(acpi.entry_size, 8);
    assert_int_equal(acpi.root.size, 36 + 2 * 8);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *bytes = map(number(acpi.root.bytes + 36 + 8 * i, 8), 36);
        assert_non_null(bytes);
        assert_memory_equal(bytes, i == 0 ? "FACP" : "APIC", 4);
        assert_int_equal(sum(bytes, number(bytes + 4, 4)), 0);
        assert_memory_equal(bytes + 10, "PINWHLPINWHEEL", 14);
    }
}

static void tables_are_16_byte_aligned(void **state) {
    (void)state;
    assert_null(build(3, PC_ACPI_SIZE));
    assert_int_equal((table("FACP").bytes - (memory + GAP)) % 16, 0);
    assert_int_equal((table("APIC").bytes - (memory + GAP)) % 16, 0);
    assert_int_equal(number(table("FACP").bytes + 140, 8) % 16, 0);
}

static void nothing_is_written_outside_the_memory(void **state) {
    uint8_t untouched[GAP];
    uint64_t least;

    (void)state;
    memset(untouched, 0xa5, sizeof(untouched));
    for (least = 0; build(8, least) != NULL; least++) {
        assert_true(least < PC_ACPI_SIZE);
        assert_memory_equal(memory, untouched, GAP);
        assert_memory_equal(memory + GAP + least, untouched, GAP);
    }
    assert_true(least > 36 + 52 + 44 + sizeof(dsdt) + 276 + 44);
    assert_memory_equal(memory + GAP + least, untouched, GAP);
    assert_int_equal(table("APIC").size, 44 + 8 * 8 + 12 + 2 * 10 + 6);
}

/* ---- FADT ---- */

static void check_port(const uint8_t *gas, uint16_t port) {
    static const uint8_t byte_of_io_space[4] = {1, 8, 0, 1};

    assert_memory_equal(gas, byte_of_io_space, 4);
    assert_int_equal(number(gas + 4, 8), port);
}

static void the_fadt_is_hardware_reduced(void **state) {
    (void)state;
    assert_null(build(1, PC_ACPI_SIZE));
    struct acpi_table fadt = table("FACP");
    assert_int_equal(fadt.size, 276);
    assert_int_equal(fadt.bytes[8], 6);
    assert_true(number(fadt.bytes + 112, 4) & 1u << 20);
    assert_true(number(fadt.bytes + 112, 4) & 1u << 10);
    check_port(fadt.bytes + 116, PC_RESET_PORT);
    assert_int_equal(fadt.bytes[128], PC_RESET_VALUE);
    check_port(fadt.bytes + 244, PC_SLEEP_CONTROL);
    check_port(fadt.bytes + 256, PC_SLEEP_STATUS);
    assert_memory_equal(fadt.bytes + 268, "Pinwheel", 8);
    /* No SCI, no FACS; of the PM1 blocks only PM1a control; the timer only in its ACPI 1.0 member.
     */
    assert_int_equal(number(fadt.bytes + 46, 2), 0);
    for (unsigned i = 48; i < 108; i++) {
        if (i != 89 && i != 91 && (i < 64 || i >= 68) && (i < 76 || i >= 80))
            assert_int_equal(fadt.bytes[i], 0);
    }
    assert_int_equal(number(fadt.bytes + 64, 4), PC_PM1_CONTROL);
    assert_int_equal(fadt.bytes[89], 2);
    assert_int_equal(number(fadt.bytes + 76, 4), PC_PM_TIMER);
    assert_int_equal(fadt.bytes[91], 4);
    assert_false(number(fadt.bytes + 112, 4) & 1u << 8); /* TMR_VAL_EXT: the timer has 24 bits */
    for (unsigned i = 148; i < 244; i++)
        assert_int_equal(fadt.bytes[i], 0);
    assert_int_equal(number(fadt.bytes + 36, 4) | number(fadt.bytes + 132, 8), 0);
}

static void the_fadt_reports_missing_legacy_devices(void **state) {
    (void)state;
    assert_null(build(1, PC_ACPI_SIZE));
    struct acpi_table fadt = table("FACP");
    uint64_t boot = number(fadt.bytes + 109, 2);
    assert_false(boot & 1u << 1); /* no 8042 */
    assert_true(boot & 1u << 2);  /* no VGA */
    assert_false(boot & 1u << 5); /* a real-time clock */
    assert_int_equal(fadt.bytes[108], PC_RTC_CENTURY);
    assert_true(number(fadt.bytes + 112, 4) & 1u << 6); /* FIX_RTC: no wake-up alarm */
}

static void the_fadt_has_the_address_of_the_dsdt(void **state) {
    (void)state;
    assert_null(build(1, PC_ACPI_SIZE));
    const uint8_t *fadt = table("FACP").bytes;
    assert_int_equal(number(fadt + 40, 4), number(fadt + 140, 8));
    const void *copy = map(number(fadt + 140, 8), sizeof(dsdt));
    assert_non_null(copy);
    assert_memory_equal(copy, dsdt, sizeof(dsdt));
}

/* ---- MADT ---- */

static void each_vcpu_is_listed_once(void **state) {
    static const uint32_t counts[] = {1, 2, 8, 255, 256, 300};

    (void)state;
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint32_t offset = 0, expected = 0, id;

        assert_null(build(counts[i], PC_ACPI_SIZE));
        struct acpi_table madt = table("APIC");
        while (acpi_next_cpu(&madt, &offset, &id))
            assert_int_equal(id, expected++);
        assert_int_equal(expected, counts[i]);
    }
}

static void apic_ids_above_254_have_the_x2apic_structure(void **state) {
    (void)state;
    assert_null(build(255, PC_ACPI_SIZE));
    assert_non_null(entry(0, 254));
    assert_null(entry(9, 0));
    assert_null(entry(10, 0));
    assert_null(build(257, PC_ACPI_SIZE));
    assert_null(entry(0, 255));
    assert_int_equal(number(entry(9, 0) + 4, 4), 255);
    assert_int_equal(number(entry(9, 1) + 12, 4), 256); /* the processor's UID */
    assert_null(entry(9, 2));
    assert_int_equal(number(entry(10, 0) + 4, 4), 0xffffffff);
    assert_int_equal(entry(10, 0)[8], 1);
}

static void there_is_one_ioapic_from_gsi_0(void **state) {
    static const uint8_t ioapic[] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0};

    (void)state;
    assert_null(build(2, PC_ACPI_SIZE));
    assert_memory_equal(entry(1, 0), ioapic, sizeof(ioapic));
    assert_null(entry(1, 1));
    assert_int_equal(number(table("APIC").bytes + 36, 4), 0xfee00000);
    assert_int_equal(number(table("APIC").bytes + 40, 4), 1); /* PCAT_COMPAT: also 8259As */
}

static void the_timer_is_on_pin_2_and_the_uart_is_level_triggered(void **state) {
    static const uint8_t timer[] = {2, 10, 0, 0, 2, 0, 0, 0, 0, 0};
    static const uint8_t uart[] = {2, 10, 0, PC_UART_IRQ, PC_UART_IRQ, 0, 0, 0, 0xd, 0};

    (void)state;
    assert_null(build(2, PC_ACPI_SIZE));
    assert_memory_equal(entry(2, 0), timer, sizeof(timer));
    assert_memory_equal(entry(2, 1), uart, sizeof(uart));
    assert_null(entry(2, 2));
}

static void lint1_is_the_nmi_input(void **state) {
    static const uint8_t nmi[] = {4, 6, 0xff, 0, 0, 1};

    (void)state;
    assert_null(build(2, PC_ACPI_SIZE));
    assert_memory_equal(entry(4, 0), nmi, sizeof(nmi));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_pointer_has_both_checksums),
        cmocka_unit_test(the_xsdt_lists_two_valid_tables),
        cmocka_unit_test(the_rsdt_lists_the_same_tables_as_the_xsdt),
        cmocka_unit_test(tables_are_16_byte_aligned),
        cmocka_unit_test(nothing_is_written_outside_the_memory),
        cmocka_unit_test(the_fadt_is_hardware_reduced),
        cmocka_unit_test(the_fadt_reports_missing_legacy_devices),
        cmocka_unit_test(the_fadt_has_the_address_of_the_dsdt),
        cmocka_unit_test(each_vcpu_is_listed_once),
        cmocka_unit_test(apic_ids_above_254_have_the_x2apic_structure),
        cmocka_unit_test(there_is_one_ioapic_from_gsi_0),
        cmocka_unit_test(the_timer_is_on_pin_2_and_the_uart_is_level_triggered),
        cmocka_unit_test(lint1_is_the_nmi_input),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
