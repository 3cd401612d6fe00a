/* One counter of the 8254: its counting element and its output as functions of time.
 *
 * Time is in ticks of the counter's clock. Nothing runs: the count and OUT at any time follow from
 * the count that was loaded and the time when it was loaded, so an hour without an access costs one
 * division. A load that is due later, at the next clock or at the end of a cycle, is stored beside
 * them. A count that is written at t is loaded at t + 1. 8254 data sheet, "Mode Definitions". The
 * times passed for one counter must not go back. Pure. Read next: vpit.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"

enum vpit_load {
    VPIT_LOAD_NONE,
    VPIT_LOAD_NEXT_CLOCK,
    VPIT_LOAD_CYCLE_END,
    VPIT_LOAD_HALF_CYCLE, /* mode 3, at the end of the high half: begins with the low half */
};

struct vpit_counter {
    uint8_t mode; /* 0 to 5 */
    bool bcd;
    bool gate;
    bool null_count;       /* the count written last is not loaded yet */
    bool written;          /* a count was written since the control word */
    bool running;          /* a count was loaded since the control word */
    bool paused;           /* by the gate */
    uint32_t count;        /* the count register, in clocks */
    uint32_t period;       /* the count that was loaded, in clocks */
    uint64_t start;        /* the time when it was loaded */
    uint64_t paused_after; /* if paused: the clocks counted since then */
    uint32_t stopped_at;   /* if not running: the counting element */
    enum vpit_load load;   /* when the count register is loaded next, at load_time */
    uint64_t load_time;
};

/* A control word: OUT takes its initial level; counting begins when a count is written. mode: 0
 * to 5.
 */
void vpit_counter_control(struct vpit_counter *counter, unsigned mode, bool bcd, uint64_t now);

/* The first byte of a two-byte count: in mode 0 it stops counting. */
void vpit_counter_first_byte(struct vpit_counter *counter, uint64_t now);

/* Writes a count, binary or BCD; 0 is the greatest. In modes 2 and 3 the count 1 is not allowed and
 * is taken as 2. BCD digits above 9 have their binary value. */
void vpit_counter_write(struct vpit_counter *counter, uint16_t value, uint64_t now);

/* Sets the level of GATE. */
void vpit_counter_gate(struct vpit_counter *counter, bool gate, uint64_t now);

/* The counting element, binary or BCD; the null count flag; the level of OUT. */
uint16_t vpit_counter_read(const struct vpit_counter *counter, uint64_t now);
bool vpit_counter_null(const struct vpit_counter *counter, uint64_t now);
bool vpit_counter_output(const struct vpit_counter *counter, uint64_t now);

/* The time of the first change of OUT after `now`, TIME_NEVER if there is none; until a write. */
uint64_t vpit_counter_next_change(const struct vpit_counter *counter, uint64_t now);

/* The number of rises of OUT after `from`, up to and including `to`; without a write between. */
uint64_t vpit_counter_rises(const struct vpit_counter *counter, uint64_t from, uint64_t to);
