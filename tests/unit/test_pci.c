/* Guards drivers/pci.c: which functions lose bus mastering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/pci.h"

#define FUNCTIONS 16

/* A machine's functions; everything else is not there. */
static struct function {
    uint32_t at;      /* pci_address(), offset 0 */
    uint32_t class;   /* base class, subclass */
    uint32_t command; /* and status in the upper half */
    uint32_t header;  /* bit 7: several functions */
    unsigned writes;
} functions[FUNCTIONS];
static unsigned count, reads;

static struct function *add(uint32_t bus, uint32_t device, uint32_t function, uint32_t class,
                            uint32_t command, uint32_t header) {
    functions[count] = (struct function){pci_address(bus, device, function, 0), class,
                                         0x02900000 | command, header, 0};
    return &functions[count++];
}

static struct function *find(uint32_t address) {
    for (unsigned i = 0; i < count; i++) {
        if (functions[i].at == (address & ~0xffu))
            return &functions[i];
    }
    return NULL;
}

static uint32_t read_config(void *context, uint32_t address) {
    struct function *f = find(address);

    assert_ptr_equal(context, &count);
    assert_int_equal(address & 3, 0);
    reads++;
    if (!f)
        return UINT32_MAX;
    switch (address & 0xff) {
    case 0x00:
        return 0x12348086;
    case 0x04:
        return f->command;
    case 0x08:
        return f->class << 16;
    case 0x0c:
        return f->header << 16;
    default:
        fail();
        return 0;
    }
}

static void write_config(void *context, uint32_t address, uint32_t value) {
    struct function *f = find(address);

    (void)context;
    assert_non_null(f);
    assert_int_equal(address & 0xff, 4);
    assert_int_equal(value >> 16, 0); /* a 1 would clear a status bit */
    f->command = (f->command & 0xffff0000) | value;
    f->writes++;
}

static unsigned silence(void) {
    const struct pci_access access = {read_config, write_config, &count};

    return pci_silence(&access);
}

static int set_up(void **state) {
    (void)state;
    count = reads = 0;
    return 0;
}

static void bridges_and_network_functions_lose_bus_mastering(void **state) {
    struct function *bridge = add(0, 28, 0, 0x0604, 7, 1), *nic = add(0, 31, 6, 0x0200, 6, 0);
    struct function *wireless = add(3, 0, 0, 0x0280, 0x406, 0);

    (void)state;
    add(0, 31, 0, 0x0601, 7, 0x80); /* the first of several functions */
    assert_int_equal(silence(), 3);
    assert_int_equal(bridge->command, 0x02900003);
    assert_int_equal(nic->command, 0x02900002);
    assert_int_equal(wireless->command, 0x02900402);
}

static void others_are_left_alone(void **state) {
    (void)state;
    add(0, 0, 0, 0x0600, 6, 0);  /* the host bridge: without it nothing works */
    add(0, 2, 0, 0x0300, 7, 0);  /* the display */
    add(0, 31, 0, 0x0601, 7, 0); /* the ISA bridge */
    add(1, 0, 0, 0x0604, 3, 1);  /* a bridge without bus mastering */
    assert_int_equal(silence(), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(functions[i].writes, 0);
}

/* A server has several root buses, to which no bridge leads. */
static void every_bus_is_visited(void **state) {
    struct function *last = add(255, 31, 0, 0x0200, 6, 0);

    (void)state;
    assert_int_equal(silence(), 1);
    assert_int_equal(last->command & 4, 0);
}

/* Some devices decode only one function and show it eight times. */
static void a_device_of_one_function_is_asked_once(void **state) {
    (void)state;
    add(0, 3, 0, 0x0200, 6, 0);
    struct function *ghost = add(0, 3, 1, 0x0200, 6, 0);
    assert_int_equal(silence(), 1);
    assert_int_equal(ghost->writes, 0);
    assert_in_range(reads, 256 * 32, 256 * 32 + 8);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(bridges_and_network_functions_lose_bus_mastering),
        TEST(others_are_left_alone),
        TEST(every_bus_is_visited),
        TEST(a_device_of_one_function_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
