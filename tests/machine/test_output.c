/* Guards that a guest which prints faster than the serial port sends delays itself alone: its
 * instruction is not carried out but executed again in its next turn, and nothing is lost. */
#include "drivers/console.h"
#include "tests/machine/one_vm.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/test_devices.h"
#include "vmm/pc/virtio.h"
#include "vmm/vcpu/guest_segment.h"

#define UART_LCR   (PC_UART_PORT + 3)
#define UART_MCR   (PC_UART_PORT + 4)
#define DIVISOR    0x80
#define LOOPBACK   0x10
#define MOST_EXITS (2 * CONSOLE_AHEAD)

static bool io(uint32_t port, uint64_t flags) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    return exits(EXIT_REASON_IO, port << IO_EXIT_PORT_SHIFT | flags);
}

static bool out(uint32_t port, uint8_t value) {
    machine.records = 0; /* they do not matter here */
    *reg(GUEST_RAX) = value;
    return io(port, 0);
}

/* Prints until it has to wait; returns how many bytes that took. */
static unsigned fill(uint32_t port) {
    unsigned printed = 0;

    while (out(port, 'x')) {
        assert_advanced();
        assert_true(++printed < MOST_EXITS);
    }
    return printed;
}

static void assert_waits(void) {
    size_t before = machine.console.length;
    unsigned steps = machine.console_steps;

    assert_false(out(PC_UART_PORT, 'y'));
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(self->event, 0);
    assert_int_equal(self->state, VCPU_RUNNABLE);
    assert_true(self->waits_until > machine.tsc);
    assert_int_equal(machine.console.length, before);
    assert_true(machine.console_steps > steps); /* whoever waits has the port send */
}

static void a_guest_waits_for_the_serial_port(void **state) {
    (void)state;
    assert_int_equal(fill(PC_UART_PORT), CONSOLE_AHEAD);
    assert_waits();
    machine.console_sent = 1;
    assert_int_equal(fill(PC_UART_PORT), 1);
    assert_waits();
    machine.console_sent = machine.console.length;
    assert_int_equal(fill(PC_UART_PORT), CONSOLE_AHEAD);
    assert_int_equal(machine.console.length, 2 * CONSOLE_AHEAD + 1);
    assert_null(strchr(machine.console.text, 'y'));
}

static void the_debug_console_waits_too(void **state) {
    (void)state;
    assert_int_equal(fill(DEBUG_CONSOLE), CONSOLE_AHEAD);
    assert_waits();
}

static void lines_of_several_guests_wait_whole(void **state) {
    (void)state;
    vm->console[PC_CONSOLE_SERIAL].prefix = "name";
    for (unsigned i = 0; i < MOST_EXITS && out(PC_UART_PORT, i % 60 == 59 ? '\n' : 'x'); i++)
        ;
    assert_waits();
    assert_in_range(machine.console.length, CONSOLE_AHEAD, CONSOLE_AHEAD + 70);
    assert_int_equal(machine.console.text[machine.console.length - 1], '\n');
}

static void what_prints_nothing_does_not_wait(void **state) {
    (void)state;
    fill(PC_UART_PORT);
    assert_true(out(UART_LCR, DIVISOR));
    assert_true(out(PC_UART_PORT, 1)); /* the divisor */
    out(UART_LCR, 0);
    assert_waits();
    assert_true(out(UART_MCR, LOOPBACK));
    assert_true(out(PC_UART_PORT, 'l'));
    assert_true(io(PC_UART_PORT, IO_EXIT_IN));
    assert_int_equal(*reg(GUEST_RAX) & 0xff, 'l');
}

static void outs_waits_between_two_bytes(void **state) {
    (void)state;
    fill(PC_UART_PORT);
    machine.console_sent = 5;
    memcpy(vm->ram + 0x5000, "0123456789", 10);
    *reg(GUEST_RSI) = 0x5000;
    *reg(GUEST_RCX) = 10;
    machine_set(VMCS_EXIT_INSTRUCTION_INFORMATION, 2 << 7 | SEGMENT_DS << 15);
    assert_false(io(PC_UART_PORT, IO_EXIT_STRING | IO_EXIT_REP));
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(*reg(GUEST_RCX), 5);
    assert_int_equal(*reg(GUEST_RSI), 0x5005);
    machine.console_sent = machine.console.length;
    assert_true(io(PC_UART_PORT, IO_EXIT_STRING | IO_EXIT_REP));
    assert_advanced();
    assert_string_equal(machine.console.text + CONSOLE_AHEAD, "0123456789");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_long_mode, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_guest_waits_for_the_serial_port),  TEST(the_debug_console_waits_too),
        TEST(lines_of_several_guests_wait_whole), TEST(what_prints_nothing_does_not_wait),
        TEST(outs_waits_between_two_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
