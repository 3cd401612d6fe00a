/* A state of the model: everything that can change, in 40 bytes.
 *
 * Two pins, two vCPUs, three vectors. A set of vectors is 3 bits, bit k for vector k of
 * model_vector[]; a set of pins is 2 bits; "pins by vector" is 6 bits, bit 2 k + p.
 *
 * One part is the contents of the production structures, which world.c fills and reads back. The
 * rest belongs to the model: the VMCS fields as production has written them, the position of each
 * vCPU in the order of work before an entry, and the reference, which says by instances which EOIs
 * are owed to which pins. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MODEL_PINS    2
#define MODEL_VCPUS   2
#define MODEL_VECTORS 3
#define ALL_VECTORS   7u
#define MODEL_TPR     0x40 /* the class between 0x31, 0x35 and 0x62 */

/* Two vectors of one priority class and one above it, in two words of the EOI-exit bitmap. */
extern const uint8_t model_vector[MODEL_VECTORS];

/* The position of a vCPU in the order of work. Between any two steps other CPUs may act. */
enum phase {
    PHASE_GUEST,
    PHASE_OUT,       /* the exit has been handled, the requests are not yet taken */
    PHASE_TAKEN,     /* requests were taken: there is work */
    PHASE_SYNCED,    /* what was posted has been accepted, unless a scan will do that */
    PHASE_MUST_SCAN, /* the generation is not that of the last scan */
    PHASE_SCANNED,   /* EOI-exit words have changed and are not yet in the VMCS */
    PHASE_WRITTEN,   /* the EOI-exit words are in the VMCS, RVI and SVI are not */
    PHASE_READY,     /* VM entry comes next */
    PHASE_EOI,       /* an EOI-induced exit has not been handled yet */
    PHASE_RETIRED,   /* tokens are retired, the I/O APIC has not received the EOI yet */
    PHASE_RENAMED,   /* a new ID, LDR, DFR, SVR or mode is in force, but not announced yet */
    PHASE_COUNT
};

struct cpu_state {
    /* production: the virtual-APIC page, tokens, EOI map, inbox, generation, LDR */
    uint64_t irr : 3, isr : 3, tmr : 3;
    uint64_t front : 6, behind : 6, inflight : 3;
    uint64_t exit : 3, stale : 3;
    uint64_t pir : 3, level : 3, posted_pins : 6;
    uint64_t outdated : 1; /* the generation is not that of the last scan */
    uint64_t requests : 1;
    /* only with posted interrupts: ON; whether production posts; the control in the VMCS; other
     * CPUs between setting a bit in the PIR and setting ON; a notification that is on its way */
    uint64_t on : 1, posting : 1, vmcs_posting : 1, posters : 2, notification : 1;
    uint64_t drained : 1;   /* ON was, since the last entry; only with posted interrupts, too */
    uint64_t other_ldr : 1; /* the LDR has the other vCPU's bit */
    uint64_t disabled : 1;  /* SVR: software-disabled */
    /* the VMCS; RVI and SVI: 0 for none, else 1 + vector; access: enum vmx_apic_mode */
    uint64_t vmcs_exit : 3, rvi : 2, svi : 2, access : 3;
    /* the position in the order of work */
    uint64_t phase : 4;
    uint64_t kick : 1;    /* an NMI is on its way */
    uint64_t changed : 2; /* PHASE_SCANNED: EOI-exit words to write */
    uint64_t eoi : 2;     /* PHASE_EOI and PHASE_RETIRED: the vector... */
    /* ...the pins that must receive the EOI, and whether to request a scan */
    uint64_t pins : 2, rescan : 1;
    /* the reference, pins by vector: posted and not accepted; of the instance in the IRR; of the
     * instance in the ISR; and the pins that the EOI being handled is owed to */
    uint64_t ref_posted : 6, ref_waiting : 6, ref_served : 6, ref_owed : 2;
    /* production again: DFR selects the cluster model; the ID is the other vCPU's; the LDR is 0, as
     * INIT leaves it; the TPR holds back the two lower vectors; tmr_used */
    uint64_t cluster : 1, other_id : 1, no_ldr : 1, tpr : 1, tmr_used : 1;
    uint64_t x2apic : 1, off : 1; /* IA32_APIC_BASE: x2APIC mode; globally disabled */
    uint64_t unused2 : 24;
};

struct pin_state {
    uint16_t vector : 2, level : 1, masked : 1, logical : 1, lowest : 1, destination : 2;
    uint16_t remote_irr : 1, line : 1, edge_pending : 1, deferred : 1, streak : 2;
    /* the reference: Remote IRR is left set: by an EOI of another vector (invariant 10), by INIT
     * (20), or by an EOI whose broadcast is suppressed (21) */
    uint16_t orphan : 1;
    uint16_t unused : 1;
};

/* How many more times the world outside may act: the bound. */
struct budget {
    uint8_t lines : 4, writes : 4;
    uint8_t ipis : 4, ldrs : 3, last : 1; /* last: production, lowest_priority_last */
    uint8_t svrs : 3, bases : 3;
    uint8_t unused : 2;
};

struct state {
    struct cpu_state vcpu[MODEL_VCPUS];
    struct pin_state pin[MODEL_PINS];
    struct budget left;
    uint8_t unused;
};
_Static_assert(sizeof(struct state) == 40, "hashed and compared as a whole");

/* The vCPUs that this pin's entry names now, unless they are software-disabled; as bits. */
unsigned state_targets(const struct state *state, unsigned pin);
/* The vCPUs that a destination names and whose LAPIC is enabled; all whose LAPIC is. */
unsigned state_named(const struct state *state, bool logical, unsigned destination);
unsigned state_enabled(const struct state *state);
/* The vectors that level entries send to this vCPU. */
unsigned state_routed(const struct state *state, unsigned vcpu);
/* From pins by vector: the vectors that have any pin, and the pins of one vector. */
unsigned state_vectors_of(unsigned pins_by_vector);
unsigned state_pins_of(unsigned pins_by_vector, unsigned vector);
