/* A ticket lock: CPUs get it in the order in which they asked for it.
 *
 * The hypervisor runs with interrupts off and the NMI handler takes no lock, so a holder is never
 * interrupted by code that wants the same lock. The order in which locks are taken is listed in
 * docs/architecture.md, "Locks". */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/instructions.h"

struct spinlock {
    _Atomic uint32_t next;
    _Atomic uint32_t owner;
};

static inline void spin_lock(struct spinlock *lock) {
    uint32_t ticket = atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    while (atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket)
        cpu_pause();
}

/* Takes the lock only if no CPU holds it or waits for it; returns whether it did. */
static inline bool spin_try_lock(struct spinlock *lock) {
    uint32_t owner = atomic_load_explicit(&lock->owner, memory_order_acquire);

    return atomic_compare_exchange_strong_explicit(&lock->next, &owner, owner + 1,
                                                   memory_order_relaxed, memory_order_relaxed);
}

static inline void spin_unlock(struct spinlock *lock) {
    uint32_t owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    atomic_store_explicit(&lock->owner, owner + 1, memory_order_release);
}
