/* The parts of the soak: the inputs with their devices, the noise, and the counts.
 *
 * Each vector belongs to one input, each input to one pin of the I/O APIC and one device. All
 * functions may be called in handlers too: locks are held with interrupts disabled. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPUS     4
#define INPUTS    4
#define SLOTS     8  /* vectors, two for each input */
#define FIRST_PIN 16 /* of four pins that no device uses in this guest */

/* Slots 0 to 7 are vectors of eight different priority classes; the input of slot s is s mod 4. */
static inline uint8_t vector_of(uint32_t slot) {
    return (uint8_t)(0x41 + 0x10 * slot);
}

static inline uint32_t slot_of(uint8_t vector) {
    return (uint32_t)(vector >> 4) - 4;
}

/* Counts of all vCPUs together. */
struct tally {
    atomic_uint reroutes;   /* destinations, delivery modes or vectors written */
    atomic_uint in_flight;  /* reroutes while an interrupt of the input was in flight */
    atomic_uint vectors;    /* reroutes that changed the vector */
    atomic_uint masks;      /* mask bits written */
    atomic_uint assertions; /* requests of a device for service */
    atomic_uint handled;    /* requests served by the handler of the input's vector */
    atomic_uint coalesced;  /* requests of a device whose previous request was not served yet */
    atomic_uint extra;      /* interrupts that were not sent */
    atomic_uint noise;      /* IPIs with the inputs' vectors */
    atomic_uint ambiguous;  /* interrupts that may have been noise */
};
extern struct tally tally;

static inline void count(atomic_uint *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A pseudo-random sequence (xorshift): the same in each run. The state is not 0. */
struct random {
    uint64_t state;
};

static inline uint32_t random_below(struct random *random, uint32_t bound) {
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (uint32_t)(random->state >> 32) % bound;
}

/* ---- inputs.c ---- */

/* Routes all inputs to vCPU 0, unmasked. */
void inputs_init(void);

/* Writes a random destination, sometimes with another delivery mode. */
void input_reroute(uint32_t index, struct random *random);
/* Writes the input's other vector, if nothing is in flight. */
void input_change_vector(uint32_t index);
/* Writes the mask bit. */
void input_mask(uint32_t index, bool masked);
/* The device requests service, unless a request is pending; sometimes its line glitches. */
void input_assert(uint32_t index, struct random *random);

/* The handler of a slot's vector serves the device. False: no request is pending, or the input has
 * its other vector. */
bool input_serve(uint32_t slot);
/* The handler that served the device has sent the EOI. */
void input_eoi_sent(uint32_t slot);

/* Routes the input to this vCPU, fixed and unmasked; returns the slot of its vector. */
uint32_t input_route(uint32_t index, uint32_t cpu);
/* Whether its device has no request and no handler has yet to send an EOI. */
bool input_quiet(uint32_t index);
bool input_remote_irr(uint32_t index);

/* ---- noise.c ---- */

/* Sends an IPI with a random vector to a random vCPU, unless one is already on its way there. */
void noise_send(struct random *random);

/* Called first in a handler: whether this interrupt may be an IPI or merged with one. */
bool noise_explains(uint32_t slot);

/* How many IPIs were sent to this vCPU with this slot's vector. */
uint32_t noise_sent(uint32_t slot, uint32_t cpu);
