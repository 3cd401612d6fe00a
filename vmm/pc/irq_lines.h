/* A PC's interrupt lines: their sources, the pair of 8259s, and the 8254, whose counter 0 is a
 * source.
 *
 *     sources -- OR --> IRQ n --> 8259 input n, I/O APIC pin n (IRQ 0: pin 2, as on every PC)
 *     8254 counter 0 --> IRQ 0          8259 output (INTR) --> LINT0 of each LAPIC, I/O APIC pin 0
 *
 * MultiProcessor Specification 1.4, "Virtual Wire Mode". Read next: vmm/devices/vpic.h,
 * vmm/devices/vpit.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"

struct pc;

/* The devices that may drive a line. */
enum irq_source {
    IRQ_SOURCE_TEST,
    IRQ_SOURCE_PIT,
    IRQ_SOURCE_UART,
    IRQ_SOURCE_RTC,
    IRQ_SOURCE_VIRTIO,
    IRQ_SOURCE_BUTTON,
    IRQ_SOURCE_COUNT
};

struct irq_lines {
    struct spinlock lock; /* protects everything but the atomics */
    struct vpic pic;
    struct vpit pit;
    uint64_t pit_polled;              /* when the 8254 was last polled, in its ticks */
    uint64_t ticked;                  /* TSC: when it was last polled because that was due */
    uint32_t level[IRQ_SOURCE_COUNT]; /* bit n: the source drives IRQ n */
    uint32_t pins;                    /* the levels at the I/O APIC's pins */
    _Atomic uint32_t intr;            /* the level of the 8259s' output */
    _Atomic uint64_t timer_next;      /* TSC: when irq_lines_tick() is due */
};

/* Resets the 8259s and the 8254; all lines are low. */
void irq_lines_reset(struct pc *pc);

/* Sets the level with which a source drives an IRQ, 0 to 23; other numbers are ignored. Any CPU. */
void irq_lines_set(struct pc *pc, enum irq_source source, unsigned irq, bool level);

/* Polls the 8254. To call when timer_next has come. Any CPU. */
void irq_lines_tick(struct pc *pc);

/* An interrupt-acknowledge cycle: returns the vector that the 8259s put on the bus. If their output
 * is low, that is the spurious vector; without `always` nothing is acknowledged then, and the
 * result is -1. Any CPU. */
int irq_lines_acknowledge(struct pc *pc, bool always);

/* The guest's accesses to the ports of the 8259s and of the 8254 (with port 61H). Any CPU. */
uint32_t irq_lines_pic_in(struct pc *pc, uint16_t port, unsigned size);
void irq_lines_pic_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
uint32_t irq_lines_pit_in(struct pc *pc, uint16_t port, unsigned size);
void irq_lines_pit_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
