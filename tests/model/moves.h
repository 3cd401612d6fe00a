/* What can happen next in a state. See moves.c for each. */
#pragma once
#include "tests/model/state.h"

enum move_kind {
    MOVE_STEP,    /* of vCPU: the next step of the order of work before an entry, or after an EOI */
    MOVE_DELIVER, /* the processor delivers the interrupt that RVI names */
    MOVE_EOI,     /* the guest writes its EOI register */
    MOVE_KICK,    /* the NMI that was sent arrives */
    MOVE_EXIT,    /* an exit for another reason */
    MOVE_LDR,     /* the guest writes its LDR: its own bit, or the other's */
    MOVE_SELF,    /* a self-IPI that the processor virtualizes; argument: vector */
    MOVE_IPI,     /* an edge from another CPU or a device; argument: vector */
    MOVE_LINE,    /* of pin: the level changes */
    MOVE_WRITE,   /* of pin: one field of the entry; argument: enum field_write */
    MOVE_TICK,    /* what storm control held back may go */
    MOVE_KINDS
};

enum field_write {
    WRITE_DESTINATION_0,
    WRITE_DESTINATION_1,
    WRITE_DESTINATION_3, /* logical: both; physical: nobody */
    WRITE_VECTOR_0,
    WRITE_VECTOR_1,
    WRITE_VECTOR_2,
    WRITE_TRIGGER,
    WRITE_MASK,
    WRITE_LOGICAL,
    WRITE_LOWEST,
    WRITE_AGAIN, /* nothing changes */
    WRITE_COUNT
};

struct move {
    uint8_t kind, who, argument; /* who: vCPU or pin */
};

#define MOVE_COUNT 64

/* All moves, by number; the order is that in which they are tried. */
extern struct move move_table[MOVE_COUNT];
extern unsigned move_count;
void moves_init(void);

/* The bound of one exploration: where it starts and what the world outside may still do. What the
 * vCPUs do is not bounded. */
struct bound {
    const char *name;
    const char *start;    /* moves before the first state; "enter" runs both vCPUs into the guest */
    struct budget budget; /* of each kind; 15 lines, 15 writes, 15 IPIs, 7 LDRs at most */
    uint32_t writes;      /* which fields of an entry, bits of enum field_write */
    bool exits, storms;   /* exits for no reason; storm control after STORM_ALLOWED */
    bool deep;            /* only in `make model` */
};

bool move_is_possible(const struct state *state, unsigned move, const struct bound *bound);
/* Applies it to world.now, the production structures and back, and checks all invariants. */
void move_apply(unsigned move);

/* Its name, for replays: "step0", "line1", "write0.mask". -1 if there is none of this name. */
const char *move_name(unsigned move);
int move_by_name(const char *name);
