/* Interrupt routing of one VM: its I/O APIC, its local APICs, and the order of work between them.
 *
 *     device -> pin -> I/O APIC -> message -> inbox -> sync -> scan -> entry -> EOI -> I/O APIC
 *
 * The modules below this one know nothing of each other; this one wires them together and keeps two
 * rules. A route change is announced (a generation number goes up) before the changed route can
 * send anything. And before an entry a vCPU first accepts what was posted, then looks at the
 * generation, and if it has changed scans under the lock, after accepting once more. So no level
 * interrupt is in the IRR at an entry without its EOI-exit bit (invariants 1, 2 and 18).
 *
 * Locking: the redirection table, the posting of level interrupts, the generations and the scan are
 * under the VM's interrupt lock, which this module takes itself through its effects: a caller
 * never holds it. IPIs, local interrupts and a sync take no lock.
 *
 * Pure. vmm/vcpu/virq.c carries the results into the VMCS. Read next: eoi_map.h, tokens.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/interrupts/trace.h"
#include "vmm/interrupts/vioapic.h"
#include "vmm/interrupts/vlapic.h"

#define ROUTING_MAX_VCPUS 8

struct routing;

/* What routing asks of the rest of the hypervisor. None of them may call back into this VM's
 * routing; notify, signal and trace may come with the lock held, from any CPU. */
struct routing_effects {
    /* The VM's interrupt lock; not recursive. */
    void (*lock)(void *context);
    void (*unlock)(void *context);
    /* There is something for this vCPU to do before its next instruction in the guest: get it out
     * of the guest or out of its halt, so that it runs routing_prepare_entry(). The caller may be
     * that vCPU's own CPU: then it is enough that it runs that before the entry. */
    void (*notify)(void *context, unsigned vcpu);
    /* This vCPU, whose CPU this is, has accepted an interrupt from itself: RVI is at least its
     * vector now. */
    void (*accepted_own)(void *context, unsigned vcpu, uint8_t vector);
    /* An NMI, SMI, INIT, SIPI (vector: its page) or ExtINT arrives at this vCPU. */
    void (*signal)(void *context, unsigned vcpu, enum apic_delivery_mode mode, uint8_t vector);
    /* As in vlapic.h. On the vCPU's own CPU. */
    void (*timer_changed)(void *context, unsigned vcpu, uint32_t offset);
    /* The value of the timer's current-count register. On the vCPU's own CPU. */
    uint32_t (*timer_current)(void *context, unsigned vcpu);
    /* An event, of trace_what(); time and guest are for the callee to add. */
    void (*trace)(void *context, uint64_t what, uint64_t a, uint64_t b);
};

/* What happened so far, by vCPU. Written only as documented; read at any time, for show. */
struct routing_counters {
    uint64_t eoi_live[VECTOR_COUNT];
    uint64_t eoi_stale[VECTOR_COUNT];
    uint64_t eoi_coincidental[VECTOR_COUNT];
    uint64_t delivered_level[VECTOR_COUNT]; /* level deliveries posted here */
    uint64_t scans[SCAN_REASON_SETS];       /* by all the reasons that a scan had */
    uint64_t stale_marked;                  /* bits that a scan found to be stale now */
};

/* How many scans had one of these reasons. */
static inline uint64_t routing_scans(const struct routing_counters *counters, uint32_t reasons) {
    uint64_t count = 0;

    for (uint32_t set = 0; set < SCAN_REASON_SETS; set++)
        count += set & reasons ? counters->scans[set] : 0;
    return count;
}

struct routing_vcpu {
    struct vlapic apic;
    struct routing *routing;
    struct routing_counters *counters;
    unsigned index;
    _Atomic uint32_t generation; /* of the routes that concern this vCPU; changes under the lock */
    uint32_t seen;               /* the generation that the last scan saw; the vCPU's own */
    uint32_t reasons;            /* enum scan_reason bits since then; under the lock */
};

struct routing {
    struct vioapic ioapic;
    struct routing_vcpu vcpu[ROUTING_MAX_VCPUS];
    unsigned vcpu_count;
    bool stale_rescan; /* a stale EOI asks for a scan; off only to show what it saves */
    _Atomic uint32_t lowest_priority_last; /* the vCPU that accepted the last such message */
    const struct routing_effects *effects;
    void *context;
    struct routing_counters counters[ROUTING_MAX_VCPUS]; /* last: not part of the machine's state */
};

struct routing_config {
    unsigned vcpu_count;            /* 1 to ROUTING_MAX_VCPUS; vCPU i has APIC ID i */
    uint32_t ioapic_version;        /* 0x11, or 0x20: EOI register, EOI-broadcast suppression */
    uint64_t physical_address_mask; /* valid address bits of IA32_APIC_BASE */
    bool stale_rescan;
    bool x2apic_offered; /* the LAPICs have x2APIC mode */
    struct apic_page *page[ROUTING_MAX_VCPUS];
};

/* Power-on: all LAPICs and the I/O APIC reset, vCPU 0 the BSP; every vCPU wants its first scan, so
 * write all four words of the EOI-exit bitmap to the VMCS once and later only what changed. */
void routing_power_on(struct routing *routing, const struct routing_config *config,
                      const struct routing_effects *effects, void *context);

/* ---- from any CPU ---- */

/* A line's level, already the OR of its sources. Pins past the last change nothing. */
void routing_set_line(struct routing *routing, unsigned pin, bool level);

/* The guest accesses the I/O APIC's page: see vioapic_read() and vioapic_write(). */
uint32_t routing_ioapic_read(struct routing *routing, uint32_t offset, unsigned size);
void routing_ioapic_write(struct routing *routing, uint32_t offset, unsigned size, uint32_t value);

/* Sends what storm control held back (invariant 22): call it on a slow tick, 100 Hz or so. Costs
 * one load when there is nothing. */
void routing_tick(struct routing *routing);

/* A message that is no vCPU's IPI, for example an MSI; level is ignored. Takes no lock. Returns how
 * many accepted it. */
unsigned routing_send(struct routing *routing, const struct apic_message *message);

/* ---- on the vCPU's own CPU, outside the guest ---- */

/* Its LAPIC, for vlapic_read(), vlapic_written(), vlapic_write_msr(), vlapic_init()...: their
 * effects come back to routing. */
static inline struct vlapic *routing_vlapic(struct routing *routing, unsigned vcpu) {
    return &routing->vcpu[vcpu].apic;
}

/* Whether a route that concerns this vCPU has changed since its last scan. */
static inline bool routing_wants_scan(const struct routing_vcpu *vcpu) {
    return atomic_load(&vcpu->generation) != vcpu->seen;
}

/* Under the lock: accepts, then scans. Returns the words of the EOI-exit bitmap that changed;
 * *accepted becomes true if there was something to accept. */
unsigned routing_scan(struct routing_vcpu *vcpu, bool *accepted);

/* Steps 2 and 3 of the work before an entry: accepts what was posted and scans if asked. False:
 * nothing was there to accept, so the IRR, and with it RVI, is as before. *changed_words: bit i set
 * if word i of the vCPU's apic.map.exit must be written to the VMCS.
 *
 * Every level interrupt that the first sync accepts was posted under the lock, and a change of its
 * route before that post shows in the generation. One that changes later, with the interrupt still
 * in the inbox, is why the second sync is under the lock together with the scan. A vCPU that knows
 * already that it has to scan leaves everything to that.
 *
 * Each call here is a step of its own to other CPUs, and to the model checker. */
static inline bool routing_prepare_entry(struct routing_vcpu *vcpu, unsigned *changed_words) {
    bool accepted = !routing_wants_scan(vcpu) && vlapic_accept(&vcpu->apic);

    *changed_words = routing_wants_scan(vcpu) ? routing_scan(vcpu, &accepted) : 0;
    return accepted;
}

/* An EOI-induced exit. Call it at once, before anything else accepts interrupts for this vCPU. */
enum vlapic_eoi routing_eoi_exit(struct routing_vcpu *vcpu, uint8_t vector);
