/* A ticket lock: first come, first served. Interrupts are off in the hypervisor and the NMI handler
 * takes no lock, so nothing more is needed. */
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

/* Only if nobody has it or waits for it. */
static inline bool spin_try_lock(struct spinlock *lock) {
    uint32_t owner = atomic_load_explicit(&lock->owner, memory_order_acquire);

    return atomic_compare_exchange_strong_explicit(&lock->next, &owner, owner + 1,
                                                   memory_order_relaxed, memory_order_relaxed);
}

static inline void spin_unlock(struct spinlock *lock) {
    uint32_t owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    atomic_store_explicit(&lock->owner, owner + 1, memory_order_release);
}
