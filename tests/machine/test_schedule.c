/* Guards vmm/vm/schedule.c: whose turn it is on a CPU, for how long, and how the CPU waits. What a
 * turn does, the end of guests and the console are the test's own here. */
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/run.h"
#include "vmm/vm/console_input.h"
#include "vmm/vm/guests.h"
#include "vmm/vm/results.h"
#include "vmm/vm/schedule.h"

#define MOST_TURNS 20
#define SLICE      (SLICE_US * (MACHINE_HZ / 1000000))
#define VCPUS      3

static struct vcpu *vcpu[VCPUS]; /* all on CPU 0 */
static struct {
    struct vcpu *vcpu;
    uint64_t slice;
} turn[MOST_TURNS];
static unsigned turns, most, ended, console_ticks;
static uint64_t console_next_busy, console_next_idle;
static bool all_ended;
static void (*during)(struct vcpu *of);

/* ---- what schedule.c calls; run.c is replaced as a whole ---- */

void run_init(void) {
}

void run_turn(struct vcpu *of) {
    turn[turns].vcpu = of;
    turn[turns++].slice = of->slice_end - machine.tsc;
    if (during)
        during(of);
    if (turns == most)
        all_ended = true;
}

void guests_vcpu_ended(struct vm *of) {
    assert_ptr_equal(of, vm);
    ended++;
}

bool guests_all_ended(void) {
    return all_ended;
}

void console_input_tick(void) {
    console_ticks++;
}

uint64_t console_input_next(bool idle) {
    return idle ? console_next_idle : console_next_busy;
}

_Noreturn void results_and_power_off(void) {
    machine_fail("the machine is switched off");
}

/* ---- the tests' side ---- */

static int set_up(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    machine_reset();
    machine_start(1);
    config.vcpus = VCPUS;
    vm = machine_vm(0, &config);
    for (unsigned i = 0; i < VCPUS; i++) {
        vcpu[i] = vm->vcpu[i];
        machine_load(vcpu[i]); /* the first time, this resets the vCPU */
        vcpu[i]->state = VCPU_RUNNABLE;
    }
    schedule_init();
    turns = ended = console_ticks = 0;
    console_next_busy = console_next_idle = TIME_NEVER;
    all_ended = false;
    during = NULL;
    return 0;
}

static void halt_all(struct vcpu *of) {
    (void)of;
    for (unsigned i = 0; i < VCPUS; i++) {
        vcpu[i]->timer_next = TIME_NEVER;
        if (vcpu[i]->state != VCPU_ENDED)
            vcpu[i]->state = VCPU_HALTED;
    }
}

/* Runs the scheduler for so many turns; the vCPUs halt in the last. */
static void halt_in_the_last(struct vcpu *of) {
    if (turns == most)
        halt_all(of);
}

static void schedule(unsigned count) {
    most = count;
    if (!during)
        during = halt_in_the_last;
    assert_true(machine_ends(schedule_run));
    assert_string_equal(machine.message, "the machine is switched off");
    assert_int_equal(turns, count);
}

static void assert_turn(unsigned number, unsigned index) {
    assert_ptr_equal(turn[number].vcpu, vcpu[index]);
}

/* ---- whose turn ---- */

static void vcpus_take_turns_round_robin(void **state) {
    (void)state;
    schedule(7);
    for (unsigned i = 0; i < 7; i++)
        assert_turn(i, i % VCPUS);
}

static void a_vcpu_that_does_not_want_to_run_is_passed_over(void **state) {
    (void)state;
    vcpu[1]->state = VCPU_HALTED;
    schedule(4);
    assert_turn(0, 0);
    assert_turn(1, 2);
    assert_turn(2, 0);
    assert_turn(3, 2);
}

static void take_requests(struct vcpu *of) {
    atomic_store(of->requests, 0);
    if (turns == most)
        halt_all(of);
}

static void a_request_or_a_timer_wants_a_turn(void **state) {
    (void)state;
    halt_all(NULL);
    during = take_requests;
    atomic_store(vcpu[2]->requests, REQUEST_INTERRUPTS);
    schedule(1);
    assert_turn(0, 2);
    set_up(NULL);
    halt_all(NULL);
    vcpu[1]->state = VCPU_WAIT_FOR_SIPI;
    vcpu[1]->timer_next = machine.tsc;
    most = 3;
    during = NULL;
    schedule(3);
    assert_turn(0, 1);
    assert_turn(2, 1);
}

static void end(struct vcpu *of) {
    of->state = VCPU_ENDED;
}

static void a_vcpu_that_has_ended_is_reported_once_and_never_runs_again(void **state) {
    (void)state;
    during = end;
    atomic_store(vcpu[0]->requests, REQUEST_STOP);
    vcpu[1]->timer_next = 0;
    schedule(VCPUS);
    assert_int_equal(ended, VCPUS);
}

/* ---- for how long ---- */

static void a_turn_lasts_a_slice(void **state) {
    (void)state;
    schedule(1);
    assert_int_equal(turn[0].slice, SLICE);
}

/* An erratum, in vmx_controls.h: the VMX-preemption timer measures less than 2^25 of its ticks. */
static void a_turn_is_no_longer_than_the_preemption_timer_can_measure(void **state) {
    for (unsigned shift = 0; shift < 2; shift++) {
        set_up(state);
        host.capabilities.misc = (host.capabilities.misc & ~VMX_MISC_PREEMPTION_SHIFT_MASK) | shift;
        machine.tsc_hz = 6000000000;
        schedule_init();
        schedule(1);
        assert_int_equal(turn[0].slice, shift ? 60000000 : (1u << 25) - 1);
    }
}

static void a_neighbours_timer_ends_it_earlier(void **state) {
    (void)state;
    vcpu[1]->timer_next = machine.tsc + SLICE / 2;
    vcpu[0]->timer_next = machine.tsc + SLICE / 4; /* its own timer does not */
    schedule(2);
    assert_int_equal(turn[0].slice, SLICE / 2);
    assert_int_equal(turn[1].slice, SLICE / 4);
}

static void a_turn_has_a_minimum_so_that_timers_cannot_starve_it(void **state) {
    (void)state;
    vcpu[1]->timer_next = machine.tsc; /* due */
    schedule(1);
    assert_int_equal(turn[0].slice, SLICE / 16);
}

static void a_vcpu_that_has_ended_has_no_timer(void **state) {
    (void)state;
    vcpu[1]->state = VCPU_ENDED;
    vcpu[1]->timer_next = machine.tsc;
    schedule(1);
    assert_int_equal(turn[0].slice, SLICE);
}

/* Uses up what it is given. */
static void spin(struct vcpu *of) {
    machine.tsc = of->slice_end;
    halt_in_the_last(of);
}

static void the_boot_cpu_polls_the_console_without_ending_a_turn(void **state) {
    (void)state;
    console_next_busy = machine.tsc + SLICE / 8;
    during = spin;
    schedule(3);
    assert_int_equal(turn[0].slice, SLICE / 8);
    assert_int_equal(turn[1].slice, SLICE / 16); /* never shorter, if a poll is due at once */
    for (unsigned i = 1; i < 3; i++)
        assert_ptr_equal(turn[i].vcpu, turn[0].vcpu);
    assert_int_equal(console_ticks, 4);
}

static void a_turn_with_polls_is_as_long_as_one_without(void **state) {
    uint64_t start = machine.tsc, had;

    (void)state;
    console_next_busy = machine.tsc;
    during = spin;
    schedule(17); /* pieces of a sixteenth */
    had = turn[0].vcpu->cpu_time;
    assert_ptr_equal(turn[15].vcpu, turn[0].vcpu);
    assert_ptr_not_equal(turn[16].vcpu, turn[0].vcpu);
    assert_in_range(had, SLICE, SLICE + SLICE / 16);
    assert_true(machine.tsc - start >= SLICE);
}

/* ---- fairness ---- */

/* Each turn of vCPU i takes so much of the CPU; then it halts, or yields. */
static uint64_t takes[VCPUS];
static bool yields;

static void take_time(struct vcpu *of) {
    machine.tsc += takes[of->index];
    if (!yields)
        of->timer_next = machine.tsc; /* it halts, and its timer is due at once */
    of->state = yields ? VCPU_RUNNABLE : VCPU_HALTED;
    halt_in_the_last(of);
}

static unsigned count_turns(unsigned index) {
    unsigned count = 0;

    for (unsigned i = 0; i < turns; i++)
        count += turn[i].vcpu == vcpu[index];
    return count;
}

static void run_with(uint64_t first, uint64_t second, uint64_t third) {
    takes[0] = first;
    takes[1] = second;
    takes[2] = third;
    during = take_time;
    schedule(MOST_TURNS);
}

static void a_vcpu_that_had_more_than_a_slice_more_waits(void **state) {
    (void)state;
    yields = false;
    run_with(4 * SLICE, SLICE, SLICE);
    assert_in_range(count_turns(0), 2, 3);
    assert_true(count_turns(1) >= 6 && count_turns(2) >= 6);
}

static void a_vcpu_that_yields_is_not_preferred_for_having_had_less(void **state) {
    (void)state;
    yields = true;
    run_with(SLICE / 2, SLICE / 100, SLICE / 100);
    for (unsigned i = 0; i < turns; i++)
        assert_turn(i, i % VCPUS);
}

static void a_vcpu_that_slept_saves_up_no_more_than_a_slice(void **state) {
    (void)state;
    yields = false;
    vcpu[0]->asleep = true;
    vcpu[0]->cpu_time = 0;
    vcpu[1]->cpu_time = vcpu[2]->cpu_time = 100 * SLICE;
    machine.cpu[0].cpu_time = 100 * SLICE;
    run_with(SLICE, SLICE, SLICE);
    assert_in_range(count_turns(0), 5, 7);
}

static void a_lone_vcpu_runs_however_much_it_had(void **state) {
    struct guest_config config = machine_guest();

    (void)state;
    machine_reset();
    machine_start(1);
    vm = machine_vm(0, &config);
    vcpu[0] = vcpu[1] = vcpu[2] = vm->vcpu[0];
    machine_load(vcpu[0]);
    vcpu[0]->state = VCPU_RUNNABLE;
    vcpu[0]->cpu_time = UINT64_MAX / 2;
    schedule(3);
    assert_turn(2, 0);
}

/* ---- waiting ---- */

static void wake_up(void) {
    vcpu[0]->state = VCPU_RUNNABLE;
    assert_true(atomic_load(&machine.cpu[0].idle));
}

static void after_waiting(void) {
    machine.tsc = vcpu[0]->waits_until;
}

static void an_idle_cpu_waits_for_the_first_timer(void **state) {
    (void)state;
    halt_all(NULL);
    vcpu[0]->timer_next = machine.tsc + 5000;
    vcpu[1]->timer_next = machine.tsc + 3000;
    console_next_idle = machine.tsc + 4000;
    machine.idle = wake_up;
    machine_forget();
    schedule(1);
    int start = machine_find(MACHINE_TIMER, MACHINE_ANY, 0);
    int wait = machine_find(MACHINE_IDLE, MACHINE_ANY, 0);
    int stop = machine_find(MACHINE_NO_TIMER, MACHINE_ANY, 0);
    assert_true(start >= 0 && start < wait && wait < stop);
    assert_int_equal(machine.record[start].value, machine.tsc + 3000);
    assert_false(atomic_load(&machine.cpu[0].idle));
    assert_turn(0, 0);
}

static void a_vcpu_whose_output_waits_has_no_turn(void **state) {
    (void)state;
    halt_all(NULL);
    vcpu[0]->state = VCPU_RUNNABLE;
    vcpu[0]->waits_until = machine.tsc + 7000;
    machine.idle = after_waiting;
    machine_forget();
    schedule(1);
    int start = machine_find(MACHINE_TIMER, MACHINE_ANY, 0);
    assert_true(start >= 0);
    assert_int_equal(machine.record[start].value, vcpu[0]->waits_until);
    assert_turn(0, 0);
    assert_true(machine.tsc >= vcpu[0]->waits_until);
}

static void an_idle_boot_cpu_waits_no_longer_than_for_the_console(void **state) {
    (void)state;
    halt_all(NULL);
    console_next_idle = machine.tsc + 4000;
    machine.idle = wake_up;
    machine_forget();
    schedule(1);
    assert_int_equal(machine.record[machine_find(MACHINE_TIMER, MACHINE_ANY, 0)].value,
                     machine.tsc + 4000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(vcpus_take_turns_round_robin),
        TEST(a_vcpu_that_does_not_want_to_run_is_passed_over),
        TEST(a_request_or_a_timer_wants_a_turn),
        TEST(a_vcpu_that_has_ended_is_reported_once_and_never_runs_again),
        TEST(a_turn_lasts_a_slice),
        TEST(a_turn_is_no_longer_than_the_preemption_timer_can_measure),
        TEST(a_neighbours_timer_ends_it_earlier),
        TEST(a_turn_has_a_minimum_so_that_timers_cannot_starve_it),
        TEST(a_vcpu_that_has_ended_has_no_timer),
        TEST(the_boot_cpu_polls_the_console_without_ending_a_turn),
        TEST(a_turn_with_polls_is_as_long_as_one_without),
        TEST(a_vcpu_that_had_more_than_a_slice_more_waits),
        TEST(a_vcpu_that_yields_is_not_preferred_for_having_had_less),
        TEST(a_vcpu_that_slept_saves_up_no_more_than_a_slice),
        TEST(a_lone_vcpu_runs_however_much_it_had),
        TEST(an_idle_cpu_waits_for_the_first_timer),
        TEST(a_vcpu_whose_output_waits_has_no_turn),
        TEST(an_idle_boot_cpu_waits_no_longer_than_for_the_console),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
