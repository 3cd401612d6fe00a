/* The pair of 8259As: 8259A data sheet, "Initialization Command Words 1 and 2". */
#pragma once
#include <stdint.h>

#include "guest/lib/instructions.h"

#define PIC_MASTER           0x20 /* the command ports; the mask is at the port after each */
#define PIC_SLAVE            0xa0
#define PIC_NON_SPECIFIC_EOI 0x20

/* Writes ICW1 to ICW4, for edge-triggered IRQs 0 to 15 with the vectors `base` to `base` + 15, and
 * then the masks. */
static inline void pic_init(uint8_t base, uint8_t master_mask, uint8_t slave_mask) {
    outb(PIC_MASTER, 0x11);
    outb(PIC_SLAVE, 0x11);
    outb(PIC_MASTER + 1, base);
    outb(PIC_SLAVE + 1, (uint8_t)(base + 8));
    outb(PIC_MASTER + 1, 4);
    outb(PIC_SLAVE + 1, 2);
    outb(PIC_MASTER + 1, 1);
    outb(PIC_SLAVE + 1, 1);
    outb(PIC_MASTER + 1, master_mask);
    outb(PIC_SLAVE + 1, slave_mask);
}

/* Sends the EOI for an IRQ. */
static inline void pic_eoi(unsigned irq) {
    if (irq >= 8)
        outb(PIC_SLAVE, PIC_NON_SPECIFIC_EOI);
    outb(PIC_MASTER, PIC_NON_SPECIFIC_EOI);
}
