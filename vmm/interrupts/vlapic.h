/* The virtual local APIC: the registers that the processor does not virtualize by itself, the
 * interrupts in flight, and the EOI map.
 *
 * With APIC-register virtualization and virtual-interrupt delivery the processor virtualizes reads,
 * TPR, EOI and self-IPIs with the virtual-APIC page. The rest is done here: writes whose exit comes
 * after the write (xAPIC: the page already has the value) or before it (x2APIC MSRs), acceptance of
 * what was posted, and EOI exits. Without these features every access exits, and the processor's
 * part is done here as well: vlapic_deliver(), vlapic_eoi(). Pure; called on the vCPU's own CPU,
 * outside guest mode. SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)". */
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
    /* Sends an IPI or, with the self shorthand, a local interrupt. Never called for what the SDM
     * calls an invalid combination. */
    void (*send)(void *context, const struct apic_message *message, enum apic_shorthand shorthand);
    /* The identity is about to become `next`; until identity_changed() messages may find either. */
    void (*identity_changes)(void *context, const struct apic_identity *next);
    /* Other destinations match now, or a reset has dropped tokens: all vCPUs must scan (invariants
     * 13 and 20). The new identity is vlapic->identity. */
    void (*identity_changed)(void *context);
    /* Whether the processor may accept edges by itself, self-IPIs and posted ones, has changed
     * (tmr_used). */
    void (*access_changed)(void *context);
    /* An EOI that the processor did not virtualize has ended a vector of the EOI-exit set: handle
     * it like an EOI-induced exit. */
    void (*eoi_exit)(void *context, uint8_t vector);
    /* The timer's register at `offset` was written, or all were reset if that is 0: arm or disarm
     * the timer. The page has the values; the callee keeps the time (vlapic_timer.h). */
    void (*timer_changed)(void *context, uint32_t offset);
    /* Returns the value of the current-count register now. */
    uint32_t (*timer_current)(void *context);
    void (*trace)(void *context, uint64_t what, uint64_t a, uint64_t b); /* trace_what() */
};

enum vlapic_eoi { VLAPIC_EOI_LIVE, VLAPIC_EOI_STALE, VLAPIC_EOI_COINCIDENTAL };

struct vlapic {
    struct inbox inbox; /* first: page-aligned */
    struct apic_page *page;
    uint64_t base;                  /* IA32_APIC_BASE as the guest sees it */
    uint32_t initial_id;            /* the APIC ID that CPUID reports; the x2APIC ID */
    uint64_t physical_address_mask; /* valid address bits of the base register */
    struct apic_identity identity;
    struct tokens tokens;
    struct eoi_map map;
    bool x2apic_offered;        /* IA32_APIC_BASE can select x2APIC mode */
    bool broadcast_suppression; /* offered: the I/O APIC has version 20H */
    bool tmr_used;              /* a TMR bit may be set: edges must be accepted here, not unseen */
    uint32_t errors;            /* detected; a write to the ESR moves them into it */
    uint32_t timer_mode;        /* bits 18:17 of the LVT timer register, as last written */
    const struct vlapic_effects *effects;
    void *context;
};

/* Power-on: xAPIC mode, globally enabled, software-disabled; calls no effects. INIT: the same, but
 * the base register, and with it the mode, and the APIC ID are kept, and so is the EOI map until
 * the next scan, because the VMCS holds the same bits. Both drop all tokens (invariant 20). The
 * caller sets page, effects, context, initial_id, physical_address_mask, x2apic_offered and
 * broadcast_suppression before the first call. */
void vlapic_power_on(struct vlapic *apic, bool is_bsp);
void vlapic_init(struct vlapic *apic);

/* A write to IA32_APIC_BASE. False: #GP, nothing has changed. A new address is only stored: moving
 * the page is up to the caller. */
bool vlapic_write_base(struct vlapic *apic, uint64_t value);

/* xAPIC: an aligned 4-byte access to the page that the processor did not virtualize, by offset.
 * vlapic_written(): after an APIC-write exit, which is trap-like: the page already has the value. A
 * register that does not exist reads 0, ignores writes, and sets the illegal-register bit of the
 * ESR. */
uint32_t vlapic_read(struct vlapic *apic, uint32_t offset);
void vlapic_write(struct vlapic *apic, uint32_t offset, uint32_t value);
void vlapic_written(struct vlapic *apic, uint32_t offset);

/* x2APIC: RDMSR and WRMSR of 800H to 8FFH. False: #GP, nothing has changed. */
bool vlapic_read_msr(struct vlapic *apic, uint32_t msr, uint64_t *value);
bool vlapic_write_msr(struct vlapic *apic, uint32_t msr, uint64_t value);

/* Raises the interrupt of an LVT entry, for example when the timer expires, unless it is masked.
 * For entries in fixed delivery mode only. */
void vlapic_local_interrupt(struct vlapic *apic, uint32_t lvt);

/* An EOI that the processor did not virtualize: ends the highest vector in service and returns it,
 * or -1 if there is none (invariant 17). Calls eoi_exit() if the vector's EOI must exit. */
int vlapic_eoi(struct vlapic *apic);

/* Delivery in software: moves the vector that can be delivered from the IRR to the ISR and returns
 * it, for injection; -1 if there is none. SDM Vol. 3C, "Virtual-Interrupt Delivery". */
int vlapic_deliver(struct vlapic *apic);
/* The class to which the TPR must fall before the highest vector in the IRR can be delivered, for
 * the TPR threshold; 0 if it does not wait for that. */
uint32_t vlapic_tpr_threshold(const struct vlapic *apic);

/* Accepts everything that is in the inbox: sets IRR and TMR bits and tokens. vlapic_accept()
 * returns false if the inbox was empty; vlapic_sync() returns the highest IRR vector, or -1. */
void vlapic_accept_posted(struct vlapic *apic);
static inline bool vlapic_accept(struct vlapic *apic) {
    if (inbox_is_empty(&apic->inbox))
        return false;
    vlapic_accept_posted(apic);
    return true;
}
int vlapic_sync(struct vlapic *apic);

/* Posts a message that names this vCPU to its inbox; any CPU may call it. False: the message is not
 * accepted, because the LAPIC is disabled or because the vector is illegal, which the ESR will
 * show. pin: of a level message. */
bool vlapic_post(struct vlapic *apic, uint8_t vector, bool level, unsigned pin);

/* Clears the TMR bits of vectors of which no level interrupt is in flight. */
void vlapic_clear_ended_levels(struct vlapic *apic);

/* Accepts an edge that the vCPU has sent to itself, without the inbox. False: not accepted. */
bool vlapic_accept_own(struct vlapic *apic, uint8_t vector);

/* An EOI exit: retires tokens. Call it before the next vlapic_sync(): the IRR must be as the EOI
 * left it. *pins: those whose EOI the I/O APIC must receive; 0 if the guest suppresses the
 * broadcast (invariant 21). *rescan: this was the last EOI in flight of a stale vector; scan before
 * the next entry. */
enum vlapic_eoi vlapic_eoi_exit(struct vlapic *apic, uint8_t vector, uint32_t *pins, bool *rescan);
