/* Virtual interrupts and the VMCS: carries out what the interrupt core decides.
 *
 * routing.h and the modules below it decide what to deliver and which EOIs must exit, without a
 * VMCS. Here the results go into the VMCS fields of virtual-interrupt delivery, and what happens to
 * the vCPU goes to the core.
 *
 * A processor without virtual-interrupt delivery gets delivery in software (vcpu->software): every
 * access to the local APIC exits, events.c injects what virq_deliver() accepts, and an EOI is
 * handled where it is written, with the same map and tokens. Then the fields of virtual-interrupt
 * delivery, which the processor may not have, are not accessed.
 *
 * With posted interrupts (vm->posted) an edge from another CPU does not end guest mode: the
 * processor moves it from the inbox to the IRR. docs/interrupts.md, "Posted interrupts".
 *
 * virq.c alone writes the EOI-exit bitmaps, guest interrupt status, virtual-APIC address,
 * APIC-access address, TPR threshold, MSR-bitmap address, EPT pointer, and the two fields of posted
 * interrupts. The pin-based, primary and secondary controls it shares with vmcs_setup.c and
 * events.c, and other fields that concern interrupts are written elsewhere: docs/interrupts.md,
 * "Who writes which VMCS field". SDM Vol. 3C, "APIC Virtualization and Virtual Interrupts".
 *
 * All functions but virq_init() are called on the vCPU's own CPU, its VMCS current. Read next:
 * events.h, vmm/interrupts/routing.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* What routing needs from the hypervisor for this guest; the context is the struct vm. With `trace
 * = on` each event has a record of its own. */
const struct routing_effects *virq_effects_of(const struct vm *vm);

/* ---- the VMCS ---- */

/* Allocates the APIC-access page, one for all guests. Once, on the boot CPU, before any VM is
 * created. */
void virq_init(void);
/* The physical address of that page. */
uint64_t virq_apic_access_page(void);
/* How this vCPU's local APIC is virtualized now. */
enum vmx_apic_mode virq_apic_mode(const struct vcpu *vcpu);

/* Writes the fields of virtual-interrupt delivery for the first time. */
void virq_set_up(struct vcpu *vcpu);
/* Writes what depends on the mode of the LAPIC (disabled, software-disabled, xAPIC, x2APIC, moved):
 * controls, MSR bitmap, EPT pointer; and RVI and SVI. After INIT; when the mode changes, this
 * module does it by itself. Kills the guest if the processor cannot virtualize the mode. */
void virq_mode_changed(struct vcpu *vcpu);

/* Steps 3 to 6 of the work before an entry: sync, scan if one is due, EOI-exit words, RVI and SVI.
 * docs/interrupts.md, "The order of work before an entry". */
void virq_prepare_entry(struct vcpu *vcpu);

/* Whether an interrupt in the IRR is above the processor priority: it would end HLT. */
bool virq_deliverable(const struct vcpu *vcpu);

/* ---- delivery in software (vcpu->software), for events.h ---- */

/* Accepts an interrupt for injection: its vector; -1 if there is none, or if the processor delivers
 * them. The guest must be able to accept it. */
int virq_deliver(struct vcpu *vcpu);
/* Whether an interrupt waits until the guest can accept it: an interrupt-window exit is needed. */
bool virq_wants_window(const struct vcpu *vcpu);
/* For one that waits until the guest lowers its TPR. Only with delivery in software. */
void virq_write_tpr_threshold(struct vcpu *vcpu);

/* ---- the trace ---- */

/* Records an event of this vCPU, which has no pin. */
void virq_trace(const struct vcpu *vcpu, enum trace_event event, uint8_t vector, uint64_t a,
                uint64_t b);
/* For guests with `trace = on`, at each exit: the reason, and the state in which the processor has
 * left RVI and SVI. */
void virq_trace_exit(const struct vcpu *vcpu, uint32_t reason);

/* ---- registers of the LAPIC ---- */

/* A write at this offset of the APIC's page that the processor has not virtualized. */
void virq_apic_write(struct vcpu *vcpu, uint32_t offset, uint32_t value);
/* WRMSR to IA32_APIC_BASE. False: #GP. Kills the guest if it moves its LAPIC over RAM. */
bool virq_write_base(struct vcpu *vcpu, uint64_t value);
/* WRMSR to IA32_TSC_DEADLINE. */
void virq_write_deadline(struct vcpu *vcpu, uint64_t deadline);
/* Sets the registers as a PC's firmware leaves them: the LAPIC enabled, LINT0 ExtINT, LINT1 NMI.
 * MultiProcessor Specification 1.4, "Virtual Wire Mode". */
void virq_firmware_defaults(struct vcpu *vcpu);

/* ---- timers ---- */

/* To call when vcpu->timer_next has come: fires the LAPIC's timer if it is due and, on vCPU 0,
 * polls the PC's timers. `now` is the TSC. */
void virq_fire_timer(struct vcpu *vcpu, uint64_t now);
/* Computes vcpu->timer_next again: after a change of the LAPIC's timer; of the PC's. */
void virq_plan_timer(struct vcpu *vcpu);
void virq_pc_timer_changed(struct vcpu *vcpu);

/* ---- the 8259s ---- */

/* Whether an interrupt of the 8259s (ExtINT) waits for this vCPU. */
bool virq_extint_pending(const struct vcpu *vcpu);
/* Acknowledges it: the vector; -1 if it has gone. */
int virq_acknowledge_extint(struct vcpu *vcpu);
/* The 8259s' output rose: an interrupt or an NMI, if LINT0 is in one of these modes. */
void virq_lint0_rose(struct vcpu *vcpu);

/* ---- the LAPIC itself ---- */

static inline struct vlapic *virq_lapic(const struct vcpu *vcpu) {
    return &vcpu->routed->apic;
}

/* IA32_APIC_BASE as the guest reads it. */
static inline uint64_t virq_base(const struct vcpu *vcpu) {
    return virq_lapic(vcpu)->base;
}

/* The guest-physical address at which this vCPU has its LAPIC; UINT64_MAX: nowhere. */
static inline uint64_t virq_apic_address(const struct vcpu *vcpu) {
    uint64_t base = virq_base(vcpu);

    return (base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE
               ? base & APIC_BASE_ADDRESS_MASK
               : UINT64_MAX;
}
