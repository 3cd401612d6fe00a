/* Guards vmm/devices/vpit_counter.c: compares every mode, with random writes and gate changes, with
 * a counter that is clocked tick by tick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/vpit_counter.h"

static struct vpit_counter counter = {.gate = true};

struct clocked {
    unsigned mode;
    uint32_t range, count, element;
    bool gate, out, written, null, running, load, triggered, strobe_due, odd;
};

static bool by_trigger(const struct clocked *c) {
    return c->mode == 1 || c->mode == 2 || c->mode == 3 || c->mode == 5;
}

static void clocked_control(struct clocked *c, unsigned mode, bool bcd) {
    *c = (struct clocked){.mode = mode,
                          .range = bcd ? 10000 : 65536,
                          .element = c->element % c->range,
                          .gate = c->gate,
                          .out = mode != 0,
                          .null = true};
}

static void clocked_first_byte(struct clocked *c) {
    if (c->mode == 0)
        c->running = c->load = c->out = false;
}

static void clocked_write(struct clocked *c, uint32_t clocks) {
    c->count = clocks < 2 && (c->mode == 2 || c->mode == 3) ? 2 : clocks;
    c->written = c->null = true;
    if (c->mode == 0 || c->mode == 4 || (c->mode != 1 && c->mode != 5 && !c->running))
        c->load = true;
}

static void clocked_gate(struct clocked *c, bool gate) {
    if (gate && !c->gate && by_trigger(c) && c->written)
        c->triggered = true;
    c->gate = gate;
    if (!gate && (c->mode == 2 || c->mode == 3))
        c->out = true;
}

static void clocked_load(struct clocked *c) {
    c->element = c->mode == 3 ? c->count & ~1u : c->count;
    c->odd = c->count & 1;
    c->null = c->load = c->triggered = false;
    c->running = c->strobe_due = true;
}

static void clocked_square(struct clocked *c) {
    bool expired = c->out && c->odd && c->element == 0;

    if (!expired) {
        c->element = (c->element + 65536 - 2) % 65536;
        expired = c->element == 0 && !(c->out && c->odd);
    }
    if (expired) {
        c->out = !c->out;
        clocked_load(c);
    }
}

static void clocked_count(struct clocked *c) {
    if (c->mode == 3) {
        clocked_square(c);
        return;
    }
    if (c->mode == 2 && c->element == 1) {
        clocked_load(c);
        c->out = true;
        return;
    }
    c->element = (c->element + c->range - 1) % c->range;
    if (c->mode == 2) {
        c->out = c->element != 1;
    } else if (c->mode >= 4) {
        c->out = c->element != 0 || !c->strobe_due;
        c->strobe_due = c->strobe_due && c->element != 0;
    } else if (c->element == 0) {
        c->out = true;
    }
}

static void clock_pulse(struct clocked *c) {
    if (c->load || c->triggered) {
        clocked_load(c);
        c->out = c->mode >= 2;
    } else if (c->running && (c->gate || c->mode == 1 || c->mode == 5)) {
        clocked_count(c);
    }
}

static uint32_t random_number(void) {
    static uint64_t seed = 8254;

    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(seed >> 33);
}

/* Mostly small counts, so that there are many events. */
static uint16_t random_count(void) {
    uint32_t r = random_number();

    return (uint16_t)(r % 16 ? r >> 8 & 15 : r >> 8);
}

static uint16_t digits(uint32_t value) {
    return (uint16_t)(value / 1000 % 10 * 4096 + value / 100 % 10 * 256 + value / 10 % 10 * 16 +
                      value % 10);
}

static void random_event(struct clocked *c, uint64_t now) {
    uint32_t r = random_number(), count = random_count() % c->range;

    if (r % 128 == 0) {
        clocked_control(c, r >> 8 & 7 ? (r >> 8) % 6 : 3, r >> 12 & 1);
        vpit_counter_control(&counter, c->mode, c->range == 10000, now);
    } else if (r % 16 == 1) {
        clocked_write(c, count ? count : c->range);
        vpit_counter_write(&counter, c->range == 10000 ? digits(count) : (uint16_t)count, now);
    } else if (r % 64 == 2) {
        clocked_first_byte(c);
        vpit_counter_first_byte(&counter, now);
    } else if (r % 16 == 3) {
        clocked_gate(c, r >> 8 & 1);
        vpit_counter_gate(&counter, r >> 8 & 1, now);
    }
}

static void assert_same(const struct clocked *c, uint64_t now) {
    uint32_t value = c->element % c->range;

    assert_int_equal(vpit_counter_output(&counter, now), c->out);
    assert_int_equal(vpit_counter_null(&counter, now), c->null);
    assert_int_equal(vpit_counter_read(&counter, now), c->range == 10000 ? digits(value) : value);
}

static void assert_same_future(struct clocked c, uint64_t now) {
    uint64_t change = vpit_counter_next_change(&counter, now), rises = 0;
    bool changed = false;

    for (uint64_t t = now + 1; t < now + 40; t++) {
        bool was = c.out;

        clock_pulse(&c);
        rises += !was && c.out;
        assert_int_equal(vpit_counter_rises(&counter, now, t), rises);
        if (!changed)
            assert_int_equal(change == t, c.out != was);
        changed |= c.out != was;
        assert_same(&c, t);
    }
}

static void every_mode_agrees_with_a_clocked_counter(void **state) {
    struct clocked c = {.gate = true, .range = 65536};

    (void)state;
    clocked_control(&c, 0, false);
    vpit_counter_control(&counter, 0, false, 0);
    for (uint64_t now = 0; now < 300000; now++) {
        for (uint32_t events = random_number() % 3; events; events--)
            random_event(&c, now);
        assert_same(&c, now);
        if (now % 4 == 0)
            assert_same_future(c, now);
        clock_pulse(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_agrees_with_a_clocked_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
