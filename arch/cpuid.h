/* CPUID: whether this processor has a leaf or a feature.
 *
 * A leaf above the maximum of its range returns the data of another leaf instead of zeros, so
 * callers check cpuid_has_leaf() first. SDM Vol. 2A, "CPUID - CPU Identification". Read next:
 * arch/cpuid_bits.h; vmm/vcpu/guest_cpuid.c, which decides what guests are offered. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/cpuid_bits.h"
#include "arch/instructions.h"

/* Whether this processor has the leaf, of whichever range: basic, hypervisor or extended. */
static inline bool cpuid_has_leaf(uint32_t leaf) {
    return cpuid(leaf & 0xf0000000, 0).eax >= leaf;
}

/* Whether this processor has pages of 1 GiB. */
static inline bool cpuid_has_1g_pages(void) {
    return cpuid_has_leaf(CPUID_LEAF_EXTENDED_FEATURES) &&
           (cpuid(CPUID_LEAF_EXTENDED_FEATURES, 0).edx & CPUID_80000001_EDX_PAGES_1G);
}
