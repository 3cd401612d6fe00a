/* The virtual local APIC: reset, modes, acceptance of interrupts. See vlapic.h. */
#include "vmm/interrupts/vlapic.h"

#include "lib/bits.h"
#include "vmm/interrupts/vlapic_internal.h"

#define VERSION_INTEGRATED      0x14u
#define VERSION_MAX_LVT         (5u << 16) /* six LVT entries, no CMCI */
#define VERSION_SUPPRESSION     (1u << 24) /* EOI-broadcast suppression */
#define SVR_AFTER_RESET         0xffu
#define XAPIC_ID_SHIFT          24
#define APIC_BASE_ADDRESS_FLOOR 0xfffULL

static enum apic_mode mode_of_base(uint64_t base) {
    if (!(base & APIC_BASE_ENABLE))
        return APIC_MODE_DISABLED;
    return base & APIC_BASE_X2APIC ? APIC_MODE_X2APIC : APIC_MODE_XAPIC;
}

/* ---- identity ---- */

static struct apic_identity identity_of_registers(const struct vlapic *apic) {
    enum apic_mode mode = mode_of_base(apic->base);
    struct apic_identity identity = {
        .id = apic_page_read(apic->page, APIC_ID),
        .mode = (uint8_t)mode,
        .enabled = mode != APIC_MODE_DISABLED &&
                   (apic_page_read(apic->page, APIC_SVR) & APIC_SVR_ENABLE) != 0,
    };

    if (mode != APIC_MODE_X2APIC) {
        identity.id >>= XAPIC_ID_SHIFT;
        identity.logical = (uint8_t)(apic_page_read(apic->page, APIC_LDR) >> 24);
        identity.cluster = apic_page_read(apic->page, APIC_DFR) >> 28 == 0;
    }
    return identity;
}

static bool same_identity(const struct apic_identity *a, const struct apic_identity *b) {
    return a->id == b->id && a->logical == b->logical && a->cluster == b->cluster &&
           a->mode == b->mode && a->enabled == b->enabled;
}

void vlapic_update_identity(struct vlapic *apic) {
    struct apic_identity identity = identity_of_registers(apic);

    if (same_identity(&identity, &apic->identity))
        return;
    vlapic_store_identity(apic, identity);
    apic->effects->identity_changed(apic->context);
}

/* ---- reset ---- */

static void set_x2apic_id(struct vlapic *apic) {
    uint32_t id = apic->initial_id;

    apic_page_write(apic->page, APIC_ID, id);
    apic_page_write(apic->page, APIC_LDR, (id & ~0xfu) << 12 | 1u << (id & 0xf));
}

/* SDM Vol. 3A, "Local APIC State After Power-Up or Reset"; everything but the APIC ID. */
static void reset_registers(struct vlapic *apic) {
    struct apic_page *page = apic->page;
    uint32_t id = apic_page_read(page, APIC_ID);

    *page = (struct apic_page){0};
    apic_page_write(page, APIC_ID, id);
    apic_page_write(page, APIC_VERSION,
                    VERSION_INTEGRATED | VERSION_MAX_LVT |
                        (apic->broadcast_suppression ? VERSION_SUPPRESSION : 0));
    apic_page_write(page, APIC_DFR, 0xffffffff);
    apic_page_write(page, APIC_SVR, SVR_AFTER_RESET);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 0x10)
        apic_page_write(page, lvt, APIC_LVT_MASKED);
    apic->tmr_used = false;
    apic->errors = 0;
    apic->timer_mode = 0;
    if (mode_of_base(apic->base) == APIC_MODE_X2APIC)
        set_x2apic_id(apic);
}

static void trace_dropped(struct vlapic *apic, uint8_t vector, uint32_t pins) {
    if (pins)
        vlapic_trace(apic, TRACE_DROPPED, vector, pins, 0);
}

/* Drops all interrupts in flight here. */
static void drop_interrupts(struct vlapic *apic) {
    struct tokens *tokens = &apic->tokens;
    unsigned bit;

    for (unsigned i = 0; i < 4; i++) {
        inbox_dequeue_edges(&apic->inbox, i);
        for_each_bit(bit, inbox_dequeue_levels(&apic->inbox, i)) {
            uint8_t vector = (uint8_t)(i * 64 + bit);
            trace_dropped(apic, vector, inbox_dequeue_pins(&apic->inbox, vector));
        }
        for_each_bit(bit, tokens->inflight.word[i]) {
            uint8_t vector = (uint8_t)(i * 64 + bit);
            trace_dropped(apic, vector, tokens->front[vector] | tokens->behind[vector]);
        }
    }
    tokens_reset(tokens);
}

/* The identity is stored before the inbox is emptied: from then on the LAPIC is disabled, and no
 * CPU posts to it that has not read the old identity before. Those that send level interrupts hold
 * the lock meanwhile, which identity_changed() takes: after it the inbox is emptied again. An IPI,
 * which is sent without the lock, may still come. */
static void reset_all(struct vlapic *apic) {
    reset_registers(apic);
    vlapic_store_identity(apic, identity_of_registers(apic));
    drop_interrupts(apic);
    apic->effects->identity_changed(apic->context);
    drop_interrupts(apic);
    apic->effects->timer_changed(apic->context, 0);
}

void vlapic_power_on(struct vlapic *apic, bool is_bsp) {
    apic->base = APIC_DEFAULT_BASE | APIC_BASE_ENABLE | (is_bsp ? APIC_BASE_BSP : 0);
    apic_page_write(apic->page, APIC_ID, apic->initial_id << XAPIC_ID_SHIFT);
    reset_registers(apic);
    apic_identity_store(&apic->identity, identity_of_registers(apic));
    inbox_reset(&apic->inbox);
    tokens_reset(&apic->tokens);
    apic->map = (struct eoi_map){0};
}

void vlapic_trace_register(struct vlapic *apic, uint32_t which, uint64_t value) {
    vlapic_trace(apic, TRACE_REGISTER, 0, which, value);
}

void vlapic_init(struct vlapic *apic) {
    vlapic_trace_register(apic, 0, 0);
    reset_all(apic);
}

/* ---- modes ---- */

/* SDM Vol. 3A, "x2APIC State Transitions": a disabled LAPIC does not become an x2APIC at once, and
 * an x2APIC does not go back to xAPIC mode. */
/*@ assigns \nothing;
  @ ensures \result <==> !(from == APIC_MODE_DISABLED && to == APIC_MODE_X2APIC) &&
  @                      !(from == APIC_MODE_X2APIC && to == APIC_MODE_XAPIC);
  @*/
static bool is_legal_transition(enum apic_mode from, enum apic_mode to) {
    return !(from == APIC_MODE_DISABLED && to == APIC_MODE_X2APIC) &&
           !(from == APIC_MODE_X2APIC && to == APIC_MODE_XAPIC);
}

static void change_mode(struct vlapic *apic, enum apic_mode to) {
    switch (to) {
    case APIC_MODE_DISABLED: /* when it is enabled again its state is that after a reset */
        apic_page_write(apic->page, APIC_ID, apic->initial_id << XAPIC_ID_SHIFT);
        reset_all(apic);
        break;
    case APIC_MODE_XAPIC: /* drops an IPI that came late, and that no EOI could end */
        reset_all(apic);
        break;
    case APIC_MODE_X2APIC: /* the ICR becomes one 64-bit register at the offset of its low half */
        set_x2apic_id(apic);
        apic_page_write(apic->page, APIC_ICR_HIGH, 0);
        vlapic_update_identity(apic);
        break;
    }
}

bool vlapic_write_base(struct vlapic *apic, uint64_t value) {
    uint64_t valid = (apic->physical_address_mask & ~APIC_BASE_ADDRESS_FLOOR) | APIC_BASE_BSP |
                     (apic->x2apic_offered ? APIC_BASE_X2APIC : 0) | APIC_BASE_ENABLE;
    enum apic_mode from = mode_of_base(apic->base), to = mode_of_base(value);

    if (value & ~valid)
        return false;
    if (!(value & APIC_BASE_ENABLE) && (value & APIC_BASE_X2APIC))
        return false;
    if (!is_legal_transition(from, to))
        return false;
    vlapic_trace_register(apic, MSR_IA32_APIC_BASE, value);
    apic->base = value;
    if (from != to)
        change_mode(apic, to);
    return true;
}

/* ---- errors and local interrupts ---- */

static void interrupt_self(struct vlapic *apic, uint8_t vector) {
    const struct apic_message message = {.vector = vector, .delivery_mode = APIC_DELIVERY_FIXED};

    apic->effects->send(apic->context, &message, APIC_SHORTHAND_SELF);
}

/* An illegal vector in the LVT error entry itself records another error and raises no interrupt: no
 * recursion. */
void vlapic_error(struct vlapic *apic, uint32_t esr_bit) {
    uint32_t lvt = apic_page_read(apic->page, APIC_LVT_ERROR);

    if (apic->errors & esr_bit)
        return;
    apic->errors |= esr_bit;
    if (lvt & APIC_LVT_MASKED)
        return;
    if (LVT_VECTOR(lvt) < APIC_FIRST_LEGAL_VECTOR)
        apic->errors |= APIC_ESR_RECEIVE_ILLEGAL_VECTOR;
    else
        interrupt_self(apic, LVT_VECTOR(lvt));
}

void vlapic_local_interrupt(struct vlapic *apic, uint32_t lvt) {
    uint32_t value = apic_page_read(apic->page, lvt);

    if (!(value & APIC_LVT_MASKED))
        interrupt_self(apic, LVT_VECTOR(value));
}

/* ---- acceptance ---- */

/* An illegal vector is posted as well: only the LAPIC's own CPU accesses its ESR, so the error is
 * detected when the vector is about to be accepted. */
bool vlapic_post(struct vlapic *apic, uint8_t vector, bool level, unsigned pin) {
    bool legal = vector >= APIC_FIRST_LEGAL_VECTOR;

    if (!apic_identity_load(&apic->identity).enabled)
        return false;
    if (!legal)
        inbox_post_illegal(&apic->inbox, vector);
    else if (level)
        inbox_post_level(&apic->inbox, vector, pin);
    else
        inbox_post_edge(&apic->inbox, vector);
    return legal;
}

/* The vector's TMR bit says edge from now on (invariant 24). */
/*@ requires \valid_read(apic) && \valid(apic->page) && \separated(apic, apic->page);
  @ assigns apic->page->word[APIC_IRR / 4 + vector / 32 * 4],
  @         apic->page->word[APIC_TMR / 4 + vector / 32 * 4];
  @ ensures in_bank(apic->page, APIC_IRR, vector) && !in_bank(apic->page, APIC_TMR, vector);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_IRR, vector);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_TMR, vector);
  @*/
static inline void accept_edge(struct vlapic *apic, uint8_t vector, bool own) {
    apic_page_add(apic->page, APIC_IRR, vector);
    apic_page_remove(apic->page, APIC_TMR, vector);
    vlapic_trace(apic, TRACE_ACCEPT_EDGE, vector, own, 0);
}

static void accept_edges(struct vlapic *apic, unsigned word, uint64_t edges) {
    unsigned bit;

    for_each_bit(bit, edges)
        accept_edge(apic, (uint8_t)(word * 64 + bit), false);
}

bool vlapic_accept_own(struct vlapic *apic, uint8_t vector) {
    if (!apic->identity.enabled)
        return false;
    if (vector < APIC_FIRST_LEGAL_VECTOR) {
        vlapic_error(apic, APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
        return false;
    }
    accept_edge(apic, vector, true);
    return true;
}

/* The processor would virtualize a self-IPI without clearing its TMR bit, and without an exit. In
 * x2APIC mode it can be made to exit, so it does while any TMR bit is set. Invariant 24. */
/*@ assigns apic->tmr_used;
  @ ensures apic->tmr_used == used;
  @*/
__attribute__((noinline, cold)) static void set_tmr_used(struct vlapic *apic, bool used) {
    apic->tmr_used = used;
    apic->effects->access_changed(apic->context);
}

/* The bit of a vector whose level interrupts have all ended means nothing until the vector's next
 * acceptance. When a self-IPI had to exit, such bits are given up, so that the following ones need
 * not. */
void vlapic_clear_ended_levels(struct vlapic *apic) {
    uint32_t left = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint32_t inflight = (uint32_t)(apic->tokens.inflight.word[i / 2] >> 32 * (i % 2));
        uint32_t tmr = apic_page_read(apic->page, APIC_TMR + 16 * i) & inflight;
        apic_page_write(apic->page, APIC_TMR + 16 * i, tmr);
        left |= tmr;
    }
    if (!left)
        set_tmr_used(apic, false);
}

/* Pins: not none. The vector's TMR bit says level from now on, and the tokens belong to the
 * instance that the IRR bit is (invariants 9 and 24). */
/*@ requires \valid(apic) && \valid(apic->page) && \separated(apic, apic->page);
  @ requires kept: agree(&apic->tokens);
  @ assigns apic->page->word[APIC_IRR / 4 + vector / 32 * 4],
  @         apic->page->word[APIC_TMR / 4 + vector / 32 * 4], apic->tmr_used,
  @         apic->tokens.front[vector], apic->tokens.behind[vector],
  @         apic->tokens.inflight.word[vector / 64];
  @ ensures kept: agree(&apic->tokens);
  @ ensures in_bank(apic->page, APIC_IRR, vector);
  @ ensures in_bank(apic->page, APIC_TMR, vector);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_IRR, vector);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_TMR, vector);
  @ ensures apic->tmr_used;
  @ ensures in_bank(apic->page, APIC_ISR, vector)
  @     ? apic->tokens.behind[vector] == (\old(apic->tokens.behind[vector]) | pins) &&
  @       apic->tokens.front[vector] == \old(apic->tokens.front[vector])
  @     : apic->tokens.front[vector] == (\old(apic->tokens.front[vector]) | pins) &&
  @       apic->tokens.behind[vector] == \old(apic->tokens.behind[vector]);
  @*/
static inline void accept_level(struct vlapic *apic, uint8_t vector, uint32_t pins) {
    bool in_service = apic_page_has(apic->page, APIC_ISR, vector);
    bool behind = tokens_accept(&apic->tokens, vector, pins, in_service);

    apic_page_add(apic->page, APIC_IRR, vector);
    apic_page_add(apic->page, APIC_TMR, vector);
    if (!apic->tmr_used)
        set_tmr_used(apic, true);
    vlapic_trace(apic, TRACE_ACCEPT_LEVEL, vector, pins, behind);
}

static void accept_levels(struct vlapic *apic, unsigned word, uint64_t levels) {
    unsigned bit;

    for_each_bit(bit, levels) {
        uint8_t vector = (uint8_t)(word * 64 + bit);
        uint32_t pins = inbox_dequeue_pins(&apic->inbox, vector);

        if (!pins)
            continue; /* dequeued with an earlier bit: see inbox.h */
        accept_level(apic, vector, pins);
    }
}

/* Levels after edges: if a vector came as both, its TMR bit says level. */
void vlapic_accept_posted(struct vlapic *apic) {
    const uint64_t illegal = (1ULL << APIC_FIRST_LEGAL_VECTOR) - 1;

    for (unsigned i = 0; i < 4; i++) {
        accept_edges(apic, i, inbox_dequeue_edges(&apic->inbox, i));
        uint64_t levels = inbox_dequeue_levels(&apic->inbox, i);

        if (i == 0 && (levels & illegal)) {
            vlapic_error(apic, APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
            levels &= ~illegal;
        }
        accept_levels(apic, i, levels);
    }
}

int vlapic_sync(struct vlapic *apic) {
    vlapic_accept(apic);
    return apic_page_highest(apic->page, APIC_IRR);
}
