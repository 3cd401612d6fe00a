/* The plain reference: see reference.h. */
#include "tests/soak/reference.h"

#include <string.h>

#include "arch/apic_registers.h"

#define STORM          1000 /* docs/interrupts.md, invariant 22 */
#define READ_ONLY_BITS (RTE_REMOTE_IRR | RTE_DELIVERY_STATUS)
#define FLAT_BROADCAST 0xffu
#define WIDE_BROADCAST 0xffffffffu

static bool is_legal(unsigned vector) {
    return vector >= APIC_FIRST_LEGAL_VECTOR;
}

/* Power-on, INIT, and when it is disabled globally: everything but the ID and the mode. */
static void reset_cpu(struct reference_cpu *cpu) {
    struct reference_cpu fresh = {.mode = cpu->mode, .id = cpu->id};

    memcpy(fresh.signals, cpu->signals, sizeof(fresh.signals));
    *cpu = fresh;
}

void reference_power_on(struct reference *it, unsigned cpus, bool version20) {
    memset(it, 0, sizeof(*it));
    it->cpus = cpus;
    it->version20 = version20;
    it->last = cpus - 1;
    for (unsigned i = 0; i < cpus; i++) {
        it->cpu[i].mode = REFERENCE_XAPIC;
        it->cpu[i].id = i;
    }
    for (unsigned p = 0; p < REFERENCE_PINS; p++)
        it->pin[p].entry = RTE_MASKED;
}

/* ---- destinations: SDM Vol. 3A, "Determining IPI Destination" ---- */

static bool logical_names(const struct reference_cpu *cpu, uint32_t destination) {
    if (cpu->mode == REFERENCE_X2APIC)
        return destination >> 16 == cpu->id >> 4 && (destination & 1u << (cpu->id & 15));
    if (destination > 0xff)
        return false;
    if (cpu->cluster)
        return destination >> 4 == cpu->logical >> 4 && (destination & cpu->logical & 15);
    return destination & cpu->logical;
}

static bool is_named(const struct reference_cpu *cpu, const struct reference_message *message) {
    if (cpu->mode == REFERENCE_OFF)
        return false;
    if (message->destination == (message->wide ? WIDE_BROADCAST : FLAT_BROADCAST))
        return true;
    return message->logical ? logical_names(cpu, message->destination)
                            : cpu->id == message->destination;
}

static bool shorthand_names(const struct reference *it, unsigned i, unsigned sender,
                            uint32_t shorthand) {
    if (shorthand == APIC_ICR_SELF)
        return i == sender;
    return it->cpu[i].mode != REFERENCE_OFF && (shorthand == APIC_ICR_ALL || i != sender);
}

/* ---- messages ---- */

/* pins: of a level interrupt, else 0. False: the LAPIC does not accept it. An illegal vector is
 * reported when it is accepted from the inbox. */
static bool post(struct reference *it, unsigned i, const struct reference_message *message,
                 uint32_t pins, unsigned sender) {
    struct reference_cpu *cpu = &it->cpu[i];

    if (!cpu->enabled)
        return false;
    if (i == sender) { /* at once */
        if (is_legal(message->vector)) {
            cpu->irr[message->vector] = true;
            cpu->tmr[message->vector] = false;
        }
    } else if (pins && is_legal(message->vector)) {
        cpu->posted[message->vector] |= pins;
    } else {
        cpu->edge[message->vector] = true;
    }
    return is_legal(message->vector);
}

/* One of the LAPICs, in turn. One that reports an illegal vector has had its turn. */
static unsigned post_to_one(struct reference *it, uint32_t set,
                            const struct reference_message *message, uint32_t pins,
                            unsigned sender) {
    for (unsigned n = 1; n <= it->cpus; n++) {
        unsigned i = (it->last + n) % it->cpus;
        if (!(set >> i & 1) || !it->cpu[i].enabled)
            continue;
        bool accepted = post(it, i, message, pins, sender);
        it->last = i;
        return accepted;
    }
    return 0;
}

static unsigned send_to(struct reference *it, uint32_t set, const struct reference_message *message,
                        uint32_t pins, unsigned sender) {
    unsigned accepted = 0;

    if (message->mode == APIC_DELIVERY_LOWEST_PRIORITY)
        return post_to_one(it, set, message, pins, sender);
    for (unsigned i = 0; i < it->cpus; i++) {
        struct reference_cpu *cpu = &it->cpu[i];
        if (!(set >> i & 1))
            continue;
        if (message->mode == APIC_DELIVERY_FIXED) {
            accepted += post(it, i, message, pins, sender);
        } else if (message->mode != APIC_DELIVERY_EXTINT || cpu->enabled) {
            cpu->signals[message->mode & 7]++;
            accepted++;
        }
    }
    return accepted;
}

static uint32_t named_by(const struct reference *it, const struct reference_message *message) {
    uint32_t set = 0;

    for (unsigned i = 0; i < it->cpus; i++)
        set |= (uint32_t)is_named(&it->cpu[i], message) << i;
    return set;
}

void reference_send(struct reference *it, const struct reference_message *message, unsigned sender,
                    uint32_t shorthand) {
    uint32_t set = named_by(it, message);

    if (shorthand) {
        set = 0;
        for (unsigned i = 0; i < it->cpus; i++)
            set |= (uint32_t)shorthand_names(it, i, sender, shorthand) << i;
    }
    send_to(it, set, message, 0, sender);
}

/* ---- the I/O APIC: 82093AA data sheet ---- */

static unsigned mode_of(uint64_t entry) {
    return entry >> RTE_DELIVERY_SHIFT & 7;
}

/* Only fixed and lowest-priority interrupts get an EOI. */
static bool is_level(uint64_t entry) {
    return (entry & RTE_LEVEL) && mode_of(entry) <= APIC_DELIVERY_LOWEST_PRIORITY;
}

static bool is_active(const struct reference_pin *pin) {
    return pin->line != ((pin->entry & RTE_ACTIVE_LOW) != 0);
}

static bool is_waiting(const struct reference_pin *pin) {
    if (pin->entry & RTE_MASKED)
        return false;
    return is_level(pin->entry) ? is_active(pin) && !pin->remote_irr : pin->edge;
}

static struct reference_message message_of(uint64_t entry) {
    return (struct reference_message){
        .destination = (uint32_t)(entry >> RTE_DESTINATION_SHIFT),
        .logical = entry & RTE_LOGICAL,
        .vector = (uint8_t)entry,
        .mode = (uint8_t)mode_of(entry),
    };
}

static bool is_reserved(unsigned mode) {
    return mode == 3 || mode == APIC_DELIVERY_SIPI;
}

static void deliver(struct reference *it, unsigned p) {
    struct reference_pin *pin = &it->pin[p];
    struct reference_message message = message_of(pin->entry);
    bool level = is_level(pin->entry);
    unsigned accepted = 0;

    if (!is_reserved(message.mode))
        accepted =
            send_to(it, named_by(it, &message), &message, level ? 1u << p : 0, REFERENCE_DEVICE);
    if (level && accepted) {
        pin->remote_irr = true;
        pin->streak++;
    }
    bool never = is_reserved(message.mode) ||
                 (message.mode <= APIC_DELIVERY_LOWEST_PRIORITY && !is_legal(message.vector));
    if (!level && (accepted || never))
        pin->edge = false;
}

static void evaluate(struct reference *it, unsigned p) {
    struct reference_pin *pin = &it->pin[p];

    if (!is_waiting(pin))
        return;
    if (pin->streak < STORM)
        deliver(it, p);
    else
        pin->deferred = true;
}

static void evaluate_all(struct reference *it) {
    for (unsigned p = 0; p < REFERENCE_PINS; p++)
        evaluate(it, p);
}

void reference_line(struct reference *it, unsigned p, bool level) {
    struct reference_pin *pin = &it->pin[p];

    if (p >= REFERENCE_PINS || pin->line == level)
        return;
    pin->line = level;
    if (!is_active(pin)) {
        pin->streak = 0;
        pin->deferred = false;
        return;
    }
    if (!(pin->entry & RTE_MASKED) && !is_level(pin->entry))
        pin->edge = true;
    evaluate(it, p);
}

static uint64_t new_entry(const struct reference *it, unsigned half, uint32_t value) {
    uint64_t writable = half & 1 ? 0xff00000000000000 : 0x000000000001ffff & ~READ_ONLY_BITS;

    return (it->pin[half / 2].entry & ~writable) |
           ((half & 1 ? (uint64_t)value << 32 : value) & writable);
}

bool reference_changes_route(const struct reference *it, unsigned half, uint32_t value) {
    uint64_t old = it->pin[half / 2].entry, new = new_entry(it, half, value);

    return ((old ^ new) & ~(RTE_MASKED | RTE_ACTIVE_LOW)) && (is_level(old) || is_level(new));
}

void reference_write_half(struct reference *it, unsigned half, uint32_t value) {
    struct reference_pin *pin = &it->pin[half / 2];

    pin->entry = new_entry(it, half, value);
    if (!is_level(pin->entry))
        pin->remote_irr = false;
    if (is_level(pin->entry) || (pin->entry & RTE_MASKED))
        pin->edge = false;
    if (!is_level(pin->entry) || !is_active(pin)) {
        pin->streak = 0;
        pin->deferred = false;
    }
    evaluate(it, half / 2);
}

void reference_eoi(struct reference *it, uint8_t vector) {
    for (unsigned p = 0; p < REFERENCE_PINS; p++) {
        struct reference_pin *pin = &it->pin[p];
        if (!pin->remote_irr || (uint8_t)pin->entry != vector)
            continue;
        pin->remote_irr = false;
        evaluate(it, p);
    }
}

void reference_tick(struct reference *it) {
    bool deferred[REFERENCE_PINS];

    for (unsigned p = 0; p < REFERENCE_PINS; p++) {
        deferred[p] = it->pin[p].deferred;
        it->pin[p].deferred = false;
    }
    for (unsigned p = 0; p < REFERENCE_PINS; p++) {
        if (deferred[p] && is_waiting(&it->pin[p]))
            deliver(it, p);
    }
}

/* ---- one LAPIC ---- */

/* Only a change makes the I/O APIC try again. */
void reference_write(struct reference *it, unsigned i, uint32_t offset, uint32_t value) {
    struct reference_cpu *cpu = &it->cpu[i], before = *cpu;

    if (offset == APIC_LDR)
        cpu->logical = (uint8_t)(value >> 24);
    else if (offset == APIC_DFR)
        cpu->cluster = value >> 28 == 0;
    else if (offset == APIC_ID)
        cpu->id = value >> 24;
    else
        cpu->enabled = value & APIC_SVR_ENABLE;
    if (offset == APIC_SVR)
        cpu->suppresses = it->version20 && (value & APIC_SVR_SUPPRESS_EOI_BROADCAST);
    if (cpu->logical != before.logical || cpu->cluster != before.cluster || cpu->id != before.id ||
        cpu->enabled != before.enabled)
        evaluate_all(it);
}

void reference_reset(struct reference *it, unsigned i) {
    reset_cpu(&it->cpu[i]);
    evaluate_all(it);
}

/* SDM Vol. 3A, "x2APIC State Transitions". The ID in x2APIC mode, and after a reset, is i. */
void reference_set_mode(struct reference *it, unsigned i, enum reference_mode mode) {
    struct reference_cpu *cpu = &it->cpu[i];

    if (cpu->mode == mode)
        return;
    cpu->mode = mode;
    if (mode != REFERENCE_XAPIC)
        cpu->id = i;
    if (mode == REFERENCE_OFF)
        reset_cpu(cpu);
    evaluate_all(it);
}

void reference_accept(struct reference *it, unsigned i) {
    struct reference_cpu *cpu = &it->cpu[i];

    for (unsigned v = 0; v < REFERENCE_VECTORS; v++) {
        if (cpu->edge[v] && is_legal(v)) {
            cpu->irr[v] = true;
            cpu->tmr[v] = false;
        }
        if (cpu->posted[v])
            cpu->irr[v] = cpu->tmr[v] = true;
        cpu->waiting[v] |= cpu->posted[v];
        cpu->posted[v] = 0;
        cpu->edge[v] = false;
    }
}

static int highest(const bool *set) {
    int vector = REFERENCE_VECTORS - 1;

    while (vector >= 0 && !set[vector])
        vector--;
    return vector;
}

/* SDM Vol. 3A, "Interrupt, Task, and Processor Priority". */
int reference_deliverable(const struct reference_cpu *cpu) {
    int vector = highest(cpu->irr), served = highest(cpu->isr);
    int priority = served >> 4 > cpu->tpr >> 4 ? served >> 4 : cpu->tpr >> 4;

    return vector >= 0 && vector >> 4 > priority ? vector : -1;
}

void reference_deliver(struct reference_cpu *cpu, unsigned vector) {
    cpu->irr[vector] = false;
    cpu->isr[vector] = true;
    cpu->served[vector] = cpu->waiting[vector];
    cpu->waiting[vector] = 0;
}

int reference_end(struct reference_cpu *cpu, uint32_t *owed) {
    int vector = highest(cpu->isr);

    *owed = 0;
    if (vector < 0)
        return -1;
    cpu->isr[vector] = false;
    *owed = cpu->served[vector];
    cpu->served[vector] = 0;
    return vector;
}

/* An edge that the processor has accepted by itself leaves the TMR bit; the exit shows it. */
void reference_eoi_exit(struct reference *it, unsigned i, uint8_t vector, uint32_t owed) {
    struct reference_cpu *cpu = &it->cpu[i];

    if ((cpu->irr[vector] || !owed) && !cpu->waiting[vector])
        cpu->tmr[vector] = false;
    if (owed && !cpu->suppresses)
        reference_eoi(it, vector);
}

void reference_exits(const struct reference *it, unsigned i, bool *exit, bool *stale) {
    const struct reference_cpu *cpu = &it->cpu[i];
    bool routed[REFERENCE_VECTORS] = {false};

    for (unsigned p = 0; p < REFERENCE_PINS; p++) {
        struct reference_message message = message_of(it->pin[p].entry);
        routed[message.vector] |= is_level(it->pin[p].entry) && is_legal(message.vector) &&
                                  cpu->enabled && is_named(cpu, &message);
    }
    for (unsigned v = 0; v < REFERENCE_VECTORS; v++) {
        bool owed = cpu->waiting[v] | cpu->served[v];
        exit[v] = owed || routed[v];
        stale[v] = owed && !routed[v];
    }
}
