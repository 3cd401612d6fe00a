/* A PC's interrupt lines: see irq_lines.h. */
#include "vmm/pc/irq_lines.h"

#include "arch/apic_registers.h"
#include "lib/bits.h"
#include "vmm/pc/pc.h"

#define TIMER_IRQ     0
#define TIMER_PIN     2
#define INTR_PIN      0
#define PINS_OF_IRQ_0 (1u << TIMER_IRQ | 1u << TIMER_PIN)

/* A guest can make the 8254's output change at every tick, and a poll costs more than a thousand
 * instructions, with its exit. So this long passes from one poll that is due to the next one: the
 * guest gets about 10,000 edges a second, whatever it programs, and the time between them. A change
 * after a pause is not late. */
#define SHORTEST_POLL_US 100

static uint64_t pit_now(const struct pc *pc) {
    return time_scale(pc_now(pc), pc->config.tsc_hz, VPIT_HZ);
}

/* ---- lines; the caller holds the lock ---- */

static void pins_set(struct pc *pc, uint32_t pins) {
    uint32_t changed = pins ^ pc->irq_lines.pins;
    unsigned pin;

    pc->irq_lines.pins = pins;
    for_each_bit(pin, changed)
        pc->config.effects->set_pin(pc->config.context, pin, pins >> pin & 1);
}

/* The 8259s' output. A rise is an edge on LINT0; the level is checked before each VM entry. */
static void intr_set(struct pc *pc, bool intr) {
    if (atomic_load_explicit(&pc->irq_lines.intr, memory_order_relaxed) == intr)
        return;
    atomic_store(&pc->irq_lines.intr, intr);
    pins_set(pc, (pc->irq_lines.pins & ~(1u << INTR_PIN)) | (uint32_t)intr << INTR_PIN);
    if (intr)
        pc->config.effects->intr_rose(pc->config.context);
}

static void intr_update(struct pc *pc) {
    intr_set(pc, vpic_output(&pc->irq_lines.pic));
}

static void line_set(struct pc *pc, enum irq_source source, unsigned irq, bool level) {
    struct irq_lines *lines = &pc->irq_lines;
    uint32_t all = 0;

    if ((lines->level[source] >> irq & 1) == level)
        return;
    lines->level[source] = (lines->level[source] & ~(1u << irq)) | (uint32_t)level << irq;
    for (unsigned i = 0; i < IRQ_SOURCE_COUNT; i++)
        all |= lines->level[i];
    if (irq < VPIC_IRQ_COUNT)
        vpic_set_line(&lines->pic, irq, all >> irq & 1);
    uint32_t timer = all & PINS_OF_IRQ_0 ? 1u << TIMER_PIN : 0;
    pins_set(pc, (all & ~PINS_OF_IRQ_0) | timer | (lines->pins & 1u << INTR_PIN));
    intr_update(pc);
}

void irq_lines_set(struct pc *pc, enum irq_source source, unsigned irq, bool level) {
    if (irq >= IOAPIC_PIN_COUNT)
        return;
    spin_lock(&pc->irq_lines.lock);
    line_set(pc, source, irq, level);
    spin_unlock(&pc->irq_lines.lock);
}

/* ---- the 8254; the caller holds the lock ---- */

/* Brings IRQ 0 up to date with the output of counter 0. A pulse between two polls still counts as
 * an edge. */
static void pit_poll(struct pc *pc, uint64_t now) {
    struct irq_lines *lines = &pc->irq_lines;
    bool output = vpit_output(&lines->pit, 0, now);

    if (vpit_rises(&lines->pit, 0, lines->pit_polled, now)) {
        line_set(pc, IRQ_SOURCE_PIT, TIMER_IRQ, false);
        line_set(pc, IRQ_SOURCE_PIT, TIMER_IRQ, true);
    }
    line_set(pc, IRQ_SOURCE_PIT, TIMER_IRQ, output);
    lines->pit_polled = now;
}

/* Computes when the next poll is due: a tick of the 8254 after the next change, because the
 * conversion to the TSC rounds down. */
static void pit_plan(struct pc *pc, uint64_t now) {
    uint64_t change = vpit_next_change(&pc->irq_lines.pit, 0, now), next = TIME_NEVER;
    uint64_t earliest = pc->irq_lines.ticked + pc_microseconds(pc, SHORTEST_POLL_US);

    if (change != TIME_NEVER) {
        next = time_scale(change, VPIT_HZ, pc->config.tsc_hz) + pc->config.tsc_hz / VPIT_HZ;
        next = next > earliest ? next : earliest;
    }
    atomic_store(&pc->irq_lines.timer_next, next);
}

void irq_lines_tick(struct pc *pc) {
    spin_lock(&pc->irq_lines.lock);
    uint64_t now = pit_now(pc);
    pc->irq_lines.ticked = pc_now(pc);
    pit_poll(pc, now);
    pit_plan(pc, now);
    spin_unlock(&pc->irq_lines.lock);
}

void irq_lines_reset(struct pc *pc) {
    uint64_t now = pit_now(pc);

    vpic_reset(&pc->irq_lines.pic);
    vpit_reset(&pc->irq_lines.pit, now);
    pc->irq_lines.pit_polled = now;
    atomic_store(&pc->irq_lines.timer_next, TIME_NEVER);
}

/* ---- the processor's side ---- */

/* The output falls after an acknowledge cycle, even if another request is waiting. */
int irq_lines_acknowledge(struct pc *pc, bool always) {
    int vector = -1;

    spin_lock(&pc->irq_lines.lock);
    if (always || vpic_output(&pc->irq_lines.pic)) {
        vector = vpic_acknowledge(&pc->irq_lines.pic);
        intr_set(pc, false);
        intr_update(pc);
    }
    spin_unlock(&pc->irq_lines.lock);
    return vector;
}

/* ---- ports ---- */

/* A read after a poll command acknowledges an interrupt, so the output may change. */
uint32_t irq_lines_pic_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    spin_lock(&pc->irq_lines.lock);
    uint8_t value = vpic_read(&pc->irq_lines.pic, port);
    intr_update(pc);
    spin_unlock(&pc->irq_lines.lock);
    return value;
}

void irq_lines_pic_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    spin_lock(&pc->irq_lines.lock);
    vpic_write(&pc->irq_lines.pic, port, (uint8_t)value);
    intr_update(pc);
    spin_unlock(&pc->irq_lines.lock);
}

/* A read does not change the output of a counter. */
uint32_t irq_lines_pit_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    spin_lock(&pc->irq_lines.lock);
    uint8_t value = vpit_read(&pc->irq_lines.pit, port, pit_now(pc));
    spin_unlock(&pc->irq_lines.lock);
    return value;
}

void irq_lines_pit_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    spin_lock(&pc->irq_lines.lock);
    uint64_t now = pit_now(pc);
    pit_poll(pc, now);
    vpit_write(&pc->irq_lines.pit, port, (uint8_t)value, now);
    pit_poll(pc, now);
    pit_plan(pc, now);
    spin_unlock(&pc->irq_lines.lock);
    pc->config.effects->timer_changed(pc->config.context);
}
