/* The moves: everything that can happen next in a state. */
#pragma once
#include "tests/model/state.h"

enum move_kind {
    MOVE_STEP,    /* of a vCPU: its next step of the work before an entry, or after an EOI */
    MOVE_DELIVER, /* the processor delivers what RVI names; in software: it is injected */
    MOVE_EOI,     /* the guest writes its EOI register */
    MOVE_KICK,    /* the NMI of a kick arrives */
    MOVE_EXIT,    /* a VM exit for another reason; in software: the interrupt window opens */
    MOVE_LDR,     /* the guest writes its LDR: its own bit, or the other vCPU's */
    MOVE_DFR,     /* the guest writes its DFR: the flat model, or the cluster model */
    MOVE_ID,      /* the guest writes its APIC ID: its own, or the other vCPU's */
    MOVE_TPR,     /* the guest writes its TPR: 0, or the class above the two lower vectors */
    MOVE_INIT,    /* the vCPU has received INIT, and resets its LAPIC */
    MOVE_SVR,     /* the guest writes its SVR: software-disabled, or enabled */
    MOVE_SELF,    /* a self-IPI, which the processor virtualizes or which exits; argument: vector */
    MOVE_IPI,     /* an edge from another CPU or a device; argument: vector */
    MOVE_LINE,    /* of a pin: the level changes */
    MOVE_WRITE,   /* of a pin: a write to one field of the entry; argument: enum field_write */
    MOVE_IOEOI,   /* a write to the I/O APIC's EOI register; argument: vector */
    MOVE_TICK,    /* the tick that delivers from deferred pins */
    MOVE_NOTIFY,  /* another CPU that has set a bit in the PIR sets ON, and notifies the vCPU */
    MOVE_ARRIVE,  /* the notification arrives, in guest mode or while the CPU idles */
    MOVE_BASE,    /* the guest writes IA32_APIC_BASE; argument: enum base_write */
    MOVE_ICR,     /* the guest writes its ICR; argument: enum icr_write */
    MOVE_LATE,    /* an edge, 0x31, whose sender found the LAPIC enabled before it was not */
    MOVE_KINDS
};

enum field_write {
    WRITE_DESTINATION_0,
    WRITE_DESTINATION_1,
    WRITE_DESTINATION_3, /* logical: both; physical: none */
    WRITE_VECTOR_0,
    WRITE_VECTOR_1,
    WRITE_VECTOR_2,
    WRITE_TRIGGER,
    WRITE_MASK,
    WRITE_LOGICAL,
    WRITE_LOWEST,
    WRITE_AGAIN, /* changes nothing */
    WRITE_TWO,   /* trigger mode and vector at once: the vector becomes 0x62, or from 0x62 0x31 */
    WRITE_COUNT
};

/* The mode that IA32_APIC_BASE selects; or what no mode allows. */
enum base_write { BASE_OFF, BASE_XAPIC, BASE_X2APIC, BASE_BAD, BASE_COUNT };

/* 0x31 to the other vCPU by its ID, by its bit of the LDRs, by shorthand; to both; or to none. */
enum icr_write { ICR_PHYSICAL, ICR_LOGICAL, ICR_OTHERS, ICR_ALL, ICR_INVALID, ICR_COUNT };

struct move {
    uint8_t kind, who, argument; /* who: vCPU or pin */
};

#define MOVE_COUNT 84
#define MOVE_SET   64 /* the first ones, which a set of moves has room for; the page has these */

/* All moves, by number: the order in which the search tries them. */
extern struct move move_table[MOVE_COUNT];
extern unsigned move_count;
void moves_init(void); /* model_posted is final */

/* The bound of one exploration: where it starts, and how often the world outside may act. What the
 * vCPUs do is not bounded. */
struct bound {
    const char *name;
    const char *start;    /* moves before the first state; "enter" lets both vCPUs enter */
    struct budget budget; /* at most 15 lines, 15 writes, 15 IPIs, 7 LDRs, 7 SVRs, 7 bases */
    uint32_t writes;      /* which fields of an entry, bits of enum field_write */
    uint8_t edges;        /* the vectors of MOVE_SELF and MOVE_IPI, as bits; 0: all */
    bool one_poster;      /* one CPU at a time is between the two halves of a post */
    bool one_pin;         /* only of pin 0 do lines change and entries get written */
    bool exits, storms;   /* MOVE_EXIT is possible; storm control after STORM_ALLOWED deliveries */
    bool deep;            /* only in `make model` */
    /* What else the guest does, any number of times: bits 1 << MOVE_DFR, MOVE_ID, MOVE_TPR,
     * MOVE_INIT, MOVE_ICR. The page does not offer these. */
    uint32_t registers;
    bool late;       /* MOVE_LATE is possible */
    bool x2apic;     /* the LAPICs start in x2APIC mode */
    bool suppresses; /* EOI broadcasts are suppressed, and the guest writes the I/O APIC's EOI
                      * register instead (MOVE_IOEOI) */
    bool open;       /* endless, and not known to end: only if it is named */
    bool rounds;     /* with whole rounds: reduce.h */
    bool endless;    /* what is not 0 in the budget may happen any number of times */
};

bool move_is_possible(const struct state *state, unsigned move, const struct bound *bound);
/* All of the first MOVE_SET that are, bit n for move n. */
uint64_t moves_possible(const struct state *state, const struct bound *bound);
/* Makes the move: fills the production structures from world.now, runs the code, reads them back,
 * and checks all invariants. */
void move_apply(unsigned number);

/* It is made on the vCPU's own CPU. */
bool move_is_of_vcpu(const struct move *move);

/* The name of a move, for replays: "step0", "line1", "write0.mask"; and the move, or -1. */
const char *move_name(unsigned number);
int move_by_name(const char *name);
