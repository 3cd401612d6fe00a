/* Guards how vmm/vcpu/exit_mmio.c finds the bytes of an instruction, in each mode and where pages
 * and memory end, and the EPT violations that no instruction can be emulated for. SDM Vol. 3C, "EPT
 * Violations"; Vol. 3A, "Segmentation". */
#include "tests/machine/paging.h"

#define WRITE      EPT_VIOLATION_WRITE
#define OF_ADDRESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED)

/* mov dword [rax], imm32; with a 16-bit operand the two last bytes belong to what follows */
#define VALUE     0x17
#define OPERATION 0xc7, 0x00, VALUE, 0x00, 0x00, 0x00

static bool violates(uint64_t qualification) {
    vm->routing.ioapic.index = 0;
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, IOAPIC_DEFAULT_BASE);
    return exits(EXIT_REASON_EPT_VIOLATION, qualification);
}

static void assert_stored(uint64_t rip) {
    machine_set(VMCS_GUEST_RIP, rip);
    assert_true(violates(WRITE | OF_ADDRESS));
    assert_runs();
    assert_int_equal(vm->routing.ioapic.index, VALUE);
    assert_field(VMCS_GUEST_RIP, rip + 6);
}

static void place(uint64_t physical, const uint8_t *bytes, size_t size) {
    memcpy(vm->ram + physical, bytes, size);
}

static const uint8_t code[] = {OPERATION};

/* ---- modes ---- */

static void sixty_four_bit_code_is_found_by_rip_alone(void **state) {
    (void)state;
    place(0x3000, code, sizeof(code));
    machine_set(VMCS_GUEST_CS_BASE, 0x1000); /* ignored */
    assert_stored(0x3000);
}

static void a_segments_base_counts_outside_64_bit_mode(void **state) {
    (void)state;
    machine_protected_mode();
    place(0x3000, code, sizeof(code));
    machine_set(VMCS_GUEST_CS_BASE, 0x1000);
    assert_stored(0x2000);
    machine_set(VMCS_GUEST_CS_BASE, 0xfffff000); /* and the sum wraps at 32 bits */
    assert_stored(0x4000);
}

static void in_compatibility_mode_code_has_32_bits_and_long_mode_paging(void **state) {
    (void)state;
    map(0, 0x9000, KERNEL_DATA);
    place(0x9000, code, sizeof(code));
    machine_set(VMCS_GUEST_CS_ACCESS_RIGHTS, 0xc09b);
    machine_set(VMCS_GUEST_CS_BASE, 0x1000);
    assert_stored(PAGES - 0x1000);
}

/* 67H selects 32-bit addresses, 66H operands. */
static void sixteen_bit_code_has_16_bit_operands(void **state) {
    static const uint8_t bytes[] = {0x67, 0x66, OPERATION};

    (void)state;
    machine_real_mode();
    place(0x12350, bytes, sizeof(bytes));
    machine_set(VMCS_GUEST_CS_BASE, 0x12340);
    machine_set(VMCS_GUEST_RIP, 0x10);
    violates(WRITE | OF_ADDRESS);
    assert_runs();
    assert_int_equal(vm->routing.ioapic.index, VALUE);
    assert_field(VMCS_GUEST_RIP, 0x10 + sizeof(bytes));
}

/* ---- where pages and memory end ---- */

static void an_instruction_may_cross_into_another_page(void **state) {
    (void)state;
    map(0, 0x9000, KERNEL_DATA);
    map(1, 0x5000, KERNEL_DATA);
    for (unsigned first = 1; first < sizeof(code); first++) {
        place(0xa000 - first, code, first);
        place(0x5000, code + first, sizeof(code) - first);
        assert_stored(PAGES + PAGE - first);
    }
}

static void bytes_behind_the_instruction_need_not_be_mapped(void **state) {
    (void)state;
    map(0, 0x9000, KERNEL_DATA);
    place(0xa000 - sizeof(code), code, sizeof(code));
    assert_stored(PAGES + PAGE - sizeof(code));
}

static void an_instruction_at_the_end_of_ram_is_found(void **state) {
    (void)state;
    place(vm->ram_size - sizeof(code), code, sizeof(code));
    machine_protected_mode();
    assert_stored(vm->ram_size - sizeof(code));
}

/* ---- refusals ---- */

static void an_instruction_of_another_kind_ends_the_guest(void **state) {
    static const uint8_t fxsave[] = {0x0f, 0xae, 0x00}, avx[] = {0xc5, 0xfc, 0x58, 0x00};

    (void)state;
    place(START_RIP, fxsave, sizeof(fxsave));
    violates(WRITE | OF_ADDRESS);
    violates(WRITE | OF_ADDRESS); /* twice: see test_mmio_fetch.c */
    assert_killed("vCPU 0: access to 0xfec00000 by the instruction at 0x1000: ");
    assert_field(VMCS_GUEST_RIP, START_RIP);
    set_up_paging(NULL);
    place(START_RIP, avx, sizeof(avx));
    violates(WRITE | OF_ADDRESS);
    violates(WRITE | OF_ADDRESS);
    assert_killed("decoded for device memory: c5 fc 58 00"); /* vaddps ymm0, ymm0, [rax] */
}

static void code_and_page_tables_outside_of_ram_end_the_guest(void **state) {
    (void)state;
    violates(EPT_VIOLATION_FETCH | OF_ADDRESS);
    assert_killed("instruction fetch at 0xfec00000, which is not RAM (RIP 0x1000)");
    set_up_paging(NULL);
    violates(WRITE | EPT_VIOLATION_LINEAR_VALID); /* an access to a paging structure */
    assert_killed("its page tables are at 0xfec00000, which is not RAM");
    set_up_paging(NULL);
    violates(1); /* MOV to CR3 in PAE mode: there is no linear address */
    assert_killed("its page tables are at 0xfec00000");
}

static void an_event_that_is_delivered_through_a_device_ends_the_guest(void **state) {
    (void)state;
    place(START_RIP, code, sizeof(code));
    machine_exit(EXIT_REASON_EPT_VIOLATION, WRITE | OF_ADDRESS, 0);
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, IOAPIC_DEFAULT_BASE);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, INTERRUPTION_VALID | 0x51);
    exit_handle(self);
    assert_killed("delivery of an interrupt or exception accesses 0xfec00000, which is not RAM");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_paging)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sixty_four_bit_code_is_found_by_rip_alone),
        TEST(a_segments_base_counts_outside_64_bit_mode),
        TEST(in_compatibility_mode_code_has_32_bits_and_long_mode_paging),
        TEST(sixteen_bit_code_has_16_bit_operands),
        TEST(an_instruction_may_cross_into_another_page),
        TEST(bytes_behind_the_instruction_need_not_be_mapped),
        TEST(an_instruction_at_the_end_of_ram_is_found),
        TEST(an_instruction_of_another_kind_ends_the_guest),
        TEST(code_and_page_tables_outside_of_ram_end_the_guest),
        TEST(an_event_that_is_delivered_through_a_device_ends_the_guest),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
