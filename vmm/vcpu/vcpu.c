/* A virtual CPU: see vcpu.h. */
#include "vmm/vcpu/vcpu.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/mitigations.h"
#include "vmm/vcpu/vmcs_setup.h"

/* SDM Vol. 1, "XSAVE Area": the legacy region's MXCSR, and its value after reset. */
#define XSAVE_MXCSR_OFFSET 24
#define MXCSR_RESET        0x1f80

/* The LAPIC timer counts at the TSC's frequency; in periodic mode its period is at least this. */
#define TIMER_BUS_TICK    1
#define TIMER_SHORTEST_US 20

void vcpu_allocate_routed(struct vm *vm) {
    struct routing *routing = &vm->routing;

    routing->vcpu =
        memory_alloc_pages(vm->vcpu_count * sizeof(*routing->vcpu), &vm->routed_physical);
    routing->counters = memory_alloc_pages(vm->vcpu_count * sizeof(*routing->counters), NULL);
}

struct vcpu *vcpu_create(struct vm *vm, uint32_t index, struct host_cpu *cpu) {
    struct vcpu *vcpu = memory_alloc_pages(sizeof(struct vcpu), NULL);
    struct vmx_region *vmcs = memory_alloc_pages(sizeof(*vmcs), &vcpu->vmcs_physical);

    vmcs->revision = (uint32_t)(host.capabilities.basic & VMX_BASIC_REVISION_MASK);
    vcpu->vm = vm;
    vcpu->index = index;
    vcpu->routed = &vm->routing.vcpu[index];
    vcpu->requests = &vcpu->routed->apic.inbox.requests;
    vcpu->host = cpu;
    vcpu->apic_page = memory_alloc_pages(sizeof(*vcpu->apic_page), &vcpu->apic_page_physical);
    vcpu->xsave = memory_alloc_pages(host.xsave_size, NULL);
    *(uint32_t *)(vcpu->xsave + XSAVE_MXCSR_OFFSET) = MXCSR_RESET;
    vlapic_timer_init(&vcpu->timer, TIMER_BUS_TICK, tsc_ticks(TIMER_SHORTEST_US));
    vcpu->timer_next = vcpu->pc_timer_next = TIME_NEVER;
    vcpu->asleep = true;
    mtrr_firmware_defaults(&vcpu->mtrr, host_physical_mask());
    vcpu->misc_enable = MISC_ENABLE_FAST_STRINGS;
    vcpu->software = vm->software;
    vcpu->registers.xcr0 = XCR0_X87;
    vcpu->registers.dr6 = DR6_RESET;
    cpu->vcpu[cpu->vcpu_count++] = vcpu;
    return vcpu;
}

bool vcpu_shares_cpu(const struct vcpu *vcpu) {
    return vcpu->host->vcpu_count > 1;
}

static void vcpu_save_registers(struct vcpu *vcpu) {
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
    if (mitigations.guest_spec_ctrl_open)
        r->spec_ctrl = rdmsr(MSR_IA32_SPEC_CTRL);
}

static void vcpu_restore_registers(const struct vcpu *vcpu) {
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
    if (mitigations.guest_spec_ctrl)
        wrmsr(MSR_IA32_SPEC_CTRL, r->spec_ctrl | mitigations.spec_ctrl);
}

/* What the guest that had this CPU before has left in it must neither steer this guest's indirect
 * branches nor be read by it. Not inlined: tests/emulator/bench.t counts its instructions. */
__attribute__((noinline)) static void vcpu_change_of_guest(void) {
    if (mitigations.on & MITIGATION_IBPB)
        wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
    if (mitigations.on & MITIGATION_L1D)
        wrmsr(MSR_IA32_FLUSH_CMD, FLUSH_CMD_L1D);
}

void vcpu_switch_to(struct vcpu *vcpu) {
    struct host_cpu *self = this_host_cpu();
    struct vcpu *before = self->loaded;

    if (before) {
        if (before->vm->posted)
            interrupts_accept(); /* a notification of that vCPU: posted.h */
        vcpu_save_registers(before);
        if (before->nmi_given)
            before->nmi_given = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_NMI;
    }
    if (!vcpu->set_up)
        vmcs_clear(vcpu->vmcs_physical);
    vmcs_load(vcpu->vmcs_physical);
    self->loaded = vcpu;
    /* Before the set-up, which resets some of the registers that the CPU holds. */
    vcpu_restore_registers(vcpu);
    if (!vcpu->set_up) {
        vmcs_set_up(vcpu);
        vcpu->set_up = true;
    }
    if (!before || before->vm != vcpu->vm)
        vcpu_change_of_guest();
}

void vcpu_unload_for_good(struct vcpu *vcpu) {
    struct host_cpu *self = this_host_cpu();

    if (vcpu->set_up)
        vmcs_clear(vcpu->vmcs_physical);
    if (self->loaded == vcpu)
        self->loaded = NULL;
}

void vcpu_kick(struct vcpu *vcpu) {
    if (vcpu->host == this_host_cpu())
        return; /* this CPU is in the hypervisor, and drains the requests before any VM entry */
    if (atomic_load(&vcpu->in_guest))
        lapic_send_nmi(vcpu->host->cpu.apic_id);
    else
        host_wake(vcpu->host);
}
