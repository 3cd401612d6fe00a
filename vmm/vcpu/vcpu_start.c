/* The states in which a vCPU starts: see vcpu_start.h. */
#include "vmm/vcpu/vcpu_start.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/guest_segment.h"
#include "vmm/vcpu/vcpu.h"

/* Segment types. SDM Vol. 3A, "Code- and Data-Segment Types" and "System Descriptor Types". */
#define TYPE_CODE 0xb /* execute and read, accessed */
#define TYPE_DATA 0x3 /* read and write, accessed */
#define TYPE_LDT  0x2
#define TYPE_TSS  0xb /* 32 bits, busy */

/* Access rights of the segments of real-address mode, and of the flat ones of boot protocols. */
#define RIGHTS_CODE   (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | TYPE_CODE)
#define RIGHTS_DATA   (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | TYPE_DATA)
#define RIGHTS_CODE32 (RIGHTS_CODE | ACCESS_RIGHTS_DB | ACCESS_RIGHTS_G)
#define RIGHTS_CODE64 (RIGHTS_CODE | ACCESS_RIGHTS_L | ACCESS_RIGHTS_G)
#define RIGHTS_DATA32 (RIGHTS_DATA | ACCESS_RIGHTS_DB | ACCESS_RIGHTS_G)
#define RIGHTS_LDT    (ACCESS_RIGHTS_P | TYPE_LDT)
#define RIGHTS_TSS    (ACCESS_RIGHTS_P | TYPE_TSS)

#define LIMIT_64K     0xffff
#define LIMIT_4G      0xffffffff

/* The first instruction after a reset, 16 bytes below 4 GiB. SDM Vol. 3A, "First Instruction
 * Executed". */
#define RESET_CS      0xf000
#define RESET_CS_BASE 0xffff0000
#define RESET_IP      0xfff0

/* Multiboot leaves the selectors undefined: the kernel loads its own. */
#define MULTIBOOT_CODE_SELECTOR 0x08
#define MULTIBOOT_DATA_SELECTOR 0x10

static void set_segment(enum guest_segment segment, uint16_t selector, uint64_t base,
                        uint32_t limit, uint32_t rights) {
    vmcs_write(segment_field(VMCS_GUEST_ES_SELECTOR, segment), selector);
    vmcs_write(segment_field(VMCS_GUEST_ES_BASE, segment), base);
    vmcs_write(segment_field(VMCS_GUEST_ES_LIMIT, segment), limit);
    vmcs_write(segment_field(VMCS_GUEST_ES_ACCESS_RIGHTS, segment), rights);
}

static void set_data_segments(uint16_t selector, uint32_t limit, uint32_t rights) {
    static const enum guest_segment data[] = {SEGMENT_ES, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS,
                                              SEGMENT_GS};

    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        set_segment(data[i], selector, 0, limit, rights);
}

/* Those that are in the processor, not in the VMCS: see vcpu_load(). */
static void reset_loaded_registers(void) {
    write_cr2(0);
    write_dr0(0);
    write_dr1(0);
    write_dr2(0);
    write_dr3(0);
    write_dr6(DR6_RESET);
}

void vcpu_reset(struct vcpu *vcpu) {
    reset_loaded_registers();
    for (unsigned i = 0; i < GUEST_REGISTER_COUNT; i++)
        vcpu->context.reg[i] = 0;
    vcpu->context.reg[GUEST_RDX] = cpuid(CPUID_LEAF_FEATURES, 0).eax; /* family, model, stepping */
    set_segment(SEGMENT_CS, RESET_CS, RESET_CS_BASE, LIMIT_64K, RIGHTS_CODE);
    set_data_segments(0, LIMIT_64K, RIGHTS_DATA);
    set_segment(SEGMENT_LDTR, 0, 0, LIMIT_64K, RIGHTS_LDT);
    set_segment(SEGMENT_TR, 0, 0, LIMIT_64K, RIGHTS_TSS);
    vmcs_write(VMCS_GUEST_GDTR_BASE, 0);
    vmcs_write(VMCS_GUEST_GDTR_LIMIT, LIMIT_64K);
    vmcs_write(VMCS_GUEST_IDTR_BASE, 0);
    vmcs_write(VMCS_GUEST_IDTR_LIMIT, LIMIT_64K);
    vmcs_write(VMCS_GUEST_RIP, RESET_IP);
    vmcs_write(VMCS_GUEST_RSP, 0);
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    control_regs_set_cr0(CR0_ET | (control_regs_read_cr0() & (CR0_CD | CR0_NW)));
    control_regs_set_cr4(0);
    vmcs_write(VMCS_GUEST_CR3, 0);
    vmcs_write(VMCS_GUEST_EFER, 0);
    vmcs_write(VMCS_ENTRY_CONTROLS, vcpu->controls.entry);
    vmcs_write(VMCS_GUEST_DR7, DR7_RESET);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);
    vcpu->event = 0;
    vcpu->nmi_pending = 0;
    vcpu->nmi_given = false;
    vcpu->extint = 0;
    vcpu->state = VCPU_WAIT_FOR_SIPI;
}

/* Multiboot 0.6.96, "Machine state". */
static void enter_multiboot(struct vcpu *vcpu, const struct multiboot_entry *entry) {
    set_segment(SEGMENT_CS, MULTIBOOT_CODE_SELECTOR, 0, LIMIT_4G, RIGHTS_CODE32);
    set_data_segments(MULTIBOOT_DATA_SELECTOR, LIMIT_4G, RIGHTS_DATA32);
    control_regs_set_cr0(CR0_PE | CR0_ET);
    vmcs_write(VMCS_GUEST_RIP, entry->eip);
    vmcs_write(VMCS_GUEST_RSP, entry->esp);
    vcpu->context.reg[GUEST_RAX] = MULTIBOOT_ENTRY_MAGIC;
    vcpu->context.reg[GUEST_RBX] = entry->ebx;
}

/* Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol". */
static void enter_linux(struct vcpu *vcpu, const struct linux_entry *entry) {
    set_segment(SEGMENT_CS, entry->code_selector, 0, LIMIT_4G, RIGHTS_CODE64);
    set_data_segments(entry->data_selector, LIMIT_4G, RIGHTS_DATA32);
    vmcs_write(VMCS_GUEST_GDTR_BASE, entry->gdt_base);
    vmcs_write(VMCS_GUEST_GDTR_LIMIT, entry->gdt_limit);
    control_regs_set_cr0(CR0_PE | CR0_ET | CR0_PG);
    control_regs_set_cr4(CR4_PAE);
    vmcs_write(VMCS_GUEST_CR3, entry->cr3);
    vmcs_write(VMCS_GUEST_EFER, EFER_LME | EFER_LMA);
    vmcs_write(VMCS_ENTRY_CONTROLS, vcpu->controls.entry | VM_ENTRY_CONTROL_IA32E_MODE_GUEST);
    vmcs_write(VMCS_GUEST_RIP, entry->rip);
    vmcs_write(VMCS_GUEST_RSP, entry->rsp);
    vcpu->context.reg[GUEST_RSI] = entry->rsi;
}

void vcpu_enter_kernel(struct vcpu *vcpu) {
    const struct kernel_entry *entry = &vcpu->vm->entry;

    vcpu_reset(vcpu);
    if (entry->is_linux)
        enter_linux(vcpu, &entry->linux64);
    else
        enter_multiboot(vcpu, &entry->multiboot);
    vcpu->state = VCPU_RUNNABLE;
}

void vcpu_enter_real_mode(struct vcpu *vcpu, uint16_t segment, uint16_t offset) {
    set_segment(SEGMENT_CS, segment, (uint64_t)segment << 4, LIMIT_64K, RIGHTS_CODE);
    vmcs_write(VMCS_GUEST_RIP, offset);
    vcpu->state = VCPU_RUNNABLE;
}
