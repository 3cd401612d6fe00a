/* Interrupt routing of one VM: its I/O APIC, its local APICs, and the order of work between them.
 *
 *     device -> pin -> I/O APIC -> message -> inbox -> sync -> scan -> entry -> EOI -> I/O APIC
 *
 * The modules that this one wires together are independent of each other. It keeps two rules. A
 * reroute is announced (a generation number is incremented) before the changed entry can send
 * anything. And before an entry a vCPU first accepts what was posted to it, then compares the
 * generation with that of its last scan; if it has changed, the vCPU takes the lock, accepts once
 * more and scans. So at an entry no level interrupt is in the IRR without its EOI-exit bit
 * (invariants 1, 2 and 18). docs/interrupts.md, "The order of work before an entry".
 *
 * Locking: the VM's interrupt lock protects the redirection table, the posting of level interrupts,
 * the generations and the scan. This module takes it, through its effects: callers never hold it.
 * IPIs, local interrupts and a sync outside of a scan take no lock.
 *
 * Pure. vmm/vcpu/virq.c writes the results to the VMCS. Read next: eoi_map.h, tokens.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/trace.h"
#include "vmm/interrupts/vcpu_mask.h"
#include "vmm/interrupts/vioapic.h"
#include "vmm/interrupts/vlapic.h"

#define ROUTING_MAX_VCPUS VCPU_MASK_MAX

struct routing;

/* What routing needs from the rest of the hypervisor. None of these may call this VM's routing;
 * notify, notify_edge, signal and trace are called from any CPU, some of the time with the lock
 * held. */
struct routing_effects {
    /* The VM's interrupt lock; not recursive. */
    void (*lock)(void *context);
    void (*unlock)(void *context);
    /* This vCPU has work to do before its next instruction in guest mode: end its stay in guest
     * mode or its halt, so that it calls routing_prepare_entry(). If the caller is that vCPU's own
     * CPU, it is enough that it calls that function before the entry. */
    void (*notify)(void *context, unsigned vcpu);
    /* The same, for an edge interrupt in its inbox: a vCPU in guest mode may stay there if the
     * processor accepts the interrupt from the inbox, as a posted interrupt. */
    void (*notify_edge)(void *context, unsigned vcpu);
    /* This vCPU, on its own CPU, has accepted an interrupt that it sent to itself: RVI must be at
     * least this vector. */
    void (*accepted_own)(void *context, unsigned vcpu, uint8_t vector);
    /* This vCPU receives an NMI, SMI, INIT, SIPI (vector: its page) or ExtINT. */
    void (*signal)(void *context, unsigned vcpu, enum apic_delivery_mode mode, uint8_t vector);
    /* As in vlapic.h; and if the identity has changed. On the vCPU's own CPU. */
    void (*access_changed)(void *context, unsigned vcpu);
    /* As in vlapic.h. On the vCPU's own CPU. */
    void (*timer_changed)(void *context, unsigned vcpu, uint32_t offset);
    /* Returns the value of the timer's current-count register. On the vCPU's own CPU. */
    uint32_t (*timer_current)(void *context, unsigned vcpu);
    /* Records an event, made by trace_what(); the callee adds the time and the guest. */
    void (*trace)(void *context, uint64_t what, uint64_t a, uint64_t b);
};

/* Counters of one vCPU. Only for display, so they may be read at any time, without the lock. */
struct routing_counters {
    uint64_t eoi_live[VECTOR_COUNT];
    uint64_t eoi_stale[VECTOR_COUNT];
    uint64_t eoi_coincidental[VECTOR_COUNT];
    uint64_t delivered_level[VECTOR_COUNT]; /* level deliveries posted here */
    uint64_t scans[SCAN_REASON_SETS]; /* index: the set of reasons, bits of enum scan_reason */
    uint64_t stale_marked;            /* bits that a scan has marked stale */
};

/* How many scans had at least one of these reasons. */
static inline uint64_t routing_scans(const struct routing_counters *counters, uint32_t reasons) {
    uint64_t count = 0;

    for (uint32_t set = 0; set < SCAN_REASON_SETS; set++)
        count += set & reasons ? counters->scans[set] : 0;
    return count;
}

/* How many EOIs were handled like an EOI-induced exit. */
static inline uint64_t routing_eois(const struct routing_counters *counters) {
    uint64_t count = 0;

    for (unsigned v = 0; v < VECTOR_COUNT; v++)
        count += counters->eoi_live[v] + counters->eoi_stale[v] + counters->eoi_coincidental[v];
    return count;
}

struct routing_vcpu {
    struct vlapic apic;
    struct routing *routing;
    struct routing_counters *counters;
    unsigned index;
    _Atomic uint32_t generation; /* of the routes that concern this vCPU; written under the lock */
    uint32_t seen;               /* the generation that the last scan saw; its own CPU's */
    uint32_t reasons;            /* enum scan_reason bits since that scan; under the lock */
};

struct routing {
    struct vioapic ioapic;
    struct routing_vcpu *vcpu; /* vcpu_count of them, and as many counters */
    struct routing_counters *counters;
    unsigned vcpu_count;
    vcpu_mask all;
    /* An index, so that a destination need not be compared with each vCPU. They contain each vCPU
     * whose LAPIC is in xAPIC mode, and each whose APIC ID is not its number; for as long as a
     * LAPIC's identity changes, perhaps one more. A vCPU's own CPU alone changes its bits. */
    _Atomic vcpu_mask xapic, renamed;
    bool stale_rescan; /* a stale EOI requests a scan; off only to show what that saves */
    _Atomic uint32_t lowest_priority_last; /* the vCPU that accepted the last such message */
    const struct routing_effects *effects;
    void *context;
};

struct routing_config {
    unsigned vcpu_count;            /* 1 to ROUTING_MAX_VCPUS; vCPU i has APIC ID i */
    uint32_t ioapic_version;        /* 0x11, or 0x20: EOI register, EOI-broadcast suppression */
    uint64_t physical_address_mask; /* valid address bits of IA32_APIC_BASE */
    bool stale_rescan;
    bool x2apic_offered; /* the LAPICs have x2APIC mode */
    struct apic_page *page[ROUTING_MAX_VCPUS];
};

/* Power-on: resets all LAPICs and the I/O APIC; vCPU 0 is the BSP. Every vCPU needs a first scan.
 * The caller has set routing->vcpu and routing->counters, so that their memory is that of the vCPUs
 * that exist: no other may be used.
 * The caller initializes all four words of the EOI-exit bitmap in the VMCS; later it writes only
 * the words that routing_prepare_entry() returns. */
void routing_power_on(struct routing *routing, const struct routing_config *config,
                      const struct routing_effects *effects, void *context);

/* Computes the index of the vCPUs from their identities. No vCPU may run. */
void routing_index(struct routing *routing);

/* ---- from any CPU ---- */

/* Sets a line's level, the OR of its sources. A pin that does not exist is ignored. */
void routing_set_line(struct routing *routing, unsigned pin, bool level);

/* The guest accesses the I/O APIC's page: see vioapic_read() and vioapic_write(). */
uint32_t routing_ioapic_read(struct routing *routing, uint32_t offset, unsigned size);
void routing_ioapic_write(struct routing *routing, uint32_t offset, unsigned size, uint32_t value);

/* Delivers from the pins that storm control has deferred (invariant 22): call it on a slow tick,
 * about 100 Hz. Costs one load if there are none. */
void routing_tick(struct routing *routing);

/* Sends a message that is not an IPI, for example an MSI, as an edge. Takes no lock. Returns how
 * many LAPICs accepted it. */
unsigned routing_send(struct routing *routing, const struct apic_message *message);

/* ---- on the vCPU's own CPU, outside guest mode ---- */

/* The vCPU's LAPIC, for vlapic_read(), vlapic_written(), vlapic_write_msr(), vlapic_init() and so
 * on, whose effects are carried out by routing. */
static inline struct vlapic *routing_vlapic(struct routing *routing, unsigned vcpu) {
    return &routing->vcpu[vcpu].apic;
}

/* Whether something that concerns this vCPU has changed since its last scan. */
static inline bool routing_wants_scan(const struct routing_vcpu *vcpu) {
    return atomic_load(&vcpu->generation) != vcpu->seen;
}

/* Takes the lock, accepts, then scans. Returns the words of the EOI-exit bitmap that have changed;
 * sets *accepted if there was something to accept. */
unsigned routing_scan(struct routing_vcpu *vcpu, bool *accepted);

/* Sync and scan: steps 3 and 4 of docs/interrupts.md, "The order of work before an entry". False:
 * there was nothing to accept, so the IRR, and with it RVI, has not changed. *changed_words: bit i
 * is set if word i of the vCPU's apic.map.exit must be written to the VMCS.
 *
 * Every level interrupt that the first sync accepts was posted under the lock, and a change of its
 * route before that post shows in the generation. But a route may also change between this sync and
 * the scan, after another interrupt was posted: therefore the scan syncs again, under the lock. If
 * the vCPU has to scan anyway, that sync is the only one.
 *
 * Between any two of these calls other CPUs may act; the model checker explores all of them. */
static inline bool routing_prepare_entry(struct routing_vcpu *vcpu, unsigned *changed_words) {
    bool accepted = !routing_wants_scan(vcpu) && vlapic_accept(&vcpu->apic);

    *changed_words = routing_wants_scan(vcpu) ? routing_scan(vcpu, &accepted) : 0;
    return accepted;
}

/* An EOI-induced exit. Call it first, before this vCPU accepts any other interrupt. */
enum vlapic_eoi routing_eoi_exit(struct routing_vcpu *vcpu, uint8_t vector);
