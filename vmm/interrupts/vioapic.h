/* The virtual I/O APIC: 24 pins, version 11H, as described in the 82093AA data sheet.
 *
 * Pure and without a lock: the caller holds the VM's around every call. Its effects on the rest of
 * the VM go through struct vioapic_effects. Invariants 4, 5, 10 to 12, 14, 19 and 21 to 23 are kept
 * here. Edges come from lines only: a write to an entry causes none. Read next: eoi_map.h, which
 * scans this redirection table. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "vmm/interrupts/destination.h"
#include "vmm/interrupts/trace.h"

struct vioapic_effects {
    /* Sends an interrupt from a pin; returns how many LAPICs accepted it. Must not call vioapic
     * functions. */
    unsigned (*deliver)(void *context, unsigned pin, const struct apic_message *message);
    /* A reroute: the vCPUs whose LAPICs the old or the new entry names must scan. Called before the
     * changed entry delivers anything (invariant 2). */
    void (*reroute)(void *context, uint64_t old_entry, uint64_t new_entry);
    void (*trace)(void *context, uint64_t what, uint64_t a, uint64_t b); /* trace_what() */
};

/* Storm control (invariant 22). While its line stays active, a level pin delivers immediately after
 * each EOI, this many times; after that each delivery waits for vioapic_release(). At a few
 * microseconds per delivery, the immediate ones last some milliseconds. */
#define VIOAPIC_IMMEDIATE_DELIVERIES 1000

struct vioapic {
    uint64_t entry[IOAPIC_PIN_COUNT]; /* without delivery status, which is derived on a read */
    uint32_t line;                    /* bit p: the level of pin p's line, before polarity */
    uint32_t edge_pending;            /* bit p: an edge that no LAPIC has accepted yet */
    /* per pin: level deliveries since its line last became active */
    uint32_t level_streak[IOAPIC_PIN_COUNT];
    _Atomic uint32_t deferred; /* bit p: deferred by storm control; read without the lock */
    uint32_t id;               /* register 0, bits 27:24 */
    uint32_t index;            /* IOREGSEL */
    uint32_t version;          /* 0x11, or 0x20 with the EOI register */
    const struct vioapic_effects *effects;
    void *context;
};

/* Power-on state: all entries masked, all lines low. version: 0x11 or 0x20. The caller has set
 * effects and context. */
void vioapic_reset(struct vioapic *io, uint32_t version);

/* The guest accesses the I/O APIC's page; offset below 4096, size in bytes. Only aligned 32-bit
 * accesses to existing registers have an effect; others read 0 and write nothing. */
uint32_t vioapic_read(struct vioapic *io, uint32_t offset, unsigned size);
void vioapic_write(struct vioapic *io, uint32_t offset, unsigned size, uint32_t value);

/* Sets a line's level, the OR of its sources. A pin that does not exist is ignored. */
void vioapic_set_line(struct vioapic *io, unsigned pin, bool level);

/* A LAPIC has retired a level interrupt of this vector from `pins` (its tokens), or the guest has
 * written the vector to the EOI register: clears Remote IRR on every level entry that has this
 * vector, and delivers again from those pins that are still active and unmasked. Those of `pins`
 * whose entry has another vector by now are traced as orphaned (invariant 10). */
void vioapic_eoi(struct vioapic *io, uint8_t vector, uint32_t pins);

/* A LAPIC has changed (was enabled, got another ID or mode) and may now accept what none accepted
 * before: tries the waiting pins again. */
void vioapic_retry(struct vioapic *io);

/* Delivers once from each pin that storm control has deferred. */
void vioapic_release(struct vioapic *io);

/* Whether the entry is a level-triggered route: its delivery mode is one for which the LAPIC sends
 * an EOI. NMI, SMI, INIT and ExtINT are treated as edge-triggered whatever the trigger mode bit is,
 * as the data sheet specifies for NMI. */
/*@ predicate level(integer entry) = (entry & (RTE_LEVEL | RTE_OTHER_MODES)) == RTE_LEVEL;
  @*/
/*@ assigns \nothing;
  @ ensures \result <==> level(entry);
  @*/
static inline bool vioapic_entry_is_level(uint64_t entry) {
    return (entry & (RTE_LEVEL | RTE_OTHER_MODES)) == RTE_LEVEL;
}
