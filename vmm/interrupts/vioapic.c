/* The virtual I/O APIC: see vioapic.h.
 *
 * Every possible cause of a delivery ends in evaluate(): a line that changes, a write to an entry,
 * an EOI, a LAPIC that may now accept. It decides from the state alone, so the decision does not
 * depend on the cause. Only vioapic_release() delivers without it, past storm control. */
#include "vmm/interrupts/vioapic.h"

#include "lib/index_clamp.h"
#include "vmm/interrupts/vioapic_contracts.h"

#define ENTRY_WRITABLE                                                                             \
    (RTE_VECTOR_MASK | (7ULL << RTE_DELIVERY_SHIFT) | RTE_LOGICAL | RTE_ACTIVE_LOW | RTE_LEVEL |   \
     RTE_MASKED | (0xffULL << RTE_DESTINATION_SHIFT))

/* The fields that decide where an interrupt goes, and as what: changing one is a reroute. */
#define ENTRY_ROUTE                                                                                \
    (RTE_VECTOR_MASK | (7ULL << RTE_DELIVERY_SHIFT) | RTE_LOGICAL | RTE_LEVEL |                    \
     (0xffULL << RTE_DESTINATION_SHIFT))

#define ID_WRITABLE 0x0f000000u

/* ---- effects ----
 *
 * The only calls through the table, each in one function. The proofs take the contracts of these
 * three for granted: what they call does not modify the I/O APIC. What they require is proven of
 * each caller. */

/*@ assigns \nothing; */
static void trace_pin(struct vioapic *io, enum trace_event event, uint8_t vector, unsigned pin,
                      uint64_t a, uint64_t b) {
    io->effects->trace(io->context, trace_what(event, TRACE_NO_VCPU, vector, pin), a, b);
}

/* Sends a waiting pin's interrupt to where its entry says now, and returns how many LAPICs accepted
 * it. A pin that is masked, or has its Remote IRR bit set, does not wait, so it sends nothing
 * (invariants 4, 5 and 12). */
/*@ requires pin < IOAPIC_PIN_COUNT;
  @ requires waiting(io, pin, io->entry[pin]);
  @ requires of_entry(*message, io->entry[pin]);
  @ assigns sent[pin], accepted[pin];
  @ ensures sent_once{Pre, Post}(pin);
  @ ensures \result == accepted[pin];
  @*/
static unsigned send(struct vioapic *io, unsigned pin, const struct apic_message *message) {
    return io->effects->deliver(io->context, pin, message);
}

/*@ assigns \nothing; */
static void reroute(struct vioapic *io, uint64_t old, uint64_t new) {
    io->effects->reroute(io->context, old, new);
}

/*@ requires \valid_read(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns \nothing;
  @*/
static void vioapic_trace(struct vioapic *io, enum trace_event event, unsigned pin, uint64_t a,
                          uint64_t b) {
    trace_pin(io, event, rte_vector(io->entry[pin]), pin, a, b);
}

/*@ requires \valid_read(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns \nothing;
  @ ensures \result <==> active(io, pin, entry);
  @*/
static bool is_active(const struct vioapic *io, unsigned pin, uint64_t entry) {
    bool active_low = entry & RTE_ACTIVE_LOW;

    return ((io->line >> pin) & 1) != active_low;
}

/* Whether the pin has an interrupt that no LAPIC has accepted yet. This is its delivery status. */
/*@ requires \valid_read(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns \nothing;
  @ ensures \result <==> waiting(io, pin, io->entry[pin]);
  @*/
static bool is_waiting(const struct vioapic *io, unsigned pin) {
    uint64_t entry = io->entry[pin];

    if (entry & RTE_MASKED)
        return false;
    if (vioapic_entry_is_level(entry))
        return is_active(io, pin, entry) && !(entry & RTE_REMOTE_IRR);
    return (io->edge_pending >> pin) & 1;
}

/* Not inlined: it would lengthen every write that changes a route. */
/*@ requires \valid(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns io->entry[pin];
  @ ensures value ==> io->entry[pin] == (\old(io->entry[pin]) | RTE_REMOTE_IRR);
  @ ensures !value ==> io->entry[pin] == without_remote_irr(\old(io->entry[pin]));
  @ ensures !value ==> (io->entry[pin] & RTE_REMOTE_IRR) == 0;
  @ ensures !value ==> (io->entry[pin] & RTE_MASKED) == \old(io->entry[pin] & RTE_MASKED);
  @ ensures !value ==> (io->entry[pin] & (RTE_LEVEL | RTE_OTHER_MODES)) ==
  @     \old(io->entry[pin] & (RTE_LEVEL | RTE_OTHER_MODES));
  @*/
__attribute__((noinline)) static void set_remote_irr(struct vioapic *io, unsigned pin, bool value) {
    if (value)
        io->entry[pin] |= RTE_REMOTE_IRR;
    else
        io->entry[pin] &= ~RTE_REMOTE_IRR;
    vioapic_trace(io, TRACE_REMOTE_IRR, pin, value, 0);
}

/* Whether a LAPIC can ever accept what this entry sends. */
/*@ assigns \nothing; */
static bool is_deliverable(uint64_t entry) {
    switch (apic_delivery_mode(entry)) {
    case APIC_DELIVERY_FIXED:
    case APIC_DELIVERY_LOWEST_PRIORITY:
        return rte_vector(entry) >= APIC_FIRST_LEGAL_VECTOR;
    case APIC_DELIVERY_SMI:
    case APIC_DELIVERY_NMI:
    case APIC_DELIVERY_INIT:
    case APIC_DELIVERY_EXTINT:
        return true;
    default:
        return false;
    }
}

/* An illegal vector is sent as well: the LAPICs refuse it and report it in their ESR. An edge that
 * can never be accepted does not stay pending. */
/*@ requires \valid(io) && pin < IOAPIC_PIN_COUNT;
  @ requires waiting(io, pin, io->entry[pin]);
  @ assigns io->entry[pin], io->level_streak[pin], io->edge_pending, sent[pin], accepted[pin];
  @ ensures !reserved_mode(\old(io->entry[pin])) ==> sent_once{Pre, Post}(pin);
  @ ensures remote_irr_rule(io, pin, \old(io->entry[pin]));
  @ ensures !level(\old(io->entry[pin])) && !reserved_mode(\old(io->entry[pin])) &&
  @     accepted[pin] != 0 ==> !bit(io->edge_pending, pin);
  @ ensures same_other_edges{Pre, Post}(io, pin);
  @*/
static void deliver(struct vioapic *io, unsigned pin) {
    uint64_t entry = io->entry[pin];
    enum apic_delivery_mode mode = apic_delivery_mode(entry);
    bool reserved_mode = mode == 3 || mode == APIC_DELIVERY_SIPI;
    const struct apic_message message = {
        .destination = rte_destination(entry),
        .logical = entry & RTE_LOGICAL,
        .level = vioapic_entry_is_level(entry),
        .vector = rte_vector(entry),
        .delivery_mode = (uint8_t)mode,
    };
    unsigned accepted = reserved_mode ? 0 : send(io, pin, &message);

    vioapic_trace(io, TRACE_DELIVER, pin, message.destination, accepted);
    if (message.level && accepted) {
        io->level_streak[pin]++;
        set_remote_irr(io, pin, true);
    }
    if (!message.level && (accepted || !is_deliverable(entry)))
        io->edge_pending &= ~(1u << pin);
}

/*@ requires \valid(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns io->entry[pin], io->level_streak[pin], io->edge_pending, io->deferred, sent[pin],
  @         accepted[pin];
  @ ensures evaluated{Pre, Post}(io, pin, \old(io->entry[pin]));
  @ ensures same_other_edges{Pre, Post}(io, pin);
  @*/
static void evaluate(struct vioapic *io, unsigned pin) {
    if (!is_waiting(io, pin))
        return;
    if (io->level_streak[pin] < VIOAPIC_IMMEDIATE_DELIVERIES) {
        deliver(io, pin);
    } else if (!(io->deferred & 1u << pin)) {
        io->deferred |= 1u << pin;
        vioapic_trace(io, TRACE_DEFERRED, pin, 0, 0);
    }
}

/* The line went inactive, or the pin is no longer level-triggered: this ends a storm. */
/*@ requires \valid(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns io->level_streak[pin], io->deferred;
  @ ensures io->level_streak[pin] == 0;
  @*/
static void end_streak(struct vioapic *io, unsigned pin) {
    io->level_streak[pin] = 0;
    if (io->deferred >> pin & 1) /* a load costs less than a locked bus cycle */
        io->deferred &= ~(1u << pin);
}

void vioapic_reset(struct vioapic *io, uint32_t version) {
    *io = (struct vioapic){.version = version, .effects = io->effects, .context = io->context};
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        io->entry[pin] = RTE_MASKED;
}

/*@ requires \valid(io);
  @ assigns *io, sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
  @ ensures pin >= IOAPIC_PIN_COUNT || (\old(bit(io->line, pin)) <==> level) ==>
  @     io->line == \old(io->line) && untouched{Pre, Post}(io, 0, IOAPIC_PIN_COUNT - 1);
  @ ensures pin < IOAPIC_PIN_COUNT ==> (bit(io->line, pin) <==> level);
  @ ensures pin < IOAPIC_PIN_COUNT && (\old(bit(io->line, pin)) <==> !level) ==>
  @     line_changed{Pre, Post}(io, pin, \old(io->entry[pin]));
  @*/
void vioapic_set_line(struct vioapic *io, unsigned pin, bool level) {
    if (pin >= IOAPIC_PIN_COUNT || ((io->line >> pin) & 1) == level)
        return;
    io->line ^= 1u << pin;
    vioapic_trace(io, TRACE_LINE, pin, level, 0);
    if (!is_active(io, pin, io->entry[pin])) {
        end_streak(io, pin);
        return;
    }
    /* An edge on a masked pin is lost. */
    if (!(io->entry[pin] & RTE_MASKED) && !vioapic_entry_is_level(io->entry[pin]))
        io->edge_pending |= 1u << pin;
    evaluate(io, pin);
}

/*@ requires \valid(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns io->entry[pin], io->level_streak[pin], io->edge_pending, io->deferred, sent[pin],
  @         accepted[pin];
  @ ensures edge: !level(value) ==> (io->entry[pin] & RTE_REMOTE_IRR) == 0 &&
  @     (io->entry[pin] == value || io->entry[pin] == without_remote_irr(value));
  @ ensures level: level(value) ==> remote_irr_rule(io, pin, value);
  @ ensures masked: (value & RTE_MASKED) != 0 ==>
  @     sent[pin] == \old(sent[pin]) && !bit(io->edge_pending, pin);
  @ ensures waits: level(value) && (value & RTE_REMOTE_IRR) != 0 ==> sent[pin] == \old(sent[pin]);
  @ ensures once: level(value) && (value & RTE_MASKED) == 0 &&
  @     (value & RTE_REMOTE_IRR) == 0 && active(io, pin, value) && \old(io->level_streak[pin]) <
  VIOAPIC_IMMEDIATE_DELIVERIES &&
  @     !reserved_mode(value) ==> sent_once{Pre, Post}(pin);
  @ ensures same_other_edges{Pre, Post}(io, pin);
  @*/
static void write_entry(struct vioapic *io, unsigned pin, uint64_t value) {
    uint64_t old = io->entry[pin];
    bool was_level = vioapic_entry_is_level(old), is_level = vioapic_entry_is_level(value);

    io->entry[pin] = value;
    vioapic_trace(io, TRACE_RTE_WRITE, pin, old, value);
    if ((value & RTE_REMOTE_IRR) && !is_level)
        set_remote_irr(io, pin, false);
    if (is_level || (value & RTE_MASKED))
        io->edge_pending &= ~(1u << pin);
    if (!is_level || !is_active(io, pin, value))
        end_streak(io, pin);
    if (((old ^ value) & ENTRY_ROUTE) && (was_level || is_level))
        reroute(io, old, value);
    evaluate(io, pin);
}

/* What a write makes of an entry: what is writable and in this half. Remote IRR and delivery status
 * are not (invariant 11). */
/*@ assigns \nothing;
  @ ensures (\result & RTE_REMOTE_IRR) == (old & RTE_REMOTE_IRR);
  @ ensures (\result & RTE_DELIVERY_STATUS) == (old & RTE_DELIVERY_STATUS);
  @ ensures half % 2 == 0 ==> (\result & RTE_MASKED) == (value & RTE_MASKED);
  @ ensures half % 2 == 1 ==> (\result & RTE_MASKED) == (old & RTE_MASKED);
  @*/
static uint64_t merge_half(uint64_t old, uint32_t half, uint32_t value) {
    unsigned shift = half % 2 ? 32 : 0;
    uint64_t writable = ENTRY_WRITABLE & (0xffffffffULL << shift);

    return (old & ~writable) | (((uint64_t)value << shift) & writable);
}

/* half: 2 x pin for the low half of the pin's entry, 2 x pin + 1 for the high half. */
/*@ requires \valid(io) && half < 2 * IOAPIC_PIN_COUNT;
  @ assigns io->entry[half / 2], io->level_streak[half / 2], io->edge_pending, io->deferred,
  @         sent[half / 2], accepted[half / 2];
  @ ensures (io->entry[half / 2] & RTE_REMOTE_IRR) != 0 ==>
  @     \old(io->entry[half / 2] & RTE_REMOTE_IRR) != 0 || accepted[half / 2] != 0;
  @ ensures ((half % 2 == 0 ? value : \old(io->entry[half / 2])) & RTE_MASKED) != 0 ==>
  @     sent[half / 2] == \old(sent[half / 2]);
  @ ensures same_other_edges{Pre, Post}(io, half / 2);
  @*/
static void write_half(struct vioapic *io, uint32_t half, uint32_t value) {
    unsigned pin = half / 2;

    write_entry(io, pin, merge_half(io->entry[pin], half, value));
}

static uint32_t read_half(const struct vioapic *io, uint32_t half) {
    unsigned pin = half >> 1;
    uint64_t entry = io->entry[pin] | (is_waiting(io, pin) ? RTE_DELIVERY_STATUS : 0);

    return (uint32_t)(half & 1 ? entry >> 32 : entry);
}

static uint32_t read_register(const struct vioapic *io) {
    uint32_t half = io->index - IOAPIC_REG_ENTRY;

    if (io->index == IOAPIC_REG_ID || io->index == IOAPIC_REG_ARBITRATION)
        return io->id; /* a write to the ID loads the arbitration ID */
    if (io->index == IOAPIC_REG_VERSION)
        return io->version | (IOAPIC_PIN_COUNT - 1) << 16;
    if (half < 2 * IOAPIC_PIN_COUNT)
        return read_half(io, index_clamp(half, 2 * IOAPIC_PIN_COUNT));
    return 0;
}

static void write_register(struct vioapic *io, uint32_t value) {
    uint32_t half = io->index - IOAPIC_REG_ENTRY;

    if (io->index == IOAPIC_REG_ID)
        io->id = value & ID_WRITABLE;
    else if (half < 2 * IOAPIC_PIN_COUNT)
        write_half(io, index_clamp(half, 2 * IOAPIC_PIN_COUNT), value);
}

uint32_t vioapic_read(struct vioapic *io, uint32_t offset, unsigned size) {
    if (size != 4)
        return 0;
    if (offset == IOAPIC_INDEX)
        return io->index;
    if (offset == IOAPIC_DATA)
        return read_register(io);
    return 0;
}

void vioapic_write(struct vioapic *io, uint32_t offset, unsigned size, uint32_t value) {
    if (size != 4)
        return;
    if (offset == IOAPIC_INDEX)
        io->index = value & 0xff;
    else if (offset == IOAPIC_DATA)
        write_register(io, value);
    else if (offset == IOAPIC_EOI && io->version >= 0x20)
        vioapic_eoi(io, (uint8_t)value, 0);
}

/* A pin that delivers again here does so once: its next EOI comes only after a vCPU has accepted
 * the new delivery and retired it. */
/*@ requires \valid(io) && pin < IOAPIC_PIN_COUNT;
  @ assigns io->entry[pin], io->level_streak[pin], io->edge_pending, io->deferred, sent[pin],
  @         accepted[pin];
  @ ensures awaits(\old(io->entry[pin]), vector) ==>
  @     evaluated{Pre, Post}(io, pin, without_remote_irr(\old(io->entry[pin])));
  @ ensures !awaits(\old(io->entry[pin]), vector) ==> untouched{Pre, Post}(io, pin, pin);
  @ ensures same_other_edges{Pre, Post}(io, pin);
  @*/
static inline void end_interrupt(struct vioapic *io, unsigned pin, uint8_t vector, bool owed) {
    uint64_t entry = io->entry[pin];

    if (!(entry & RTE_REMOTE_IRR))
        return;
    if (rte_vector(entry) == vector) {
        set_remote_irr(io, pin, false);
        evaluate(io, pin);
    } else if (owed) {
        trace_pin(io, TRACE_ORPHANED, vector, pin, rte_vector(entry), 0);
    }
}

/*@ requires \valid(io);
  @ assigns *io, sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
  @ ensures ended{Pre, Post}(io, 0, IOAPIC_PIN_COUNT - 1, vector);
  @*/
void vioapic_eoi(struct vioapic *io, uint8_t vector, uint32_t pins) {
    /*@ loop invariant range: 0 <= pin <= IOAPIC_PIN_COUNT;
      @ loop invariant untouched{Pre, Here}(io, pin, IOAPIC_PIN_COUNT - 1);
      @ loop invariant ended{Pre, Here}(io, 0, pin - 1, vector);
      @ loop assigns pin, io->entry[0 .. IOAPIC_PIN_COUNT - 1],
      @     io->level_streak[0 .. IOAPIC_PIN_COUNT - 1], io->edge_pending, io->deferred,
      @     sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
      @ loop variant IOAPIC_PIN_COUNT - pin;
      @*/
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        end_interrupt(io, pin, vector, pins >> pin & 1);
}

/*@ requires \valid(io);
  @ assigns *io, sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
  @ ensures all_evaluated{Pre, Post}(io, IOAPIC_PIN_COUNT);
  @*/
void vioapic_retry(struct vioapic *io) {
    /*@ loop invariant range: 0 <= pin <= IOAPIC_PIN_COUNT;
      @ loop invariant untouched{Pre, Here}(io, pin, IOAPIC_PIN_COUNT - 1);
      @ loop invariant all_evaluated{Pre, Here}(io, pin);
      @ loop assigns pin, io->entry[0 .. IOAPIC_PIN_COUNT - 1],
      @     io->level_streak[0 .. IOAPIC_PIN_COUNT - 1], io->edge_pending, io->deferred,
      @     sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
      @ loop variant IOAPIC_PIN_COUNT - pin;
      @*/
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        evaluate(io, pin);
}

/*@ requires \valid(io);
  @ assigns *io, sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
  @ ensures io->deferred == 0;
  @ ensures all_released{Pre, Post}(io, IOAPIC_PIN_COUNT, \old(io->deferred));
  @*/
void vioapic_release(struct vioapic *io) {
    uint32_t released = atomic_exchange(&io->deferred, 0);

    /*@ loop invariant range: 0 <= pin <= IOAPIC_PIN_COUNT;
      @ loop invariant untouched{Pre, Here}(io, pin, IOAPIC_PIN_COUNT - 1);
      @ loop invariant all_released{Pre, Here}(io, pin, released);
      @ loop assigns pin, io->entry[0 .. IOAPIC_PIN_COUNT - 1],
      @     io->level_streak[0 .. IOAPIC_PIN_COUNT - 1], io->edge_pending,
      @     sent[0 .. IOAPIC_PIN_COUNT - 1], accepted[0 .. IOAPIC_PIN_COUNT - 1];
      @ loop variant IOAPIC_PIN_COUNT - pin;
      @*/
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        if ((released >> pin & 1) && is_waiting(io, pin))
            deliver(io, pin);
    }
}
