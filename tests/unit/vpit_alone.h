/* An 8254 for the tests of vmm/devices/vpit.c; its ports and the fields of its control word. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/vpit.h"

#define C0        0x40
#define C1        0x41
#define C2        0x42
#define CONTROL   0x43
#define PORT_B    0x61

#define LOW_BYTE  0x10
#define HIGH_BYTE 0x20
#define BOTH      0x30
#define MODE(n)   ((n) << 1)
#define SELECT(n) ((n) << 6)

static struct vpit pit;

static inline int set_up(void **state) {
    (void)state;
    memset(&pit, 0xee, sizeof(pit));
    vpit_reset(&pit, 0);
    return 0;
}

static inline void out(uint16_t port, unsigned value, uint64_t now) {
    vpit_write(&pit, port, (uint8_t)value, now);
}

static inline uint8_t in(uint16_t port, uint64_t now) {
    return vpit_read(&pit, port, now);
}

static inline void assert_word(uint16_t port, uint16_t value, uint64_t now) {
    assert_int_equal(in(port, now), value & 0xff);
    assert_int_equal(in(port, now), value >> 8);
}
