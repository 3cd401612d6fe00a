/* Counter 0 of the 8254: 8254 data sheet, "Programming the 82C54". */
#pragma once
#include <stdint.h>

#include "guest/lib/instructions.h"

#define PIT_COUNTER_0 0x40
#define PIT_CONTROL   0x43

/* Starts counter 0 in a mode, with the low byte and then the high byte of its count. */
static inline void pit_start(uint8_t mode, uint16_t count) {
    outb(PIT_CONTROL, (uint8_t)(0x30 | mode << 1));
    outb(PIT_COUNTER_0, (uint8_t)count);
    outb(PIT_COUNTER_0, (uint8_t)(count >> 8));
}

/* The present count, by a counter latch command. */
static inline uint16_t pit_count(void) {
    outb(PIT_CONTROL, 0x00);
    uint8_t low = inb(PIT_COUNTER_0);
    return (uint16_t)(low | inb(PIT_COUNTER_0) << 8);
}
