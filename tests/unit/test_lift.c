/* Guards the argument of docs/proof.md, "From 2 pins and 3 vectors to 24 and 256": pins and vectors
 * that an operation is not about can be left out before it or after it, and pins can be exchanged.
 * Where they do meet (which vectors have a token, which vectors are routed) is checked as such.
 *
 * On random states of the full size, reachable or not: the argument needs no invariant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/untraced.h"
#include "vmm/interrupts/eoi_map.h"
#include "vmm/interrupts/tokens.h"
#include "vmm/interrupts/vioapic.h"

#define ROUNDS   20000
#define ALL_PINS ((1u << IOAPIC_PIN_COUNT) - 1)

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64 */
static uint64_t any(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1d;
}

/* With few bits set. */
static uint64_t sparse(void) {
    uint64_t bits = any();

    return bits & any();
}

static unsigned below(unsigned limit) {
    return (unsigned)(any() >> 33) % limit;
}

/* ---- the I/O APIC ---- */

struct machine {
    struct vioapic io;
    uint32_t delivered, rerouted; /* by pin, in the last operation */
    unsigned acts;                /* the pin of a write, for rerouted */
};

static unsigned deliver(void *context, unsigned pin, const struct apic_message *message) {
    struct machine *machine = context;

    machine->delivered |= 1u << pin;
    return message->vector & 1; /* some are accepted, some are not */
}

static void reroute(void *context, uint64_t old_entry, uint64_t new_entry) {
    struct machine *machine = context;

    (void)old_entry;
    (void)new_entry;
    machine->rerouted |= 1u << machine->acts;
}

static const struct vioapic_effects effects = {deliver, reroute, untraced};

/* Few vectors, so that pins share them; in all words of a set, two in one. */
static const uint8_t vectors[] = {0x31, 0x35, 0x62, 0x80, 0xc1, 0xff};

static uint64_t any_entry(void) {
    uint64_t entry = any() & ~(RTE_VECTOR_MASK | RTE_DELIVERY_STATUS | 0xfffffffffe0000ULL);

    if (below(4))
        entry &= ~RTE_OTHER_MODES;
    if (!vioapic_entry_is_level(entry))
        entry &= ~RTE_REMOTE_IRR;
    return entry | vectors[below(6)];
}

static void make_any(struct machine *machine) {
    *machine = (struct machine){.io = {.version = 0x20, .effects = &effects}};
    for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++) {
        machine->io.entry[p] = any_entry();
        machine->io.level_streak[p] = below(4) ? below(3) : VIOAPIC_IMMEDIATE_DELIVERIES;
    }
    machine->io.line = (uint32_t)any() & ALL_PINS;
    machine->io.edge_pending = (uint32_t)any() & ALL_PINS;
    machine->io.deferred = (uint32_t)(sparse()) & ALL_PINS;
}

enum operation { LINE, WRITE, EOI, RETRY, RELEASE, OPERATIONS };

static void operate(struct machine *machine, enum operation operation, unsigned pin,
                    uint64_t value) {
    struct vioapic *io = &machine->io;

    io->context = machine;
    machine->acts = pin;
    machine->delivered = machine->rerouted = 0;
    switch (operation) {
    case LINE:
        vioapic_set_line(io, pin, value & 1);
        break;
    case WRITE:
        vioapic_write(io, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin + (uint32_t)(value >> 63));
        vioapic_write(io, IOAPIC_DATA, 4, (uint32_t)value);
        break;
    case EOI:
        vioapic_eoi(io, vectors[value % 6], (uint32_t)(value >> 8));
        break;
    case RETRY:
        vioapic_retry(io);
        break;
    default:
        vioapic_release(io);
        break;
    }
}

/* Pin p of one machine is as pin q of the other. */
static void assert_same_pin(const struct machine *a, unsigned p, const struct machine *b,
                            unsigned q) {
    assert_int_equal(a->io.entry[p], b->io.entry[q]);
    assert_int_equal(a->io.level_streak[p], b->io.level_streak[q]);
    assert_int_equal(a->io.line >> p & 1, b->io.line >> q & 1);
    assert_int_equal(a->io.edge_pending >> p & 1, b->io.edge_pending >> q & 1);
    assert_int_equal(a->io.deferred >> p & 1, b->io.deferred >> q & 1);
    assert_int_equal(a->delivered >> p & 1, b->delivered >> q & 1);
    assert_int_equal(a->rerouted >> p & 1, b->rerouted >> q & 1);
}

static void leave_out(struct machine *machine, uint32_t kept) {
    for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++) {
        if (kept >> p & 1)
            continue;
        machine->io.entry[p] = RTE_MASKED;
        machine->io.level_streak[p] = 0;
    }
    machine->io.line &= kept;
    machine->io.edge_pending &= kept;
    machine->io.deferred &= kept;
}

static void other_pins_of_the_io_apic_can_be_left_out(void **state) {
    static struct machine full, part;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        enum operation operation = (enum operation)below(OPERATIONS);
        unsigned pin = below(IOAPIC_PIN_COUNT);
        uint32_t kept = ((uint32_t)any() & ALL_PINS) | 1u << pin;
        uint64_t value = any();

        make_any(&full);
        part = full;
        leave_out(&part, kept);
        operate(&full, operation, pin, value);
        operate(&part, operation, pin, value);
        for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++) {
            if (kept >> p & 1)
                assert_same_pin(&full, p, &part, p);
        }
    }
}

static void any_permutation(uint8_t *to) {
    for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++) {
        unsigned other = below(p + 1);
        to[p] = to[other];
        to[other] = (uint8_t)p;
    }
}

static uint32_t permuted(uint32_t set, const uint8_t *to) {
    uint32_t result = 0;

    for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++)
        result |= (set >> p & 1) << to[p];
    return result;
}

static void pins_of_the_io_apic_can_be_exchanged(void **state) {
    static struct machine here, there;
    uint8_t to[IOAPIC_PIN_COUNT];

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        enum operation operation = (enum operation)below(OPERATIONS);
        unsigned pin = below(IOAPIC_PIN_COUNT);
        uint64_t value = any();

        make_any(&here);
        there = here;
        any_permutation(to);
        for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++) {
            there.io.entry[to[p]] = here.io.entry[p];
            there.io.level_streak[to[p]] = here.io.level_streak[p];
        }
        there.io.line = permuted(here.io.line, to);
        there.io.edge_pending = permuted(here.io.edge_pending, to);
        there.io.deferred = permuted(here.io.deferred, to);
        operate(&here, operation, pin, value);
        operate(&there, operation, to[pin], value);
        for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++)
            assert_same_pin(&here, p, &there, to[p]);
    }
}

/* ---- tokens ---- */

static void make_any_tokens(struct tokens *tokens) {
    *tokens = (struct tokens){0};
    for (unsigned v = 0; v < VECTOR_COUNT; v++) {
        tokens->front[v] = (uint32_t)(sparse()) & ALL_PINS;
        tokens->behind[v] = below(2) ? 0 : (uint32_t)(sparse()) & ALL_PINS;
        if (tokens->front[v] | tokens->behind[v])
            vector_set_add(&tokens->inflight, (uint8_t)v);
    }
}

/* One pin's bits move as if there were no other pin and no other vector; only whether a vector has
 * a token depends on all its pins. */
static void tokens_are_bits(void **state) {
    static struct tokens full, part, before;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t vector = (uint8_t)any();
        uint32_t kept = (uint32_t)any() & ALL_PINS, pins = (uint32_t)(sparse()) & ALL_PINS;
        bool flag = any() & 1;

        make_any_tokens(&full);
        before = full;
        part = (struct tokens){0};
        part.front[vector] = full.front[vector] & kept;
        part.behind[vector] = full.behind[vector] & kept;
        if (round % 2) {
            tokens_accept(&full, vector, pins, flag);
            tokens_accept(&part, vector, pins & kept, flag);
        } else {
            assert_int_equal(tokens_retire(&full, vector, flag) & kept,
                             tokens_retire(&part, vector, flag));
        }
        assert_int_equal(full.front[vector] & kept, part.front[vector]);
        assert_int_equal(full.behind[vector] & kept, part.behind[vector]);
        before.front[vector] = full.front[vector];
        before.behind[vector] = full.behind[vector];
        assert_memory_equal(before.front, full.front, sizeof(full.front));
        assert_memory_equal(before.behind, full.behind, sizeof(full.behind));
        for (unsigned v = 0; v < VECTOR_COUNT; v++) {
            if (v != vector)
                assert_int_equal(vector_set_has(&before.inflight, (uint8_t)v),
                                 vector_set_has(&full.inflight, (uint8_t)v));
        }
    }
}

/* ---- the scan ---- */

/* The bits of one vector depend on the entries with that vector, in any order, and on whether it
 * has a token; and on nothing else. */
static void the_scan_treats_each_vector_alone(void **state) {
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct apic_identity who = {.id = below(3),
                                          .logical = (uint8_t)(1u << below(4)),
                                          .mode = APIC_MODE_XAPIC,
                                          .enabled = below(8) != 0};
        uint64_t entry[IOAPIC_PIN_COUNT], alone[IOAPIC_PIN_COUNT];
        struct vector_set inflight = {{any(), sparse(), any(), any()}}, one = {0};
        struct eoi_map full = {{{any(), any(), any(), any()}}, {{0}}}, part = {0}, changed;
        uint8_t vector = vectors[below(6)], to[IOAPIC_PIN_COUNT];

        any_permutation(to);
        for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++) {
            entry[p] = (any_entry() & ~(0xffULL << RTE_DESTINATION_SHIFT)) |
                       (uint64_t)below(4) << RTE_DESTINATION_SHIFT;
            alone[to[p]] = rte_vector(entry[p]) == vector ? entry[p] : RTE_MASKED;
        }
        if (vector_set_has(&inflight, vector))
            vector_set_add(&one, vector);
        eoi_map_scan(&full, entry, &who, &inflight, &changed);
        eoi_map_scan(&part, alone, &who, &one, &changed);
        assert_int_equal(vector_set_has(&full.exit, vector), vector_set_has(&part.exit, vector));
        assert_int_equal(vector_set_has(&full.stale, vector), vector_set_has(&part.stale, vector));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_pins_of_the_io_apic_can_be_left_out),
        cmocka_unit_test(pins_of_the_io_apic_can_be_exchanged),
        cmocka_unit_test(tokens_are_bits),
        cmocka_unit_test(the_scan_treats_each_vector_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
