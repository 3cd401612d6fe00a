/* Guards vmm/vcpu/mmio_execute.c: instructions other than moves of general-purpose registers on the
 * memory of devices; those of vector registers are in test_mmio_vector.c. What they compute is
 * compared with the processor in tests/unit/test_mmio_native.c. */
#include "tests/machine/devices.h"
#include "vmm/emulate/guest_walk.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/mmio_execute.h"

/* ---- the stack ---- */

static void push_reads_the_device_and_pop_writes_it(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RSP, RAM + 0x20);
    *reg(GUEST_RAX) = NOWHERE;
    DO(NOWHERE, READ, 0xff, 0x30); /* push qword [rax] */
    assert_done();
    assert_field(VMCS_GUEST_RSP, RAM + 0x18);
    assert_memory_equal(vm->ram + RAM_AT + 0x17, "\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00", 10);
    DO(NOWHERE, WRITE, 0x66, 0x8f, 0x00); /* pop word [rax] */
    assert_done();
    assert_field(VMCS_GUEST_RSP, RAM + 0x1a);
    assert_true(machine_says("write at 0xd0000000:"));
}

/* The I/O APIC has 32-bit registers. */
static void in_32_bit_code_they_move_32_bits(void **state) {
    (void)state;
    machine_protected_mode();
    machine_set(VMCS_GUEST_RSP, RAM_AT + 0x20);
    *reg(GUEST_RAX) = PC_VIRTIO_BASE;
    DO(VIRTIO, READ, 0xff, 0x30);
    assert_done();
    assert_field(VMCS_GUEST_RSP, RAM_AT + 0x1c);
    assert_memory_equal(vm->ram + RAM_AT + 0x1c, "virt", 4);
    *reg(GUEST_RAX) = IOAPIC_DEFAULT_BASE;
    DO(IOAPIC, WRITE, 0x8f, 0x00);
    assert_done();
    assert_field(VMCS_GUEST_RSP, RAM_AT + 0x20);
    assert_int_equal(INDEX, 'v');
}

static void a_stack_that_faults_is_the_guests_fault(void **state) {
    (void)state;
    *page_entry(3) = RAM_AT | PRESENT;
    machine_set(VMCS_GUEST_RSP, RAM + 0x20);
    *reg(GUEST_RAX) = NOWHERE;
    DO(NOWHERE, READ, 0xff, 0x30);
    assert_faults_with_code(VECTOR_PF, 3);
    assert_int_equal(machine.cr2, RAM + 0x18);
    assert_field(VMCS_GUEST_RSP, RAM + 0x20);
    assert_string_equal(machine.console.text, ""); /* the device was not read */
}

static void a_16_bit_stack_wraps(void **state) {
    (void)state;
    machine_protected_mode();
    machine_set(VMCS_GUEST_SS_ACCESS_RIGHTS, 0x93);
    machine_set(VMCS_GUEST_SS_BASE, RAM_AT);
    machine_set(VMCS_GUEST_RSP, 0x50002);
    *reg(GUEST_RAX) = 0xd0000000;
    DO(NOWHERE, READ, 0x66, 0xff, 0x30); /* push word [eax] */
    assert_done();
    assert_field(VMCS_GUEST_RSP, 0x50000);
    assert_memory_equal(vm->ram + RAM_AT, "\xff\xff", 3);
    machine_set(VMCS_GUEST_SS_LIMIT, 0xfff);
    DO(NOWHERE, READ, 0x66, 0xff, 0x30); /* at FFFEH now */
    assert_faults_with_code(VECTOR_SS, 0);
    assert_field(VMCS_GUEST_RSP, 0x50000);
}

static void a_stack_on_a_device_ends_the_guest(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RSP, NOWHERE + 0x20);
    *reg(GUEST_RAX) = RAM;
    DO(NOWHERE, WRITE, 0xff, 0x30); /* push qword [rax] */
    assert_killed("its stack is not in RAM (RSP 0x202020, RIP 0x1000)");
    set_up_devices(NULL);
    machine_set(VMCS_GUEST_RSP, NOWHERE);
    DO(NOWHERE, READ, 0x8f, 0x00); /* pop qword [rax] */
    assert_killed("its stack is not in RAM (RSP 0x202000, RIP 0x1000)");
}

/* ---- strings ---- */

static void lods_and_scas_read_the_device(void **state) {
    (void)state;
    *reg(GUEST_RSI) = VIRTIO;
    *reg(GUEST_RAX) = ALL_ONES;
    DO(VIRTIO, READ, 0xad); /* lodsd */
    assert_done();
    assert_int_equal(*reg(GUEST_RAX), 0x74726976);
    assert_int_equal(*reg(GUEST_RSI), VIRTIO + 4);
    *reg(GUEST_RDI) = VIRTIO;
    *reg(GUEST_RCX) = 4;
    *reg(GUEST_RAX) = 2;          /* the version */
    DO(VIRTIO, READ, 0xf2, 0xaf); /* repne scasd */
    assert_stays();
    DO(VIRTIO + 4, READ, 0xf2, 0xaf);
    assert_done(); /* found */
    assert_int_equal(*reg(GUEST_RDI), VIRTIO + 8);
    assert_int_equal(*reg(GUEST_RCX), 2);
    assert_true(machine_get(VMCS_GUEST_RFLAGS) & RFLAGS_ZF);
}

static void cmps_compares_a_device_with_ram(void **state) {
    const uint32_t expected[] = {0x74726976, 3};

    (void)state;
    memcpy(vm->ram + RAM_AT, expected, sizeof(expected));
    *reg(GUEST_RSI) = RAM;
    *reg(GUEST_RDI) = VIRTIO;
    *reg(GUEST_RCX) = 4;
    DO(VIRTIO, READ, 0xf3, 0xa7); /* repe cmpsd */
    assert_stays();
    DO(VIRTIO + 4, READ, 0xf3, 0xa7);
    assert_done(); /* 3 is more than 2 */
    assert_int_equal(*reg(GUEST_RCX), 2);
    assert_int_equal(machine_get(VMCS_GUEST_RFLAGS) & (RFLAGS_ZF | RFLAGS_CF | RFLAGS_SF), 0);
}

static void movs_copies_from_device_to_device(void **state) {
    (void)state;
    *reg(GUEST_RSI) = VIRTIO;
    *reg(GUEST_RDI) = IOAPIC;
    DO(VIRTIO, READ, 0xa5); /* movsd */
    assert_done();
    assert_int_equal(INDEX, 'v');
}

static void a_single_step_traps_behind_each_element(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
    *reg(GUEST_RDI) = NOWHERE;
    *reg(GUEST_RCX) = 2;
    DO(NOWHERE, WRITE, 0xf3, 0xaa); /* rep stosb */
    assert_stays();
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

/* The processor accesses nothing then: the code has changed since. */
static void a_count_of_0_ends_it(void **state) {
    (void)state;
    *reg(GUEST_RDI) = IOAPIC;
    *reg(GUEST_RCX) = 0;
    INDEX = 0x31;
    DO(IOAPIC, WRITE, 0xf3, 0xab);
    assert_done();
    assert_int_equal(*reg(GUEST_RCX), 0);
    assert_int_equal(INDEX, 0x31);
}

/* ---- others ---- */

static void an_operation_reads_and_writes_the_device(void **state) {
    (void)state;
    *reg(GUEST_RAX) = IOAPIC;
    INDEX = 0x11;
    DO(IOAPIC, READ | WRITE, 0x0f, 0xba, 0x28, 0x02); /* bts dword [rax], 2 */
    assert_done();
    assert_int_equal(INDEX, 0x15);
    *reg(GUEST_RCX) = 0x99;
    INDEX = 0x60;
    DO(IOAPIC, READ | WRITE, 0xf0, 0x0f, 0xc1, 0x08); /* lock xadd [rax], ecx */
    assert_done();
    assert_int_equal(INDEX, 0xf9);
    assert_int_equal(*reg(GUEST_RCX), 0x60);
    DO(IOAPIC, READ, 0x0f, 0xae, 0x38); /* clflush [rax] */
    assert_done();
    assert_int_equal(INDEX, 0xf9);
}

static void what_only_writes_does_not_read(void **state) {
    (void)state;
    *reg(GUEST_RAX) = NOWHERE;
    DO(NOWHERE, WRITE, 0x0f, 0x92, 0x00); /* setc [rax] */
    assert_done();
    DO(NOWHERE, WRITE, 0x0f, 0x38, 0xf1, 0x08); /* movbe [rax], ecx */
    assert_done();
    DO(NOWHERE, WRITE, 0x0f, 0x01, 0x20); /* smsw [rax] */
    assert_done();
    assert_true(machine_says("write at 0xd0000000:"));
    assert_false(machine_says("read at 0xd0000000:"));
}

static uint64_t read_7(struct vcpu *vcpu, uint64_t address, unsigned size) {
    (void)vcpu, (void)address, (void)size;
    return 7;
}

static bool refuse_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    (void)vcpu, (void)address, (void)size, (void)value;
    return false;
}

static bool is_repeated(const char *bytes) {
    static const struct mmio_device refusing = {read_7, refuse_write};
    struct mmio_instruction i;

    assert_null(mmio_decode((const uint8_t *)bytes, 4, MMIO_MODE_64, &i));
    return !mmio_execute(self, &refusing, 0, &i, true);
}

/* Else the read would have its effect twice. */
static void a_refused_write_is_repeated_unless_there_was_a_read(void **state) {
    (void)state;
    *reg(GUEST_RCX) = 3;
    assert_true(is_repeated("\x89\x08\0\0"));     /* mov [rax], ecx */
    assert_true(is_repeated("\x0f\x92\x00\0"));   /* setc [rax] */
    assert_true(is_repeated("\x0f\x38\xf1\x08")); /* movbe [rax], ecx */
    assert_true(is_repeated("\x0f\x11\x00\0"));   /* movups [rax], xmm0 */
    assert_false(is_repeated("\x0f\xc1\x08\0"));  /* xadd [rax], ecx */
    assert_int_equal(*reg(GUEST_RCX), 7);
}

/* As MOV from CR0 shows it: a bit that the guest owns is in the register, another one in the read
 * shadow. */
static void smsw_stores_what_the_guest_may_see(void **state) {
    uint64_t cr0 = machine_get(VMCS_GUEST_CR0);

    (void)state;
    control_regs_set_cr0(cr0 & ~CR0_NE);
    assert_true(machine_get(VMCS_GUEST_CR0) & CR0_NE); /* VMX requires it */
    machine_set(VMCS_GUEST_CR0, machine_get(VMCS_GUEST_CR0) | CR0_TS);
    map(2, RAM_AT, KERNEL_DATA); /* two bytes, one of them in RAM */
    map(3, 0xd0000000, KERNEL_DATA);
    *reg(GUEST_RAX) = NOWHERE + PAGE - 1;
    DO(RAM, WRITE, 0x0f, 0x01, 0x20);
    assert_done();
    assert_int_equal(vm->ram[RAM_AT + PAGE - 1], (uint8_t)((cr0 & ~CR0_NE) | CR0_TS));
}

/* ---- operands in two pages ---- */

static void an_operand_may_begin_in_ram_and_end_in_a_device(void **state) {
    const uint64_t start = RAM_AGAIN + PAGE - 3; /* NOWHERE_TOO follows */

    (void)state;
    memcpy(vm->ram + RAM_AT + PAGE - 3, "\x11\x22\x33", 3);
    *reg(GUEST_RAX) = start;
    DO(NOWHERE_TOO, READ, 0x48, 0x8b, 0x08); /* mov rcx, [rax] */
    assert_done();
    assert_int_equal(*reg(GUEST_RCX), 0xffffffffff332211);
    *reg(GUEST_RCX) = 0x88776655443322aa;
    DO(NOWHERE_TOO, WRITE, 0x48, 0x89, 0x08); /* mov [rax], rcx */
    assert_done();
    assert_memory_equal(vm->ram + RAM_AT + PAGE - 3, "\xaa\x22\x33", 3);
    DO(NOWHERE_TOO, READ, 0xc5, 0xfe, 0x6f, 0x00); /* vmovdqu ymm0, [rax] */
    assert_done();
    assert_int_equal(machine.xmm[0][0], 0xffffffffff3322aa);
    assert_int_equal(machine.ymm[0][1], ALL_ONES);
}

static void or_begin_in_a_device_and_end_in_ram(void **state) {
    (void)state;
    vm->ram[RAM_AT] = 0x7f;
    *reg(GUEST_RAX) = NOWHERE + PAGE - 1;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    DO(NOWHERE + PAGE - 1, READ | WRITE, 0x66, 0xff, 0x00); /* inc word [rax] */
    assert_done();
    assert_int_equal(vm->ram[RAM_AT], 0x80);
    assert_true(machine_get(VMCS_GUEST_RFLAGS) & RFLAGS_OF);
    *page_entry(3) = 0;
    DO(NOWHERE + PAGE - 1, READ | WRITE, 0x66, 0xff, 0x00);
    assert_faults_with_code(VECTOR_PF, PAGE_FAULT_WRITE);
    assert_int_equal(machine.cr2, RAM);
}

static void an_aligned_operand_is_in_one_page(void **state) {
    (void)state;
    *page_entry(4) = 0; /* what is before it does not matter */
    *reg(GUEST_RAX) = NOWHERE_TOO;
    DO(NOWHERE_TOO, READ, 0x48, 0x8b, 0x08);
    assert_done();
    assert_int_equal(*reg(GUEST_RCX), ALL_ONES);
    *page_entry(3) = 0;
    *reg(GUEST_RAX) = NOWHERE + PAGE - 8;
    DO(NOWHERE + PAGE - 8, READ, 0x48, 0x8b, 0x08);
    assert_done();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_devices)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(push_reads_the_device_and_pop_writes_it),
        TEST(in_32_bit_code_they_move_32_bits),
        TEST(a_stack_that_faults_is_the_guests_fault),
        TEST(a_16_bit_stack_wraps),
        TEST(a_stack_on_a_device_ends_the_guest),
        TEST(lods_and_scas_read_the_device),
        TEST(cmps_compares_a_device_with_ram),
        TEST(movs_copies_from_device_to_device),
        TEST(a_single_step_traps_behind_each_element),
        TEST(a_count_of_0_ends_it),
        TEST(an_operation_reads_and_writes_the_device),
        TEST(what_only_writes_does_not_read),
        TEST(a_refused_write_is_repeated_unless_there_was_a_read),
        TEST(smsw_stores_what_the_guest_may_see),
        TEST(an_operand_may_begin_in_ram_and_end_in_a_device),
        TEST(or_begin_in_a_device_and_end_in_ram),
        TEST(an_aligned_operand_is_in_one_page),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
