/* A lock between vCPUs, held with interrupts disabled, so that a handler can take it too.
 *
 * The wait is bounded like every wait of a guest: if the lock is never released, the guest ends. */
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

/* Returns the value for lock_release(). */
static inline uint64_t lock_take(struct lock *lock) {
    uint64_t flags = interrupts_save();
    for (uint32_t i = 0; i < wait_bound; i++) {
        if (!atomic_exchange_explicit(&lock->held, true, memory_order_acquire))
            return flags;
        pause();
    }
    print("# vCPU %u: a lock was never released\n", cpu_self()->index);
    guest_exit(LOCK_EXIT_CODE);
}

static inline void lock_release(struct lock *lock, uint64_t flags) {
    atomic_store_explicit(&lock->held, false, memory_order_release);
    interrupts_restore(flags);
}
