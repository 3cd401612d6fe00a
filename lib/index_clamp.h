/* An index that comes from a guest is checked, and then clamped as well: a mispredicted branch may
 * run the code behind the check with any index and leave traces of what it read in the caches
 * (Spectre variant 1; I/O APIC emulation has been attacked this way before). Pure. */
#pragma once
#include <stdint.h>

/* index if it is below count, else 0; without a branch. count is below 2^31. */
static inline uint32_t index_clamp(uint32_t index, uint32_t count) {
    /* Hides from the compiler what the check before has told it, lest it drop the mask. */
    __asm__("" : "+r"(index));
    uint64_t below = (uint64_t)0 - (((uint64_t)index - count) >> 63);
    return index & (uint32_t)below;
}

/* The same for offsets in memory: count is 1 to 2^63, offset anything. */
static inline uint64_t offset_clamp(uint64_t offset, uint64_t count) {
    __asm__("" : "+r"(offset));
    return offset & (((offset | (count - 1 - offset)) >> 63) - 1);
}
