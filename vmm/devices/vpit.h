/* The 8254 interval timer of a PC and port 61H: three counters at 1.193182 MHz; OUT0 is IRQ 0.
 *
 * The caller passes the time in ticks of that clock, from any origin; a time that is earlier than
 * one passed before is taken as that one. The gates of counters 0 and 1 are high, that of counter 2
 * is bit 0 of port 61H. A guest can make OUT0 change at every tick: the caller decides how often it
 * polls, and vpit_rises() counts the rises between two polls without a loop. Pure and without a
 * lock.
 *
 * Before and after each write, count the rises since the last poll and read the output: a rise is
 * an edge on IRQ 0, the output is its level. Then set a timer for vpit_next_change(). 8254 data
 * sheet; port 61H: 82371AB (PIIX4) data sheet, "NMI Status and Control Register". Read next:
 * vmm/pc/irq_lines.h. */
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
    uint8_t port_b;   /* the writable bits of port 61H */
    uint64_t now;     /* the latest time passed */
    uint64_t changed; /* the time of the last write */
};

/* Mode 0, no count written, all outputs low; the data sheet does not define this state. */
void vpit_reset(struct vpit *pit, uint64_t now);

/* A guest's byte access to ports 40H to 43H and 61H; other ports read FFH and ignore writes. */
uint8_t vpit_read(struct vpit *pit, uint16_t port, uint64_t now);
void vpit_write(struct vpit *pit, uint16_t port, uint8_t value, uint64_t now);

/* The level of OUT of counter 0 to 2; false for other numbers. */
bool vpit_output(const struct vpit *pit, unsigned counter, uint64_t now);

/* The time of the next change of OUT after `now`; TIME_NEVER. */
uint64_t vpit_next_change(const struct vpit *pit, unsigned counter, uint64_t now);

/* The number of rises of OUT after `from`, or after the last write if that is later, up to and
 * including `to`. */
uint64_t vpit_rises(const struct vpit *pit, unsigned counter, uint64_t from, uint64_t to);
