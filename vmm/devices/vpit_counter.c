/* One counter of the 8254: see vpit_counter.h. */
#include "vmm/devices/vpit_counter.h"

#define BINARY_RANGE 65536u
#define BCD_RANGE    10000u

static uint32_t range(const struct vpit_counter *counter) {
    return counter->bcd ? BCD_RANGE : BINARY_RANGE;
}

static uint32_t clocks_of(const struct vpit_counter *counter, uint16_t value) {
    uint32_t clocks = value;

    if (counter->bcd)
        clocks = 1000u * (value >> 12) + 100u * (value >> 8 & 15) + 10u * (value >> 4 & 15) +
                 (value & 15);
    return clocks ? clocks : range(counter);
}

static uint16_t digits_of(uint32_t value) {
    return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 |
                      value % 10);
}

/* Modes 2 and 3 repeat; modes 1, 2, 3 and 5 restart when the gate rises. */
static bool is_periodic(const struct vpit_counter *counter) {
    return counter->mode == 2 || counter->mode == 3;
}

static bool is_gate_triggered(const struct vpit_counter *counter) {
    return is_periodic(counter) || counter->mode == 1 || counter->mode == 5;
}

static bool is_held_by_gate(const struct vpit_counter *counter) {
    return !counter->gate && counter->mode != 1 && counter->mode != 5;
}

/* Mode 3: with an odd count OUT is high for one clock more than it is low. */
static uint32_t high_half(uint32_t period) {
    return (period + 1) / 2;
}

static uint32_t period_of_count(const struct vpit_counter *counter) {
    return is_periodic(counter) && counter->count < 2 ? 2 : counter->count;
}

/* ---- a load that is due ---- */

static void load(struct vpit_counter *counter) {
    counter->period = period_of_count(counter);
    counter->start = counter->load_time;
    if (counter->load == VPIT_LOAD_HALF_CYCLE)
        counter->start -= high_half(counter->period);
    counter->load = VPIT_LOAD_NONE;
    counter->null_count = false;
    counter->running = true;
    counter->paused = is_held_by_gate(counter);
    counter->paused_after = 0;
}

/* Performs the load if its time has come. */
static void settle(struct vpit_counter *counter, uint64_t now) {
    if (counter->load != VPIT_LOAD_NONE && now >= counter->load_time)
        load(counter);
}

static struct vpit_counter settled(const struct vpit_counter *counter, uint64_t now) {
    struct vpit_counter copy = *counter;

    settle(&copy, now);
    return copy;
}

/* ---- the state at a time, of a settled counter ---- */

static uint64_t elapsed(const struct vpit_counter *counter, uint64_t now) {
    return counter->paused ? counter->paused_after : now - counter->start;
}

/* Mode 3 decrements by two, from the even number at or below the count. */
static uint32_t square_wave_element(uint32_t period, uint32_t phase) {
    uint32_t high = high_half(period);

    return (period & ~1u) - 2 * (phase < high ? phase : phase - high);
}

static uint32_t element(const struct vpit_counter *counter, uint64_t now) {
    uint32_t period = counter->period, modulus = range(counter);
    uint64_t clocks = elapsed(counter, now);

    if (!counter->running)
        return counter->stopped_at % modulus;
    if (counter->mode == 2)
        return (period - (uint32_t)(clocks % period)) % modulus;
    if (counter->mode == 3)
        return square_wave_element(period, (uint32_t)(clocks % period)) % modulus;
    return (period + modulus - (uint32_t)(clocks % modulus)) % modulus;
}

static bool output(const struct vpit_counter *counter, uint64_t now) {
    uint32_t period = counter->period;
    uint64_t clocks = elapsed(counter, now);

    if (!counter->running || (is_periodic(counter) && counter->paused))
        return counter->mode != 0;
    switch (counter->mode) {
    case 0:
    case 1:
        return clocks >= period;
    case 2:
        return clocks % period != period - 1;
    case 3:
        return clocks % period < high_half(period);
    default:
        return clocks != period;
    }
}

/* In how many clocks after `now` OUT changes; TIME_NEVER. */
static uint64_t clocks_to_change(const struct vpit_counter *counter, uint64_t now) {
    uint32_t period = counter->period;
    uint64_t clocks = elapsed(counter, now), phase;

    if (!counter->running || counter->paused)
        return TIME_NEVER;
    if (!is_periodic(counter)) {
        if (clocks < period)
            return period - clocks;
        return clocks == period && counter->mode >= 4 ? 1 : TIME_NEVER;
    }
    phase = clocks % period;
    if (counter->mode == 2)
        return phase < period - 1 ? period - 1 - phase : 1;
    return phase < high_half(period) ? high_half(period) - phase : period - phase;
}

/* The number of rises of OUT since the count was loaded. */
static uint64_t rises_so_far(const struct vpit_counter *counter, uint64_t now) {
    uint64_t clocks = elapsed(counter, now);

    if (!counter->running)
        return 0;
    if (is_periodic(counter))
        return clocks / counter->period;
    return counter->mode >= 4 ? clocks > counter->period : clocks >= counter->period;
}

static uint64_t rises_between(const struct vpit_counter *counter, uint64_t from, uint64_t to) {
    return rises_so_far(counter, to) - rises_so_far(counter, from);
}

/* ---- events ---- */

static void stop(struct vpit_counter *counter, uint64_t now) {
    settle(counter, now);
    counter->stopped_at = element(counter, now);
    counter->running = false;
    counter->load = VPIT_LOAD_NONE;
}

void vpit_counter_control(struct vpit_counter *counter, unsigned mode, bool bcd, uint64_t now) {
    stop(counter, now);
    counter->mode = (uint8_t)mode;
    counter->bcd = bcd;
    counter->written = false;
    counter->null_count = true;
}

void vpit_counter_first_byte(struct vpit_counter *counter, uint64_t now) {
    if (counter->mode == 0)
        stop(counter, now);
}

static void load_next_clock(struct vpit_counter *counter, uint64_t now) {
    counter->load = VPIT_LOAD_NEXT_CLOCK;
    counter->load_time = now + 1;
}

/* In modes 2 and 3 a new count is loaded at the end of the current cycle or half-cycle. */
static void load_later(struct vpit_counter *counter, uint64_t now) {
    uint32_t period = counter->period, high = high_half(period);
    uint32_t phase = (uint32_t)(elapsed(counter, now) % period);
    bool ends_half = counter->mode == 3 && phase < high;

    counter->load = ends_half ? VPIT_LOAD_HALF_CYCLE : VPIT_LOAD_CYCLE_END;
    counter->load_time = now + (ends_half ? high : period) - phase;
}

void vpit_counter_write(struct vpit_counter *counter, uint16_t value, uint64_t now) {
    settle(counter, now);
    counter->count = clocks_of(counter, value);
    counter->written = true;
    counter->null_count = true;
    if (counter->mode == 0 || counter->mode == 4 || (is_periodic(counter) && !counter->running))
        load_next_clock(counter, now);
    else if (is_periodic(counter) && !counter->paused)
        load_later(counter, now);
}

/* A new count of mode 2 or 3 is not loaded at the end of the cycle, which is no longer reached. */
static void gate_falls(struct vpit_counter *counter, uint64_t now) {
    if (counter->mode == 1 || counter->mode == 5)
        return;
    counter->paused_after = elapsed(counter, now);
    counter->paused = true;
    if (counter->load != VPIT_LOAD_NEXT_CLOCK)
        counter->load = VPIT_LOAD_NONE;
}

static void gate_rises(struct vpit_counter *counter, uint64_t now) {
    if (is_gate_triggered(counter)) {
        if (counter->written)
            load_next_clock(counter, now);
        return;
    }
    counter->start = now - counter->paused_after;
    counter->paused = false;
}

void vpit_counter_gate(struct vpit_counter *counter, bool gate, uint64_t now) {
    if (gate == counter->gate)
        return;
    settle(counter, now);
    counter->gate = gate;
    if (gate)
        gate_rises(counter, now);
    else
        gate_falls(counter, now);
}

/* ---- reading ---- */

uint16_t vpit_counter_read(const struct vpit_counter *counter, uint64_t now) {
    struct vpit_counter copy = settled(counter, now);
    uint32_t value = element(&copy, now);

    return counter->bcd ? digits_of(value) : (uint16_t)value;
}

bool vpit_counter_null(const struct vpit_counter *counter, uint64_t now) {
    return settled(counter, now).null_count;
}

bool vpit_counter_output(const struct vpit_counter *counter, uint64_t now) {
    struct vpit_counter copy = settled(counter, now);

    return output(&copy, now);
}

static uint64_t change_after(const struct vpit_counter *counter, uint64_t now) {
    uint64_t clocks = clocks_to_change(counter, now);

    return clocks < TIME_NEVER - now ? now + clocks : TIME_NEVER;
}

uint64_t vpit_counter_next_change(const struct vpit_counter *counter, uint64_t now) {
    struct vpit_counter before = settled(counter, now), after;
    uint64_t change = change_after(&before, now), load_time = before.load_time;

    if (before.load == VPIT_LOAD_NONE || change < load_time)
        return change;
    after = settled(&before, load_time);
    if (output(&after, load_time) != output(&before, now))
        return load_time;
    return change_after(&after, load_time);
}

uint64_t vpit_counter_rises(const struct vpit_counter *counter, uint64_t from, uint64_t to) {
    struct vpit_counter before = settled(counter, from), after;
    uint64_t load_time = before.load_time;
    bool rises_at_load;

    if (from >= to)
        return 0;
    if (before.load == VPIT_LOAD_NONE || load_time > to)
        return rises_between(&before, from, to);
    after = settled(&before, load_time);
    rises_at_load = !output(&before, load_time - 1) && output(&after, load_time);
    return rises_between(&before, from, load_time - 1) + rises_at_load +
           rises_between(&after, load_time, to);
}
