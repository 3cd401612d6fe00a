/* Guards vmm/vcpu/vcpu_start.h and vcpu_load(): what a vCPU finds in its registers when it starts.
 */
#include "arch/idt.h"
#include "arch/vmx/vmcs_image.h"
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/guest_segment.h"
#include "vmm/vcpu/vcpu_start.h"

#define LEFT_BEHIND 0x600dULL

/* The registers that no VM entry or exit switches, as a guest would fill them. */
static void fill_registers(void) {
    machine.cr2 = machine.x87 = machine.sse = LEFT_BEHIND;
    for (unsigned i = 0; i < 4; i++)
        machine.dr[i] = LEFT_BEHIND;
    machine.mxcsr = 0x1f81;
    *machine_msr(MSR_IA32_STAR) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_LSTAR) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_CSTAR) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_FMASK) = LEFT_BEHIND;
    *machine_msr(MSR_IA32_KERNEL_GS_BASE) = LEFT_BEHIND;
}

static void assert_registers(uint64_t cr2_and_dr, uint64_t others, uint32_t mxcsr) {
    assert_int_equal(machine.cr2, cr2_and_dr);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(machine.dr[i], cr2_and_dr);
    assert_int_equal(machine.dr6, DR6_RESET);
    assert_int_equal(machine.x87, others);
    assert_int_equal(machine.sse, others);
    assert_int_equal(machine.mxcsr, mxcsr);
    assert_int_equal(*machine_msr(MSR_IA32_STAR), others);
    assert_int_equal(*machine_msr(MSR_IA32_LSTAR), others);
    assert_int_equal(*machine_msr(MSR_IA32_CSTAR), others);
    assert_int_equal(*machine_msr(MSR_IA32_FMASK), others);
    assert_int_equal(*machine_msr(MSR_IA32_KERNEL_GS_BASE), others);
}

static void a_new_vcpu_finds_nothing_of_the_one_before_it(void **state) {
    struct guest_config config = machine_guest();
    struct vm *next = machine_vm(1, &config);

    (void)state;
    fill_registers();
    machine_load(next->vcpu[0]);
    assert_registers(0, 0, 0x1f80);
    machine_load(self);
    assert_int_equal(machine.sse, LEFT_BEHIND);
}

static void a_new_vcpu_finds_nothing_of_one_that_has_ended(void **state) {
    struct guest_config config = machine_guest();
    struct vm *next = machine_vm(1, &config);

    (void)state;
    fill_registers();
    vcpu_unload_for_good(self);
    machine_load(next->vcpu[0]);
    assert_registers(0, 0, 0x1f80);
}

/* SDM Vol. 3A, "Processor State After Reset": the column for INIT. */
static void init_resets_cr2_and_the_debug_registers_alone(void **state) {
    (void)state;
    fill_registers();
    machine.dr6 = DR6_RESET | 1;
    vcpu_reset(self);
    assert_registers(0, LEFT_BEHIND, 0x1f81);
    assert_int_equal(self->state, VCPU_WAIT_FOR_SIPI);
    assert_field(VMCS_GUEST_CS_BASE, 0xffff0000);
    assert_field(VMCS_GUEST_RIP, 0xfff0);
}

/* ---- start states; the machine checks them by the rules for VM entries ---- */

static void stop_guest(struct vmx_context *context) {
    (void)context;
    machine_exit(EXIT_REASON_PAUSE, 0, LENGTH);
}

static void assert_can_be_entered(void) {
    machine.guest = stop_guest;
    machine_set(VMCS_PREEMPTION_TIMER, 1);
    assert_true(vmx_enter(&self->context, false));
}

static void assert_segment(enum guest_segment segment, uint64_t base, uint32_t limit,
                           uint32_t rights) {
    assert_field(segment_field(VMCS_GUEST_ES_BASE, segment), base);
    assert_field(segment_field(VMCS_GUEST_ES_LIMIT, segment), limit);
    assert_field(segment_field(VMCS_GUEST_ES_ACCESS_RIGHTS, segment), rights);
}

/* Fields of the guest-state area. */
static bool is_guest_state(uint64_t field) {
    return (field >> 10 & 3) == 2;
}

/* SDM Vol. 3A, "Processor State After Reset": the table. */
static void after_init_the_state_is_that_of_the_manual(void **state) {
    (void)state;
    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++) {
        uint32_t field = vmcs_fields[i].encoding;
        if (is_guest_state(field) && field != VMCS_LINK_POINTER && field != VMCS_GUEST_DEBUGCTL &&
            field != VMCS_GUEST_PAT)
            machine_set(field, LEFT_BEHIND);
    }
    machine_set(VMCS_ENTRY_INTERRUPTION_INFORMATION, INTERRUPTION_VALID | 0x51);
    self->context.reg[GUEST_R9] = self->context.reg[GUEST_RAX] = LEFT_BEHIND;
    self->event = 1;
    self->nmi_pending = 2;
    vcpu_reset(self);
    assert_can_be_entered();
    assert_field(VMCS_GUEST_RFLAGS, 2);
    assert_field(VMCS_GUEST_RIP, 0xfff0);
    assert_field(VMCS_CR0_READ_SHADOW, CR0_ET); /* CD and NW were clear */
    assert_field(VMCS_CR4_READ_SHADOW, 0);
    assert_field(VMCS_GUEST_CR3, 0);
    assert_field(VMCS_GUEST_EFER, 0);
    assert_field(VMCS_GUEST_DR7, 0x400);
    assert_field(VMCS_GUEST_CS_SELECTOR, 0xf000);
    assert_segment(SEGMENT_CS, 0xffff0000, 0xffff, 0x9b);
    for (unsigned i = SEGMENT_SS; i <= SEGMENT_GS; i++)
        assert_segment(i, 0, 0xffff, 0x93);
    assert_segment(SEGMENT_LDTR, 0, 0xffff, 0x82);
    assert_segment(SEGMENT_TR, 0, 0xffff, 0x8b);
    assert_field(VMCS_GUEST_GDTR_BASE, 0);
    assert_field(VMCS_GUEST_IDTR_BASE, 0);
    assert_field(VMCS_GUEST_GDTR_LIMIT, 0xffff);
    assert_field(VMCS_GUEST_IDTR_LIMIT, 0xffff);
    assert_int_equal(*reg(GUEST_RDX), cpuid(1, 0).eax);
    assert_int_equal(*reg(GUEST_RAX) | *reg(GUEST_R9), 0);
    assert_int_equal(self->event | self->nmi_pending, 0);
    assert_false(machine_get(VMCS_ENTRY_CONTROLS) & VM_ENTRY_CONTROL_IA32E_MODE_GUEST);
}

/* The same table: CD and NW are set by a reset, and unchanged by INIT. */
static void init_keeps_cd_and_nw(void **state) {
    static const uint64_t kept[] = {0, CR0_CD, CR0_CD | CR0_NW};
    struct guest_config config = machine_guest();

    (void)state;
    machine_load(machine_vm(1, &config)->vcpu[0]);
    assert_field(VMCS_CR0_READ_SHADOW, 0x60000010);
    machine_load(self);
    for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        control_regs_set_cr0(CR0_PG | CR0_PE | CR0_NE | CR0_WP | CR0_ET | kept[i]);
        vcpu_reset(self);
        assert_field(VMCS_CR0_READ_SHADOW, CR0_ET | kept[i]);
    }
    assert_can_be_entered();
}

static void a_sipi_starts_in_real_mode_at_its_page(void **state) {
    (void)state;
    vcpu_reset(self);
    vcpu_enter_real_mode(self, 0x9a00, 0);
    assert_can_be_entered();
    assert_field(VMCS_GUEST_CS_SELECTOR, 0x9a00);
    assert_segment(SEGMENT_CS, 0x9a000, 0xffff, 0x9b);
    assert_field(VMCS_GUEST_RIP, 0);
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

/* Multiboot 0.6.96, "Machine state". */
static void a_multiboot_kernel_starts_in_flat_protected_mode(void **state) {
    (void)state;
    vm->entry = (struct kernel_entry){.multiboot = {.eip = 0x101000, .ebx = 0x9500}};
    vcpu_enter_kernel(self);
    assert_can_be_entered();
    assert_field(VMCS_GUEST_RIP, 0x101000);
    assert_int_equal(*reg(GUEST_RAX), 0x2badb002);
    assert_int_equal(*reg(GUEST_RBX), 0x9500);
    assert_segment(SEGMENT_CS, 0, 0xffffffff, 0xc09b);
    for (unsigned i = SEGMENT_SS; i <= SEGMENT_GS; i++)
        assert_segment(i, 0, 0xffffffff, 0xc093);
    assert_segment(SEGMENT_ES, 0, 0xffffffff, 0xc093);
    assert_int_equal(machine_get(VMCS_GUEST_CR0) & (CR0_PE | CR0_PG), CR0_PE);
    assert_field(VMCS_GUEST_RFLAGS, RFLAGS_ONE); /* VM and IF are clear */
    assert_int_equal(self->state, VCPU_RUNNABLE);
}

/* Linux x86 boot protocol, "64-bit Boot Protocol". */
static void a_linux_kernel_starts_in_64_bit_mode(void **state) {
    (void)state;
    vm->entry = (struct kernel_entry){.is_linux = true,
                                      .linux64 = {.rip = 0x100200,
                                                  .rsi = 0x90000,
                                                  .rsp = 0x8f000,
                                                  .cr3 = MACHINE_TABLES,
                                                  .gdt_base = 0x7000,
                                                  .gdt_limit = 0x1f,
                                                  .code_selector = 0x10,
                                                  .data_selector = 0x18}};
    vcpu_enter_kernel(self);
    assert_can_be_entered();
    assert_field(VMCS_GUEST_RIP, 0x100200);
    assert_field(VMCS_GUEST_RSP, 0x8f000);
    assert_int_equal(*reg(GUEST_RSI), 0x90000);
    assert_field(VMCS_GUEST_CR3, MACHINE_TABLES);
    assert_field(VMCS_GUEST_EFER, EFER_LME | EFER_LMA);
    assert_true(machine_get(VMCS_ENTRY_CONTROLS) & VM_ENTRY_CONTROL_IA32E_MODE_GUEST);
    assert_field(VMCS_CR0_READ_SHADOW, CR0_PE | CR0_ET | CR0_PG);
    assert_field(VMCS_CR4_READ_SHADOW, CR4_PAE);
    assert_field(VMCS_GUEST_CS_SELECTOR, 0x10);
    assert_field(VMCS_GUEST_DS_SELECTOR, 0x18);
    assert_segment(SEGMENT_CS, 0, 0xffffffff, 0xa09b);
    assert_segment(SEGMENT_DS, 0, 0xffffffff, 0xc093);
    assert_field(VMCS_GUEST_GDTR_BASE, 0x7000);
    assert_field(VMCS_GUEST_GDTR_LIMIT, 0x1f);
    assert_field(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_vcpu_finds_nothing_of_the_one_before_it, set_up_real_mode),
        cmocka_unit_test_setup(a_new_vcpu_finds_nothing_of_one_that_has_ended, set_up_real_mode),
        cmocka_unit_test_setup(init_resets_cr2_and_the_debug_registers_alone, set_up_real_mode),
        cmocka_unit_test_setup(after_init_the_state_is_that_of_the_manual, set_up_real_mode),
        cmocka_unit_test_setup(init_keeps_cd_and_nw, set_up_real_mode),
        cmocka_unit_test_setup(a_sipi_starts_in_real_mode_at_its_page, set_up_real_mode),
        cmocka_unit_test_setup(a_multiboot_kernel_starts_in_flat_protected_mode, set_up_real_mode),
        cmocka_unit_test_setup(a_linux_kernel_starts_in_64_bit_mode, set_up_real_mode),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
