/* One counter of the 8254: its counting element and its output as functions of time.
 *
 * Time is in ticks of the counter's clock. Nothing runs here: a count that was loaded at some time
 * says by itself what the count and OUT are at any later one, so an hour that nobody looked at
 * costs one division. What is to be loaded later, at the next clock or when a cycle ends, is kept
 * beside it. The moments are the 8254 data sheet's, "Mode Definitions": a write at t is loaded at
 * t + 1. Times given to one counter must not go back. Pure. Read next: vpit.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/time.h"

enum vpit_load {
    VPIT_LOAD_NONE,
    VPIT_LOAD_NEXT_CLOCK,
    VPIT_LOAD_CYCLE_END,
    VPIT_LOAD_HALF_CYCLE, /* mode 3: the new count begins with its low half */
};

struct vpit_counter {
    uint8_t mode; /* 0 to 5 */
    bool bcd;
    bool gate;
    bool null_count;       /* what was written last is not loaded yet */
    bool written;          /* a count, since the control word */
    bool running;          /* a count is loaded, since the control word */
    bool paused;           /* by the gate */
    uint32_t count;        /* the count register, in clocks */
    uint32_t period;       /* what was loaded, in clocks */
    uint64_t start;        /* when it was loaded */
    uint64_t paused_after; /* if paused: the clocks counted since then */
    uint32_t stopped_at;   /* if not running: the counting element */
    enum vpit_load load;   /* how and when the count register is loaded next */
    uint64_t load_time;
};

/* A control word: OUT goes to its first level, nothing is counted until a count is written. mode: 0
 * to 5. */
void vpit_counter_control(struct vpit_counter *counter, unsigned mode, bool bcd, uint64_t now);

/* The first byte of a two-byte count: in mode 0 it stops the counter. */
void vpit_counter_first_byte(struct vpit_counter *counter, uint64_t now);

/* A count as written, binary or BCD; 0 is the greatest. The count 1, illegal in modes 2 and 3,
 * counts as 2 there; digits past 9 count as what they weigh. */
void vpit_counter_write(struct vpit_counter *counter, uint16_t value, uint64_t now);

void vpit_counter_gate(struct vpit_counter *counter, bool gate, uint64_t now);

/* The counting element, binary or BCD; whether it waits for a count; OUT. */
uint16_t vpit_counter_read(const struct vpit_counter *counter, uint64_t now);
bool vpit_counter_null(const struct vpit_counter *counter, uint64_t now);
bool vpit_counter_output(const struct vpit_counter *counter, uint64_t now);

/* When OUT changes for the first time after now if nothing is written; TIME_NEVER. */
uint64_t vpit_counter_next_change(const struct vpit_counter *counter, uint64_t now);

/* How often OUT rises after from, up to and at to, if nothing is written. */
uint64_t vpit_counter_rises(const struct vpit_counter *counter, uint64_t from, uint64_t to);
