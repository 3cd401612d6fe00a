/* A PC's interrupt lines: where they come from, the 8259 pair and the 8254 behind them.
 *
 *     sources -- OR --> IRQ n --> 8259 input n, I/O APIC pin n (IRQ 0: pin 2, as on every PC)
 *     8254 counter 0 --> IRQ 0          8259 output (INTR) --> LINT0 of each LAPIC, I/O APIC pin 0
 *
 * The lock here is taken before the VM's interrupt lock, never the other way round, so that both
 * controllers see the lines change in the same order; and after the lock of the device whose line
 * changes. MultiProcessor Specification 1.4, "Virtual
 * Wire Mode". Read next: vpic.h, vpit.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"

struct vcpu;
struct vm;

/* Who may drive a line. */
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
    struct spinlock lock; /* guards what is not atomic */
    struct vpic pic;
    struct vpit pit;
    uint64_t pit_seen;                /* in ticks of the 8254: counted until then */
    uint32_t level[IRQ_SOURCE_COUNT]; /* bit n: IRQ n, by source */
    uint32_t pins;                    /* as the I/O APIC has them */
    _Atomic uint32_t intr;            /* the 8259s' output */
    uint64_t pit_next;                /* TSC: when the 8254 is to be looked at */
    _Atomic uint64_t timer_next; /* TSC: when irq_lines_tick() is due: for that, or for the clock */
};

void irq_lines_reset(struct vm *vm);

/* A source's level of IRQ 0 to 23. Any CPU. */
void irq_lines_set_line(struct vm *vm, enum irq_source source, unsigned irq, bool level);

/* The 8254 or the real-time clock has something to do: on vCPU 0's CPU, when timer_next has come.
 */
void irq_lines_tick(struct vm *vm);

/* The real-time clock has another time to be looked at (rtc.h). Any CPU. */
void irq_lines_plan(struct vm *vm);

/* An interrupt-acknowledge cycle. -1: the output is low by now, and `always` is not set. */
int irq_lines_acknowledge(struct vm *vm, bool always);

/* The guest's ports: `port` is the whole number. */
uint32_t irq_lines_pic_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void irq_lines_pic_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
uint32_t irq_lines_pit_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void irq_lines_pit_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
