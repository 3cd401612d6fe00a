/* What GCC offers beyond C11, for Frama-C, which reads C11 only: included before each file that
 * `make analyse` reads. Each of these stands for what GCC's manual says of it; the code itself is
 * analysed as it is. Frama-C has no threads, so an atomic access is an access. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* In GCC's older form, which Frama-C reads: alignment places the members of structures. */
#define _Alignas(alignment) __attribute__((aligned(alignment)))

/* The only instructions in pure modules are empty: they hide a value from the optimizer. */
#define __asm__(...) ((void)0)

/* C11's atomics are in atomic.h. */
#define __FC_STDATOMIC
#include "tests/analysis/atomic.h"

/* Each access to an atomic may find what another CPU has written. */
#define __atomic_load(from, to, order)                                                             \
    ((void)(*(to) = *(const volatile __typeof__(*(from)) *)(from)))
#define __atomic_store(to, from, order)    ((void)(*(to) = *(from)))
#define __atomic_load_n(from, order)       (*(const volatile __typeof__(*(from)) *)(from))
#define __atomic_store_n(to, value, order) ((void)(*(to) = (value)))

/*@ assigns \result \from x;
  @ ensures 0 <= \result <= 1; */
int __builtin_parity(unsigned x);

/*@ assigns \result \from x; */
uint64_t __builtin_bswap64(uint64_t x);

/* The lowest bit that is 1: which of them it is depends on x, but none above the highest. */
/*@ assigns \nothing;
  @ ensures \false; */
void analysis_never(void);

static inline int analysis_ctz(uint64_t x) {
    /*@ assert not_zero: x != 0; */
    /*@ loop unroll 64; */
    for (int i = 0; i < 64; i++) {
        if (x >> i & 1)
            return i;
    }
    analysis_never(); /* x is not 0 */
    return 0;
}
#define __builtin_ctz   analysis_ctz
#define __builtin_ctzll analysis_ctz

static inline bool analysis_mul_overflow(uint64_t a, uint64_t b, uint64_t *product) {
    *product = a * b;
    if (a != 0 && b > UINT64_MAX / a)
        return true;
    /*@ admit not_zero: a == 0 || b == 0 || *product != 0; */
    return false;
}
#define __builtin_mul_overflow analysis_mul_overflow

static inline bool analysis_add_overflow(uint64_t a, uint64_t b, uint64_t *sum) {
    *sum = a + b;
    return *sum < a;
}
#define __builtin_add_overflow analysis_add_overflow

/* The highest bit that is 1 is the one behind the leading zeros. */
/*@ requires not_zero: x != 0;
  @ assigns \result \from x;
  @ ensures 0 <= \result < 32;
  @ ensures (x & (1 << 31 - \result)) != 0;
  @ ensures \forall integer b; 31 - \result < b < 32 ==> (x & (1 << b)) == 0;
  @*/
int analysis_clz(unsigned x);
#define __builtin_clz analysis_clz
