/* Guards vmm/devices/mp_table.c: a kernel finds the table by the search of the specification, its
 * checksums are right, and it says what the MADT says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/mp_table.h"

#define PHYSICAL 0xf0000u
#define HEADER   44u
#define IRQS     15u /* IRQ 0 to 15 but 2 */

/* In an allocation of its exact size for ASan. */
static uint8_t *memory;
static uint32_t room;

static uint8_t sum(const uint8_t *bytes, uint32_t count) {
    uint8_t total = 0;

    while (count--)
        total = (uint8_t)(total + *bytes++);
    return total;
}

static uint32_t get(const uint8_t *at, unsigned size) {
    uint32_t value = 0;

    memcpy(&value, at, size);
    return value;
}

static const char *build(uint32_t vcpus, uint32_t size) {
    free(memory);
    room = size;
    memory = malloc(size ? size : 1);
    memset(memory, 0xa5, size);
    struct mp_table_request request = {
        .at = memory, .physical = PHYSICAL, .size = size, .vcpus = vcpus, .ioapic_version = 0x11};
    return mp_table_build(&request);
}

static int tear_down(void **state) {
    (void)state;
    free(memory);
    memory = NULL;
    return 0;
}

/* The table behind the floating pointer structure, both checked. */
static const uint8_t *table(void) {
    assert_memory_equal(memory, "_MP_", 4);
    assert_int_equal(memory[8], 1); /* paragraphs */
    assert_int_equal(memory[9], 4); /* revision 1.4 */
    assert_int_equal(sum(memory, 16), 0);
    assert_int_equal(memory[11], 0);        /* there is a configuration table */
    assert_int_equal(memory[12] & 0x80, 0); /* no IMCR: virtual wire mode */
    uint32_t offset = get(memory + 4, 4) - PHYSICAL;
    assert_true(offset + HEADER <= room);
    const uint8_t *t = memory + offset;
    assert_memory_equal(t, "PCMP", 4);
    assert_int_equal(t[6], 4);
    uint32_t length = get(t + 4, 2);
    assert_true(offset + length <= room);
    assert_int_equal(sum(t, length), 0);
    assert_int_equal(get(t + 36, 4), 0xfee00000);
    return t;
}

/* The entry of this type with this number among its kind; NULL: there is none. */
static const uint8_t *entry(const uint8_t *t, unsigned type, unsigned number) {
    const uint8_t *at = t + HEADER, *end = t + get(t + 4, 2);

    for (unsigned left = get(t + 34, 2); left; left--) {
        assert_true(at < end);
        if (*at == type && number-- == 0)
            return at;
        at += *at == 0 ? 20 : 8;
    }
    return NULL;
}

static void each_vcpu_is_listed_and_the_first_is_the_boot_cpu(void **state) {
    (void)state;
    for (unsigned vcpus = 1; vcpus <= MP_VCPUS_MAX; vcpus++) {
        assert_null(build(vcpus, 4096));
        const uint8_t *t = table();
        for (unsigned i = 0; i < vcpus; i++) {
            const uint8_t *cpu = entry(t, 0, i);
            assert_non_null(cpu);
            assert_int_equal(cpu[1], i);
            assert_int_equal(cpu[2], 0x14);
            assert_int_equal(cpu[3], i == 0 ? 3 : 1); /* usable, boot CPU */
            assert_int_equal(get(cpu + 8, 4) & 0x201, 0x201);
        }
        assert_null(entry(t, 0, vcpus));
    }
}

static void there_are_one_bus_and_one_ioapic(void **state) {
    (void)state;
    assert_null(build(2, 4096));
    const uint8_t *t = table(), *bus = entry(t, 1, 0), *ioapic = entry(t, 2, 0);
    assert_memory_equal(bus + 1, "\0ISA   ", 7);
    assert_null(entry(t, 1, 1));
    assert_int_equal(ioapic[1], 0);
    assert_int_equal(ioapic[2], 0x11);
    assert_int_equal(ioapic[3], 1);
    assert_int_equal(get(ioapic + 4, 4), 0xfec00000);
    assert_null(entry(t, 2, 1));
}

static void interrupts_are_wired_as_in_the_madt(void **state) {
    uint32_t seen = 0;

    (void)state;
    assert_null(build(1, 4096));
    const uint8_t *t = table(), *extint = entry(t, 3, 0);
    assert_int_equal(extint[1], 3); /* ExtINT, at pin 0 */
    assert_int_equal(extint[7], 0);
    for (unsigned i = 1; i <= IRQS; i++) {
        const uint8_t *e = entry(t, 3, i);
        unsigned irq = e[5];
        assert_int_equal(e[1], 0); /* INT */
        assert_int_equal(get(e + 2, 2), irq == 4 ? 0xd : 0);
        assert_int_equal(e[6], 0); /* the I/O APIC's ID */
        assert_int_equal(e[7], irq == 0 ? 2 : irq);
        seen |= 1u << irq;
    }
    assert_int_equal(seen, 0xfffb);
    assert_null(entry(t, 3, IRQS + 1));
    assert_int_equal(entry(t, 4, 0)[1], 3); /* ExtINT at LINT0 of all, NMI at LINT1 */
    assert_int_equal(get(entry(t, 4, 0) + 6, 2), 0x00ff);
    assert_int_equal(entry(t, 4, 1)[1], 1);
    assert_int_equal(get(entry(t, 4, 1) + 6, 2), 0x01ff);
    assert_null(entry(t, 4, 2));
    assert_int_equal(get(t + 34, 2), 1 + 2 + 1 + IRQS + 2);
}

static void a_table_that_does_not_fit_is_refused(void **state) {
    const uint32_t needed = 16 + HEADER + 2 * 20 + (2 + 1 + IRQS + 2) * 8;

    (void)state;
    for (uint32_t size = 0; size < needed; size++)
        assert_non_null(build(2, size));
    assert_null(build(2, needed));
    table();
    assert_non_null(build(MP_VCPUS_MAX + 1, 65536));
    assert_non_null(build(~0u, 65536));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_vcpu_is_listed_and_the_first_is_the_boot_cpu),
        TEST(there_are_one_bus_and_one_ioapic),
        TEST(interrupts_are_wired_as_in_the_madt),
        TEST(a_table_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
