/* Guards vmm/vcpu/exit_io.c and string_io.c: IN, OUT, INS and OUTS. SDM Vol. 3C, "Exit
 * Qualification for I/O Instructions", "VM-Exit Instruction-Information Field as Used for INS and
 * OUTS"; Vol. 2A, "INS", "OUTS", "REP". */
#include "tests/machine/paging.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/ports.h"
#include "vmm/pc/test_devices.h"
#include "vmm/vcpu/guest_segment.h"

#define IN        IO_EXIT_IN
#define STRING    IO_EXIT_STRING
#define REP       IO_EXIT_REP

#define NO_DEVICE 0x1234u

/* The exit of an access to `size` bytes of a port. */
static bool io(uint32_t port, unsigned size, uint64_t flags) {
    machine_set(VMCS_GUEST_RIP, START_RIP);
    self->event = 0;
    return exits(EXIT_REASON_IO, port << IO_EXIT_PORT_SHIFT | flags | (size - 1));
}

/* ---- IN and OUT ---- */

static void out_writes_as_much_of_rax_as_its_size(void **state) {
    (void)state;
    vm->pc.test.scratch = 0;
    *reg(GUEST_RAX) = 0x1122334455667788;
    assert_true(io(TEST_SCRATCH, 1, 0));
    assert_advanced();
    assert_int_equal(vm->pc.test.scratch, 0x88);
    io(TEST_SCRATCH + 1, 2, 0);
    assert_int_equal(vm->pc.test.scratch, 0x778888);
    io(TEST_SCRATCH, 4, 0);
    assert_int_equal(vm->pc.test.scratch, 0x55667788);
    assert_int_equal(*reg(GUEST_RAX), 0x1122334455667788);
}

static void in_leaves_the_rest_of_rax_but_32_bits_clear_it(void **state) {
    (void)state;
    vm->pc.test.scratch = 0xa1b2c3d4;
    *reg(GUEST_RAX) = 0x1122334455667788;
    assert_true(io(TEST_SCRATCH, 1, IN));
    assert_advanced();
    assert_int_equal(*reg(GUEST_RAX), 0x11223344556677d4);
    io(TEST_SCRATCH, 2, IN);
    assert_int_equal(*reg(GUEST_RAX), 0x112233445566c3d4);
    io(TEST_SCRATCH, 4, IN);
    assert_int_equal(*reg(GUEST_RAX), 0xa1b2c3d4);
}

static void a_port_without_a_device_reads_all_ones_and_ignores_writes(void **state) {
    (void)state;
    *reg(GUEST_RAX) = 0;
    assert_true(io(NO_DEVICE, 1, IN));
    assert_int_equal(*reg(GUEST_RAX), 0xff);
    io(NO_DEVICE, 2, IN);
    assert_int_equal(*reg(GUEST_RAX), 0xffff);
    io(NO_DEVICE, 4, IN);
    assert_int_equal(*reg(GUEST_RAX), 0xffffffff);
    assert_true(io(NO_DEVICE, 4, 0));
    assert_advanced();
    assert_string_equal(machine.console.text, "");
    assert_runs();
}

static void a_device_may_end_the_guest(void **state) {
    (void)state;
    *reg(GUEST_RAX) = 7;
    assert_true(io(TEST_EXIT, 1, 0));
    assert_int_equal(atomic_load(&vm->state), VM_ENDING);
    assert_int_equal(vm->result, VM_FAILED);
    assert_int_equal(vm->code, 7);
    assert_string_equal(vm->how, "exit");
}

/* ---- INS and OUTS ---- */

/* The instruction-information field. */
static void information(unsigned address_size, enum guest_segment segment) {
    unsigned code = address_size == 2 ? 0 : address_size == 4 ? 1 : 2;

    machine_set(VMCS_EXIT_INSTRUCTION_INFORMATION, code << 7 | (unsigned)segment << 15);
}

static void outs_sends_memory_and_steps_on(void **state) {
    (void)state;
    memcpy(vm->ram + 0x5000, "abcdefgh", 8);
    *reg(GUEST_RSI) = 0x5000;
    information(8, SEGMENT_DS);
    assert_true(io(TEST_SCRATCH, 4, STRING));
    assert_advanced();
    assert_int_equal(vm->pc.test.scratch, 'a' | 'b' << 8 | 'c' << 16 | 'd' << 24);
    assert_int_equal(*reg(GUEST_RSI), 0x5004);
    io(TEST_SCRATCH, 2, STRING);
    assert_int_equal(vm->pc.test.scratch, 'e' | 'f' << 8 | 'c' << 16 | 'd' << 24);
    io(TEST_SCRATCH, 1, STRING);
    assert_int_equal(vm->pc.test.scratch & 0xff, 'g');
    assert_int_equal(*reg(GUEST_RSI), 0x5007);
}

static void ins_receives_into_es(void **state) {
    (void)state;
    vm->pc.test.scratch = 0xa1b2c3d4;
    memset(vm->ram + 0x5000, 0, 8);
    *reg(GUEST_RDI) = 0x5001;
    information(8, SEGMENT_GS); /* undefined for INS */
    machine_set(VMCS_GUEST_GS_BASE, 0x2000);
    assert_true(io(TEST_SCRATCH, 2, STRING | IN));
    assert_advanced();
    assert_memory_equal(vm->ram + 0x5000, "\0\xd4\xc3\0", 4);
    assert_int_equal(*reg(GUEST_RDI), 0x5003);
}

static void outs_may_name_another_segment(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_FS_BASE, 0x3000);
    vm->ram[0x8000] = 'x';
    *reg(GUEST_RSI) = 0x5000;
    information(8, SEGMENT_FS);
    io(TEST_SCRATCH, 1, STRING);
    assert_int_equal(vm->pc.test.scratch & 0xff, 'x');
}

static void with_df_set_a_string_runs_down(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_DF);
    *reg(GUEST_RSI) = 0x5000;
    information(8, SEGMENT_DS);
    io(TEST_SCRATCH, 4, STRING);
    assert_int_equal(*reg(GUEST_RSI), 0x4ffc);
}

static void the_address_size_bounds_the_registers(void **state) {
    (void)state;
    machine_protected_mode();
    vm->ram[0xffff] = '1';
    vm->ram[0x5000] = '2';
    *reg(GUEST_RSI) = 0xaaaabbbbccccffff;
    information(2, SEGMENT_DS);
    io(TEST_SCRATCH, 1, STRING);
    assert_int_equal(vm->pc.test.scratch & 0xff, '1');
    assert_int_equal(*reg(GUEST_RSI), 0xaaaabbbbcccc0000); /* only SI changes, and wraps */
    *reg(GUEST_RSI) = 0xaaaabbbb00005000;
    information(4, SEGMENT_DS);
    io(TEST_SCRATCH, 1, STRING);
    assert_int_equal(vm->pc.test.scratch & 0xff, '2');
    assert_int_equal(*reg(GUEST_RSI), 0x5001);
}

static void rep_repeats_and_stops_for_requests_in_between(void **state) {
    char text[41];

    (void)state;
    memset(text, 'u', 40);
    text[40] = 0;
    memcpy(vm->ram + 0x5000, text, 40);
    *reg(GUEST_RSI) = 0x5000;
    *reg(GUEST_RCX) = 40;
    information(8, SEGMENT_DS);
    assert_true(io(PC_UART_PORT, 1, STRING | REP));
    assert_field(VMCS_GUEST_RIP, START_RIP); /* to be executed again */
    assert_int_equal(*reg(GUEST_RCX), 8);
    assert_int_equal(*reg(GUEST_RSI), 0x5020);
    io(PC_UART_PORT, 1, STRING | REP);
    assert_advanced();
    assert_int_equal(*reg(GUEST_RCX), 0);
    assert_int_equal(*reg(GUEST_RSI), 0x5028);
    assert_string_equal(machine.console.text, text);
}

/* SDM Vol. 3B, "Single-Step Exception Condition": behind each element. */
static void a_single_step_traps_behind_each_element(void **state) {
    (void)state;
    memcpy(vm->ram + 0x5000, "ab", 2);
    *reg(GUEST_RSI) = 0x5000;
    *reg(GUEST_RCX) = 2;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
    information(8, SEGMENT_DS);
    io(PC_UART_PORT, 1, STRING | REP);
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
    assert_int_equal(*reg(GUEST_RCX), 1);
    machine_set(VMCS_GUEST_PENDING_DEBUG, 0);
    io(PC_UART_PORT, 1, STRING | REP);
    assert_advanced();
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

static void the_memory_may_be_a_devices(void **state) {
    (void)state;
    map(0, IOAPIC_DEFAULT_BASE, KERNEL_DATA);
    pc_port_out(&vm->pc, TEST_SCRATCH, 4, 0x50);
    *reg(GUEST_RDI) = PAGES;
    information(8, SEGMENT_ES);
    io(TEST_SCRATCH, 4, STRING | IN);
    assert_advanced();
    assert_int_equal(vm->routing.ioapic.index, 0x50);
    vm->routing.ioapic.index = 0x77;
    *reg(GUEST_RSI) = PAGES;
    machine_set(VMCS_GUEST_RIP, START_RIP);
    information(8, SEGMENT_DS);
    io(TEST_SCRATCH, 4, STRING);
    assert_advanced();
    assert_int_equal(pc_port_in(&vm->pc, TEST_SCRATCH, 4), 0x77);
}

static void rep_of_nothing_does_nothing(void **state) {
    (void)state;
    *reg(GUEST_RSI) = 0xdead000000000000; /* would fault */
    *reg(GUEST_RCX) = 0;
    information(8, SEGMENT_DS);
    io(PC_UART_PORT, 1, STRING | REP);
    assert_advanced();
    *reg(GUEST_RCX) = 0x10000; /* CX is 0 */
    information(2, SEGMENT_DS);
    io(PC_UART_PORT, 1, STRING | REP);
    assert_advanced();
    assert_int_equal(*reg(GUEST_RCX), 0x10000);
    assert_string_equal(machine.console.text, "");
}

static void a_fault_in_the_middle_keeps_what_was_done(void **state) {
    (void)state;
    map(0, 0x5000, KERNEL_DATA);
    memcpy(vm->ram + 0x5ffd, "xyz", 3);
    *reg(GUEST_RSI) = PAGES + PAGE - 3;
    *reg(GUEST_RCX) = 10;
    information(8, SEGMENT_DS);
    assert_true(io(PC_UART_PORT, 1, STRING | REP));
    assert_faults_with_code(VECTOR_PF, 0);
    assert_int_equal(machine.cr2, PAGES + PAGE);
    assert_int_equal(*reg(GUEST_RSI), PAGES + PAGE);
    assert_int_equal(*reg(GUEST_RCX), 7);
    assert_string_equal(machine.console.text, "xyz");
    map(1, 0x6000, KERNEL_DATA); /* the guest maps it, and executes the instruction again */
    memcpy(vm->ram + 0x6000, "1234567", 7);
    io(PC_UART_PORT, 1, STRING | REP);
    assert_advanced();
    assert_string_equal(machine.console.text, "xyz1234567");
}

static void ins_reads_no_port_before_its_memory_is_writable(void **state) {
    (void)state;
    *reg(GUEST_RDI) = PAGES;
    information(8, SEGMENT_ES);
    pc_port_out(&vm->pc, FW_CFG_SELECT, 2, 0);
    assert_true(io(FW_CFG_DATA, 1, STRING | IN));
    assert_faults_with_code(VECTOR_PF, 2);
    assert_int_equal(vm->pc.test.fw_cfg_offset, 0);
}

static void without_the_operands_the_guest_ends(void **state) {
    (void)state;
    host.capabilities.basic &= ~VMX_BASIC_INS_OUTS;
    io(PC_UART_PORT, 1, STRING);
    assert_killed("does not report the operands of a string instruction at port 0x3f8");
}

static void operands_that_are_undefined_end_the_guest(void **state) {
    (void)state;
    machine_set(VMCS_EXIT_INSTRUCTION_INFORMATION, 3 << 7);
    io(PC_UART_PORT, 1, STRING);
    assert_killed("does not report the operands");
    for (unsigned segment = 6; segment < 8; segment++) {
        set_up_paging(NULL);
        machine_set(VMCS_EXIT_INSTRUCTION_INFORMATION, 2 << 7 | segment << 15);
        io(PC_UART_PORT, 1, STRING);
        assert_killed("does not report the operands");
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_paging)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(out_writes_as_much_of_rax_as_its_size),
        TEST(in_leaves_the_rest_of_rax_but_32_bits_clear_it),
        TEST(a_port_without_a_device_reads_all_ones_and_ignores_writes),
        TEST(a_device_may_end_the_guest),
        TEST(outs_sends_memory_and_steps_on),
        TEST(ins_receives_into_es),
        TEST(outs_may_name_another_segment),
        TEST(with_df_set_a_string_runs_down),
        TEST(the_address_size_bounds_the_registers),
        TEST(rep_repeats_and_stops_for_requests_in_between),
        TEST(rep_of_nothing_does_nothing),
        TEST(a_single_step_traps_behind_each_element),
        TEST(the_memory_may_be_a_devices),
        TEST(a_fault_in_the_middle_keeps_what_was_done),
        TEST(ins_reads_no_port_before_its_memory_is_writable),
        TEST(without_the_operands_the_guest_ends),
        TEST(operands_that_are_undefined_end_the_guest),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
