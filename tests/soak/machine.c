/* Makes each move in the production code and in the reference: see machine.h. */
#include "tests/soak/machine.h"

#include <stddef.h>

#define STORM_NEAR 998

static struct soak_machine *machine; /* for the hook before_lock */
static unsigned racing_pin;

static void violate(struct soak_machine *it, const char *what) {
    if (!it->violation)
        it->violation = what;
}

void soak_start(struct soak_machine *it, const struct soak_start *start) {
    it->violation = NULL;
    it->software = start->software;
    world_power_on(&it->world, start->cpus, start->version20 ? 0x20 : 0x11);
    reference_power_on(&it->reference, start->cpus, start->version20);
    for (unsigned p = 0; p < REFERENCE_PINS && start->storm; p++)
        it->world.routing.ioapic.level_streak[p] = it->reference.pin[p].streak = STORM_NEAR;
    for (unsigned i = 0; i < REFERENCE_CPUS; i++) {
        for (unsigned v = 0; v < REFERENCE_VECTORS; v++)
            it->exit[i][v] = it->stale[i][v] = false;
    }
}

static struct vlapic *apic_of(struct soak_machine *it, unsigned i) {
    return routing_vlapic(&it->world.routing, i);
}

/* ---- which moves request scans (invariant 18) ---- */

static uint64_t scans_requested(const struct soak_machine *it) {
    uint64_t sum = 0;

    for (unsigned i = 0; i < it->reference.cpus; i++)
        sum += it->world.routing.vcpu[i].generation;
    return sum;
}

/* Before the move: whether it may request a scan. An EOI does if it was the last of a stale vector.
 */
static bool may_request_scans(const struct soak_machine *it, const struct soak_move *move) {
    const struct reference_cpu *cpu = &it->reference.cpu[move->who % REFERENCE_CPUS];

    switch ((enum soak_kind)move->kind) {
    case SOAK_WRITES:
    case SOAK_MODE:
    case SOAK_INIT:
        return true;
    case SOAK_WRITE:
        return reference_changes_route(&it->reference, move->a, move->b);
    case SOAK_EOI:
        for (int vector = REFERENCE_VECTORS - 1; vector >= 0; vector--) {
            if (cpu->isr[vector])
                return it->stale[move->who][vector] && !cpu->waiting[vector];
        }
        return false;
    default:
        return false;
    }
}

/* ---- the registers of a LAPIC ---- */

/* In xAPIC mode the processor writes to the page before the exit, unless accesses exit. */
static void write_xapic(struct soak_machine *it, unsigned i, uint32_t offset, uint32_t value) {
    if (it->reference.cpu[i].enabled)
        world_write_apic(&it->world, i, offset, value);
    else
        vlapic_write(apic_of(it, i), offset, value);
}

static bool has_register(const struct reference_cpu *cpu, uint32_t offset) {
    if (cpu->mode == REFERENCE_OFF)
        return false;
    if (offset == APIC_TPR || offset == APIC_SVR)
        return true;
    return cpu->mode == REFERENCE_XAPIC &&
           (offset == APIC_LDR || offset == APIC_DFR || offset == APIC_ID);
}

static void write_register(struct soak_machine *it, unsigned i, uint32_t offset, uint32_t value) {
    struct reference_cpu *cpu = &it->reference.cpu[i];
    bool x2apic = cpu->mode == REFERENCE_X2APIC, wrote = true;

    if (offset == APIC_SVR && x2apic && !it->reference.version20)
        value &= ~(uint32_t)APIC_SVR_SUPPRESS_EOI_BROADCAST; /* reserved: #GP */
    it->world.in_guest[i] = false;
    if (x2apic)
        wrote = vlapic_write_msr(apic_of(it, i), 0x800 + offset / 16, value);
    else if (cpu->mode == REFERENCE_XAPIC)
        write_xapic(it, i, offset, value);
    if (wrote != (has_register(cpu, offset) || !x2apic))
        violate(it, "a write to an MSR is refused, or not, against the SDM");
    if (!has_register(cpu, offset))
        return;
    if (offset == APIC_TPR)
        cpu->tpr = (uint8_t)value;
    else
        reference_write(&it->reference, i, offset, value);
}

/* SDM Vol. 3A, "x2APIC State Transitions". */
static void write_mode(struct soak_machine *it, unsigned i, enum reference_mode mode) {
    static const uint64_t bits[] = {
        [REFERENCE_OFF] = 0,
        [REFERENCE_XAPIC] = APIC_BASE_ENABLE,
        [REFERENCE_X2APIC] = APIC_BASE_ENABLE | APIC_BASE_X2APIC,
    };
    enum reference_mode from = it->reference.cpu[i].mode;
    bool legal = !(from == REFERENCE_OFF && mode == REFERENCE_X2APIC) &&
                 !(from == REFERENCE_X2APIC && mode == REFERENCE_XAPIC);
    uint64_t base = APIC_DEFAULT_BASE | bits[mode] | (i ? 0 : APIC_BASE_BSP);

    it->world.in_guest[i] = false;
    if (vlapic_write_base(apic_of(it, i), base) != legal)
        violate(it, "a change of mode is refused, or not, against the SDM");
    if (legal)
        reference_set_mode(&it->reference, i, mode);
}

/* ---- messages ---- */

static struct reference_message message_of(const struct soak_move *move, bool wide) {
    return (struct reference_message){
        .destination = wide ? move->b : move->b & 0xff,
        .wide = wide,
        .logical = move->a & APIC_ICR_LOGICAL,
        .vector = (uint8_t)move->a,
        .mode = move->a >> RTE_DELIVERY_SHIFT & 7,
    };
}

static void send_message(struct soak_machine *it, const struct soak_move *move) {
    const struct reference_message message = message_of(move, false);
    const struct apic_message production = {
        .destination = message.destination,
        .logical = message.logical,
        .vector = message.vector,
        .delivery_mode = message.mode,
        .level = true, /* is sent as an edge all the same */
    };

    routing_send(&it->world.routing, &production);
    reference_send(&it->reference, &message, REFERENCE_DEVICE, 0);
}

/* Fixed or lowest priority. SDM Vol. 3A, "Valid Combinations ... of the ICR". */
static void send_ipi(struct soak_machine *it, const struct soak_move *move) {
    enum reference_mode mode = it->reference.cpu[move->who].mode;
    const struct reference_message message = message_of(move, mode == REFERENCE_X2APIC);
    uint32_t shorthand = move->a & (3u << APIC_ICR_SHORTHAND_SHIFT);
    bool valid =
        message.vector >= APIC_FIRST_LEGAL_VECTOR &&
        (message.mode == APIC_DELIVERY_FIXED || !shorthand || shorthand == APIC_ICR_OTHERS);

    it->world.in_guest[move->who] = false;
    if (mode == REFERENCE_X2APIC) {
        vlapic_write_msr(apic_of(it, move->who), MSR_X2APIC_ICR, (uint64_t)move->b << 32 | move->a);
    } else if (mode == REFERENCE_XAPIC) {
        write_xapic(it, move->who, APIC_ICR_HIGH, move->b << 24);
        write_xapic(it, move->who, APIC_ICR_LOW, move->a);
    }
    if (mode != REFERENCE_OFF && valid)
        reference_send(&it->reference, &message, move->who, shorthand);
}

/* The processor virtualizes it only if the LAPIC is enabled and, in x2APIC mode, no TMR bit is set:
 * it does not clear the TMR bit. */
static void send_self(struct soak_machine *it, const struct soak_move *move) {
    struct reference_cpu *cpu = &it->reference.cpu[move->who];
    uint8_t vector = (uint8_t)move->a;

    if (it->software || !it->world.in_guest[move->who] || !cpu->enabled ||
        vector < APIC_FIRST_LEGAL_VECTOR)
        return;
    if (cpu->mode == REFERENCE_X2APIC && apic_of(it, move->who)->tmr_used)
        return;
    world_posted_interrupt(&it->world, move->who, vector);
    cpu->irr[vector] = true;
}

/* ---- a vCPU ---- */

static void race(struct world *world) {
    struct reference_pin *pin = &machine->reference.pin[racing_pin];
    bool level = !pin->line;

    world_line(world, racing_pin, level);
    reference_line(&machine->reference, racing_pin, level);
}

static void check_exits(struct soak_machine *it, unsigned i) {
    reference_exits(&it->reference, i, it->exit[i], it->stale[i]);
    for (unsigned v = 0; v < REFERENCE_VECTORS; v++) {
        if (it->exit[i][v] != world_exits(&it->world, i, (uint8_t)v))
            violate(it, "an EOI-exit bit differs from the reference (invariants 1 to 3)");
        if (it->stale[i][v] != world_is_stale(&it->world, i, (uint8_t)v))
            violate(it, "a stale bit differs from the reference (invariants 8 and 19)");
    }
}

static void enter(struct soak_machine *it, const struct soak_move *move) {
    machine = it;
    racing_pin = (move->b - 1) % REFERENCE_PINS;
    it->world.before_lock = move->b ? race : NULL;
    world_enter(&it->world, move->who);
    it->world.before_lock = NULL;
    reference_accept(&it->reference, move->who);
    check_exits(it, move->who);
}

static int deliver_in_production(struct soak_machine *it, unsigned i) {
    int vector;

    if (!it->software)
        return world_deliver(&it->world, i);
    vector = vlapic_deliver(apic_of(it, i));
    if (vector >= 0)
        owed_deliver(&it->world.owed[i], (uint8_t)vector);
    return vector;
}

static void deliver(struct soak_machine *it, unsigned i) {
    int expected = reference_deliverable(&it->reference.cpu[i]);

    if (!it->world.in_guest[i])
        return;
    if (deliver_in_production(it, i) != expected)
        violate(it, "not the interrupt that the manual says is delivered");
    else if (expected >= 0)
        reference_deliver(&it->reference.cpu[i], (unsigned)expected);
}

static void check_eoi(struct soak_machine *it, unsigned i, int vector, uint32_t owed,
                      enum world_eoi kind) {
    enum world_eoi expected = WORLD_EOI_NO_EXIT;

    if (vector >= 0 && it->exit[i][vector])
        expected = !owed                  ? WORLD_EOI_COINCIDENTAL
                   : it->stale[i][vector] ? WORLD_EOI_STALE
                                          : WORLD_EOI_LIVE;
    if (owed && expected == WORLD_EOI_NO_EXIT)
        violate(it, "an EOI that is owed to a pin does not exit (invariant 1)");
    if (kind != expected)
        violate(it, "an EOI exits, or not, or as another kind, against the reference");
}

static unsigned handled_eois(const struct soak_machine *it) {
    const unsigned *traced = it->world.traced;

    return traced[TRACE_EOI_LIVE] + traced[TRACE_EOI_STALE] + traced[TRACE_EOI_COINCIDENTAL];
}

/* An EOI that the processor does not virtualize: it exits, and production performs it. */
static void end_in_software(struct soak_machine *it, unsigned i, int vector) {
    unsigned before = handled_eois(it), expected = vector >= 0 && it->exit[i][vector];

    it->world.in_guest[i] = false;
    if (vector >= 0)
        owed_eoi(&it->world.owed[i], (uint8_t)vector);
    if (vlapic_eoi(apic_of(it, i)) != vector)
        violate(it, "not the highest vector in service ends");
    if (handled_eois(it) != before + expected)
        violate(it, "an EOI is sent on, or not, against the reference");
}

static void end(struct soak_machine *it, unsigned i) {
    struct reference_cpu *cpu = &it->reference.cpu[i];
    uint32_t owed;
    int vector;

    if (cpu->mode == REFERENCE_OFF)
        return;
    vector = reference_end(cpu, &owed);
    if (!it->software && (cpu->enabled || cpu->mode == REFERENCE_X2APIC))
        check_eoi(it, i, vector, owed, world_eoi(&it->world, i));
    else
        end_in_software(it, i, vector);
    if (vector >= 0 && it->exit[i][vector])
        reference_eoi_exit(&it->reference, i, (uint8_t)vector, owed);
}

/* ---- the moves ---- */

static void device_move(struct soak_machine *it, const struct soak_move *move) {
    switch ((enum soak_kind)move->kind) {
    case SOAK_LINE:
        world_line(&it->world, move->who, move->a);
        reference_line(&it->reference, move->who, move->a);
        break;
    case SOAK_WRITE:
        world_write_half(&it->world, move->a, move->b);
        reference_write_half(&it->reference, move->a, move->b);
        break;
    case SOAK_IOEOI:
        routing_ioapic_write(&it->world.routing, IOAPIC_EOI, 4, move->a);
        if (it->reference.version20)
            reference_eoi(&it->reference, (uint8_t)move->a);
        break;
    case SOAK_TICK:
        routing_tick(&it->world.routing);
        reference_tick(&it->reference);
        break;
    default:
        send_message(it, move);
        break;
    }
}

static void vcpu_move(struct soak_machine *it, const struct soak_move *move) {
    switch ((enum soak_kind)move->kind) {
    case SOAK_IPI:
        send_ipi(it, move);
        break;
    case SOAK_SELF:
        send_self(it, move);
        break;
    case SOAK_WRITES:
        write_register(it, move->who, move->a, move->b);
        break;
    case SOAK_MODE:
        write_mode(it, move->who, move->a);
        break;
    case SOAK_INIT:
        it->world.in_guest[move->who] = false;
        vlapic_init(apic_of(it, move->who));
        reference_reset(&it->reference, move->who);
        break;
    case SOAK_ENTER:
        enter(it, move);
        break;
    case SOAK_DELIVER:
        deliver(it, move->who);
        break;
    default:
        end(it, move->who);
        break;
    }
}

void soak_move(struct soak_machine *it, const struct soak_move *move) {
    bool may = may_request_scans(it, move);
    uint64_t before = scans_requested(it);

    if (move->kind <= SOAK_MESSAGE)
        device_move(it, move);
    else
        vcpu_move(it, move);
    if (!may && scans_requested(it) != before)
        violate(it, "a scan is requested without a reason (invariant 18)");
    if (it->world.violation)
        violate(it, it->world.violation);
}
