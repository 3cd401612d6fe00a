/* The soak's inputs: devices with a level-triggered line each, and their redirection table entries.
 *
 * A device that requests service holds its line active until a handler serves it. An input changes
 * only under its own lock; the I/O APIC's index and data registers have a lock for all inputs. The
 * EOI is sent outside both locks, so it races with the writes of the other vCPUs. */
#include "guest/lib/apic.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/lock.h"
#include "guest/soak/soak.h"

#define LOWEST_PRIORITY ((uint32_t)APIC_DELIVERY_LOWEST_PRIORITY << RTE_DELIVERY_SHIFT)
#define MODE_CHANGES    16 /* one in this many reroutes changes the delivery mode */
#define GLITCHES        4  /* one in this many assertions has a glitch */

struct input {
    struct lock lock;
    uint32_t low;     /* the entry's low half as last written */
    uint32_t slot;    /* of its vector */
    bool asserted;    /* a request is pending: the line is active */
    atomic_uint owed; /* requests whose handler has not sent the EOI yet */
};

static struct input inputs[INPUTS];
static struct lock ioapic_lock;

static uint8_t pin_of(uint32_t input) {
    return (uint8_t)(FIRST_PIN + input);
}

static void write(uint8_t index, uint32_t value) {
    uint64_t flags = lock_take(&ioapic_lock);
    ioapic_write(index, value);
    lock_release(&ioapic_lock, flags);
}

static void write_low(uint32_t input) {
    write(ioapic_low_half(pin_of(input)), inputs[input].low);
}

static void write_destination(uint32_t input, uint32_t destination) {
    write(ioapic_high_half(pin_of(input)), destination << (RTE_DESTINATION_SHIFT - 32));
}

void inputs_init(void) {
    for (uint32_t i = 0; i < INPUTS; i++) {
        inputs[i].slot = i;
        inputs[i].low = (uint32_t)RTE_LEVEL | vector_of(i);
        write_destination(i, 0);
        write_low(i);
    }
}

static void count_reroute(struct input *input) {
    count(&tally.reroutes);
    if (atomic_load(&input->owed))
        count(&tally.in_flight);
}

void input_reroute(uint32_t index, struct random *random) {
    struct input *input = &inputs[index];
    uint64_t flags = lock_take(&input->lock);
    count_reroute(input);
    if (random_below(random, MODE_CHANGES) == 0) {
        input->low ^= (uint32_t)RTE_LOGICAL | LOWEST_PRIORITY;
        write_low(index);
    }
    /* An APIC ID, or a non-empty set of logical IDs. */
    bool logical = input->low & RTE_LOGICAL;
    uint32_t destination = random_below(random, logical ? (1 << VCPUS) - 1 : VCPUS) + logical;
    write_destination(index, destination);
    lock_release(&input->lock, flags);
}

void input_change_vector(uint32_t index) {
    struct input *input = &inputs[index];
    uint64_t flags = lock_take(&input->lock);
    if (!input->asserted && !atomic_load(&input->owed)) {
        count_reroute(input);
        count(&tally.vectors);
        input->slot = (input->slot + INPUTS) % SLOTS;
        input->low = (input->low & ~(uint32_t)RTE_VECTOR_MASK) | vector_of(input->slot);
        write_low(index);
    }
    lock_release(&input->lock, flags);
}

void input_mask(uint32_t index, bool masked) {
    struct input *input = &inputs[index];
    uint64_t flags = lock_take(&input->lock);
    count(&tally.masks);
    input->low = (input->low & ~(uint32_t)RTE_MASKED) | (masked ? (uint32_t)RTE_MASKED : 0);
    write_low(index);
    lock_release(&input->lock, flags);
}

void input_assert(uint32_t index, struct random *random) {
    struct input *input = &inputs[index];
    uint64_t flags = lock_take(&input->lock);
    if (!input->asserted) {
        input->asserted = true;
        count(&tally.assertions);
        atomic_fetch_add(&input->owed, 1);
        line_set(pin_of(index), 1);
        if (random_below(random, GLITCHES) == 0) {
            count(&tally.assertions);
            count(&tally.coalesced);
            line_set(pin_of(index), 0);
            line_set(pin_of(index), 1);
        }
    }
    lock_release(&input->lock, flags);
}

bool input_serve(uint32_t slot) {
    struct input *input = &inputs[slot % INPUTS];
    uint64_t flags = lock_take(&input->lock);
    bool wanted = input->asserted && input->slot == slot;
    if (wanted) {
        input->asserted = false;
        line_set(pin_of(slot % INPUTS), 0);
    }
    lock_release(&input->lock, flags);
    return wanted;
}

void input_eoi_sent(uint32_t slot) {
    atomic_fetch_sub(&inputs[slot % INPUTS].owed, 1);
}

uint32_t input_route(uint32_t index, uint32_t cpu) {
    struct input *input = &inputs[index];
    uint64_t flags = lock_take(&input->lock);
    input->low = (uint32_t)RTE_LEVEL | vector_of(input->slot);
    write_low(index);
    write_destination(index, cpu);
    lock_release(&input->lock, flags);
    return input->slot;
}

bool input_quiet(uint32_t index) {
    struct input *input = &inputs[index];
    uint64_t flags = lock_take(&input->lock);
    bool quiet = !input->asserted && !atomic_load(&input->owed);
    lock_release(&input->lock, flags);
    return quiet;
}

bool input_remote_irr(uint32_t index) {
    uint64_t flags = lock_take(&ioapic_lock);
    bool remote_irr = ioapic_read_entry(pin_of(index)) & RTE_REMOTE_IRR;
    lock_release(&ioapic_lock, flags);
    return remote_irr;
}
