/* The soak's parts: the inputs with their devices, the noise, and what is counted.
 *
 * Each vector belongs to one input, each input to one pin of the I/O APIC and one device. Who may
 * call what from a handler is said below; locks are taken with interrupts off. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPUS     4
#define INPUTS    4
#define SLOTS     8  /* vectors: two for each input */
#define FIRST_PIN 16 /* no device of the machine's own is at these */

/* Slot 0 to 7 are vectors of eight different priority classes; the input of slot s is s mod 4. */
static inline uint8_t vector_of(uint32_t slot) {
    return (uint8_t)(0x41 + 0x10 * slot);
}

static inline uint32_t slot_of(uint8_t vector) {
    return (uint32_t)(vector >> 4) - 4;
}

/* What happened, by all vCPUs. */
struct tally {
    atomic_uint reroutes;   /* destinations written, modes and vectors included */
    atomic_uint in_flight;  /* those of them while an interrupt of the input was in flight */
    atomic_uint vectors;    /* those that changed the vector */
    atomic_uint masks;      /* mask bits written */
    atomic_uint assertions; /* the device wanted service */
    atomic_uint handled;    /* it got it, from the interrupt's own handler */
    atomic_uint coalesced;  /* it wanted it twice before it got it */
    atomic_uint extra;      /* an interrupt that nobody sent */
    atomic_uint noise;      /* IPIs on the inputs' vectors */
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

/* ---- inputs.c; all may be called from anywhere ---- */

/* Routes all inputs to vCPU 0, unmasked. */
void inputs_init(void);

/* Another destination; sometimes by another delivery mode. */
void input_reroute(uint32_t index, struct random *random);
/* Its other vector, if nothing is in flight. */
void input_change_vector(uint32_t index);
void input_mask(uint32_t index, bool masked);
/* The device wants service, if it does not already; sometimes with a glitch of its line. */
void input_assert(uint32_t index, struct random *random);

/* The handler of a slot's vector gives the device what it wants. False: it wanted nothing, or the
 * input has its other vector. */
bool input_serve(uint32_t slot);
/* The handler that served it has sent the EOI. */
void input_eoi_sent(uint32_t slot);

/* Fixed delivery to this vCPU, unmasked; which slot the input has. */
uint32_t input_route(uint32_t index, uint32_t cpu);
/* Whether its device wants nothing and no handler owes an EOI. */
bool input_quiet(uint32_t index);
bool input_remote_irr(uint32_t index);

/* ---- noise.c ---- */

/* Sends an IPI on a random vector to a random vCPU, unless one is on its way there already. */
void noise_send(struct random *random);

/* First thing in the handler: whether this interrupt may be, or contain, an IPI. */
bool noise_explains(uint32_t slot);

/* How many IPIs went to this vCPU on this slot's vector. */
uint32_t noise_sent(uint32_t slot, uint32_t cpu);
