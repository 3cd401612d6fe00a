/* Events that are injected: see events.h. */
#include "vmm/vcpu/events.h"

#include "arch/control_registers.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "vmm/vcpu/virq.h"

/* The guest's interruptibility. A VM entry loads blocking by NMI, but in Bochs 2.7 an entry can
 * only set it: after a vCPU in its NMI handler, the next vCPU on this CPU appears to have NMIs
 * blocked although it received none. */
static uint64_t interruptibility(const struct vcpu *vcpu) {
    uint64_t state = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

    if ((state & INTERRUPTIBILITY_NMI) && !vcpu->nmi_given) {
        state &= ~(uint64_t)INTERRUPTIBILITY_NMI;
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, state);
    }
    return state;
}

void events_accept_nmis(struct vcpu *vcpu) {
    bool in_service = (interruptibility(vcpu) & INTERRUPTIBILITY_NMI) ||
                      (vcpu->event & INTERRUPTION_TYPE) == INTERRUPTION_NMI;
    uint32_t most = in_service ? 1 : 2, all = vcpu->nmi_pending + atomic_exchange(&vcpu->nmis, 0);

    if (vcpu->state != VCPU_WAIT_FOR_SIPI)
        vcpu->nmi_pending = all < most ? all : most;
}

bool events_can_wake(const struct vcpu *vcpu) {
    return (vcpu->nmi_pending && !(interruptibility(vcpu) & INTERRUPTIBILITY_NMI)) ||
           ((vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
            (virq_deliverable(vcpu) || virq_extint_pending(vcpu)));
}

/* ---- exceptions ---- */

/* A fault saves RFLAGS with RF set. An injected one saves RFLAGS from the VMCS, so RF is set there.
 */
void events_queue_exception(struct vcpu *vcpu, uint8_t vector) {
    vcpu->event = INTERRUPTION_VALID | INTERRUPTION_HARDWARE_EXCEPTION | vector;
    vmcs_write(VMCS_GUEST_RFLAGS, vmcs_read(VMCS_GUEST_RFLAGS) | RFLAGS_RF);
}

void events_queue_exception_with_code(struct vcpu *vcpu, uint8_t vector, uint32_t error_code) {
    events_queue_exception(vcpu, vector);
    /* In real-address mode there are no error codes, and an entry that injects one fails. SDM Vol.
     * 3C, "VM-Entry Control Fields". */
    if (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) {
        vcpu->event |= INTERRUPTION_ERROR_CODE;
        vcpu->event_error = error_code;
    }
}

/* DR6 after a #DB whose exit qualification has the new causes. The old ones among B0 to B3 are
 * cleared, and no others, except that RTM is set. SDM Vol. 3B, "Debug Status Register (DR6)"; Vol.
 * 3C, "Exit Qualification for Debug Exceptions". */
static uint64_t events_new_dr6(uint64_t dr6, uint64_t causes) {
    dr6 = (dr6 & ~DR6_B) | DR6_RTM | (causes & (DR6_B | DR6_BD | DR6_BS));
    return dr6 & ~(causes & (DR6_BLD | DR6_RTM));
}

/* INT1 has no bit in DR6. */
void events_raise_debug(uint32_t type, uint64_t qualification) {
    uint64_t dr7 = vmcs_read(VMCS_GUEST_DR7);

    if (type == INTERRUPTION_HARDWARE_EXCEPTION)
        write_dr6(events_new_dr6(read_dr6(), qualification));
    if (dr7 & DR7_GD)
        vmcs_write(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
    vmcs_write(VMCS_GUEST_DEBUGCTL, 0); /* of its bits a guest can set BTF alone */
}

/* ---- injection ---- */

static void events_inject_queued(struct vcpu *vcpu) {
    vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION, vcpu->event);
    if (vcpu->event & INTERRUPTION_ERROR_CODE)
        vmcs_write(VMCS_ENTRY_EXCEPTION_ERROR_CODE, vcpu->event_error);
    vmcs_write(VMCS_ENTRY_INSTRUCTION_LENGTH, vcpu->event_length);
    vcpu->nmi_given |= (vcpu->event & INTERRUPTION_TYPE) == INTERRUPTION_NMI;
    vcpu->event = 0;
}

/* The guest accepts either between two instructions, but not in the shadow of STI or MOV SS. */
static void events_inject_pending(struct vcpu *vcpu) {
    uint64_t blocking = interruptibility(vcpu);

    if (vcpu->nmi_pending && !(blocking & (INTERRUPTIBILITY_SHADOW | INTERRUPTIBILITY_NMI))) {
        vcpu->nmi_pending--;
        vcpu->nmi_given = true;
        vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION,
                   INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI);
    } else if ((vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
               !(blocking & INTERRUPTIBILITY_SHADOW)) {
        int vector = virq_extint_pending(vcpu) ? virq_acknowledge_extint(vcpu) : virq_deliver(vcpu);
        if (vector >= 0)
            vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION,
                       INTERRUPTION_VALID | INTERRUPTION_EXTERNAL | (uint32_t)vector);
    }
}

/* The window exits that are needed: bits of the primary controls. In the shadow of an STI the NMI
 * window may already be open, although no NMI is injected there; the interrupt window opens after
 * the shadow, and with IF set. SDM Vol. 3C, "NMI-Window Exiting". */
static uint32_t wanted_windows(const struct vcpu *vcpu) {
    bool waits = virq_extint_pending(vcpu) || virq_wants_window(vcpu);
    uint32_t windows = waits ? PRIMARY_INTERRUPT_WINDOW_EXITING : 0;

    if (vcpu->nmi_pending && (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_STI))
        windows |= PRIMARY_INTERRUPT_WINDOW_EXITING;
    else if (vcpu->nmi_pending)
        windows |= PRIMARY_NMI_WINDOW_EXITING;
    return windows;
}

/* With delivery in software most entries have nothing to inject: the IRR is empty. */
static bool has_work(const struct vcpu *vcpu) {
    return vcpu->event || vcpu->nmi_pending || vcpu->windows || vcpu->tpr_threshold ||
           virq_extint_pending(vcpu) || apic_page_highest(vcpu->apic_page, APIC_IRR) >= 0;
}

void events_inject(struct vcpu *vcpu) {
    if (vcpu->software && !has_work(vcpu))
        return;
    if (vcpu->event)
        events_inject_queued(vcpu);
    else
        events_inject_pending(vcpu);
    uint32_t windows = wanted_windows(vcpu);
    if (windows != vcpu->windows) {
        vmcs_write(VMCS_PRIMARY_CONTROLS, vcpu->controls.primary | windows);
        vcpu->windows = windows;
    }
    if (vcpu->software)
        virq_write_tpr_threshold(vcpu);
}
