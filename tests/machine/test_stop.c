/* Guards vmm/host/stop.c: whom a panic stops, and that it waits no longer than 0.1 s for a CPU that
 * does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/machine/machine.h"
#include "vmm/host/host.h"

static struct host_cpu cpus[4];
static void test_send_nmi(uint32_t apic_id);
static void test_halt(void);
static void test_pause(void);

/* The machine has its own for the rooms above. */
#define stop_others    tested_stop_others
#define stop_if_asked  tested_stop_if_asked
#define lapic_send_nmi test_send_nmi
#define halt           test_halt
#undef cpu_pause
#define cpu_pause       test_pause
#define this_host_cpu() (&cpus[0])
#include "vmm/host/stop.c"

static jmp_buf halted;
static uint32_t reached; /* a set of APIC IDs */
static uint32_t answer;  /* those of them that stop */

static void test_send_nmi(uint32_t apic_id) {
    reached |= 1u << apic_id;
    if (answer >> apic_id & 1)
        atomic_fetch_add(&stopped, 1);
}

static int set_up(void **state) {
    (void)state;
    machine_reset();
    host.cpu_count = 4;
    for (uint32_t i = 0; i < 4; i++) {
        cpus[i] = (struct host_cpu){.cpu = {.self = &cpus[i].cpu, .apic_id = i}};
        host.cpu[i] = &cpus[i];
    }
    atomic_store(&asked, 0);
    atomic_store(&stopped, 0);
    reached = answer = 0;
    return 0;
}

static void all_others_are_stopped(void **state) {
    uint64_t start = machine.tsc;

    (void)state;
    answer = 0xe;
    assert_int_equal(stop_others(), 0);
    assert_int_equal(reached, 0xe);
    assert_in_range(machine.tsc - start, 0, MACHINE_HZ / 10000);
}

static void a_cpu_that_does_not_stop_is_counted_in_the_end(void **state) {
    uint64_t start = machine.tsc;

    (void)state;
    answer = 0xa;
    assert_int_equal(stop_others(), 1);
    assert_in_range(machine.tsc - start, MACHINE_HZ / 10, MACHINE_HZ / 5);
}

/* Its structures exist, but no NMI would be answered. */
static void a_cpu_that_has_not_started_is_left_out(void **state) {
    (void)state;
    cpus[2].cpu.self = NULL;
    answer = 0xa;
    assert_int_equal(stop_others(), 0);
    assert_int_equal(reached, 0xa);
}

static void test_pause(void) {
    machine.tsc += 100;
}

static void test_halt(void) {
    longjmp(halted, 1);
}

/* Whether the CPU stops. */
static bool stops(void (*call)(void)) {
    if (setjmp(halted))
        return true;
    call();
    return false;
}

static void panic_too(void) {
    stop_others();
}

/* As an NMI does, and a VM exit by an NMI. */
static void a_cpu_stops_when_it_is_asked(void **state) {
    (void)state;
    assert_false(stops(stop_if_asked));
    answer = 0xe;
    stop_others();
    assert_true(stops(stop_if_asked));
    assert_int_equal(stopped, 4);
}

static void of_two_panics_the_second_stops(void **state) {
    (void)state;
    answer = 0xe;
    stop_others();
    reached = 0;
    assert_true(stops(panic_too));
    assert_int_equal(reached, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_others_are_stopped),
        TEST(a_cpu_that_does_not_stop_is_counted_in_the_end),
        TEST(a_cpu_that_has_not_started_is_left_out),
        TEST(a_cpu_stops_when_it_is_asked),
        TEST(of_two_panics_the_second_stops),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    machine_reset();
    return failed;
}
