/* VM exits: the table of handlers, and the short handlers. See exits.h. */
#include "vmm/vcpu/exits.h"

#include "arch/control_registers.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "lib/bits.h"
#include "vmm/host/panic.h"
#include "vmm/host/stop.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/events.h"
#include "vmm/vcpu/exit_io.h"
#include "vmm/vcpu/exit_mmio.h"
#include "vmm/vcpu/guest_cpuid.h"
#include "vmm/vcpu/halted.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/posted.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vmcs_setup.h"

static enum exit_action exit_inject_gp(struct vcpu *vcpu) {
    events_queue_exception_with_code(vcpu, VECTOR_GP, 0);
    return EXIT_RESUME;
}

static enum exit_action exit_inject_ud(struct vcpu *vcpu) {
    events_queue_exception(vcpu, VECTOR_UD);
    return EXIT_RESUME;
}

/* ---- events ---- */

/* Queues for injection an event that the processor has reported: `info` is its interruption
 * information, and `error_code_field` holds its error code. */
static void exit_queue_event(struct vcpu *vcpu, uint32_t info, uint64_t error_code_field) {
    vcpu->event = info & (INTERRUPTION_VALID | INTERRUPTION_TYPE | INTERRUPTION_VECTOR);
    if (info & INTERRUPTION_ERROR_CODE) {
        vcpu->event |= INTERRUPTION_ERROR_CODE;
        vcpu->event_error = (uint32_t)vmcs_read(error_code_field);
    }
    vcpu->event_length = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH);
}

/* A machine check in guest mode or during a VM entry. */
static enum exit_action exit_machine_check(struct vcpu *vcpu) {
    panic_machine_check(vcpu->vm->name);
}

/* An intercepted exception is injected into the guest; an NMI was a kick. */
static enum exit_action exit_exception_or_nmi(struct vcpu *vcpu) {
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_INTERRUPTION_INFORMATION);

    if ((info & INTERRUPTION_TYPE) == INTERRUPTION_NMI) {
        nmi_unblock();
        stop_if_asked();
        return EXIT_RESUME;
    }
    /* IRET faulted after it had unblocked NMIs: it will run again, so NMIs are blocked again.
     * During event delivery the bit is undefined. */
    if ((info & INTERRUPTION_NMI_UNBLOCKED) && !vcpu->event)
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY,
                   vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) | INTERRUPTIBILITY_NMI);
    if ((info & INTERRUPTION_VECTOR) == VECTOR_MC)
        return exit_machine_check(vcpu);
    if ((info & INTERRUPTION_VECTOR) == VECTOR_DB) {
        events_raise_debug(info & INTERRUPTION_TYPE, vmcs_read(VMCS_EXIT_QUALIFICATION));
        /* In the shadow of STI or MOV SS the single-step trap stays pending; the exit has cleared
         * it. */
        if (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_SHADOW)
            exit_pend_single_step();
    }
    /* In real-address mode there are no error codes, though Bochs 2.7 reports one. */
    if (!(vmcs_read(VMCS_GUEST_CR0) & CR0_PE))
        info &= ~INTERRUPTION_ERROR_CODE;
    exit_queue_event(vcpu, info, VMCS_EXIT_INTERRUPTION_ERROR_CODE);
    return EXIT_RESUME;
}

/* A posted-interrupt notification that came while the processor must not process it, or for another
 * vCPU; no other interrupt is expected while a guest runs. */
static enum exit_action exit_external_interrupt(struct vcpu *vcpu) {
    (void)vcpu;
    posted_exit();
    return EXIT_RESUME;
}

static enum exit_action exit_triple_fault(struct vcpu *vcpu) {
    vm_kill(vcpu->vm, "vCPU %u: triple fault at RIP 0x%lx", vcpu->index, vmcs_read(VMCS_GUEST_RIP));
    return EXIT_RESUME;
}

/* The guest can accept the pending event now: it is injected at the next entry. In software
 * delivery the event may also have waited for a lower TPR. */
static enum exit_action exit_window(struct vcpu *vcpu) {
    (void)vcpu;
    return EXIT_RESUME;
}

/* SDM Vol. 3C, "Exit Qualification for Task Switches". */
static enum exit_action exit_task_switch(struct vcpu *vcpu) {
    static const char *const sources[] = {"CALL", "IRET", "JMP", "a task gate in the IDT"};
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);

    vm_kill(vcpu->vm,
            "vCPU %u: a hardware task switch by %s to the TSS 0x%x (RIP 0x%lx) is not virtualized; "
            "kernels in use switch tasks by software",
            vcpu->index, sources[q >> TASK_SWITCH_EXIT_SOURCE_SHIFT & TASK_SWITCH_EXIT_SOURCE_MASK],
            (uint16_t)q, vmcs_read(VMCS_GUEST_RIP));
    return EXIT_RESUME;
}

static enum exit_action exit_preemption_timer(struct vcpu *vcpu) {
    vcpu->rearm_at = 0;
    routing_tick(&vcpu->vm->routing);
    return EXIT_RESUME; /* run_turn() ends the turn when the slice is over */
}

static enum exit_action exit_virtualized_eoi(struct vcpu *vcpu) {
    routing_eoi_exit(vcpu->routed, (uint8_t)vmcs_read(VMCS_EXIT_QUALIFICATION));
    return EXIT_RESUME;
}

static enum exit_action exit_apic_write(struct vcpu *vcpu) {
    vlapic_written(virq_lapic(vcpu), (uint32_t)vmcs_read(VMCS_EXIT_QUALIFICATION) & 0xff0);
    return EXIT_RESUME;
}

static enum exit_action exit_entry_failure(struct vcpu *vcpu) {
    vmcs_check(vcpu, true);
    return EXIT_RESUME;
}

/* ---- instructions ---- */

/* Before the CPU idles, it drains the requests that have arrived meanwhile. */
static enum exit_action exit_hlt(struct vcpu *vcpu) {
    if (events_can_wake(vcpu))
        return EXIT_ADVANCE;
    vcpu->state = VCPU_HALTED;
    halted_begin(vcpu);
    return EXIT_ADVANCE_AND_YIELD;
}

/* The vCPU has spun for a while, perhaps waiting for a vCPU that waits for this CPU. The exit comes
 * before the PAUSE, which is skipped. SDM Vol. 3C, "Controls for PAUSE-Loop Exiting". */
static enum exit_action exit_pause(struct vcpu *vcpu) {
    (void)vcpu;
    return EXIT_ADVANCE_AND_YIELD;
}

/* INVD and WBINVD do nothing: guest memory is write-back, and no device bypasses the caches. */
static enum exit_action exit_cache_flush(struct vcpu *vcpu) {
    (void)vcpu;
    return EXIT_ADVANCE;
}

/* Sends an IPI to the LAPICs in a map of 128 bits (RBX and RCX), whose bit 0 is the APIC ID in RDX.
 * RSI is an ICR value, of which the vector and the delivery mode (fixed or NMI) are used. Returns
 * the number of LAPICs that accepted it. Linux, "KVM_HC_SEND_IPI". */
static uint64_t exit_send_ipis(struct vcpu *vcpu) {
    const uint64_t *reg = vcpu->context.reg;
    const uint64_t map[2] = {reg[GUEST_RBX], reg[GUEST_RCX]};
    uint32_t first = (uint32_t)reg[GUEST_RDX], icr = (uint32_t)reg[GUEST_RSI];
    struct apic_message message = {
        .wide = true, .vector = (uint8_t)icr, .delivery_mode = (uint8_t)apic_delivery_mode(icr)};
    uint64_t sent = 0;
    unsigned bit;

    if (message.delivery_mode != APIC_DELIVERY_FIXED && message.delivery_mode != APIC_DELIVERY_NMI)
        return (uint64_t)HYPERCALL_UNKNOWN;
    for (unsigned word = 0; word < 2; word++) {
        for_each_bit(bit, map[word]) {
            message.destination = first + 64 * word + bit;
            if (message.destination < first || message.destination == UINT32_MAX)
                return sent; /* beyond the highest APIC ID; all ones would be a broadcast */
            sent += routing_send(&vcpu->vm->routing, &message);
        }
    }
    return sent;
}

/* The exits so far: all, or without those that the passing of time or another CPU causes. The
 * latter is what the guest's own instructions have cost, so that the same instructions always give
 * the same number. */
static uint64_t exit_count(const struct vcpu *vcpu, bool all) {
    const uint64_t *count = vcpu->exits_by_reason;
    uint64_t exits = 0;

    for (unsigned reason = 0; reason < EXIT_REASON_COUNT; reason++)
        exits += count[reason];
    if (all)
        return exits;
    return exits - count[EXIT_REASON_EXCEPTION_OR_NMI] - count[EXIT_REASON_EXTERNAL_INTERRUPT] -
           count[EXIT_REASON_PREEMPTION_TIMER] - count[EXIT_REASON_PAUSE];
}

__attribute__((noinline)) static uint64_t exit_hypercall(struct vcpu *vcpu, uint64_t number) {
    switch (number) {
    case HYPERCALL_SEND_IPIS:
        if (vmcs_read(VMCS_GUEST_SS_ACCESS_RIGHTS) & ACCESS_RIGHTS_DPL)
            break; /* not from user mode */
        return exit_send_ipis(vcpu);
    case HYPERCALL_EOI_EXITS:
        return routing_eois(vcpu->routed->counters);
    case HYPERCALL_EXITS:
    case HYPERCALL_ALL_EXITS:
        return exit_count(vcpu, number == HYPERCALL_ALL_EXITS);
    default:
        break;
    }
    return (uint64_t)HYPERCALL_UNKNOWN;
}

static enum exit_action exit_vmcall(struct vcpu *vcpu) {
    uint64_t *rax = &vcpu->context.reg[GUEST_RAX];

    if (*rax != HYPERCALL_NOTHING)
        *rax = exit_hypercall(vcpu, *rax);
    return EXIT_ADVANCE;
}

static uint64_t read_register(const struct vcpu *vcpu, unsigned number) {
    return number == GUEST_RSP ? vmcs_read(VMCS_GUEST_RSP) : vcpu->context.reg[number];
}

/* A MOV exits only if it changes a bit that the guest does not own. */
static enum exit_action exit_control_register(struct vcpu *vcpu) {
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
    unsigned number = (unsigned)(q & CR_EXIT_NUMBER_MASK);
    unsigned type = (unsigned)(q >> CR_EXIT_TYPE_SHIFT & CR_EXIT_TYPE_MASK);
    unsigned source = (unsigned)(q >> CR_EXIT_REGISTER_SHIFT & CR_EXIT_REGISTER_MASK);

    if (type != CR_EXIT_TYPE_MOV_TO || (number != 0 && number != 4)) {
        vm_kill(vcpu->vm, "vCPU %u: unexpected access to CR%u (access type %u)", vcpu->index,
                number, type);
        return EXIT_RESUME;
    }
    uint64_t value = read_register(vcpu, source);
    /* Outside 64-bit mode the operand has 32 bits. */
    if (!(vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L))
        value = (uint32_t)value;
    bool ok =
        number == 0 ? control_regs_write_cr0(vcpu, value) : control_regs_write_cr4(vcpu, value);
    return ok ? EXIT_ADVANCE : exit_inject_gp(vcpu);
}

static uint64_t edx_eax(const uint64_t *reg) {
    return (uint32_t)reg[GUEST_RAX] | reg[GUEST_RDX] << 32;
}

static bool is_apic_msr(uint32_t msr) {
    return msr >= MSR_X2APIC_BASE && msr <= MSR_X2APIC_LAST;
}

static enum exit_action exit_rdmsr(struct vcpu *vcpu) {
    uint64_t *reg = vcpu->context.reg;
    uint32_t msr = (uint32_t)reg[GUEST_RCX];
    uint64_t value = 0;
    bool ok = true;

    if (is_apic_msr(msr))
        ok = vlapic_read_msr(virq_lapic(vcpu), msr, &value);
    else if (msr == MSR_IA32_APIC_BASE)
        value = virq_base(vcpu);
    else
        ok = msr_read(vcpu, msr, &value);
    if (!ok)
        return exit_inject_gp(vcpu);
    reg[GUEST_RAX] = (uint32_t)value;
    reg[GUEST_RDX] = value >> 32;
    return EXIT_ADVANCE;
}

static bool exit_write_msr(struct vcpu *vcpu, uint32_t msr, uint64_t value) {
    if (is_apic_msr(msr))
        return vlapic_write_msr(virq_lapic(vcpu), msr, value);
    if (msr == MSR_IA32_APIC_BASE)
        return virq_write_base(vcpu, value);
    return msr_write(vcpu, msr, value);
}

static enum exit_action exit_wrmsr(struct vcpu *vcpu) {
    const uint64_t *reg = vcpu->context.reg;

    return exit_write_msr(vcpu, (uint32_t)reg[GUEST_RCX], edx_eax(reg)) ? EXIT_ADVANCE
                                                                        : exit_inject_gp(vcpu);
}

static enum exit_action exit_xsetbv(struct vcpu *vcpu) {
    const uint64_t *reg = vcpu->context.reg;

    if (!control_regs_write_xcr(vcpu, (uint32_t)reg[GUEST_RCX], edx_eax(reg)))
        return exit_inject_gp(vcpu);
    return EXIT_ADVANCE;
}

/* ---- the table ---- */

static enum exit_action (*const exit_table[EXIT_REASON_COUNT])(struct vcpu *vcpu) = {
    [EXIT_REASON_EXCEPTION_OR_NMI] = exit_exception_or_nmi,
    [EXIT_REASON_EXTERNAL_INTERRUPT] = exit_external_interrupt,
    [EXIT_REASON_TRIPLE_FAULT] = exit_triple_fault,
    [EXIT_REASON_INTERRUPT_WINDOW] = exit_window,
    [EXIT_REASON_NMI_WINDOW] = exit_window,
    [EXIT_REASON_TASK_SWITCH] = exit_task_switch,
    [EXIT_REASON_CPUID] = exit_cpuid,
    [EXIT_REASON_GETSEC] = exit_inject_ud,
    [EXIT_REASON_HLT] = exit_hlt,
    [EXIT_REASON_INVD] = exit_cache_flush,
    [EXIT_REASON_RDPMC] = exit_inject_gp, /* there are no performance counters */
    [EXIT_REASON_VMCALL] = exit_vmcall,
    [EXIT_REASON_VMCLEAR... EXIT_REASON_VMXON] = exit_inject_ud, /* the VMX instructions */
    [EXIT_REASON_CONTROL_REGISTER] = exit_control_register,
    [EXIT_REASON_IO] = exit_io,
    [EXIT_REASON_RDMSR] = exit_rdmsr,
    [EXIT_REASON_WRMSR] = exit_wrmsr,
    [EXIT_REASON_ENTRY_INVALID_GUEST_STATE] = exit_entry_failure,
    [EXIT_REASON_ENTRY_MSR_LOADING] = exit_entry_failure,
    [EXIT_REASON_MWAIT] = exit_inject_ud,
    [EXIT_REASON_MONITOR] = exit_inject_ud,
    [EXIT_REASON_PAUSE] = exit_pause,
    [EXIT_REASON_ENTRY_MACHINE_CHECK] = exit_machine_check,
    [EXIT_REASON_TPR_BELOW_THRESHOLD] = exit_window,
    [EXIT_REASON_APIC_ACCESS] = exit_apic_access,
    [EXIT_REASON_VIRTUALIZED_EOI] = exit_virtualized_eoi,
    [EXIT_REASON_EPT_VIOLATION] = exit_ept_violation,
    [EXIT_REASON_INVEPT] = exit_inject_ud,
    [EXIT_REASON_PREEMPTION_TIMER] = exit_preemption_timer,
    [EXIT_REASON_INVVPID] = exit_inject_ud,
    [EXIT_REASON_WBINVD] = exit_cache_flush,
    [EXIT_REASON_XSETBV] = exit_xsetbv,
    [EXIT_REASON_APIC_WRITE] = exit_apic_write,
    /* Not offered; some of them exit whatever the controls are. */
    [EXIT_REASON_INVPCID... EXIT_REASON_ENCLS] = exit_inject_ud,
    [EXIT_REASON_XSAVES... EXIT_REASON_PCONFIG] = exit_inject_ud,
    [EXIT_REASON_UMWAIT... EXIT_REASON_ENCLV] = exit_inject_ud,
    [EXIT_REASON_SEAMCALL... EXIT_REASON_UWRMSR] = exit_inject_ud,
    [EXIT_REASON_RDMSR_IMMEDIATE... EXIT_REASON_WRMSRNS_IMMEDIATE] = exit_inject_ud,
};

/* Exits by an instruction of the guest, or behind one: no event was being delivered. For any other
 * reason a hypervisor below may report one, whatever a processor does. */
static const bool after_an_instruction[EXIT_REASON_COUNT] = {
    [EXIT_REASON_CPUID] = true,      [EXIT_REASON_HLT] = true,
    [EXIT_REASON_VMCALL] = true,     [EXIT_REASON_CONTROL_REGISTER] = true,
    [EXIT_REASON_IO] = true,         [EXIT_REASON_RDMSR] = true,
    [EXIT_REASON_WRMSR] = true,      [EXIT_REASON_PAUSE] = true,
    [EXIT_REASON_APIC_WRITE] = true, [EXIT_REASON_VIRTUALIZED_EOI] = true,
    [EXIT_REASON_WBINVD] = true,     [EXIT_REASON_XSETBV] = true,
};

/* An event whose delivery the exit has interrupted is injected again, unless the handler queues
 * another event. SDM Vol. 3C, "Information for VM Exits During Event Delivery". */
static void exit_keep_event(struct vcpu *vcpu) {
    uint32_t info = (uint32_t)vmcs_read(VMCS_IDT_VECTORING_INFORMATION);

    if (!(info & INTERRUPTION_VALID))
        return;
    exit_queue_event(vcpu, info, VMCS_IDT_VECTORING_ERROR_CODE);
    if ((info & INTERRUPTION_TYPE) == INTERRUPTION_NMI) {
        /* An entry that injects an NMI requires NMIs to be unblocked, and blocks them. */
        uint64_t interruptibility = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, interruptibility & ~(uint64_t)INTERRUPTIBILITY_NMI);
    }
}

bool exit_handle(struct vcpu *vcpu) {
    uint64_t reason = vmcs_read(VMCS_EXIT_REASON) & EXIT_REASON_BASIC_MASK;

    if (vcpu->vm->trace)
        virq_trace_exit(vcpu, (uint32_t)reason);
    if (reason >= EXIT_REASON_COUNT || !exit_table[reason]) {
        vm_kill(vcpu->vm, "vCPU %u: unexpected VM exit: %s (reason %lu)", vcpu->index,
                exit_reason_name((uint32_t)reason), reason);
        return true;
    }
    vcpu->exits_by_reason[reason]++;
    if (!after_an_instruction[reason])
        exit_keep_event(vcpu);
    enum exit_action action = exit_table[reason](vcpu);
    if (action & EXIT_RIP_ADVANCES)
        exit_advance(vmcs_read(VMCS_GUEST_RIP), vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH));
    return action & EXIT_TURN_CONTINUES;
}
