/* A set of a guest's vCPUs: bit i is vCPU i. Pure. lib/bits.h has the loop over its members. */
#pragma once
#include <stdint.h>

#include "lib/bits.h"

#define VCPU_MASK_MAX 64 /* vCPUs that a set has room for */

typedef uint64_t vcpu_mask;

static inline vcpu_mask vcpu_mask_of(unsigned vcpu) {
    return 1ULL << vcpu;
}

/* The vCPUs from 0 to count - 1; count is 1 to VCPU_MASK_MAX. */
static inline vcpu_mask vcpu_mask_first(unsigned count) {
    return ~0ULL >> (VCPU_MASK_MAX - count);
}

/* The member that comes next after `vcpu` % VCPU_MASK_MAX, in turn; the set is not empty. */
static inline unsigned vcpu_mask_next(vcpu_mask set, unsigned vcpu) {
    vcpu_mask above = set & (~1ULL << (vcpu % VCPU_MASK_MAX));

    return lowest_bit(above ? above : set);
}
