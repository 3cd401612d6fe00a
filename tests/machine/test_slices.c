/* Guards that no sequence of exits keeps a CPU beyond the slice: vmm/vcpu/run.c. A guest repeats
 * one exit for ever, each reason that there is in turn; its turn has to end with its slice all the
 * same, if it does not end before because the guest halts, yields or is killed. */
#include "arch/idt.h"
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/run.h"

#define EXITS_IN_A_SLICE 50
#define TICKS            1000u /* between two exits */
/* The exit at which the slice ends, and entries that another CPU's request or a timer cuts short.
 */
#define EXITS_MOST (EXITS_IN_A_SLICE + 2)

static uint32_t repeated, information, vectoring;
static unsigned entries;

static void repeat(struct vmx_context *context) {
    (void)context;
    machine.tsc += TICKS;
    assert_true(++entries <= EXITS_MOST);
    machine_exit(repeated, 0, LENGTH);
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, information);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, vectoring);
}

/* Returns how many exits the guest has caused in its turn. */
static unsigned turn_of(uint32_t reason) {
    repeated = reason;
    entries = 0;
    self->slice_end = machine.tsc + EXITS_IN_A_SLICE * TICKS;
    machine.guest = repeat;
    machine.deliver = repeat;
    run_turn(self);
    return entries;
}

static void any_exit_reason_ends_with_its_slice(void **state) {
    unsigned whole = 0;

    for (uint32_t reason = 0; reason < EXIT_REASON_COUNT; reason++) {
        if (reason == EXIT_REASON_ENTRY_MACHINE_CHECK)
            continue; /* a panic */
        set_up_long_mode(state);
        information = vectoring = 0;
        whole += turn_of(reason) >= EXITS_IN_A_SLICE;
        machine_reset();
    }
    assert_true(whole > 15); /* those that a guest can repeat for ever */
    set_up_long_mode(state);
}

/* CVE-2015-5307 and CVE-2015-8104: delivering the exception raises it again, with no instruction in
 * between; the preemption timer never gets to exit. */
static void an_exception_that_raises_itself_ends_with_its_slice(void **state) {
    static const uint32_t events[] = {INTERRUPTION_ERROR_CODE | VECTOR_AC, VECTOR_DB};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        information = vectoring = INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION | events[i];
        assert_in_range(turn_of(EXIT_REASON_EXCEPTION_OR_NMI), EXITS_IN_A_SLICE, EXITS_MOST);
        assert_int_equal(self->state, VCPU_RUNNABLE);
    }
}

static void an_nmi_in_every_entry_ends_with_its_slice(void **state) {
    (void)state;
    vectoring = 0;
    information = INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI;
    assert_in_range(turn_of(EXIT_REASON_EXCEPTION_OR_NMI), EXITS_IN_A_SLICE, EXITS_MOST);
}

static unsigned kicks;

static void kick(void) {
    assert_true(++kicks < 10 * EXITS_IN_A_SLICE);
    machine.meanwhile = kick;
    machine.meanwhile_at = machine.instructions + 20;
    vcpu_send_nmi(self);
    machine.tsc += TICKS;
}

/* Another vCPU's NMIs come faster than this one gets to its first entry. */
static void a_storm_of_nmis_starves_no_first_entry(void **state) {
    (void)state;
    assert_false(self->launched);
    machine.meanwhile = kick;
    machine.meanwhile_at = machine.instructions + 1;
    information = vectoring = 0;
    turn_of(EXIT_REASON_CPUID);
    machine.meanwhile = NULL;
    assert_true(kicks > 1);
    assert_true(self->launched);
}

static void kick_once(void) {
    vcpu_request(self, REQUEST_INTERRUPTS);
}

static void what_is_injected_at_the_first_entry_is_not_lost(void **state) {
    (void)state;
    vcpu_send_nmi(self);
    machine.meanwhile = kick_once;
    machine.meanwhile_at = machine.instructions + 60;
    information = vectoring = 0;
    turn_of(EXIT_REASON_CPUID);
    machine.meanwhile = NULL;
    int entered = machine_find(MACHINE_ENTER, MACHINE_ANY, 0);
    assert_true(entered >= 0);
    assert_int_equal(machine.record[entered].value,
                     INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_exit_reason_ends_with_its_slice, set_up_long_mode),
        cmocka_unit_test_setup(an_exception_that_raises_itself_ends_with_its_slice,
                               set_up_long_mode),
        cmocka_unit_test_setup(an_nmi_in_every_entry_ends_with_its_slice, set_up_long_mode),
        cmocka_unit_test_setup(a_storm_of_nmis_starves_no_first_entry, set_up_long_mode),
        cmocka_unit_test_setup(what_is_injected_at_the_first_entry_is_not_lost, set_up_long_mode),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
