/* Guards drivers/lapic.c: which APIC IDs are reached, what is left of the firmware's set-up, and
 * what the timer's frequency is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/apic_registers.h"
#include "arch/cpuid.h"
#include "arch/msr.h"
#include "tests/machine/machine.h"

/* The machine has its own for the rooms above. */
#define lapic_send_nmi    tested_send_nmi
#define lapic_send_fixed  tested_send_fixed
#define lapic_in_service  tested_in_service
#define lapic_requested   tested_requested
#define lapic_eoi         tested_eoi
#define lapic_timer_start tested_timer_start
#define lapic_timer_stop  tested_timer_stop
#include "drivers/lapic.c"

static uint32_t registers[1024];
static uint64_t delay; /* of the CPU, in each wait */

void tsc_delay_us(uint64_t microseconds) {
    uint64_t ticks = MACHINE_HZ / 1000000 * microseconds + delay;

    machine.tsc += ticks;
    registers[APIC_TIMER_CURRENT / 4] = UINT32_MAX - (uint32_t)(ticks / 80); /* 25 MHz */
}

static void give_msr(uint32_t number, uint64_t value) {
    for (unsigned i = 0; i < MACHINE_MSRS; i++) {
        if (!machine.msr[i].number) {
            machine.msr[i].number = number;
            machine.msr[i].value = value;
            return;
        }
    }
    fail();
}

static int set_up(void **state) {
    (void)state;
    machine_reset();
    memset(registers, 0, sizeof(registers));
    registers[APIC_VERSION / 4] = 0x50014; /* six LVT entries */
    give_msr(MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP);
    delay = 0;
    return 0;
}

static void in_xapic_mode_an_apic_id_has_8_bits(void **state) {
    (void)state;
    machine_leaf(1, 0)->ecx &= ~CPUID_1_ECX_X2APIC;
    lapic_init(registers, 300);
    assert_true(lapic_reaches(0));
    assert_true(lapic_reaches(254));
    assert_false(lapic_reaches(255)); /* a broadcast */
    assert_false(lapic_reaches(256)); /* truncated, it is APIC ID 0 */
    lapic_send_nmi(254);
    assert_int_equal(registers[APIC_ICR_HIGH / 4], 254u << 24);
}

static void a_machine_of_many_cpus_changes_to_x2apic_mode(void **state) {
    (void)state;
    lapic_init(registers, 300);
    assert_true(lapic_reaches(300));
    assert_true(lapic_reaches(255)); /* the broadcast has 32 bits */
    lapic_init(registers, 254);
    assert_false(lapic_reaches(300));
}

/* Without registers in memory, whose address leads to nothing in this mode. */
static void an_x2apic_that_the_firmware_left_on_is_used_as_it_is(void **state) {
    static const uint32_t used[] = {APIC_VERSION,     APIC_TPR,           APIC_EOI,
                                    APIC_SVR,         APIC_ICR_LOW,       APIC_LVT_TIMER,
                                    APIC_LVT_LINT0,   APIC_LVT_LINT1,     APIC_LVT_ERROR,
                                    APIC_LVT_THERMAL, APIC_TIMER_INITIAL, APIC_TIMER_DIVIDE};

    (void)state;
    for (unsigned i = 0; i < sizeof(used) / sizeof(used[0]); i++)
        give_msr(MSR_X2APIC_BASE + used[i] / 16, 0);
    for (unsigned i = 0; i < 8; i++)
        give_msr(MSR_X2APIC_BASE + APIC_ISR / 16 + i, 0);
    *machine_msr(MSR_IA32_APIC_BASE) |= APIC_BASE_X2APIC;
    assert_true(lapic_is_x2apic());
    *machine_msr(MSR_X2APIC_BASE + APIC_VERSION / 16) = 0x50014;
    *machine_msr(MSR_X2APIC_BASE + APIC_LVT_THERMAL / 16) = APIC_DELIVERY_SMI << 8;
    *machine_msr(MSR_X2APIC_BASE + APIC_EOI / 16) = 0x55;
    *machine_msr(MSR_X2APIC_BASE + APIC_ISR / 16 + 2) = 1u << 5;
    lapic_init(NULL, 1);
    assert_true(lapic_reaches(300));
    assert_true(lapic_in_service(69));
    *machine_msr(MSR_X2APIC_BASE + APIC_LVT_THERMAL / 16) = 0;
    lapic_enable();
    assert_int_equal(*machine_msr(MSR_X2APIC_BASE + APIC_SVR / 16) & APIC_SVR_ENABLE,
                     APIC_SVR_ENABLE);
    assert_int_equal(*machine_msr(MSR_X2APIC_BASE + APIC_LVT_LINT0 / 16), APIC_LVT_MASKED);
    assert_int_equal(*machine_msr(MSR_X2APIC_BASE + APIC_LVT_THERMAL / 16), APIC_DELIVERY_SMI << 8);
    assert_int_equal(*machine_msr(MSR_X2APIC_BASE + APIC_EOI / 16), 0);
    lapic_send_nmi(300);
    assert_int_equal(*machine_msr(MSR_X2APIC_BASE + APIC_ICR_LOW / 16) >> 32, 300);
    assert_true(*machine_msr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC);
}

static void a_thermal_smi_of_the_firmware_is_given_to_all_cpus(void **state) {
    (void)state;
    registers[APIC_LVT_THERMAL / 4] = APIC_DELIVERY_SMI << 8;
    lapic_init(registers, 0);
    registers[APIC_LVT_THERMAL / 4] = APIC_LVT_MASKED; /* another CPU, after its INIT */
    lapic_enable();
    assert_int_equal(registers[APIC_LVT_THERMAL / 4], APIC_DELIVERY_SMI << 8);
}

static void no_other_thermal_interrupt_is(void **state) {
    (void)state;
    registers[APIC_LVT_THERMAL / 4] = 0x30; /* a vector of the firmware's */
    lapic_init(registers, 0);
    registers[APIC_LVT_THERMAL / 4] = APIC_LVT_MASKED;
    lapic_enable();
    assert_int_equal(registers[APIC_LVT_THERMAL / 4], APIC_LVT_MASKED);
    registers[APIC_VERSION / 4] = 0x30014; /* no such register */
    registers[APIC_LVT_THERMAL / 4] = APIC_DELIVERY_SMI << 8;
    lapic_init(registers, 0);
    registers[APIC_LVT_THERMAL / 4] = 0;
    lapic_enable();
    assert_int_equal(registers[APIC_LVT_THERMAL / 4], 0);
}

static void interrupts_in_service_in_the_firmware_are_retired(void **state) {
    (void)state;
    lapic_init(registers, 0);
    registers[APIC_EOI / 4] = 0x55;
    lapic_enable();
    assert_int_equal(registers[APIC_EOI / 4], 0x55); /* none was */
    registers[(APIC_ISR + 0x20) / 4] = 1u << 5;
    assert_true(lapic_in_service(69));
    assert_false(lapic_in_service(68));
    registers[(APIC_IRR + 0x70) / 4] = 1u << 17;
    assert_true(lapic_requested(0xf1));
    assert_false(lapic_requested(69));
    assert_false(lapic_in_service(0xf1));
    lapic_enable(); /* ends, though this APIC never clears the bit */
    assert_int_equal(registers[APIC_EOI / 4], 0);
}

/* 25 MHz, whatever time passes: an SMI, or a vCPU that its host does not run for a while. */
static void a_delay_does_not_change_the_timers_frequency(void **state) {
    (void)state;
    lapic_init(registers, 0);
    lapic_measure_timer();
    assert_int_equal(timer_frequency, 25000000);
    delay = MACHINE_HZ / 1000 * 6; /* 6 ms more */
    lapic_measure_timer();
    assert_int_equal(timer_frequency, 25000000);
    lapic_timer_start(machine.tsc + MACHINE_HZ / 100);
    assert_int_equal(registers[APIC_TIMER_INITIAL / 4], 250001);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(in_xapic_mode_an_apic_id_has_8_bits),
        TEST(a_machine_of_many_cpus_changes_to_x2apic_mode),
        TEST(an_x2apic_that_the_firmware_left_on_is_used_as_it_is),
        TEST(a_thermal_smi_of_the_firmware_is_given_to_all_cpus),
        TEST(no_other_thermal_interrupt_is),
        TEST(interrupts_in_service_in_the_firmware_are_retired),
        TEST(a_delay_does_not_change_the_timers_frequency),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    machine_reset();
    return failed;
}
