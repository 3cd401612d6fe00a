/* A virtual CPU: loading it on its physical CPU, its start states, its requests. See vcpu.h. */
#include "vmm/vcpu/vcpu.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/panic.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vmcs_setup.h"

/* SDM Vol. 1, "XSAVE Area": the legacy region's MXCSR, and its value after reset. */
#define XSAVE_MXCSR_OFFSET 24
#define MXCSR_RESET        0x1f80

/* Access rights of the flat segments that boot protocols require, and of real-address mode. */
#define FLAT_CODE32 (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | 0xb | ACCESS_RIGHTS_DB | ACCESS_RIGHTS_G)
#define FLAT_CODE64 (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | 0xb | ACCESS_RIGHTS_L | ACCESS_RIGHTS_G)
#define FLAT_DATA   (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | 0x3 | ACCESS_RIGHTS_DB | ACCESS_RIGHTS_G)
#define REAL_CODE   (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | 0xb)
#define REAL_DATA   (ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | 0x3)
#define TSS_BUSY    (ACCESS_RIGHTS_P | 0xb)
#define LDT         (ACCESS_RIGHTS_P | 0x2)

/* LAPIC timers count at the TSC's rate; a periodic one has at least this period. */
#define TIMER_BUS_TICK    1
#define TIMER_SHORTEST_US 20

struct vcpu *vcpu_create(struct vm *vm, uint32_t index, struct host_cpu *cpu) {
    struct vcpu *vcpu = memory_alloc_pages(sizeof(struct vcpu), NULL);
    struct vmx_region *vmcs = memory_alloc_pages(sizeof(*vmcs), &vcpu->vmcs_physical);

    vmcs->revision = (uint32_t)(host.capabilities.basic & VMX_BASIC_REVISION_MASK);
    vcpu->vm = vm;
    vcpu->index = index;
    vcpu->routed = &vm->routing.vcpu[index];
    vcpu->host = cpu;
    vcpu->apic_page = memory_alloc_pages(sizeof(*vcpu->apic_page), &vcpu->apic_page_physical);
    vcpu->xsave = memory_alloc_pages(host.xsave_size, NULL);
    *(uint32_t *)(vcpu->xsave + XSAVE_MXCSR_OFFSET) = MXCSR_RESET;
    vlapic_timer_init(&vcpu->timer, TIMER_BUS_TICK, tsc_frequency() / 1000000 * TIMER_SHORTEST_US);
    vcpu->timer_next = vcpu->pc_timer_next = TIME_NEVER;
    mtrr_firmware_defaults(&vcpu->mtrr, host_physical_mask());
    vcpu->registers.xcr0 = XCR0_X87;
    vcpu->registers.dr6 = DR6_RESET;
    cpu->vcpu[cpu->vcpu_count++] = vcpu;
    return vcpu;
}

bool vcpu_shares_cpu(const struct vcpu *vcpu) {
    return vcpu->host->vcpu_count > 1;
}

static void registers_save(struct vcpu *vcpu) {
    struct vcpu_registers *r = &vcpu->registers;

    xsetbv(0, host.xcr0);
    xsave(vcpu->xsave);
    r->cr2 = read_cr2();
    r->dr[0] = read_dr0();
    r->dr[1] = read_dr1();
    r->dr[2] = read_dr2();
    r->dr[3] = read_dr3();
    r->dr6 = read_dr6();
    r->star = rdmsr(MSR_IA32_STAR);
    r->lstar = rdmsr(MSR_IA32_LSTAR);
    r->cstar = rdmsr(MSR_IA32_CSTAR);
    r->fmask = rdmsr(MSR_IA32_FMASK);
    r->kernel_gs_base = rdmsr(MSR_IA32_KERNEL_GS_BASE);
    if (host.capabilities.rdtscp)
        r->tsc_aux = rdmsr(MSR_IA32_TSC_AUX);
}

static void registers_restore(const struct vcpu *vcpu) {
    const struct vcpu_registers *r = &vcpu->registers;

    xsetbv(0, host.xcr0);
    xrstor(vcpu->xsave);
    xsetbv(0, r->xcr0);
    write_cr2(r->cr2);
    write_dr0(r->dr[0]);
    write_dr1(r->dr[1]);
    write_dr2(r->dr[2]);
    write_dr3(r->dr[3]);
    write_dr6(r->dr6);
    wrmsr(MSR_IA32_STAR, r->star);
    wrmsr(MSR_IA32_LSTAR, r->lstar);
    wrmsr(MSR_IA32_CSTAR, r->cstar);
    wrmsr(MSR_IA32_FMASK, r->fmask);
    wrmsr(MSR_IA32_KERNEL_GS_BASE, r->kernel_gs_base);
    if (host.capabilities.rdtscp)
        wrmsr(MSR_IA32_TSC_AUX, r->tsc_aux);
}

void vcpu_load(struct vcpu *vcpu) {
    struct host_cpu *self = this_host_cpu();
    struct vcpu *before = self->loaded;

    if (before == vcpu)
        return;
    if (before) {
        registers_save(before);
        if (before->nmi_given)
            before->nmi_given = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_NMI;
    }
    if (!vcpu->set_up)
        vmcs_clear(vcpu->vmcs_physical);
    vmcs_load(vcpu->vmcs_physical);
    self->loaded = vcpu;
    if (!vcpu->set_up) {
        vmcs_set_up(vcpu);
        vcpu->set_up = true;
    }
    registers_restore(vcpu);
    /* Another guest's branch history must not steer this guest's indirect branches. */
    if (host.ibpb && (!before || before->vm != vcpu->vm))
        wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

void vcpu_unload_for_good(struct vcpu *vcpu) {
    struct host_cpu *self = this_host_cpu();

    if (vcpu->set_up)
        vmcs_clear(vcpu->vmcs_physical);
    if (self->loaded == vcpu)
        self->loaded = NULL;
}

void vcpu_request(struct vcpu *vcpu, uint32_t requests) {
    atomic_fetch_or(&vcpu->requests, requests);
    if (vcpu->host == this_host_cpu())
        return; /* this CPU is in the hypervisor, and checks the requests before any VM entry */
    if (atomic_load(&vcpu->in_guest))
        lapic_send_nmi(vcpu->host->cpu.apic_id);
    else
        host_wake(vcpu->host);
}

static void set_segment(uint64_t selector_field, uint64_t base_field, uint64_t limit_field,
                        uint64_t rights_field, uint16_t selector, uint64_t base, uint32_t limit,
                        uint32_t rights) {
    vmcs_write(selector_field, selector);
    vmcs_write(base_field, base);
    vmcs_write(limit_field, limit);
    vmcs_write(rights_field, rights);
}

#define SET_SEGMENT(name, selector, base, limit, rights)                                           \
    set_segment(VMCS_GUEST_##name##_SELECTOR, VMCS_GUEST_##name##_BASE, VMCS_GUEST_##name##_LIMIT, \
                VMCS_GUEST_##name##_ACCESS_RIGHTS, selector, base, limit, rights)

static void set_data_segments(uint16_t selector, uint32_t limit, uint32_t rights) {
    SET_SEGMENT(SS, selector, 0, limit, rights);
    SET_SEGMENT(DS, selector, 0, limit, rights);
    SET_SEGMENT(ES, selector, 0, limit, rights);
    SET_SEGMENT(FS, selector, 0, limit, rights);
    SET_SEGMENT(GS, selector, 0, limit, rights);
}

void vcpu_reset(struct vcpu *vcpu) {
    registers_save(vcpu);
    vcpu->registers.cr2 = 0;
    memset(vcpu->registers.dr, 0, sizeof(vcpu->registers.dr));
    vcpu->registers.dr6 = DR6_RESET;
    registers_restore(vcpu);
    for (unsigned i = 0; i < GUEST_REGISTER_COUNT; i++)
        vcpu->context.reg[i] = 0;
    vcpu->context.reg[GUEST_RDX] = cpuid(CPUID_LEAF_FEATURES, 0).eax;
    SET_SEGMENT(CS, 0xf000, 0xffff0000, 0xffff, REAL_CODE);
    set_data_segments(0, 0xffff, REAL_DATA);
    SET_SEGMENT(LDTR, 0, 0, 0xffff, LDT);
    SET_SEGMENT(TR, 0, 0, 0xffff, TSS_BUSY);
    vmcs_write(VMCS_GUEST_GDTR_BASE, 0);
    vmcs_write(VMCS_GUEST_GDTR_LIMIT, 0xffff);
    vmcs_write(VMCS_GUEST_IDTR_BASE, 0);
    vmcs_write(VMCS_GUEST_IDTR_LIMIT, 0xffff);
    vmcs_write(VMCS_GUEST_RIP, 0xfff0);
    vmcs_write(VMCS_GUEST_RSP, 0);
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    control_regs_set_cr0(CR0_ET | CR0_NW | CR0_CD);
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
    SET_SEGMENT(CS, 0x08, 0, 0xffffffff, FLAT_CODE32);
    set_data_segments(0x10, 0xffffffff, FLAT_DATA);
    control_regs_set_cr0(CR0_PE | CR0_ET);
    vmcs_write(VMCS_GUEST_RIP, entry->eip);
    vcpu->context.reg[GUEST_RAX] = MULTIBOOT_ENTRY_MAGIC;
    vcpu->context.reg[GUEST_RBX] = entry->ebx;
}

/* Linux x86 boot protocol, "64-bit Boot Protocol". */
static void enter_linux(struct vcpu *vcpu, const struct linux_entry *entry) {
    SET_SEGMENT(CS, entry->code_selector, 0, 0xffffffff, FLAT_CODE64);
    set_data_segments(entry->data_selector, 0xffffffff, FLAT_DATA);
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
    SET_SEGMENT(CS, segment, (uint64_t)segment << 4, 0xffff, REAL_CODE);
    vmcs_write(VMCS_GUEST_RIP, offset);
    vcpu->state = VCPU_RUNNABLE;
}

/* The processor sets RF in the flags that a fault saves; an injected fault saves those of the VMCS.
 */
void vcpu_inject_exception(struct vcpu *vcpu, uint8_t vector) {
    vcpu->event = INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION | vector;
    vmcs_write(VMCS_GUEST_RFLAGS, vmcs_read(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

void vcpu_inject_exception_with_code(struct vcpu *vcpu, uint8_t vector, uint32_t error_code) {
    vcpu_inject_exception(vcpu, vector);
    /* In real mode there are no error codes. SDM Vol. 3C, "Event Injection" checks. */
    if (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) {
        vcpu->event |= INTERRUPTION_ERROR_CODE;
        vcpu->event_error = error_code;
    }
}
