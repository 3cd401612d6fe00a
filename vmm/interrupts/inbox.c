/* A vCPU's inbox: see inbox.h for the order of the two writes. */
#include "vmm/interrupts/inbox.h"

void inbox_reset(struct inbox *inbox) {
    for (unsigned i = 0; i < 4; i++) {
        atomic_store(&inbox->pir[i], 0);
        atomic_store(&inbox->level[i], 0);
    }
    for (unsigned v = 0; v < VECTOR_COUNT; v++)
        atomic_store_explicit(&inbox->posted_pins[v], 0, memory_order_relaxed);
}

void inbox_post_edge(struct inbox *inbox, uint8_t vector) {
    atomic_fetch_or(&inbox->pir[vector / 64], 1ULL << (vector % 64));
}

void inbox_post_level(struct inbox *inbox, uint8_t vector, unsigned pin) {
    atomic_fetch_or(&inbox->posted_pins[vector], 1u << (pin % 32));
    atomic_fetch_or(&inbox->level[vector / 64], 1ULL << (vector % 64));
}

void inbox_post_illegal(struct inbox *inbox, uint8_t vector) {
    atomic_fetch_or(&inbox->level[0], 1ULL << (vector % 16));
}

uint32_t inbox_dequeue_pins(struct inbox *inbox, uint8_t vector) {
    return atomic_exchange(&inbox->posted_pins[vector], 0);
}
