/* A small world around the interrupt core: a VM without a machine.
 *
 * The core is the production code, wired as vmm/vcpu/virq.c wires it. The processor that delivers
 * its interrupts, and the reference that says which pins each EOI is owed to, are those of
 * tests/processor.h. Every operation compares the two, and the first invariant that does not hold
 * is kept in `violation`. For unit tests, the fuzzers and the lock-step replay. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tests/processor.h"
#include "vmm/interrupts/routing.h"

#define WORLD_VCPUS 64

struct world {
    struct routing routing;

    /* the processor's side of each vCPU; the bitmap changes only by the words that changed */
    struct processor processor[WORLD_VCPUS];
    bool in_guest[WORLD_VCPUS];
    vcpu_mask notified; /* since their last entry */
    bool locked;
    const struct routing_vcpu *writing; /* writes a LAPIC register, NULL: none does */

    /* what has happened */
    uint64_t deliveries[IOAPIC_PIN_COUNT]; /* that a LAPIC accepted */
    unsigned accepted[IOAPIC_PIN_COUNT];   /* how many LAPICs accepted the last one */
    uint32_t retired;                      /* the pins that the last EOI exit retired */
    unsigned traced[TRACE_EVENT_COUNT];
    unsigned signals[WORLD_VCPUS][8]; /* by delivery mode */
    uint8_t signal_vector;
    unsigned timer_changes[WORLD_VCPUS];

    /* work of another CPU, done once, just before the next time that the lock is taken */
    void (*before_lock)(struct world *world);
    struct trace_ring *trace; /* may be NULL */
    uint64_t time;
    const char *violation; /* "invariant N: ...", NULL while everything holds */

    /* large, and at the end: only the parts of the vCPUs that there are have a defined value */
    struct routing_vcpu vcpu[WORLD_VCPUS];
    struct routing_counters counters[WORLD_VCPUS];
    struct apic_page page[WORLD_VCPUS];
    struct owed owed[WORLD_VCPUS]; /* the reference */
    uint64_t eoi_exits[WORLD_VCPUS][VECTOR_COUNT];
};

enum world_eoi {
    WORLD_EOI_NO_EXIT,
    WORLD_EOI_LIVE,
    WORLD_EOI_STALE,
    WORLD_EOI_COINCIDENTAL,
};

/* The state at power-on: no vCPU has entered yet. */
void world_power_on(struct world *world, unsigned vcpus, uint32_t version);

/* Power-on, then: all LAPICs software-enabled in xAPIC mode, logical ID 1 << v in the flat model
 * (0 from vCPU 8 on),
 * all vCPUs in guest mode. version: the I/O APIC's. */
void world_start(struct world *world, unsigned vcpus, uint32_t version);

/* ---- the guest ---- */

/* Writes an entry as drivers do, the high half first. world_route(): with fixed delivery. */
void world_route(struct world *world, unsigned pin, uint64_t flags, uint8_t vector,
                 uint8_t destination);
void world_write_entry(struct world *world, unsigned pin, uint64_t entry);
void world_write_half(struct world *world, unsigned half, uint32_t value);
uint64_t world_read_entry(struct world *world, unsigned pin);
uint64_t world_entry_bit(struct world *world, unsigned pin, uint64_t bit);

/* A write to the APIC page in xAPIC mode: virtualized, or followed by a trap-like exit. */
void world_write_apic(struct world *world, unsigned vcpu, uint32_t offset, uint32_t value);
uint32_t world_read_apic(struct world *world, unsigned vcpu, uint32_t offset);

/* An EOI: virtualized by the processor, then handled if it exits. */
enum world_eoi world_eoi(struct world *world, unsigned vcpu);

/* ---- the processor ---- */

/* The work before a VM entry, and the entry; checks the invariants that hold at entry. */
void world_enter(struct world *world, unsigned vcpu);
/* Only the checks, for an entry that has no work before it. */
void world_check_entry(struct world *world, unsigned vcpu);

/* Delivers the highest pending interrupt if its priority class is above the PPR's; returns its
 * vector, or -1. The vCPU must be in guest mode. */
int world_deliver(struct world *world, unsigned vcpu);

/* Enters if the vCPU was notified or is outside guest mode, then delivers. */
int world_run(struct world *world, unsigned vcpu);

/* An edge interrupt that the processor itself sets in the IRR (posted interrupt, self-IPI). */
void world_posted_interrupt(struct world *world, unsigned vcpu, uint8_t vector);

/* ---- devices ---- */

void world_line(struct world *world, unsigned pin, bool level);

/* ---- for tests ---- */

bool world_exits(const struct world *world, unsigned vcpu, uint8_t vector);
bool world_is_stale(const struct world *world, unsigned vcpu, uint8_t vector);
bool world_in_flight(const struct world *world, unsigned vcpu, uint8_t vector);
