/* Shared by the tests of vmm/interrupts/vlapic_timer.c: a LAPIC timer, and its registers by name.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/interrupts/vlapic_timer.h"

#define BUS_TICK  20u
#define SHORTEST  1000u
#define ONE_SHOT  0u
#define PERIODIC  APIC_LVT_TIMER_PERIODIC
#define DEADLINE  APIC_LVT_TIMER_TSC_DEADLINE
#define MASKED    APIC_LVT_MASKED
#define DIVIDE_1  0xbu
#define DIVIDE_2  0x0u
#define DIVIDE_16 0x3u
#define NEVER     TIME_NEVER

static struct vlapic_timer timer;

static inline uint64_t write_lvt(uint32_t value, uint64_t now) {
    return vlapic_timer_write(&timer, APIC_LVT_TIMER, value | 0x40, now);
}

static inline uint64_t write_initial(uint32_t value, uint64_t now) {
    return vlapic_timer_write(&timer, APIC_TIMER_INITIAL, value, now);
}

static inline uint64_t write_divide(uint32_t value, uint64_t now) {
    return vlapic_timer_write(&timer, APIC_TIMER_DIVIDE, value, now);
}

static inline uint64_t fire(uint64_t now) {
    return vlapic_timer_fire(&timer, now);
}

static inline uint32_t current(uint64_t now) {
    return vlapic_timer_current(&timer, now);
}

/* The divisor is 1, so a count is 20 ticks. */
static inline int set_up(void **state) {
    (void)state;
    memset(&timer, 0xee, sizeof(timer));
    vlapic_timer_init(&timer, BUS_TICK, SHORTEST);
    write_divide(DIVIDE_1, 0);
    return 0;
}
