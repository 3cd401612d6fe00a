/* C11's atomics for Frama-C, as volatile variables: another CPU may have written to one before each
 * read. With ALONE they are plain variables, because a contract compares the states before and
 * after: it says what a function does if no other CPU writes meanwhile. */
#pragma once

#ifdef ALONE
#define _Atomic
#else
#define _Atomic volatile
#endif

enum memory_order {
    memory_order_relaxed,
    memory_order_acquire,
    memory_order_release,
    memory_order_acq_rel,
    memory_order_seq_cst
};

#define atomic_load(from)                       (*(from))
#define atomic_load_explicit(from, order)       (*(from))
#define atomic_store(to, value)                 ((void)(*(to) = (value)))
#define atomic_store_explicit(to, value, order) ((void)(*(to) = (value)))
#define atomic_thread_fence(order)              ((void)0)
#define atomic_exchange(at, value)                                                                 \
    __extension__({                                                                                \
        __typeof__(*(at)) old_ = *(at);                                                            \
        *(at) = (value);                                                                           \
        old_;                                                                                      \
    })
#define atomic_exchange_explicit(at, value, order) atomic_exchange(at, value)
#define atomic_fetch_or(at, value)                 atomic_exchange(at, *(at) | (value))
#define atomic_fetch_and(at, value)                atomic_exchange(at, *(at) & (value))
#define atomic_fetch_add(at, value)                atomic_exchange(at, *(at) + (value))
#define atomic_compare_exchange_strong(at, expected, value)                                        \
    (*(at) == *(expected) ? (*(at) = (value), 1) : (*(expected) = *(at), 0))
