/* Guards vmm/vcpu/vector_registers.c, and its use in mmio_execute.c: moves of SSE and AVX registers
 * from and to the memory of devices. What they compute is compared with the processor in
 * tests/unit/test_mmio_native.c. */
#include "tests/machine/devices.h"

/* ---- SSE and AVX ---- */

static void stores_and_loads_go_in_pieces_of_8_bytes(void **state) {
    (void)state;
    machine.ymm[9][1] = 77;
    *reg(GUEST_RAX) = NOWHERE;
    DO(NOWHERE, READ, 0x44, 0x0f, 0x10, 0x08); /* movups xmm9, [rax] */
    assert_done();
    assert_int_equal(machine.xmm[9][0] & machine.xmm[9][1], ALL_ONES);
    assert_int_equal(machine.ymm[9][1], 77);
    assert_true(machine_says("read at 0xd0000000:") && machine_says("read at 0xd0000008:"));
    assert_false(machine_says("read at 0xd0000010:"));
    DO(NOWHERE, WRITE, 0xc5, 0x7c, 0x11, 0x08); /* vmovups [rax], ymm9 */
    assert_done();
    assert_true(machine_says("write at 0xd0000000:") && machine_says("write at 0xd0000018:"));
    assert_false(machine_says("write at 0xd0000020:"));
}

static void a_device_gets_and_gives_4_bytes(void **state) {
    (void)state;
    machine.xmm[9][0] = 0x1234567800000012;
    *reg(GUEST_RAX) = IOAPIC;
    DO(IOAPIC, WRITE, 0x66, 0x44, 0x0f, 0x7e, 0x08); /* movd [rax], xmm9 */
    assert_done();
    assert_int_equal(INDEX, 0x12);
    *reg(GUEST_RAX) = VIRTIO;
    machine.xmm[9][1] = 1;
    DO(VIRTIO, READ, 0xf3, 0x44, 0x0f, 0x10, 0x08); /* movss xmm9, [rax] */
    assert_done();
    assert_int_equal(machine.xmm[9][0], 0x74726976);
    assert_int_equal(machine.xmm[9][1], 0);
}

static void avx_clears_or_loads_the_upper_half(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++)
        machine.ymm[3][n] = machine.ymm[4][n] = 0x77;
    *reg(GUEST_RAX) = NOWHERE;
    DO(NOWHERE, READ, 0xc5, 0xfa, 0x7e, 0x18); /* vmovq xmm3, [rax] */
    assert_done();
    assert_int_equal(machine.xmm[3][0], ALL_ONES);
    assert_int_equal(machine.xmm[3][1] | machine.ymm[3][0] | machine.ymm[3][1], 0);
    assert_int_equal(machine.ymm[4][0], 0x77);
    DO(NOWHERE, READ, 0xc5, 0xfe, 0x6f, 0x18); /* vmovdqu ymm3, [rax] */
    assert_done();
    assert_int_equal(machine.ymm[3][1] & machine.ymm[3][0] & machine.xmm[3][1], ALL_ONES);
    machine.xmm[5][1] = 0x5;
    DO(NOWHERE, READ, 0xc5, 0xd0, 0x12, 0x18); /* vmovlps xmm3, xmm5, [rax] */
    assert_done();
    assert_int_equal(machine.xmm[3][0], ALL_ONES);
    assert_int_equal(machine.xmm[3][1], 5);
    assert_int_equal(machine.ymm[3][0], 0);
}

/* What the guest has not enabled in XCR0 is still there, and stays. */
static void registers_are_accessed_whatever_xcr0_is(void **state) {
    (void)state;
    self->registers.xcr0 = machine.xcr0 = XCR0_X87;
    machine.mxcsr = 0x1fa0;
    machine.x87 = 0x33;
    machine.ymm[0][0] = 0x44;
    *reg(GUEST_RAX) = NOWHERE;
    DO(NOWHERE, READ, 0x0f, 0x28, 0x00); /* movaps xmm0, [rax] */
    assert_done();
    assert_int_equal(machine.xmm[0][1], ALL_ONES);
    assert_int_equal(machine.ymm[0][0], 0x44);
    assert_int_equal(machine.x87, 0x33);
    assert_int_equal(machine.mxcsr, 0x1fa0);
    assert_int_equal(machine.xcr0, XCR0_X87);
}

static void assert_left_to_the_processor(bool avx) {
    *reg(GUEST_RAX) = IOAPIC;
    INDEX = 0x31;
    machine.xmm[0][0] = 0;
    if (avx)
        DO(IOAPIC, WRITE, 0xc5, 0xf9, 0x7e, 0x00); /* vmovd [rax], xmm0 */
    else
        DO(IOAPIC, WRITE, 0x66, 0x0f, 0x7e, 0x00);
    assert_stays();
    assert_int_equal(INDEX, 0x31);
}

/* #UD and #NM come before the access: only code that has changed since is there. SDM Vol. 3A,
 * "Checking for Intel SSE Extensions Support"; Vol. 1, "Detection of AVX Instructions". */
static void what_the_processor_refuses_it_refuses_itself(void **state) {
    uint64_t cr0 = machine_get(VMCS_GUEST_CR0), cr4 = machine_get(VMCS_GUEST_CR4);

    (void)state;
    machine_set(VMCS_GUEST_CR0, cr0 | CR0_TS);
    assert_left_to_the_processor(false);
    assert_left_to_the_processor(true);
    machine_set(VMCS_GUEST_CR0, cr0 | CR0_EM);
    assert_left_to_the_processor(false);
    machine_set(VMCS_GUEST_CR0, cr0);
    machine_set(VMCS_GUEST_CR4, cr4 & ~CR4_OSFXSR);
    assert_left_to_the_processor(false);
    machine_set(VMCS_GUEST_CR4, cr4 & ~CR4_OSXSAVE);
    assert_left_to_the_processor(true);
    machine_set(VMCS_GUEST_CR4, cr4);
    self->registers.xcr0 = XCR0_X87 | XCR0_SSE;
    assert_left_to_the_processor(true);
}

static void assert_general_protection(void) {
    assert_faults_with_code(VECTOR_GP, 0);
    self->event = 0;
}

/* A processor may check that before it accesses the memory, or after. SDM Vol. 2B, "MOVAPS-Move
 * Aligned Packed Single Precision Floating-Point Values". */
static void an_unaligned_operand_is_a_general_protection_fault(void **state) {
    (void)state;
    *reg(GUEST_RAX) = NOWHERE + 8;
    DO(NOWHERE + 8, WRITE, 0x0f, 0x29, 0x00); /* movaps [rax], xmm0 */
    assert_general_protection();
    DO(NOWHERE + 8, READ, 0x66, 0x0f, 0x6f, 0x00); /* movdqa xmm0, [rax] */
    assert_general_protection();
    *reg(GUEST_RAX) = NOWHERE + 16;
    DO(NOWHERE + 16, WRITE, 0xc5, 0xfd, 0xe7, 0x00); /* vmovntdq [rax], ymm0 */
    assert_general_protection();
    *reg(GUEST_RAX) = NOWHERE + PAGE - 8; /* RAM follows */
    DO(NOWHERE + PAGE - 8, READ, 0x0f, 0x28, 0x00);
    assert_general_protection();
    assert_string_equal(machine.console.text, "");
    DO(NOWHERE + 8, READ, 0xf3, 0x0f, 0x6f, 0x00); /* movdqu xmm0, [rax] */
    assert_done();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_devices)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(stores_and_loads_go_in_pieces_of_8_bytes),
        TEST(a_device_gets_and_gives_4_bytes),
        TEST(avx_clears_or_loads_the_upper_half),
        TEST(registers_are_accessed_whatever_xcr0_is),
        TEST(what_the_processor_refuses_it_refuses_itself),
        TEST(an_unaligned_operand_is_a_general_protection_fault),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
