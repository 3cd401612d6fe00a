/* A PC's interrupt lines: see irq_lines.h. */
#include "vmm/pc/irq_lines.h"

#include "arch/instructions.h"
#include "drivers/tsc.h"
#include "vmm/pc/rtc.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

#define TIMER_IRQ     0
#define TIMER_PIN     2
#define INTR_PIN      0
#define PINS_OF_IRQ_0 (1u << TIMER_IRQ | 1u << TIMER_PIN)

/* A guest can make the 8254's output change at every tick: it is looked at no more often. */
#define SHORTEST_LOOK_US 20

/* ---- the 8254's clock ---- */

static uint64_t pit_now(void) {
    return tsc_scale(rdtsc(), tsc_frequency(), VPIT_HZ);
}

/* ---- lines; under the lock ---- */

static void set_pins(struct vm *vm, uint32_t pins) {
    uint32_t changed = pins ^ vm->isa.pins;

    vm->isa.pins = pins;
    for (; changed; changed &= changed - 1) {
        unsigned pin = (unsigned)__builtin_ctz(changed);
        routing_set_line(&vm->routing, pin, pins >> pin & 1);
    }
}

/* The output's rise is an edge on each LINT0; its level is looked at before each entry. */
static void set_intr(struct vm *vm, bool intr) {
    bool before = atomic_exchange(&vm->isa.intr, intr);

    set_pins(vm, (vm->isa.pins & ~(1u << INTR_PIN)) | (uint32_t)intr << INTR_PIN);
    if (!intr || before)
        return;
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpu[i], REQUEST_LINT0);
}

static void update(struct vm *vm) {
    set_intr(vm, vpic_output(&vm->isa.pic));
}

static void set_line(struct vm *vm, enum irq_source source, unsigned irq, bool level) {
    struct irq_lines *isa = &vm->isa;
    uint32_t all = 0;

    isa->level[source] = (isa->level[source] & ~(1u << irq)) | (uint32_t)level << irq;
    for (unsigned i = 0; i < IRQ_SOURCE_COUNT; i++)
        all |= isa->level[i];
    if (irq < VPIC_IRQ_COUNT)
        vpic_set_line(&isa->pic, irq, all >> irq & 1);
    uint32_t timer = all & PINS_OF_IRQ_0 ? 1u << TIMER_PIN : 0;
    set_pins(vm, (all & ~PINS_OF_IRQ_0) | timer | (isa->pins & 1u << INTR_PIN));
    update(vm);
}

void irq_lines_set_line(struct vm *vm, enum irq_source source, unsigned irq, bool level) {
    if (irq >= IOAPIC_PIN_COUNT)
        return;
    spin_lock(&vm->isa.lock);
    set_line(vm, source, irq, level);
    spin_unlock(&vm->isa.lock);
}

/* ---- the 8254; under the lock ---- */

/* What became of counter 0 since the last look: a rise that is over already is an edge all the
 * same. */
static void look_at_pit(struct vm *vm, uint64_t now) {
    struct irq_lines *isa = &vm->isa;
    bool output = vpit_output(&isa->pit, 0, now);

    if (vpit_rises(&isa->pit, 0, isa->pit_seen, now)) {
        set_line(vm, IRQ_SOURCE_PIT, TIMER_IRQ, false);
        set_line(vm, IRQ_SOURCE_PIT, TIMER_IRQ, true);
    }
    set_line(vm, IRQ_SOURCE_PIT, TIMER_IRQ, output);
    isa->pit_seen = now;
}

/* For whichever is first. */
static void plan(struct vm *vm) {
    uint64_t rtc = atomic_load(&vm->cmos.timer_next), pit = vm->isa.pit_next;

    atomic_store(&vm->isa.timer_next, rtc < pit ? rtc : pit);
}

/* When to look again, as a time of the TSC. */
static void plan_next_look(struct vm *vm, uint64_t now) {
    uint64_t change = vpit_next_change(&vm->isa.pit, 0, now), next = TIME_NEVER;
    uint64_t earliest = rdtsc() + tsc_frequency() / 1000000 * SHORTEST_LOOK_US;

    if (change != TIME_NEVER) {
        next = tsc_scale(change, VPIT_HZ, tsc_frequency()) + tsc_frequency() / VPIT_HZ;
        next = next > earliest ? next : earliest;
    }
    vm->isa.pit_next = next;
    plan(vm);
}

void irq_lines_tick(struct vm *vm) {
    if (atomic_load(&vm->cmos.timer_next) <= rdtsc())
        rtc_tick(vm);
    spin_lock(&vm->isa.lock);
    uint64_t now = pit_now();
    look_at_pit(vm, now);
    plan_next_look(vm, now);
    spin_unlock(&vm->isa.lock);
}

void irq_lines_plan(struct vm *vm) {
    spin_lock(&vm->isa.lock);
    plan(vm);
    spin_unlock(&vm->isa.lock);
    vcpu_request(vm->vcpu[0], REQUEST_TIMER);
}

void irq_lines_reset(struct vm *vm) {
    uint64_t now = pit_now();

    vpic_reset(&vm->isa.pic);
    vpit_reset(&vm->isa.pit, now);
    vm->isa.pit_seen = now;
    vm->isa.pit_next = TIME_NEVER;
    atomic_store(&vm->isa.timer_next, TIME_NEVER);
}

/* ---- the processor's side ---- */

/* INTR falls between two acknowledge cycles, also when the next request is there already. */
int irq_lines_acknowledge(struct vm *vm, bool always) {
    int vector = -1;

    spin_lock(&vm->isa.lock);
    if (always || vpic_output(&vm->isa.pic)) {
        vector = vpic_acknowledge(&vm->isa.pic);
        set_intr(vm, false);
        update(vm);
    }
    spin_unlock(&vm->isa.lock);
    return vector;
}

/* ---- ports ---- */

uint32_t irq_lines_pic_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->isa.lock);
    uint8_t value = vpic_read(&vm->isa.pic, port); /* after a poll command it acknowledges */
    update(vm);
    spin_unlock(&vm->isa.lock);
    return value;
}

void irq_lines_pic_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->isa.lock);
    vpic_write(&vm->isa.pic, port, (uint8_t)value);
    update(vm);
    spin_unlock(&vm->isa.lock);
}

uint32_t irq_lines_pit_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->isa.lock);
    uint8_t value = vpit_read(&vm->isa.pit, port, pit_now());
    spin_unlock(&vm->isa.lock);
    return value;
}

void irq_lines_pit_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->isa.lock);
    uint64_t now = pit_now();
    look_at_pit(vm, now);
    vpit_write(&vm->isa.pit, port, (uint8_t)value, now);
    look_at_pit(vm, now);
    plan_next_look(vm, now);
    spin_unlock(&vm->isa.lock);
    vcpu_request(vm->vcpu[0], REQUEST_TIMER);
}
