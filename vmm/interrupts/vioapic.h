/* The virtual I/O APIC: 24 pins, version 11H, as the 82093AA data sheet has it.
 *
 * Pure and without a lock: the VM takes its own around every call. What it does to the rest of the
 * VM leaves through struct vioapic_effects. Invariants 4, 5, 10, 11, 12, 14, 19, 21 to 23 are kept
 * here. Edges come from lines only: writing an entry makes none. Read next: eoi_map.h, which scans
 * this redirection table. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "vmm/interrupts/destination.h"
#include "vmm/interrupts/trace.h"

struct vioapic_effects {
    /* Sends an interrupt from a pin; returns how many LAPICs accepted it. Must not call back. */
    unsigned (*deliver)(void *context, unsigned pin, const struct apic_message *message);
    /* The routes changed so that the LAPICs which the old or the new entry names must scan. Called
     * before the changed entry delivers anything (invariant 2). */
    void (*reroute)(void *context, uint64_t old_entry, uint64_t new_entry);
    void (*trace)(void *context, uint64_t what, uint64_t a, uint64_t b); /* trace_what() */
};

/* Storm control (invariant 22). In an unbroken run, that is while the line does not go inactive, a
 * level pin delivers this many times as soon as it may; after that each delivery waits for
 * vioapic_release(). At a few microseconds for each the run is over after some milliseconds. */
#define VIOAPIC_IMMEDIATE_DELIVERIES 1000

struct vioapic {
    uint64_t entry[IOAPIC_PIN_COUNT]; /* delivery status is not kept here but derived on a read */
    uint32_t line;                    /* bit p: the level of pin p's line, before polarity */
    uint32_t edge_pending;            /* bit p: an edge that no LAPIC has accepted yet */
    /* per pin: level deliveries since its line last became active */
    uint32_t level_streak[IOAPIC_PIN_COUNT];
    _Atomic uint32_t deferred; /* bit p: storm control holds the pin back; read without the lock */
    uint32_t id;               /* register 0, bits 27:24 */
    uint32_t index;            /* IOREGSEL */
    uint32_t version;          /* 0x11, or 0x20 with the EOI register */
    const struct vioapic_effects *effects;
    void *context;
};

/* Power-on state: every entry masked, all lines low. version: 0x11 or 0x20. effects and context are
 * set by the caller. */
void vioapic_reset(struct vioapic *io, uint32_t version);

/* The guest accesses the I/O APIC's page; offset below 4096, size in bytes. Only aligned 32-bit
 * accesses of the existing registers do anything; others read 0 and write nothing. */
uint32_t vioapic_read(struct vioapic *io, uint32_t offset, unsigned size);
void vioapic_write(struct vioapic *io, uint32_t offset, unsigned size, uint32_t value);

/* A line's level, already the OR of its sources. Pins past the last change nothing. */
void vioapic_set_line(struct vioapic *io, unsigned pin, bool level);

/* A LAPIC retired a level interrupt of this vector that came from `pins` (its tokens): clears
 * Remote IRR on every level entry whose vector it is, and delivers again what is still active and
 * unmasked. Pins whose entry no longer has the vector are traced as orphaned (invariant 10). */
void vioapic_eoi(struct vioapic *io, uint8_t vector, uint32_t pins);

/* Something that may let a waiting edge or level through has changed elsewhere (a LAPIC was
 * enabled, moved, renamed): tries what could not be delivered before. */
void vioapic_retry(struct vioapic *io);

/* Delivers from the pins that storm control held back, once each. */
void vioapic_release(struct vioapic *io);

/* Whether the entry is a level-triggered route: in a mode that a LAPIC answers with an EOI. NMI,
 * SMI, INIT and ExtINT are treated as edge triggered, whatever the trigger mode bit says, as the
 * data sheet has it for NMI. */
static inline bool vioapic_entry_is_level(uint64_t entry) {
    return (entry & (RTE_LEVEL | RTE_OTHER_MODES)) == RTE_LEVEL;
}
