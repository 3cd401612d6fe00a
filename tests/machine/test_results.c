/* Guards vmm/vm/results.c: that the results of a guest are printed in bounded pieces while others
 * run, only when there is room, whole and in order, and one guest's after another's. */
#include "drivers/console.h"
#include "drivers/power.h"
#include "tests/machine/one_vm.h"
#include "vmm/host/host_memory.h"
#include "vmm/vm/results.h"

#define VCPUS   8
#define VECTORS 224 /* of each vCPU: 1792 lines */

static struct vm *second;

_Noreturn void power_off(void) {
    machine_fail("power off");
}

static void end(struct vm *of) {
    atomic_store(&of->state, VM_ENDING);
    of->result = VM_PASSED;
    of->how = "exit";
    results_of_guest(of);
}

static unsigned lines_of(const char *text) {
    unsigned lines = 0;

    while ((text = strchr(text, '\n'))) {
        lines++;
        text++;
    }
    return lines;
}

static char printed[1 << 20];
static size_t size;
static uint64_t total; /* positions only grow, from one test to the next */

/* The port sends all that waits. */
static void send_all(void) {
    memcpy(printed + size, machine.console.text, machine.console.length + 1);
    size += machine.console.length;
    total += machine.console.length;
    machine.console_sent = machine.console_before = total;
    machine.console.length = 0;
    machine.console.text[0] = 0;
}

static int set_up(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    config.vcpus = VCPUS;
    machine_reset();
    machine_start(2);
    vm = machine_vm(0, &config);
    config.vcpus = 1;
    strcpy(config.name, "second");
    second = machine_vm(1, &config);
    for (unsigned i = 0; i < VCPUS; i++) {
        for (unsigned v = 0; v < VECTORS; v++)
            vm->routing.counters[i].eoi_live[32 + v] = 1 + v;
    }
    size = 0;
    machine_forget();
    machine.console_sent = machine.console_before = total;
    return 0;
}

static void thousands_of_lines_come_piece_by_piece(void **state) {
    unsigned steps = 0, lines, vcpu, vector, expected = 0;

    (void)state;
    end(vm);
    assert_true(results_wait());
    assert_string_equal(machine.console.text, ""); /* nothing at the end itself */
    while (!results_step()) {
        assert_in_range(lines_of(machine.console.text), 0, RESULTS_LINES);
        assert_true(results_wait());
        send_all();
        assert_true(++steps < 1000);
    }
    send_all();
    assert_false(results_wait());
    assert_true(steps >= VCPUS * VECTORS / RESULTS_LINES);
    lines = lines_of(printed);
    assert_int_equal(lines, VCPUS * VECTORS + VCPUS + 1);
    for (const char *line = printed;
         sscanf(line, "COUNTERS guest=tested vcpu=%u vector=0x%x", &vcpu, &vector) == 2;
         line = strchr(line, '\n') + 1) {
        assert_int_equal(vcpu, expected / VECTORS);
        assert_int_equal(vector, 32 + expected % VECTORS);
        expected++;
    }
    assert_int_equal(expected, VCPUS * VECTORS);
    assert_non_null(strstr(printed, "vcpu=7 vector=0xff eoi_live=224 "));
    assert_non_null(strstr(printed, "GUEST name=tested result=pass code=0 how=exit exits=0\n"));
}

static void nothing_is_printed_without_room(void **state) {
    (void)state;
    end(vm);
    for (unsigned i = 0; i < 1000; i++)
        assert_null(results_step());
    assert_in_range(machine.console.length, CONSOLE_AHEAD, CONSOLE_AHEAD + 200);
    send_all();
    while (!results_step())
        send_all();
}

static void one_guests_results_follow_anothers(void **state) {
    (void)state;
    end(second);
    end(vm);
    assert_ptr_equal(results_step(), second);
    send_all();
    while (!results_step())
        send_all();
    send_all();
    assert_true(strstr(printed, "GUEST name=second") < strstr(printed, "COUNTERS guest=tested"));
}

static void a_request_ends_no_guest(void **state) {
    (void)state;
    results_request_counters(vm);
    while (results_wait()) {
        assert_null(results_step());
        send_all();
    }
    assert_int_equal(lines_of(printed), VCPUS * VECTORS + VCPUS);
    assert_null(strstr(printed, "GUEST"));
}

/* Other guests' events, after the end, push the guest's own out of the ring. */
static void the_story_is_kept_while_others_go_on(void **state) {
    struct guest_config config = machine_guest();
    unsigned sentences = 0;

    (void)state;
    config.story = config.trace = true;
    strcpy(config.name, "teller");
    struct vm *teller = machine_vm(2, &config);
    teller->kept =
        memory_alloc_pages(vm_trace_rings(teller, host.cpu_count) * sizeof(*teller->kept), NULL);
    for (unsigned i = 0; i < 2 * TRACE_RING_RECORDS; i++)
        host_trace_each(1, trace_what(TRACE_LINE, TRACE_NO_VCPU, 0, 4), i & 1, 0);
    results_guest_starts(teller);
    for (unsigned i = 0; i < 100; i++)
        host_trace_each(2, trace_what(TRACE_LINE, TRACE_NO_VCPU, 0, 3), i & 1, 0);
    end(teller);
    for (unsigned i = 0; i < 2 * TRACE_RING_RECORDS; i++)
        host_trace_each(1, trace_what(TRACE_LINE, TRACE_NO_VCPU, 0, 4), i & 1, 0);
    while (!results_step())
        send_all();
    send_all();
    for (const char *at = printed; (at = strstr(at, "pin 3")); at++)
        sentences++;
    assert_int_equal(sentences, 100);
    assert_null(strstr(printed, "pin 4"));
    assert_non_null(strstr(printed, "TRACE end lost=0\n")); /* those from before are not its own */
}

/* In VMX operation INITs stay pending, and the firmware may need one to switch the machine off. */
static void before_power_off_all_cpus_leave_vmx_operation(void **state) {
    (void)state;
    machine_forget();
    assert_true(machine_ends((void (*)(void))results_and_power_off));
    assert_string_equal(machine.message, "power off");
    int others = machine_find(MACHINE_OTHERS, MACHINE_ANY, 0);
    assert_true(others >= 0);
    assert_true(machine_find(MACHINE_VMXOFF, MACHINE_ANY, 0) > others);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(before_power_off_all_cpus_leave_vmx_operation),
        TEST(nothing_is_printed_without_room),
        TEST(thousands_of_lines_come_piece_by_piece),
        TEST(nothing_is_printed_without_room),
        TEST(one_guests_results_follow_anothers),
        TEST(a_request_ends_no_guest),
        TEST(the_story_is_kept_while_others_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
