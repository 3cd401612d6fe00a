/* Guards vmm/host/host.c: how the other CPUs are started. SDM Vol. 3A, "Typical BSP Initialization
 * Sequence". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "arch/trampoline.h"
#include "tests/unit/processor.h"

/* The machine of the other tests has these for the rooms above. */
#define host            tested_host
#define host_wake       tested_host_wake
#define host_trace      tested_host_trace
#define host_trace_each tested_host_trace_each
#undef cpu_pause
#define cpu_pause test_pause
#define write_cr0 test_write_cr0
#define halt      test_halt
void test_pause(void);
void test_write_cr0(uint64_t value);
void test_halt(void);
#include "tests/machine/machine.h"
#include "vmm/host/host.c"

#define MS (MACHINE_HZ / 1000)

static struct {
    uint64_t online_after; /* the first STARTUP, in ticks; 0: never */
    uint64_t startup_at;
    unsigned inits, startups, startups_now, allocations_before, allocations;
    bool other_runs; /* the code of the other CPU: it must not allocate */
    bool other_has_run;
    bool blocks_init; /* the other CPU is in VMX operation, and nearly ready, at the last INIT */
    uint32_t highest; /* APIC ID that an IPI reaches */
    struct host_cpu *started;
    struct vmx_capabilities capabilities; /* of the other CPU */
    const char *mitigations_problem, *tsc_problem;
    unsigned compared, other_compared;
    uint64_t cr0;
} test;

static jmp_buf halted;

void test_halt(void) {
    longjmp(halted, 1);
}

void test_write_cr0(uint64_t value) {
    test.cr0 = value;
}

static void run_other(void) {
    test.other_runs = test.other_has_run = true;
    if (setjmp(halted) == 0)
        host_other_main(&test.started->cpu);
    test.other_runs = false;
}

/* The other CPU runs its code when its time has come. */
void test_pause(void) {
    machine.tsc += MS;
    if (!test.online_after || !test.startups_now || test.other_has_run ||
        machine.tsc - test.startup_at < test.online_after)
        return;
    run_other();
}

static void run(void) {
}

void *trampoline_memory[512];

void trampoline_place(void *page, const struct trampoline_arguments *arguments) {
    (void)page;
    test.started = (struct host_cpu *)arguments->cpu;
}

void cpu_load(struct cpu *cpu) {
    cpu->self = cpu;
}

void lapic_enable(void) {
}

bool lapic_reaches(uint32_t apic_id) {
    return apic_id <= test.highest;
}

void lapic_send_init(uint32_t apic_id) {
    (void)apic_id;
    if (test.inits++ && test.blocks_init) {
        run_other();
        return;
    }
    test.startups_now = 0;
    test.other_has_run = false;
}

void lapic_send_startup(uint32_t apic_id, uint32_t page) {
    (void)apic_id;
    (void)page;
    test.startups++;
    if (test.startups_now++ == 0)
        test.startup_at = machine.tsc;
}

void tsc_delay_us(uint64_t microseconds) {
    machine.tsc += MACHINE_HZ / 1000000 * microseconds;
}

uint64_t memory_alloc_stack(uint64_t size) {
    uint64_t physical;

    assert_false(test.other_runs);
    return (uint64_t)memory_alloc_pages(size, &physical) + size;
}

uint32_t memory_trampoline_tables(uint64_t trampoline) {
    (void)trampoline;
    return 0x9000;
}

void memory_enter(void) {
}

void vmx_read_capabilities(struct vmx_capabilities *capabilities) {
    *capabilities = test.capabilities;
}

/* The region was allocated by the boot CPU. */
const char *vmx_on(struct vmx_region *region, uint64_t physical) {
    assert_non_null(region);
    assert_ptr_equal(machine_memory(physical), region);
    return NULL;
}

const char *mitigations_apply(void) {
    return test.mitigations_problem;
}

void tsc_sync_init(void) {
}

void tsc_sync_boot(void) {
    test.compared++;
}

const char *tsc_sync_other(uint32_t index, uint32_t apic_id) {
    assert_int_equal(index, test.started->cpu.index);
    assert_int_equal(apic_id, test.started->cpu.apic_id);
    test.other_compared++;
    return test.tsc_problem;
}

static struct boot_info info;

static int set_up(void **state) {
    (void)state;
    machine_reset();
    memset(&test, 0, sizeof(test));
    memset(&info, 0, sizeof(info));
    test.capabilities = broadwell();
    test.highest = 254;
    host = (struct host){.capabilities = broadwell(), .boot = &info};
    info.cpu_count = 2;
    info.cpu_apic_id[1] = 2;
    info.trampoline = (uint64_t)trampoline_memory - DIRECT_MAP_BASE;
    host.cpu[0] = host_cpu_create(0, 0);
    host.cpu_count = 1;
    machine.tsc_step = MS / 10;
    machine.idle = test_halt; /* the other CPU waits for its release */
    return 0;
}

static void a_cpu_that_starts_is_used(void **state) {
    (void)state;
    test.online_after = MS;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 2);
    assert_int_equal(test.inits, 1);
    assert_int_equal(test.startups, 1);
    assert_int_equal(test.cr0, CR0_HOST);
}

/* Two WBINVDs with caches off, or a vCPU whose host is busy. */
static void a_cpu_that_takes_seconds_is_used(void **state) {
    (void)state;
    test.online_after = 3000 * MS;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 2);
    assert_int_equal(test.startups, 2);
    assert_int_equal(test.inits, 1);
}

static void a_cpu_that_does_not_start_is_held_by_an_init(void **state) {
    (void)state;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 1);
    assert_int_equal(test.startups, 2);
    assert_int_equal(test.inits, 2);
    assert_true(machine_says("CPU with APIC ID 2 did not start; not used"));
}

/* It would compare its TSC with the boot CPU's while the next CPU does so, too. VMX operation
 * blocks INIT: SDM Vol. 3C, "Discovering Support for VMX". */
static void a_cpu_that_is_ready_after_the_limit_is_not_used(void **state) {
    (void)state;
    test.blocks_init = true;
    host_start_others(&info, run);
    assert_true(test.other_has_run);
    assert_int_equal(test.other_compared, 0);
    assert_int_equal(host.cpu_count, 1);
    assert_true(machine_says("CPU with APIC ID 2 did not start; not used"));
    assert_true(machine_says("CPU 1 not used: it started after the boot CPU had stopped waiting"));
}

/* Else its number would be cut to 8 bits, and an INIT would reset another CPU. */
static void a_cpu_that_no_ipi_reaches_is_left_alone(void **state) {
    (void)state;
    info.cpu_apic_id[1] = 256;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 1);
    assert_int_equal(test.inits + test.startups, 0);
    assert_true(machine_says("CPU with APIC ID 256 not used: only x2APIC mode reaches it"));
}

/* With every second APIC ID, so that half of them need x2APIC mode: test_lapic.c. */
static void a_machine_has_256_cpus(void **state) {
    (void)state;
    test.online_after = MS;
    test.highest = UINT32_MAX - 1;
    info.cpu_count = BOOT_MAX_CPUS;
    for (uint32_t i = 0; i < BOOT_MAX_CPUS; i++)
        info.cpu_apic_id[i] = 2 * i;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 256);
    assert_int_equal(test.startups, 255);
    for (uint32_t i = 0; i < BOOT_MAX_CPUS; i++) {
        assert_int_equal(host.cpu[i]->cpu.index, i);
        assert_int_equal(host.cpu[i]->cpu.apic_id, 2 * i);
    }
}

/* L1 terminal fault and MDS: what a guest leaves in a core. */
static void two_guests_do_not_share_a_core(void **state) {
    (void)state;
    machine_leaf(0, 0)->eax = 0x0d;
    *machine_leaf(0x0b, 0) = (struct cpuid_result){1, 2, 1 << 8, 0}; /* two threads a core */
    info.cpu_count = 2;
    info.cpu_apic_id[1] = 1; /* beside the boot CPU */
    info.guest_count = 2;
    mitigations.on = MITIGATION_SMT;
    test.online_after = MS;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 1);
    /* It is started to wait with machine checks enabled, and no INIT disables them again. */
    assert_true(test.other_has_run);
    assert_int_equal(test.inits, 1);
    assert_true(machine_find(MACHINE_VMXOFF, MACHINE_ANY, 0) >= 0);
    assert_true(machine_says("CPU 1 not used: it is the other thread of a core"));
    info.cpu_apic_id[1] = 2; /* of another core */
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 2);
}

static void one_guest_or_permission_uses_both_threads(void **state) {
    for (unsigned i = 0; i < 2; i++) {
        set_up(state);
        machine_leaf(0, 0)->eax = 0x0d;
        *machine_leaf(0x0b, 0) = (struct cpuid_result){1, 2, 1 << 8, 0};
        info.cpu_apic_id[1] = 1;
        info.guest_count = i + 1;

        mitigations.on = i ? 0 : MITIGATION_SMT;
        test.online_after = MS;
        host_start_others(&info, run);
        assert_int_equal(host.cpu_count, 2);
    }
}

static void a_cpu_of_another_kind_is_named_by_what_differs(void **state) {
    (void)state;
    test.online_after = MS;
    test.capabilities.procbased2 ^= 1ULL << 40;
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 1);
    assert_true(
        machine_says("CPU 1 not used: IA32_VMX_PROCBASED_CTLS2 differs from the boot CPU's"));
}

static void a_cpu_whose_time_is_wrong_is_not_used(void **state) {
    (void)state;
    test.online_after = MS;
    test.tsc_problem = "its TSC does not tell the boot CPU's time";
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 1);
    assert_true(machine_says("CPU 1 not used: its TSC does not tell the boot CPU's time"));
}

static void a_cpu_with_other_speculation_controls_is_not_used(void **state) {
    (void)state;
    test.online_after = MS;
    test.mitigations_problem = "its speculation controls differ";
    host_start_others(&info, run);
    assert_int_equal(host.cpu_count, 1);
    assert_true(machine_says("CPU 1 not used: its speculation controls differ"));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_cpu_that_starts_is_used),
        TEST(a_cpu_that_takes_seconds_is_used),
        TEST(a_cpu_that_does_not_start_is_held_by_an_init),
        TEST(a_cpu_that_is_ready_after_the_limit_is_not_used),
        TEST(a_cpu_that_no_ipi_reaches_is_left_alone),
        TEST(a_machine_has_256_cpus),
        TEST(two_guests_do_not_share_a_core),
        TEST(one_guest_or_permission_uses_both_threads),
        TEST(a_cpu_of_another_kind_is_named_by_what_differs),
        TEST(a_cpu_whose_time_is_wrong_is_not_used),
        TEST(a_cpu_with_other_speculation_controls_is_not_used),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    machine_reset();
    return failed;
}
