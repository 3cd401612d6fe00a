/* The moves: see moves.h. */
#include "tests/model/moves.h"

#include <string.h>

#include "tests/model/checks.h"
#include "tests/model/delivery.h"
#include "tests/model/icr.h"
#include "tests/model/modes.h"
#include "tests/model/order.h"
#include "tests/model/world.h"
#include "vmm/vcpu/posted.h"
#include "vmm/vcpu/virq.h"

struct move move_table[MOVE_COUNT];
unsigned move_count;

static void add(enum move_kind kind, unsigned who, unsigned argument) {
    if (move_count == MOVE_COUNT)
        __builtin_trap();
    move_table[move_count++] = (struct move){(uint8_t)kind, (uint8_t)who, (uint8_t)argument};
}

void moves_init(void) {
    move_count = 0;
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        for (enum move_kind kind = MOVE_STEP; kind <= MOVE_SVR; kind++) {
            /* With posted interrupts there is no room for these. */
            if (!model_posted || (kind != MOVE_DFR && kind != MOVE_ID))
                add(kind, v, 0);
        }
        for (unsigned k = 0; k < MODEL_VECTORS; k++) {
            add(MOVE_SELF, v, k);
            add(MOVE_IPI, v, k);
        }
    }
    for (unsigned p = 0; p < MODEL_PINS; p++) {
        add(MOVE_LINE, p, 0);
        for (unsigned w = 0; w < WRITE_COUNT; w++)
            add(MOVE_WRITE, p, w);
    }
    for (unsigned k = 0; k < MODEL_VECTORS && !model_posted; k++)
        add(MOVE_IOEOI, 0, k);
    add(MOVE_TICK, 0, 0);
    for (unsigned v = 0; v < MODEL_VCPUS && model_posted; v++) {
        add(MOVE_NOTIFY, v, 0);
        add(MOVE_ARRIVE, v, 0);
    }
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        for (unsigned to = 0; to < BASE_COUNT; to++)
            add(MOVE_BASE, v, to);
        for (unsigned form = 0; form < ICR_COUNT; form++)
            add(MOVE_ICR, v, form);
        add(MOVE_LATE, v, 0);
    }
}

bool move_is_of_vcpu(const struct move *move) {
    return move->kind <= MOVE_SELF || (move->kind >= MOVE_ARRIVE && move->kind <= MOVE_ICR);
}

/* ---- which are possible ---- */

static bool write_is_possible(const struct pin_state *pin, unsigned write) {
    switch (write) {
    case WRITE_DESTINATION_0:
    case WRITE_DESTINATION_1:
        return pin->destination != write - WRITE_DESTINATION_0;
    case WRITE_DESTINATION_3:
        return pin->destination != 3;
    case WRITE_VECTOR_0:
    case WRITE_VECTOR_1:
    case WRITE_VECTOR_2:
        return pin->vector != write - WRITE_VECTOR_0;
    default:
        return true;
    }
}

/* With posted interrupts and without a budget a state could not count them. The steps of a vCPU may
 * post as well. */
static bool may_post(const struct state *state, const struct bound *bound) {
    return !bound->one_poster || !(state->vcpu[0].posters | state->vcpu[1].posters);
}

static bool sends_edge(const struct state *state, const struct move *move,
                       const struct bound *bound) {
    return state->left.ipis && ((bound->edges ? bound->edges : ALL_VECTORS) >> move->argument & 1);
}

static bool vcpu_move_is_possible(const struct state *state, const struct move *move,
                                  const struct bound *bound) {
    static const uint8_t vector[4] = {0, 0x31, 0x35, 0x62};
    const struct cpu_state *s = &state->vcpu[move->who];
    bool in_guest = s->phase == PHASE_GUEST;
    bool delivers =
        processor_recognizes(vector[s->rvi], processor_ppr(s->tpr ? MODEL_TPR : 0, vector[s->svi]));

    if (!modes_have(s, (enum move_kind)move->kind))
        return false;
    switch ((enum move_kind)move->kind) {
    case MOVE_STEP:
        return !in_guest;
    case MOVE_DELIVER:
        return s->phase == (world.software ? PHASE_READY : PHASE_GUEST) && delivers;
    case MOVE_EOI:
        return in_guest;
    case MOVE_KICK:
        return s->kick && (in_guest || s->phase == PHASE_READY || s->phase == PHASE_OUT);
    case MOVE_EXIT:
        return (bound->exits || (world.software && delivers)) && in_guest;
    case MOVE_LDR:
        return in_guest && state->left.ldrs;
    case MOVE_DFR:
    case MOVE_ID:
    case MOVE_TPR:
    case MOVE_INIT:
        return in_guest && (bound->registers >> move->kind & 1);
    case MOVE_SVR:
        return in_guest && state->left.svrs;
    case MOVE_BASE:
        return in_guest && state->left.bases;
    case MOVE_ICR:
        return in_guest && (bound->registers >> MOVE_ICR & 1) && may_post(state, bound);
    case MOVE_LATE:
        return bound->late && s->disabled && !(s->pir & 1) && may_post(state, bound);
    case MOVE_SELF:
        return in_guest && sends_edge(state, move, bound) && !(s->irr >> move->argument & 1);
    case MOVE_NOTIFY:
        return s->posters;
    case MOVE_ARRIVE:
        return s->notification && (in_guest || s->phase == PHASE_OUT);
    default:
        return sends_edge(state, move, bound) && !(s->pir >> move->argument & 1) &&
               may_post(state, bound);
    }
}

bool move_is_possible(const struct state *state, unsigned number, const struct bound *bound) {
    const struct move *move = &move_table[number];

    switch ((enum move_kind)move->kind) {
    case MOVE_LINE:
        return state->left.lines && !(bound->one_pin && move->who) && may_post(state, bound);
    case MOVE_WRITE:
        return state->left.writes && !(bound->one_pin && move->who) &&
               (bound->writes >> move->argument & 1) &&
               write_is_possible(&state->pin[move->who], move->argument);
    case MOVE_IOEOI:
        return bound->suppresses;
    case MOVE_TICK:
        return state->pin[0].deferred || state->pin[1].deferred;
    default:
        return vcpu_move_is_possible(state, move, bound);
    }
}

uint64_t moves_possible(const struct state *state, const struct bound *bound) {
    uint64_t possible = 0;

    for (unsigned move = 0; move < move_count && move < MOVE_SET; move++)
        possible |= (uint64_t)move_is_possible(state, move, bound) << move;
    return possible;
}

/* ---- the guest, the devices, other CPUs ---- */

/* The processor has stored the value in the page; the exit is trap-like. */
static void write_identity(unsigned v, uint32_t offset, uint32_t value) {
    struct cpu_state *s = &world.now.vcpu[v];

    s->phase = PHASE_OUT;
    apic_page_write(&world.page[v], offset, value);
    vlapic_written(virq_lapic(&world.vcpu[v]), offset);
    if (world.renamed)
        s->phase = PHASE_RENAMED;
}

static void write_ldr(unsigned v) {
    uint32_t bit = 1u << (v ^ 1 ^ world.now.vcpu[v].other_ldr);

    write_identity(v, APIC_LDR, (world.ldr_cluster | bit) << 24);
    world.now.left.ldrs--;
}

/* The processor virtualizes it without an exit. */
static void write_tpr(unsigned v) {
    uint32_t value = world.now.vcpu[v].tpr ? 0 : MODEL_TPR;

    if (world.software) {
        world.now.vcpu[v].phase = PHASE_OUT;
        virq_apic_write(&world.vcpu[v], APIC_TPR, value);
        return;
    }
    apic_page_write(&world.page[v], APIC_TPR, value);
    processor_update_ppr(&world.processor[v]);
}

/* As in run_handle_requests(). */
static void receive_init(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];

    modes_reference_drop(v);
    s->phase = PHASE_OUT;
    vlapic_init(virq_lapic(&world.vcpu[v]));
    virq_mode_changed(&world.vcpu[v]);
    if (world.renamed)
        s->phase = PHASE_RENAMED;
}

/* Software-disabled, all accesses to the LAPIC exit. */
static void write_svr(unsigned v) {
    struct cpu_state *s = &world.now.vcpu[v];
    uint32_t value = (s->disabled ? APIC_SVR_ENABLE | 0xff : 0xff) |
                     (world.suppresses ? APIC_SVR_SUPPRESS_EOI_BROADCAST : 0);

    s->phase = PHASE_OUT;
    if (s->x2apic) {
        vlapic_write_msr(virq_lapic(&world.vcpu[v]), 0x800 + APIC_SVR / 16, value);
    } else if (world_virtualizes_eoi(v)) {
        apic_page_write(&world.page[v], APIC_SVR, value);
        vlapic_written(virq_lapic(&world.vcpu[v]), APIC_SVR);
    } else {
        virq_apic_write(&world.vcpu[v], APIC_SVR, value);
    }
    if (world.renamed)
        s->phase = PHASE_RENAMED;
    world.now.left.svrs--;
}

static void send_ipi(unsigned v, unsigned k) {
    const struct apic_message message = {
        .destination = v, .vector = model_vector[k], .delivery_mode = APIC_DELIVERY_FIXED};

    routing_send(&world.vm.routing, &message);
    world.now.left.ipis--;
}

/* Each write also flips the read-only bits: this must not set or clear them. */
static uint64_t new_entry(uint64_t entry, unsigned write) {
    entry ^= RTE_REMOTE_IRR | RTE_DELIVERY_STATUS;
    switch (write) {
    case WRITE_DESTINATION_0:
    case WRITE_DESTINATION_1:
    case WRITE_DESTINATION_3:
        entry &= ~(0xffULL << RTE_DESTINATION_SHIFT);
        return entry | (write == WRITE_DESTINATION_3 ? 3ULL : write - WRITE_DESTINATION_0)
                           << RTE_DESTINATION_SHIFT;
    case WRITE_VECTOR_0:
    case WRITE_VECTOR_1:
    case WRITE_VECTOR_2:
        return (entry & ~RTE_VECTOR_MASK) | model_vector[write - WRITE_VECTOR_0];
    case WRITE_TRIGGER:
        return entry ^ RTE_LEVEL;
    case WRITE_TWO:
        return ((entry & ~RTE_VECTOR_MASK) ^ RTE_LEVEL) |
               model_vector[rte_vector(entry) == model_vector[2] ? 0 : 2];
    case WRITE_MASK:
        return entry ^ RTE_MASKED;
    case WRITE_LOGICAL:
        return entry ^ RTE_LOGICAL;
    case WRITE_LOWEST:
        return entry ^ 1ULL << RTE_DELIVERY_SHIFT;
    default:
        return entry;
    }
}

static void write_entry(unsigned p, unsigned write) {
    struct routing *routing = &world.vm.routing;
    unsigned half = 2 * p + (write <= WRITE_DESTINATION_3);
    uint64_t value = new_entry(routing->ioapic.entry[p], write);

    routing_ioapic_write(routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + half);
    routing_ioapic_write(routing, IOAPIC_DATA, 4, (uint32_t)(half & 1 ? value >> 32 : value));
    routing_ioapic_write(routing, IOAPIC_INDEX, 4, 0);
    world.now.left.writes--;
}

static void device_move(const struct move *move) {
    switch ((enum move_kind)move->kind) {
    case MOVE_IPI:
        send_ipi(move->who, move->argument);
        break;
    case MOVE_LINE:
        world.now.left.lines--;
        routing_set_line(&world.vm.routing, move->who, !world.now.pin[move->who].line);
        break;
    case MOVE_WRITE:
        write_entry(move->who, move->argument);
        break;
    case MOVE_IOEOI:
        routing_ioapic_write(&world.vm.routing, IOAPIC_EOI, 4, model_vector[move->argument]);
        break;
    case MOVE_LATE:
        modes_post_late(move->who);
        break;
    case MOVE_NOTIFY:
        world.now.vcpu[move->who].posters--;
        posted_notify(&world.vcpu[move->who]);
        break;
    default:
        routing_tick(&world.vm.routing);
        break;
    }
}

static void vcpu_move(const struct move *move) {
    unsigned v = move->who;
    struct cpu_state *s = &world.now.vcpu[v];

    switch ((enum move_kind)move->kind) {
    case MOVE_STEP:
        if (s->phase == PHASE_TAKEN)
            order_compare(v);
        order_step(v);
        break;
    case MOVE_DELIVER:
        delivery_deliver(v);
        break;
    case MOVE_EOI:
        delivery_eoi(v);
        break;
    case MOVE_LDR:
        write_ldr(v);
        break;
    case MOVE_DFR:
        write_identity(v, APIC_DFR, s->cluster ? 0xffffffff : 0x0fffffff);
        break;
    case MOVE_ID:
        write_identity(v, APIC_ID, (v ^ 1 ^ s->other_id) << 24);
        break;
    case MOVE_TPR:
        write_tpr(v);
        break;
    case MOVE_INIT:
        receive_init(v);
        break;
    case MOVE_SVR:
        write_svr(v);
        break;
    case MOVE_SELF:
        delivery_self_ipi(v, move->argument);
        world.now.left.ipis--;
        break;
    case MOVE_ARRIVE:
        delivery_notification(v);
        break;
    case MOVE_BASE:
        modes_write_base(v, move->argument);
        break;
    case MOVE_ICR:
        icr_write(v, move->argument);
        break;
    default: /* MOVE_KICK, MOVE_EXIT */
        s->kick = move->kind == MOVE_KICK ? 0 : s->kick;
        s->phase = PHASE_OUT;
        break;
    }
}

static void keep_budget(const struct budget *left) {
    world.now.left.lines = left->lines;
    world.now.left.writes = left->writes;
    world.now.left.ipis = left->ipis;
    world.now.left.ldrs = left->ldrs;
    world.now.left.svrs = left->svrs;
    world.now.left.bases = left->bases;
}

void move_apply(unsigned number) {
    const struct move *move = &move_table[number];
    const struct state before = world.now;

    world_unpack();
    world.current = move->who;
    world.actor = move_is_of_vcpu(move) ? move->who : MODEL_DEVICE;
    world.moving = true;
    if (move_is_of_vcpu(move))
        vcpu_move(move);
    else
        device_move(move);
    world.moving = false;
    world_pack();
    if (world.endless)
        keep_budget(&before.left);
    for (unsigned p = 0; p < MODEL_PINS; p++)
        world.now.pin[p].orphan &= world.now.pin[p].remote_irr;
    check_move(&before, &world.now, move);
}
