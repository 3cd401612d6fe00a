/* The virtual local APIC: the registers that the processor does not handle by itself, what is in
 * flight here, and the EOI map.
 *
 * With APIC-register virtualization and virtual-interrupt delivery the processor serves reads, TPR,
 * EOI and self-IPIs from the virtual-APIC page. What is left comes here: writes that exit after
 * the fact (xAPIC: the page already holds the value) or before it (x2APIC MSRs), acceptance of
 * what was posted, and EOI exits. Pure; called on the vCPU's own CPU, outside the guest.
 * SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/msr.h"
#include "vmm/interrupts/apic_page.h"
#include "vmm/interrupts/destination.h"
#include "vmm/interrupts/eoi_map.h"
#include "vmm/interrupts/inbox.h"
#include "vmm/interrupts/tokens.h"
#include "vmm/interrupts/trace.h"

struct vlapic;

/* ICR bits 19:18. */
enum apic_shorthand {
    APIC_SHORTHAND_NONE,
    APIC_SHORTHAND_SELF,
    APIC_SHORTHAND_ALL,
    APIC_SHORTHAND_OTHERS,
};

struct vlapic_effects {
    /* An IPI or, with the self shorthand, a local interrupt leaves. What the SDM calls an invalid
     * combination never gets here. */
    void (*send)(void *context, const struct apic_message *message, enum apic_shorthand shorthand);
    /* What destinations match has changed, or tokens were dropped by a reset: all vCPUs must scan
     * (invariants 13 and 20). The new identity is vlapic->identity. */
    void (*identity_changed)(void *context);
    /* An EOI that the processor did not virtualize retired a vector of the EOI-exit set: do what an
     * EOI-induced exit would do. */
    void (*eoi_exit)(void *context, uint8_t vector);
    /* The timer's register at `offset` was written, or all were reset if that is 0: arm or stop it.
     * The page holds the values; the caller keeps the time (vlapic_timer.h). */
    void (*timer_changed)(void *context, uint32_t offset);
    /* The value of the current-count register now. */
    uint32_t (*timer_current)(void *context);
    void (*trace)(void *context, uint64_t what, uint64_t a, uint64_t b); /* trace_what() */
};

enum vlapic_eoi { VLAPIC_EOI_LIVE, VLAPIC_EOI_STALE, VLAPIC_EOI_COINCIDENTAL };

struct vlapic {
    struct apic_page *page;
    uint64_t base;                  /* IA32_APIC_BASE as the guest sees it */
    uint32_t initial_id;            /* the APIC ID that CPUID reports; the x2APIC ID */
    uint64_t physical_address_mask; /* valid address bits of the base register */
    struct apic_identity identity;
    struct inbox inbox;
    struct tokens tokens;
    struct eoi_map map;
    bool x2apic_offered;        /* IA32_APIC_BASE can select x2APIC mode */
    bool broadcast_suppression; /* offered: the I/O APIC has version 20H */
    uint32_t errors;            /* gathered; the ESR shows them after a write to it */
    uint32_t timer_mode;        /* of the LVT timer register as last written: bits 18:17 */
    const struct vlapic_effects *effects;
    void *context;
};

/* Power-on: xAPIC mode, enabled globally, software-disabled; calls no effects. INIT: the same, but
 * the base register, and with it the mode, and the APIC ID stay as they are. Tokens are dropped
 * either way (invariant 20); the EOI map stays until the next scan, since the VMCS has it. page,
 * effects, context, initial_id, physical_address_mask, x2apic_offered and broadcast_suppression are
 * set by the caller once before the first call. */
void vlapic_power_on(struct vlapic *apic, bool is_bsp);
void vlapic_init(struct vlapic *apic);

/* A write to IA32_APIC_BASE. False: #GP, nothing changed. The page moves in the value only. */
bool vlapic_write_base(struct vlapic *apic, uint64_t value);

/* xAPIC: a read of or a write to the page that the processor left to us, by offset; size 4,
 * aligned. vlapic_written(): the trap-like APIC-write exit, the value is in the page already. A
 * register that does not exist reads 0, takes nothing, and sets the ESR's illegal-register bit. */
uint32_t vlapic_read(struct vlapic *apic, uint32_t offset);
void vlapic_write(struct vlapic *apic, uint32_t offset, uint32_t value);
void vlapic_written(struct vlapic *apic, uint32_t offset);

/* x2APIC: RDMSR and WRMSR of 800H to 8FFH. False: #GP, nothing changed. */
bool vlapic_read_msr(struct vlapic *apic, uint32_t msr, uint64_t *value);
bool vlapic_write_msr(struct vlapic *apic, uint32_t msr, uint64_t value);

/* A local interrupt by one of the LVT registers, if it is not masked there; for example when the
 * timer expires. Only the fixed delivery mode is meant. */
void vlapic_local_interrupt(struct vlapic *apic, uint32_t lvt);

/* A software EOI, where the processor did not virtualize it: retires the highest vector in service
 * and returns it, -1 if there is none (invariant 17). Calls the eoi_exit effect if that vector's
 * EOI must exit. */
int vlapic_eoi(struct vlapic *apic);

/* Accepts everything posted: into IRR with TMR and tokens. False: there was nothing. The other form
 * returns the highest IRR vector, or -1. */
void vlapic_accept_posted(struct vlapic *apic);
static inline bool vlapic_accept(struct vlapic *apic) {
    if (inbox_is_empty(&apic->inbox))
        return false;
    vlapic_accept_posted(apic);
    return true;
}
int vlapic_sync(struct vlapic *apic);

/* What each vCPU does with a message that names it. Edge and level both go to the inbox, from any
 * CPU. False: not accepted, because the LAPIC is disabled, or the vector is illegal: its ESR will
 * show that. pin is meaningful for level. */
bool vlapic_post(struct vlapic *apic, uint8_t vector, bool level, unsigned pin);

/* What the vCPU sends itself is accepted at once, past the inbox: an edge. False: not accepted. */
bool vlapic_accept_own(struct vlapic *apic, uint8_t vector);

/* An EOI exit: retires tokens. Call it before the next vlapic_sync(): the IRR must be as the EOI
 * left it. *pins: to be told to the I/O APIC (0 if the vector's EOI is not to be broadcast,
 * invariant 21). *rescan: a stale vector's last EOI came; scan before the next entry. */
enum vlapic_eoi vlapic_eoi_exit(struct vlapic *apic, uint8_t vector, uint32_t *pins, bool *rescan);
