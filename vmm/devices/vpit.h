/* The 8254 interval timer of a PC and port 61H: three counters at 1.193182 MHz, OUT0 is IRQ0.
 *
 * Pure and without a lock. The caller gives the time in ticks of that clock, from any origin; a
 * time before one that was given already counts as that one. The gates of counters 0 and 1 are
 * high, that of counter 2 is bit 0 of port 61H. A guest can make OUT0 change at every tick: the
 * caller decides how often it looks, and vpit_rises() tells what it slept over, without a loop.
 *
 * Before and after each write: take the rises since the last look, then the output; a rise is an
 * edge on IRQ0, and the output is its level. Then arm a timer for vpit_next_change(). 8254 data
 * sheet; port 61H: "NMI Status and Control Register" of the 82371AB (PIIX4). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/devices/vpit_counter.h"

#define VPIT_HZ            1193182

#define VPIT_COUNTER0      0x40 /* counters 1 and 2 follow */
#define VPIT_CONTROL       0x43
#define VPIT_SYSTEM_PORT_B 0x61

#define VPIT_COUNTERS      3

struct vpit_channel {
    struct vpit_counter counter;
    uint8_t control; /* the control word's bits 5:0 */
    uint8_t first_byte;
    bool second_byte_written_next, second_byte_read_next;
    bool status_latched, count_latched;
    uint8_t status;
    uint16_t latched_count;
};

struct vpit {
    struct vpit_channel channel[VPIT_COUNTERS];
    uint8_t port_b;   /* the bits of port 61H that can be written */
    uint64_t now;     /* the latest time given */
    uint64_t changed; /* when something was written last */
};

/* No count is written and all outputs are low, in mode 0; the data sheet leaves this open. */
void vpit_reset(struct vpit *pit, uint64_t now);

/* A byte access of the guest to ports 40H to 43H and 61H; others read all ones and take nothing. */
uint8_t vpit_read(struct vpit *pit, uint16_t port, uint64_t now);
void vpit_write(struct vpit *pit, uint16_t port, uint8_t value, uint64_t now);

/* The level of a counter's OUT, 0 to 2; low for others. */
bool vpit_output(const struct vpit *pit, unsigned counter, uint64_t now);

/* When it changes next after now, TIME_NEVER if it does not. */
uint64_t vpit_next_change(const struct vpit *pit, unsigned counter, uint64_t now);

/* How often it rises after from, or after the last write if that is later, up to and at to. */
uint64_t vpit_rises(const struct vpit *pit, unsigned counter, uint64_t from, uint64_t to);
