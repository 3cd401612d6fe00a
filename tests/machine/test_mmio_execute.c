/* Guards vmm/vcpu/mmio_execute.c and vector_registers.c: instructions other than moves of
 * general-purpose registers on the memory of devices. What they compute is compared with the
 * processor in tests/unit/test_mmio_native.c. */
#include "tests/machine/paging.h"
#include "vmm/devices/pc_map.h"
#include "vmm/emulate/guest_walk.h"
#include "vmm/vcpu/control_regs.h"

#define READ       1ULL
#define WRITE      EPT_VIOLATION_WRITE
#define OF_ADDRESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED)
#define INDEX      (vm->routing.ioapic.index)
#define ALL_ONES   UINT64_MAX

/* Linear addresses. */
#define IOAPIC      PAGES
#define VIRTIO      (PAGES + PAGE)
#define NOWHERE     (PAGES + 2 * PAGE)
#define RAM         (PAGES + 3 * PAGE)
#define RAM_AGAIN   (PAGES + 4 * PAGE)
#define NOWHERE_TOO (PAGES + 5 * PAGE)

#define RAM_AT      0x9000u

static int set_up(void **state) {
    set_up_paging(state);
    map(0, IOAPIC_DEFAULT_BASE, KERNEL_DATA);
    map(1, PC_VIRTIO_BASE, KERNEL_DATA);
    map(2, 0xd0000000, KERNEL_DATA);
    map(3, RAM_AT, KERNEL_DATA);
    map(4, RAM_AT, KERNEL_DATA);
    map(5, 0xd0000000, KERNEL_DATA);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_OSFXSR | CR4_OSXSAVE);
    self->registers.xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    machine.xcr0 = self->registers.xcr0;
    return 0;
}

static uint64_t physical(uint64_t linear) {
    return (*page_entry((unsigned)((linear - PAGES) / PAGE)) & ~(PAGE - 1)) + linear % PAGE;
}

/* The instruction's bytes; its access to memory at [rax], with this linear address, exits. */
#define DO(linear, access, ...)                                                                    \
    carry_out(linear, access, (const uint8_t[]){__VA_ARGS__},                                      \
              sizeof((const uint8_t[]){__VA_ARGS__}))
static uint64_t length;
static void carry_out(uint64_t linear, uint64_t access, const uint8_t *bytes, size_t size) {
    memcpy(vm->ram + START_RIP, bytes, size);
    machine_set(VMCS_GUEST_RIP, START_RIP);
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, physical(linear));
    length = size;
    assert_true(exits(EXIT_REASON_EPT_VIOLATION, access | OF_ADDRESS));
}

static void assert_done(void) {
    assert_runs();
    assert_int_equal(self->event, 0);
    assert_field(VMCS_GUEST_RIP, START_RIP + length);
}

static void assert_stays(void) {
    assert_runs();
    assert_int_equal(self->event, 0);
    assert_field(VMCS_GUEST_RIP, START_RIP);
}

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
    assert_killed("its stack is at 0xd0000000, which is not RAM");
    set_up(NULL);
    DO(NOWHERE, READ, 0x8f, 0x00); /* pop qword [rax] */
    assert_killed("its stack is at 0xd0000000, which is not RAM");
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

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(stores_and_loads_go_in_pieces_of_8_bytes),
        TEST(a_device_gets_and_gives_4_bytes),
        TEST(avx_clears_or_loads_the_upper_half),
        TEST(registers_are_accessed_whatever_xcr0_is),
        TEST(what_the_processor_refuses_it_refuses_itself),
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
        TEST(smsw_stores_what_the_guest_may_see),
        TEST(an_operand_may_begin_in_ram_and_end_in_a_device),
        TEST(or_begin_in_a_device_and_end_in_ram),
        TEST(an_aligned_operand_is_in_one_page),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
