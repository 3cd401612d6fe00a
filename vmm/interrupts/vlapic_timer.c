/* The local APIC timer's arithmetic: see vlapic_timer.h. A sum or product that overflows becomes
 * TIME_NEVER: it is hundreds of years away. */
#include "vmm/interrupts/vlapic_timer.h"

#define MODE_MASK     (APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSC_DEADLINE)
#define MODE_ONE_SHOT 0

static uint64_t add(uint64_t a, uint64_t b) {
    return a > TIME_NEVER - b ? TIME_NEVER : a + b;
}

static uint64_t multiply(uint64_t a, uint64_t b) {
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? TIME_NEVER : product;
}

static uint32_t mode_of(const struct vlapic_timer *timer) {
    return timer->lvt & MODE_MASK;
}

static bool counts(const struct vlapic_timer *timer) {
    return mode_of(timer) == MODE_ONE_SHOT || mode_of(timer) == APIC_LVT_TIMER_PERIODIC;
}

static bool is_masked(const struct vlapic_timer *timer) {
    return timer->lvt & APIC_LVT_MASKED;
}

/* One count in TSC ticks. Bits 3, 1 and 0 are the logarithm of the divisor, less 1 and modulo 8. */
static uint64_t ticks_of_count(const struct vlapic_timer *timer) {
    uint32_t value = (timer->divide & 3) | (timer->divide >> 1 & 4);

    return (uint64_t)timer->bus_tick << ((value + 1) & 7);
}

static uint64_t period(const struct vlapic_timer *timer) {
    return multiply(timer->initial, ticks_of_count(timer));
}

/* Advances the timer to now: its expiries until then are due, unless it is masked. */
static void advance(struct vlapic_timer *timer, uint64_t now) {
    uint64_t expired = 1;

    if (!timer->running || now < timer->expiry)
        return;
    if (mode_of(timer) == APIC_LVT_TIMER_PERIODIC && timer->initial) {
        uint64_t late = now - timer->expiry, each = period(timer);

        expired += late / each;
        timer->expiry = add(now - late % each, each);
    } else {
        timer->running = false;
    }
    if (!is_masked(timer))
        timer->due += expired;
}

static struct vlapic_timer advanced_copy(const struct vlapic_timer *timer, uint64_t now) {
    struct vlapic_timer copy = *timer;

    advance(&copy, now);
    return copy;
}

/* The counts left, including the one that has begun; for a timer advanced to now. 0 in TSC-deadline
 * mode, because the initial count is 0 there. */
static uint32_t counts_left(const struct vlapic_timer *timer, uint64_t now) {
    uint64_t left;

    if (!timer->running)
        return 0;
    left = (timer->expiry - now - 1) / ticks_of_count(timer) + 1;
    return left < timer->initial ? (uint32_t)left : timer->initial;
}

/* ---- registers ---- */

static void disarm(struct vlapic_timer *timer) {
    timer->running = false;
    timer->initial = 0;
}

static void write_lvt(struct vlapic_timer *timer, uint32_t value) {
    bool counted = counts(timer);
    uint32_t old_mode = mode_of(timer);

    timer->lvt = value & (MODE_MASK | APIC_LVT_MASKED);
    if (mode_of(timer) != old_mode && !(counted && counts(timer)))
        disarm(timer);
    if (is_masked(timer))
        timer->due = 0;
}

static void write_divide(struct vlapic_timer *timer, uint32_t value, uint64_t now) {
    uint32_t left = counts_left(timer, now);
    uint64_t old_ticks = ticks_of_count(timer);

    timer->divide = value;
    if (left && ticks_of_count(timer) != old_ticks)
        timer->expiry = add(now, multiply(left, ticks_of_count(timer)));
}

static void write_initial(struct vlapic_timer *timer, uint32_t value, uint64_t now) {
    if (!counts(timer))
        return;
    timer->initial = value;
    timer->running = value;
    timer->expiry = add(now, period(timer));
}

uint64_t vlapic_timer_write(struct vlapic_timer *timer, uint32_t offset, uint32_t value,
                            uint64_t now) {
    advance(timer, now);
    if (offset == APIC_LVT_TIMER)
        write_lvt(timer, value);
    else if (offset == APIC_TIMER_DIVIDE)
        write_divide(timer, value, now);
    else if (offset == APIC_TIMER_INITIAL)
        write_initial(timer, value, now);
    return vlapic_timer_next(timer);
}

/* The time at which the guest's TSC reaches the deadline, or reached it. */
static uint64_t deadline_expiry(const struct vlapic_timer *timer, uint64_t now) {
    uint64_t guest_now = now + timer->tsc_offset;

    if (timer->deadline >= guest_now)
        return add(now, timer->deadline - guest_now);
    return now > guest_now - timer->deadline ? now - (guest_now - timer->deadline) : 0;
}

uint64_t vlapic_timer_write_deadline(struct vlapic_timer *timer, uint64_t deadline, uint64_t now) {
    advance(timer, now);
    if (mode_of(timer) == APIC_LVT_TIMER_TSC_DEADLINE) {
        timer->running = deadline;
        timer->deadline = deadline;
        timer->expiry = deadline_expiry(timer, now);
    }
    return vlapic_timer_next(timer);
}

uint64_t vlapic_timer_set_tsc_offset(struct vlapic_timer *timer, uint64_t tsc_offset,
                                     uint64_t now) {
    advance(timer, now);
    timer->tsc_offset = tsc_offset;
    if (timer->running && mode_of(timer) == APIC_LVT_TIMER_TSC_DEADLINE)
        timer->expiry = deadline_expiry(timer, now);
    return vlapic_timer_next(timer);
}

uint64_t vlapic_timer_read_deadline(const struct vlapic_timer *timer, uint64_t now) {
    struct vlapic_timer copy = advanced_copy(timer, now);

    return copy.running && mode_of(&copy) == APIC_LVT_TIMER_TSC_DEADLINE ? copy.deadline : 0;
}

uint32_t vlapic_timer_current(const struct vlapic_timer *timer, uint64_t now) {
    struct vlapic_timer copy = advanced_copy(timer, now);

    return counts_left(&copy, now);
}

/* ---- expiry ---- */

static uint64_t earliest(const struct vlapic_timer *timer) {
    return mode_of(timer) == APIC_LVT_TIMER_PERIODIC ? timer->not_before : 0;
}

uint64_t vlapic_timer_next(const struct vlapic_timer *timer) {
    uint64_t next = timer->due ? 0 : timer->expiry;

    if (!timer->due && (!timer->running || is_masked(timer)))
        return TIME_NEVER;
    return next > earliest(timer) ? next : earliest(timer);
}

uint64_t vlapic_timer_fire(struct vlapic_timer *timer, uint64_t now) {
    uint64_t due;

    advance(timer, now);
    if (now < earliest(timer))
        return 0;
    due = timer->due;
    timer->due = 0;
    if (due)
        timer->not_before = add(now, timer->shortest);
    return due;
}

/* ---- reset ---- */

void vlapic_timer_init(struct vlapic_timer *timer, uint32_t bus_tick, uint64_t shortest) {
    *timer = (struct vlapic_timer){
        .bus_tick = bus_tick ? bus_tick : 1,
        .shortest = shortest,
        .lvt = APIC_LVT_MASKED,
    };
}

void vlapic_timer_reset(struct vlapic_timer *timer) {
    uint64_t tsc_offset = timer->tsc_offset;

    vlapic_timer_init(timer, timer->bus_tick, timer->shortest);
    timer->tsc_offset = tsc_offset;
}
