/* Chooses the moves of a walk. Each walk has a few pins, vectors and destinations that it prefers,
 * so that they collide, and uses all others now and then. */
#include "tests/soak/walk.h"

struct chooser {
    uint64_t random;
    unsigned cpus, pins, vectors; /* how many it prefers */
    unsigned pin[REFERENCE_PINS];
    uint8_t vector[REFERENCE_VECTORS];
};

/* xorshift64 */
static uint32_t below(struct chooser *c, uint32_t limit) {
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return (uint32_t)((c->random >> 32) * limit >> 32);
}

static unsigned any_pin(struct chooser *c) {
    return c->pin[below(c, below(c, 16) ? c->pins : REFERENCE_PINS)];
}

static uint8_t any_vector(struct chooser *c) {
    return c->vector[below(c, below(c, 16) ? c->vectors : REFERENCE_VECTORS)];
}

static uint32_t any_destination(struct chooser *c) {
    if (below(c, 3))
        return below(c, c->cpus);
    return below(c, 4) ? 1u << below(c, 8) : below(c, 256);
}

static uint32_t any_delivery(struct chooser *c) {
    static const uint8_t mode[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 4, 7, 2, 5};
    uint32_t chosen = mode[below(c, sizeof(mode))];

    if (!below(c, 64))
        chosen = below(c, 8);
    return chosen << RTE_DELIVERY_SHIFT | (below(c, 3) ? 0 : (uint32_t)RTE_LOGICAL);
}

static void choose_write(struct chooser *c, struct soak_move *move) {
    unsigned high = below(c, 2);

    move->kind = SOAK_WRITE;
    move->a = 2 * any_pin(c) + high;
    if (high) {
        move->b = any_destination(c) << 24 | (below(c, 8) ? 0 : below(c, 1 << 24));
        return;
    }
    move->b = any_vector(c) | any_delivery(c) | (below(c, 4) ? (uint32_t)RTE_LEVEL : 0) |
              (below(c, 5) ? 0 : (uint32_t)RTE_MASKED) | below(c, 2) * (uint32_t)RTE_REMOTE_IRR |
              (below(c, 8) ? 0 : (uint32_t)RTE_ACTIVE_LOW);
}

static uint32_t svr(struct chooser *c) {
    return 0xff | (below(c, 6) ? APIC_SVR_ENABLE : 0) |
           (below(c, 4) ? 0 : (uint32_t)APIC_SVR_SUPPRESS_EOI_BROADCAST);
}

static void choose_register(struct chooser *c, struct soak_move *move) {
    move->kind = SOAK_WRITES;
    switch (below(c, 6)) {
    case 0:
        move->a = APIC_LDR;
        move->b = (below(c, 2) ? 1u << below(c, 8) : below(c, 256)) << 24;
        break;
    case 1:
        move->a = APIC_DFR;
        move->b = below(c, 3) ? 0xffffffff : 0x0fffffff;
        break;
    case 2:
        move->a = APIC_ID;
        move->b = below(c, c->cpus + 1) << 24;
        break;
    case 3:
        move->a = APIC_TPR;
        move->b = below(c, 2) ? 0 : below(c, 256);
        break;
    default:
        move->a = APIC_SVR;
        move->b = svr(c);
        break;
    }
}

static void choose_ipi(struct chooser *c, struct soak_move *move) {
    move->kind = SOAK_IPI;
    move->a = any_vector(c) | (below(c, 4) ? 0 : 1u << RTE_DELIVERY_SHIFT) |
              (below(c, 3) ? 0 : (uint32_t)APIC_ICR_LOGICAL) |
              (below(c, 3) ? 0 : below(c, 4)) << APIC_ICR_SHORTHAND_SHIFT;
    move->b = below(c, 16) ? any_destination(c) : 0xffffffff;
}

/* What is rare: changes of a LAPIC, and the other registers of the I/O APIC. */
static void choose_rare(struct chooser *c, struct soak_move *move) {
    switch (below(c, 8)) {
    case 0:
        move->kind = SOAK_INIT;
        break;
    case 1:
    case 2:
        move->kind = SOAK_MODE;
        move->a = below(c, 3);
        break;
    case 3:
        move->kind = SOAK_TICK;
        break;
    case 4:
        move->kind = SOAK_IOEOI;
        move->a = any_vector(c);
        break;
    default:
        choose_register(c, move);
        break;
    }
}

static void choose_vcpu_move(struct chooser *c, struct soak_move *move) {
    switch (below(c, 8)) {
    case 0:
    case 1:
    case 2:
        move->kind = SOAK_ENTER;
        move->b = below(c, 8) ? 0 : any_pin(c) + 1;
        break;
    case 3:
    case 4:
        move->kind = SOAK_EOI;
        break;
    default:
        move->kind = SOAK_DELIVER;
        break;
    }
}

static void choose_move(struct chooser *c, struct soak_move *move) {
    *move = (struct soak_move){.who = (uint8_t)below(c, c->cpus)};
    switch (below(c, 16)) {
    case 0:
    case 1:
    case 2:
        move->kind = SOAK_LINE;
        move->who = (uint8_t)any_pin(c);
        move->a = below(c, 2);
        break;
    case 3:
    case 4:
        choose_write(c, move);
        break;
    case 5:
        choose_ipi(c, move);
        break;
    case 6:
        move->kind = below(c, 2) ? SOAK_SELF : SOAK_MESSAGE;
        move->a = any_vector(c) | (move->kind == SOAK_SELF ? 0 : any_delivery(c));
        move->b = any_destination(c);
        break;
    case 7:
        if (!below(c, 3)) {
            choose_rare(c, move);
            break;
        }
        /* fallthrough */
    default:
        choose_vcpu_move(c, move);
        break;
    }
}

static void shuffle(struct chooser *c) {
    for (unsigned p = 0; p < REFERENCE_PINS; p++) {
        unsigned other = below(c, p + 1);
        c->pin[p] = c->pin[other];
        c->pin[other] = p;
    }
    for (unsigned v = 0; v < REFERENCE_VECTORS; v++) {
        unsigned other = below(c, v + 1);
        c->vector[v] = c->vector[other];
        c->vector[other] = (uint8_t)v;
    }
}

/* The first moves software-enable the LAPICs, as a system does, and give each a logical ID. */
void soak_choose(struct soak_walk *walk, uint64_t seed) {
    struct chooser c = {.random = (seed + 1) * 0x9e3779b97f4a7c15};
    static const uint8_t pins[] = {2, 3, 6, 24}, vectors[] = {2, 3, 8, 255};

    c.cpus = 1 + below(&c, REFERENCE_CPUS);
    c.pins = pins[below(&c, 4)];
    c.vectors = vectors[below(&c, 4)];
    shuffle(&c);
    walk->start.cpus = c.cpus;
    walk->start.version20 = below(&c, 2);
    walk->start.storm = !below(&c, 4);
    walk->start.software = !below(&c, 4);
    walk->length = SOAK_WALK_MOVES;
    for (unsigned i = 0; i < walk->length; i++) {
        uint8_t cpu = (uint8_t)(i / 2);
        if (cpu >= c.cpus)
            choose_move(&c, &walk->move[i]);
        else if (i % 2)
            walk->move[i] =
                (struct soak_move){SOAK_WRITES, cpu, 0, APIC_SVR, APIC_SVR_ENABLE | 0xff};
        else
            walk->move[i] = (struct soak_move){SOAK_WRITES, cpu, 0, APIC_LDR, 1u << (24 + cpu)};
    }
}
