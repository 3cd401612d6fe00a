/* Guards vmm/vcpu/mtrr.c: the values that firmware leaves, and those that a guest may write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "vmm/vcpu/mtrr.h"

#define PHYSICAL_MASK ((1ULL << 39) - 1)

static struct mtrr mtrr;

static int set_up(void **state) {
    (void)state;
    mtrr_firmware_defaults(&mtrr, PHYSICAL_MASK);
    return 0;
}

static void firmware_leaves_ram_write_back_and_devices_uncached(void **state) {
    (void)state;
    assert_int_equal(mtrr_read(&mtrr, MSR_IA32_MTRRCAP), 0x508);
    assert_int_equal(mtrr_read(&mtrr, MSR_IA32_MTRR_DEF_TYPE), 0xc06);
    assert_int_equal(mtrr_read(&mtrr, 0x250), 0x0606060606060606);
    assert_int_equal(mtrr_read(&mtrr, 0x259), 0); /* A0000H: video memory */
    assert_int_equal(mtrr_read(&mtrr, 0x26f), 0x0606060606060606);
    assert_int_equal(mtrr_read(&mtrr, 0x200), 0xc0000000);
    assert_int_equal(mtrr_read(&mtrr, 0x201), 0x7fc0000800);
    assert_int_equal(mtrr_read(&mtrr, 0x20f), 0);
}

static void only_mtrr_numbers_are_accepted(void **state) {
    unsigned count = 0;

    (void)state;
    for (uint32_t msr = 0; msr < 0x1000; msr++)
        count += mtrr_has(msr);
    assert_int_equal(count, 2 + MTRR_FIXED_COUNT + 2 * MTRR_VARIABLE_COUNT);
    assert_false(mtrr_has(0x1ff));
    assert_false(mtrr_has(0x210));
    assert_false(mtrr_has(0xc0000200));
    assert_false(mtrr_has(0x251));
}

static void a_written_value_is_read_back(void **state) {
    (void)state;
    assert_true(mtrr_write(&mtrr, 0x20e, 0x100000006, PHYSICAL_MASK));
    assert_true(mtrr_write(&mtrr, 0x20f, 0x7f00000800, PHYSICAL_MASK));
    assert_true(mtrr_write(&mtrr, 0x26a, 0x0001040506060606, PHYSICAL_MASK));
    assert_true(mtrr_write(&mtrr, MSR_IA32_MTRR_DEF_TYPE, 0, PHYSICAL_MASK));
    assert_int_equal(mtrr_read(&mtrr, 0x20e), 0x100000006);
    assert_int_equal(mtrr_read(&mtrr, 0x20f), 0x7f00000800);
    assert_int_equal(mtrr_read(&mtrr, 0x26a), 0x0001040506060606);
    assert_int_equal(mtrr_read(&mtrr, MSR_IA32_MTRR_DEF_TYPE), 0);
}

static void reserved_bits_and_types_fault_and_change_nothing(void **state) {
    const struct mtrr before = mtrr;

    (void)state;
    assert_false(mtrr_write(&mtrr, MSR_IA32_MTRRCAP, 0x508, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, MSR_IA32_MTRR_DEF_TYPE, 0xc02, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, MSR_IA32_MTRR_DEF_TYPE, 0x1c06, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, 0x200, 0x8000000000,
                            PHYSICAL_MASK)); /* beyond the physical address bits */
    assert_false(mtrr_write(&mtrr, 0x200, 0x107, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, 0x202, 3, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, 0x203, 0x400, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, 0x250, 0x0606060206060606, PHYSICAL_MASK));
    assert_false(mtrr_write(&mtrr, 0x250, 0x0606060606060607, PHYSICAL_MASK));
    assert_memory_equal(&mtrr, &before, sizeof(mtrr));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(firmware_leaves_ram_write_back_and_devices_uncached, set_up),
        cmocka_unit_test_setup(only_mtrr_numbers_are_accepted, set_up),
        cmocka_unit_test_setup(a_written_value_is_read_back, set_up),
        cmocka_unit_test_setup(reserved_bits_and_types_fault_and_change_nothing, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
