/* Virtual interrupts and the VMCS: writes the fields of virtual-interrupt delivery.
 *
 * routing.h and the modules below it decide what to deliver and which EOIs must exit, without a
 * VMCS; here the results go into the EOI-exit bitmaps and the guest interrupt status. Another
 * backend would fit behind the same functions. Injected events are in events.h; who writes which
 * field: docs/interrupts.md, "Which module owns what".
 * SDM Vol. 3C, "APIC Virtualization and Virtual Interrupts". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vcpu/vcpu.h"

/* The context is the struct vm. The second is for a guest with `trace = on`. */
extern const struct routing_effects virq_effects, virq_effects_trace_each;

/* Once, before any vCPU is set up: the page that stands for the APIC's in every guest. */
void virq_init(void);
uint64_t virq_apic_access_page(void);

/* The interrupt fields of the current VMCS, for the first time; and what depends on the LAPIC's
 * mode and registers, after the mode changed or after INIT. */
void virq_set_up(struct vcpu *vcpu);
void virq_mode_changed(struct vcpu *vcpu);

/* Steps 3 to 6 of the work before an entry: sync, scan if one is due, EOI-exit words, RVI and SVI.
 * docs/interrupts.md, "The order of work before an entry". */
void virq_prepare_entry(struct vcpu *vcpu);

/* Records an event of this vCPU. */
void virq_trace(const struct vcpu *vcpu, enum trace_event event, uint8_t vector, uint64_t a,
                uint64_t b);
/* For guests with trace = on: what the processor has made of the interrupts until this exit. */
void virq_trace_exit(const struct vcpu *vcpu, uint32_t reason);

/* Whether an interrupt in the IRR is above the processor priority: it would end a HLT. */
bool virq_deliverable(const struct vcpu *vcpu);

/* vlapic_write() for a write to the page that the processor left to us; an EOI changes SVI. */
void virq_apic_write(struct vcpu *vcpu, uint32_t offset, uint32_t value);
/* vcpu->timer_next has come: fires the LAPIC's timer, and on vCPU 0 polls the PC's. */
void virq_fire_timer(struct vcpu *vcpu, uint64_t now);
/* Sets vcpu->timer_next again: after a change of the LAPIC's timer, or of the PC's. */
void virq_plan_timer(struct vcpu *vcpu);
void virq_pc_timer_changed(struct vcpu *vcpu);
/* Interrupts from the 8259s: whether one waits for this vCPU; its vector, -1 if it has gone; what a
 * rise of their output does by LINT0 besides; and the registers as firmware leaves them. */
bool virq_extint_pending(const struct vcpu *vcpu);
int virq_take_extint(struct vcpu *vcpu);
void virq_lint0_rose(struct vcpu *vcpu);
void virq_firmware_defaults(struct vcpu *vcpu);
/* IA32_TSC_DEADLINE. */
void virq_write_deadline(struct vcpu *vcpu, uint64_t deadline);
bool virq_write_base(struct vcpu *vcpu, uint64_t value);
/* Its local APIC, and IA32_APIC_BASE as the guest sees it. */
static inline struct vlapic *virq_lapic(const struct vcpu *vcpu) {
    return &vcpu->routed->apic;
}
static inline uint64_t virq_base(const struct vcpu *vcpu) {
    return virq_lapic(vcpu)->base;
}
/* Where this vCPU sees its local APIC in memory; UINT64_MAX: nowhere. */
static inline uint64_t virq_apic_address(const struct vcpu *vcpu) {
    uint64_t base = virq_base(vcpu);

    return (base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == APIC_BASE_ENABLE
               ? base & APIC_BASE_ADDRESS_MASK
               : UINT64_MAX;
}
