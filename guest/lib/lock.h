/* A lock between vCPUs, held with interrupts off, so that a handler can take it too.
 *
 * Waiting is bounded like every other wait of a guest: a lock that never comes free ends it. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"

#define LOCK_EXIT_CODE 0x70

struct lock {
    atomic_bool held;
};

/* Gives what lock_release() wants back. */
static inline uint64_t lock_take(struct lock *lock) {
    uint64_t flags = interrupts_save();
    for (uint32_t i = 0; i < WAIT_BOUND; i++) {
        if (!atomic_exchange_explicit(&lock->held, true, memory_order_acquire))
            return flags;
        pause();
    }
    print("# vCPU %u: a lock never came free\n", cpu_self()->index);
    guest_exit(LOCK_EXIT_CODE);
}

static inline void lock_release(struct lock *lock, uint64_t flags) {
    atomic_store_explicit(&lock->held, false, memory_order_release);
    interrupts_restore(flags);
}
