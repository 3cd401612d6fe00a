/* Posted interrupts: see posted.h. */
#include "vmm/vcpu/posted.h"

#include "arch/idt.h"
#include "arch/instructions.h"
#include "drivers/lapic.h"

void posted_set_up(struct vcpu *vcpu) {
    const struct vm *vm = vcpu->vm;
    uintptr_t offset = (uintptr_t)&vcpu->routed->apic.inbox - (uintptr_t)vm->routing.vcpu;

    if (!vm->posted)
        return;
    vmcs_write(VMCS_POSTED_VECTOR, VECTOR_POSTED);
    vmcs_write(VMCS_POSTED_DESCRIPTOR, vm->routed_physical + offset);
    atomic_store(&vcpu->posting, 1); /* as the control is after vmcs_set_up() has written it */
}

/* The interrupt is not in service if it is spurious. */
void posted_exit(void) {
    uint64_t info = vmcs_read(VMCS_EXIT_INTERRUPTION_INFORMATION);

    if (!(info & INTERRUPTION_VALID))
        interrupts_accept();
    else if (lapic_in_service((uint8_t)info))
        lapic_eoi();
}

/* The processor accepts a posted interrupt without clearing its TMR bit, so it processes them only
 * while no TMR bit is set. Otherwise the notification causes a VM exit, and the interrupt is
 * accepted in root mode; this also clears the TMR bits that are no longer needed. Invariant 24. */
void posted_update(struct vcpu *vcpu) {
    bool posting = !vcpu->routed->apic.tmr_used;
    uint32_t pin = vcpu->controls.pin;

    if (!vcpu->vm->posted || posting == vcpu->posting)
        return;
    vmcs_write(VMCS_PIN_BASED_CONTROLS,
               posting ? pin : pin & ~(uint32_t)PIN_PROCESS_POSTED_INTERRUPTS);
    atomic_store(&vcpu->posting, posting);
}

void posted_drained(struct vcpu *vcpu) {
    interrupts_accept();
    if (vcpu->routed->apic.tmr_used)
        vlapic_clear_ended_levels(&vcpu->routed->apic);
}

/* The interrupt is in the PIR before ON is set, and ON is set before `in_guest` is read; arm() in
 * run.c does it the other way round. If `posting` changes now, either the notification causes a VM
 * exit, or the kick finds the interrupt in the IRR already. Whoever finds ON set is after the one
 * who has set it, who has sent a notification or a kick or is about to. */
void posted_notify(struct vcpu *vcpu) {
    if (atomic_fetch_or(vcpu->requests, REQUEST_POSTED) & REQUEST_POSTED)
        return;
    if (atomic_load(&vcpu->posting) && atomic_load(&vcpu->in_guest))
        lapic_send_fixed(vcpu->host->cpu.apic_id, VECTOR_POSTED);
    else
        vcpu_kick(vcpu);
}
