/* Guards how vmm/vcpu/run.c sets the preemption timer: rarely where the processor saves it at an
 * exit, and never so that a guest's timer or the end of its turn is too late. A guest's time passes
 * in guest mode and, at each exit, in root mode, where the timer stops. */
#include "tests/machine/turns.h"

#define TIMER_SHIFT 5 /* IA32_VMX_MISC of the machine */
#define TURN        (16000u << TIMER_SHIFT)
#define ROOT        400u /* TSC ticks in root mode at each exit */
#define EXITS       200u

static unsigned exits_left;
static uint64_t lateness; /* the most that the timer may expire late */

static uint64_t timer(void) {
    return machine_get(VMCS_PREEMPTION_TIMER) << TIMER_SHIFT;
}

static unsigned timer_writes(void) {
    return machine_count(MACHINE_VMWRITE, VMCS_PREEMPTION_TIMER);
}

static uint64_t end(void) {
    return self->timer_next < self->slice_end ? self->timer_next : self->slice_end;
}

/* CPUID, `exits_left` times; then the guest computes until the timer expires, and pauses. */
static void exit_and_compute(struct vmx_context *context) {
    (void)context;
    assert_true(machine.tsc + timer() <= end() + lateness);
    assert_true(machine.tsc + timer() + (1u << TIMER_SHIFT) > end());
    if (exits_left) {
        exits_left--;
        execute(EXIT_REASON_CPUID);
        return;
    }
    machine.tsc += timer();
    execute(EXIT_REASON_PREEMPTION_TIMER);
}

static void turn_of(unsigned exits) {
    exits_left = exits;
    entries = 0;
    machine_forget();
    run(exit_and_compute);
}

static void take_time_in_root_mode(void) {
    machine.tsc_step = ROOT;
}

static void the_end_of_a_turn_is_late_by_an_eighth_at_most(void **state) {
    (void)state;
    take_time_in_root_mode();
    lateness = TURN / 8 + ROOT;
    for (unsigned exits = 0; exits < EXITS; exits++) {
        self->slice_end = machine.tsc + TURN;
        turn_of(exits);
        assert_true(machine.tsc <= self->slice_end + lateness + ROOT);
        assert_true(entries > exits);
    }
    assert_in_range(timer_writes(), 1, 3 + EXITS * ROOT / (TURN / 8));
}

/* A turn whose eighth is 500 us, and exits that take 600 us. */
static void the_end_of_a_long_turn_is_late_by_100_us_at_most(void **state) {
    (void)state;
    const unsigned most = 100 * (MACHINE_HZ / 1000000), turn = 40 * most, root = most / 50;
    const unsigned exits = 6 * most / root;

    machine.tsc_step = root;
    lateness = most + root;
    self->slice_end = machine.tsc + turn;
    turn_of(exits);
    assert_true(machine.tsc <= self->slice_end + lateness + root);
    assert_true(entries > exits);
    assert_in_range(timer_writes(), exits * root / most, 3 + 2 * exits * root / most);
}

static void expire(struct vmx_context *context) {
    if (self->timer_next == TIME_NEVER)
        pause(context);
    else
        exit_and_compute(context);
}

static void a_timer_is_late_by_an_eighth_at_most(void **state) {
    (void)state;
    take_time_in_root_mode();
    virq_apic_write(self, APIC_LVT_TIMER, 0x40);
    virq_apic_write(self, APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    self->slice_end = machine.tsc + 10 * MACHINE_HZ;
    lateness = TURN / 8 + ROOT;
    for (exits_left = 0; exits_left < EXITS;) {
        unsigned exits = exits_left;
        virq_apic_write(self, APIC_TIMER_INITIAL, TURN);
        uint64_t due = self->timer_next;
        machine_forget();
        run(expire);
        assert_int_equal(self->timer_next, TIME_NEVER);
        assert_in_range(machine.tsc, due, due + lateness + 3 * ROOT);
        exits_left = exits + 1;
    }
    assert_in_range(timer_writes(), EXITS * ROOT / (TURN / 8), EXITS / 2);
}

static void a_processor_that_does_not_save_it_has_it_set_at_each_entry(void **state) {
    (void)state;
    take_time_in_root_mode();
    host.capabilities.true_exit &= ~((uint64_t)VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER << 32);
    run_init();
    self->controls.exit &= ~(uint32_t)VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER;
    machine_set(VMCS_EXIT_CONTROLS, self->controls.exit);
    self->slice_end = machine.tsc + TURN;
    lateness = 0;
    turn_of(100);
    assert_true(entries > 100);
    assert_in_range(timer_writes(), entries, entries + 1);
}

/* WRMSR in the first entry; the second has the new deadline. */
static void set_deadline(struct vmx_context *context) {
    if (entries == 0) {
        context->reg[GUEST_RCX] = MSR_IA32_TSC_DEADLINE;
        context->reg[GUEST_RAX] = (uint32_t)(machine.tsc + TURN / 2);
        context->reg[GUEST_RDX] = (machine.tsc + TURN / 2) >> 32;
        execute(EXIT_REASON_WRMSR);
        return;
    }
    assert_in_range(machine.tsc + timer(), self->timer_next - (1u << TIMER_SHIFT),
                    self->timer_next);
    assert_int_equal(self->slice_end - self->timer_next, TURN - TURN / 2);
    pause(context);
}

static void a_new_deadline_is_set_at_the_next_entry(void **state) {
    (void)state;
    virq_apic_write(self, APIC_LVT_TIMER, APIC_LVT_TIMER_TSC_DEADLINE | 0x40);
    self->slice_end = machine.tsc + TURN;
    run(set_deadline);
    assert_int_equal(entries, 2);
}

static void a_shorter_turn_has_its_own_end(void **state) {
    (void)state;
    self->slice_end = machine.tsc + TURN;
    run(pause);
    self->slice_end = machine.tsc + TURN / 100;
    lateness = TURN / 100 / 8;
    turn_of(0);
    assert_in_range(machine.tsc, self->slice_end, self->slice_end + (1u << TIMER_SHIFT));
}

/* An NMI between the exit and the next entry: the timer is 0, and it is not yet time to set it. */
static void lose_the_timer(struct vmx_context *context) {
    (void)context;
    if (entries == 2) {
        assert_true(machine.tsc + timer() > self->slice_end - (1u << TIMER_SHIFT));
        execute(EXIT_REASON_PAUSE);
        return;
    }
    machine_set(VMCS_PREEMPTION_TIMER, 0);
    execute(EXIT_REASON_CPUID);
}

static void a_timer_that_a_kick_has_set_to_0_is_set_again(void **state) {
    (void)state;
    take_time_in_root_mode();
    self->slice_end = machine.tsc + TURN;
    run(lose_the_timer);
    assert_int_equal(entries, 3);
    assert_int_equal(self->exits_by_reason[EXIT_REASON_PREEMPTION_TIMER], 2);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up_turn)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_end_of_a_turn_is_late_by_an_eighth_at_most),
        TEST(the_end_of_a_long_turn_is_late_by_100_us_at_most),
        TEST(a_timer_is_late_by_an_eighth_at_most),
        TEST(a_processor_that_does_not_save_it_has_it_set_at_each_entry),
        TEST(a_new_deadline_is_set_at_the_next_entry),
        TEST(a_shorter_turn_has_its_own_end),
        TEST(a_timer_that_a_kick_has_set_to_0_is_set_again),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
