/* Guards vmm/pc/bios.c, legacy.c, power.c and rtc.c: what kernels for an old PC look for in its
 * memory and at its ports. */
#include "tests/machine/one_vm.h"
#include "vmm/pc/ports.h"

static uint32_t in(uint16_t port, unsigned size) {
    return pc_port_in(&vm->pc, port, size) & (uint32_t)((1ULL << 8 * size) - 1);
}

static void out(uint16_t port, unsigned size, uint32_t value) {
    pc_port_out(&vm->pc, port, size, value);
}

static uint16_t word(uint32_t address) {
    uint16_t value;

    memcpy(&value, vm->ram + address, sizeof(value));
    return value;
}

static void assert_ended(const char *how) {
    if (!how) {
        assert_int_equal(atomic_load(&vm->state), VM_RUNNING);
        return;
    }
    assert_int_not_equal(atomic_load(&vm->state), VM_RUNNING);
    assert_string_equal(vm->how, how);
}

/* A new machine for each. */
static void ends(uint16_t port, unsigned size, uint32_t value, const char *how) {
    void *state = NULL;

    set_up_real_mode(&state);
    out(port, size, value);
    assert_ended(how);
    tear_down(&state);
}

static void the_bios_data_area_describes_the_pc(void **state) {
    (void)state;
    assert_int_equal(word(0x400), 0x3f8);
    assert_int_equal(word(0x40e), 0x9fc0); /* the extended area's segment */
    assert_int_equal(word(0x413), 639);    /* KiB of base memory: up to that segment */
    assert_int_equal(vm->ram[0x449], 3);
    assert_int_equal(word(0x44a), 80);
    assert_int_equal(word(0x463), 0x3d4);
    assert_int_equal(vm->ram[0x484], 24);
    assert_int_equal(vm->ram[0x9fc00], 1); /* KiB */
}

/* MultiProcessor Specification 1.4, "MP Floating Pointer Structure": the search. */
static void the_mp_table_is_found_by_searching(void **state) {
    uint32_t found = 0;

    (void)state;
    for (uint32_t at = 0xf0000; at < 0x100000; at += 16) {
        if (memcmp(vm->ram + at, "_MP_", 4) == 0) {
            assert_int_equal(found, 0);
            found = at;
        }
    }
    assert_int_not_equal(found, 0);
    uint32_t table;
    memcpy(&table, vm->ram + found + 4, sizeof(table));
    assert_memory_equal(vm->ram + table, "PCMP", 4);
    assert_int_equal(vm->ram[table + 44 + 20 + 1], 1); /* the second vCPU's APIC ID */
}

static uint32_t cmos16(uint8_t index) {
    out(0x70, 1, index);
    uint32_t low = in(0x71, 1);
    out(0x70, 1, index + 1u);
    return low | in(0x71, 1) << 8;
}

static void the_cmos_memory_has_the_size_of_memory(void **state) {
    uint64_t size = vm->ram_size;

    (void)state;
    assert_int_equal(cmos16(0x15), 640);
    assert_int_equal(cmos16(0x17), (size - (1 << 20)) / 1024);
    assert_int_equal(cmos16(0x30), (size - (1 << 20)) / 1024);
    assert_int_equal(cmos16(0x34), size > 16 << 20 ? (size - (16 << 20)) / 65536 : 0);
}

static void the_cursor_is_readable(void **state) {
    (void)state;
    out(0x3d4, 1, 0x0e);
    out(0x3d5, 1, 0x12);
    out(0x3d4, 2, 0x340f); /* index and value in one write */
    assert_int_equal(in(0x3d4, 1), 0x0f);
    assert_int_equal(in(0x3d5, 1), 0x34);
    assert_int_equal(in(0x3d4, 2), 0x340f);
    out(0x3d4, 1, 0x0e);
    assert_int_equal(in(0x3d5, 1), 0x12);
    out(0x3d4, 1, 0xff);
    out(0x3d5, 1, 0x55);
    assert_int_equal(in(0x3d5, 1), 0);
}

static void the_keyboard_controller_has_no_data(void **state) {
    (void)state;
    assert_int_equal(in(0x64, 1), 0x14); /* no data, ready for input, tested, unlocked */
    in(0x60, 1);
    assert_int_equal(in(0x64, 1) & 3, 0);
}

static void the_keyboard_controller_answers_its_own_commands(void **state) {
    static const uint8_t answers[][2] = {
        {0xaa, 0x55}, {0xab, 1}, {0xa9, 1}, {0xd0, 3}, {0xc0, 0x80}};

    (void)state;
    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        out(0x64, 1, answers[i][0]);
        assert_int_equal(in(0x64, 1) & 3, 1);
        assert_int_equal(in(0x60, 1), answers[i][1]);
        assert_int_equal(in(0x64, 1) & 3, 0);
    }
    out(0x64, 1, 0x60);
    out(0x60, 1, 0x47);
    out(0x64, 1, 0x20);
    assert_int_equal(in(0x60, 1), 0x47);
    out(0x60, 1, 0xff); /* to the keyboard: nobody answers */
    assert_int_equal(in(0x64, 1) & 3, 0);
    out(0x64, 1, 0xd1);
    out(0x60, 1, 0xdf); /* address line 20 */
    out(0x64, 1, 0xff); /* pulses no line */
    assert_ended(NULL);
}

static void the_keyboard_controller_resets(void **state) {
    (void)state;
    ends(0x64, 1, 0xfe, "reset");
    ends(0x64, 1, 0xf0, "reset");
    ends(0x64, 1, 0xff, NULL);
    set_up_real_mode(state);
    out(0x64, 1, 0xd1);
    out(0x60, 1, 0xfe);
    assert_ended("reset");
    tear_down(state);
}

static void pm1_control_switches_off(void **state) {
    (void)state;
    ends(0x604, 2, 0x2000, "poweroff"); /* QEMU */
    ends(0x604, 2, 0x3400, "poweroff"); /* SLP_TYP of \_S5 */
    ends(0x604, 4, 0x2000, "poweroff");
    ends(0x605, 1, 0x20, "poweroff");
    ends(0xb004, 2, 0x2000, "poweroff"); /* Bochs, QEMU before 2.0 */
    ends(0x604, 2, 0x1400, NULL);        /* without SLP_EN */
    ends(0x604, 2, 0x2400, NULL);        /* another sleep state */
    ends(0x604, 1, 0x2000, NULL);
    set_up_real_mode(state);
    assert_int_equal(in(0x604, 2), 1); /* SCI_EN: ACPI mode */
    assert_int_equal(in(0x605, 1), 0);
    tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_real_mode, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_bios_data_area_describes_the_pc),
        TEST(the_mp_table_is_found_by_searching),
        TEST(the_cmos_memory_has_the_size_of_memory),
        TEST(the_cursor_is_readable),
        TEST(the_keyboard_controller_has_no_data),
        TEST(the_keyboard_controller_answers_its_own_commands),
        cmocka_unit_test(the_keyboard_controller_resets),
        cmocka_unit_test(pm1_control_switches_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
