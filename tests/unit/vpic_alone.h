/* Two 8259As for the tests of vmm/devices/vpic.c, initialized as by an operating system, and the
 * names of the command words. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/vpic.h"

#define MASTER           VPIC_MASTER_COMMAND
#define SLAVE            VPIC_SLAVE_COMMAND
#define DATA             1 /* from the command port of a chip to its data port */

#define NON_SPECIFIC_EOI 0x20
#define SPECIFIC_EOI     0x60
#define ROTATE_EOI       0xa0
#define ROTATE_SPECIFIC  0xe0
#define SET_PRIORITY     0xc0
#define ROTATE_AEOI_SET  0x80
#define ROTATE_AEOI_OFF  0x00
#define READ_IRR         0x0a
#define READ_ISR         0x0b
#define POLL             0x0c
#define SPECIAL_MASK_SET 0x68
#define SPECIAL_MASK_OFF 0x48

static struct vpic pic;

static inline void initialize(uint16_t port, uint8_t icw1, uint8_t base, uint8_t icw4) {
    vpic_write(&pic, port, icw1);
    vpic_write(&pic, port + DATA, base);
    if (!(icw1 & 2))
        vpic_write(&pic, port + DATA, port == MASTER ? 4 : 2);
    if (icw1 & 1)
        vpic_write(&pic, port + DATA, icw4);
}

/* As Linux initializes them, with all levels unmasked. */
static inline int set_up(void **state) {
    (void)state;
    memset(&pic, 0xee, sizeof(pic));
    vpic_reset(&pic);
    initialize(MASTER, 0x11, 0x30, 0x01);
    initialize(SLAVE, 0x11, 0x38, 0x01);
    return 0;
}

static inline void rise(unsigned irq) {
    vpic_set_line(&pic, irq, true);
}

static inline void fall(unsigned irq) {
    vpic_set_line(&pic, irq, false);
}

static inline void pulse(unsigned irq) {
    fall(irq);
    rise(irq);
}

static inline uint8_t read_register(uint16_t port, uint8_t ocw3) {
    vpic_write(&pic, port, ocw3);
    return vpic_read(&pic, port);
}

static inline void assert_isr(uint8_t master, uint8_t slave) {
    assert_int_equal(read_register(MASTER, READ_ISR), master);
    assert_int_equal(read_register(SLAVE, READ_ISR), slave);
}

static inline void assert_irr(uint8_t master, uint8_t slave) {
    assert_int_equal(read_register(MASTER, READ_IRR), master);
    assert_int_equal(read_register(SLAVE, READ_IRR), slave);
}

static inline void assert_accepted(uint8_t vector) {
    assert_true(vpic_output(&pic));
    assert_int_equal(vpic_acknowledge(&pic), vector);
}

static inline void assert_no_request(void) {
    assert_false(vpic_output(&pic));
}
