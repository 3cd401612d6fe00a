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

#define WORLD_VCPUS 4

struct world {
    struct routing routing;
    struct apic_page page[WORLD_VCPUS];

    /* the processor's side of each vCPU; the bitmap changes only by the words that changed */
    struct processor processor[WORLD_VCPUS];
    bool in_guest[WORLD_VCPUS];
    uint32_t notified; /* bit v: vCPU v was notified and has not entered since */
    bool locked;

    struct owed owed[WORLD_VCPUS]; /* the reference */

    /* what was seen */
    uint64_t eoi_exits[WORLD_VCPUS][VECTOR_COUNT];
    uint64_t deliveries[IOAPIC_PIN_COUNT]; /* that somebody accepted */
    unsigned accepted[IOAPIC_PIN_COUNT];   /* by how many, the last time */
    uint32_t retired;                      /* the pins that the last EOI exit retired */
    unsigned traced[TRACE_EVENT_COUNT];
    unsigned signals[WORLD_VCPUS][8]; /* by delivery mode */
    uint8_t signal_vector;
    unsigned timer_changes[WORLD_VCPUS];

    /* another CPU's work that happens just before this world's next lock, once */
    void (*before_lock)(struct world *world);
    struct trace_ring *trace; /* may be NULL */
    uint64_t time;
    const char *violation; /* "invariant N: ...", NULL as long as everything holds */
};

enum world_eoi {
    WORLD_EOI_NO_EXIT,
    WORLD_EOI_LIVE,
    WORLD_EOI_STALE,
    WORLD_EOI_COINCIDENTAL,
};

/* As at power-on: every vCPU is outside the guest and has its first entry before it. */
void world_power_on(struct world *world, unsigned vcpus, uint32_t version);

/* Power-on with all LAPICs software-enabled, xAPIC mode, logical ID 1 << v in the flat model, every
 * vCPU in the guest. version: of the I/O APIC. */
void world_start(struct world *world, unsigned vcpus, uint32_t version);

/* ---- the guest ---- */

/* Writes an entry as drivers do, the high half first, and with fixed delivery to an APIC ID. */
void world_route(struct world *world, unsigned pin, uint64_t flags, uint8_t vector,
                 uint8_t destination);
void world_write_entry(struct world *world, unsigned pin, uint64_t entry);
void world_write_half(struct world *world, unsigned half, uint32_t value);
uint64_t world_read_entry(struct world *world, unsigned pin);
uint64_t world_entry_bit(struct world *world, unsigned pin, uint64_t bit);

/* A write to the APIC page in xAPIC mode: virtualized, or a trap-like exit. */
void world_write_apic(struct world *world, unsigned vcpu, uint32_t offset, uint32_t value);
uint32_t world_read_apic(struct world *world, unsigned vcpu, uint32_t offset);

/* An EOI, with what the processor does of its own. */
enum world_eoi world_eoi(struct world *world, unsigned vcpu);

/* ---- the processor ---- */

/* VM entry with the work before it; checks the invariants that name it. */
void world_enter(struct world *world, unsigned vcpu);
/* Only the checks: for an entry before which there is no work to do. */
void world_check_entry(struct world *world, unsigned vcpu);

/* Delivers the highest pending interrupt if the PPR lets it through; returns its vector or -1. The
 * vCPU must be in the guest. */
int world_deliver(struct world *world, unsigned vcpu);

/* Both: enters if the vCPU was notified or is outside, then delivers. */
int world_run(struct world *world, unsigned vcpu);

/* An edge interrupt that the processor puts in the IRR by itself (posted interrupts, self-IPI). */
void world_posted_interrupt(struct world *world, unsigned vcpu, uint8_t vector);

/* ---- devices ---- */

void world_line(struct world *world, unsigned pin, bool level);

/* ---- for tests ---- */

bool world_exits(const struct world *world, unsigned vcpu, uint8_t vector);
bool world_is_stale(const struct world *world, unsigned vcpu, uint8_t vector);
bool world_in_flight(const struct world *world, unsigned vcpu, uint8_t vector);
