/* Clamps an index that a guest controls, after it has been checked.
 *
 * A mispredicted branch may run the code after the check with any index, and leave traces in the
 * caches of what it read: Spectre variant 1, by which I/O APIC emulation has been attacked. The
 * clamp has no branch. Pure. Read next: vmm/interrupts/vioapic.c, which uses it for pins. */
#pragma once
#include <stdint.h>

/* `index` if it is below `count`, else 0. */
/*@ assigns \nothing;
  @ ensures \result < count || \result == 0;
  @ ensures index >= count ==> \result == 0;
  @*/
static inline uint32_t index_clamp(uint32_t index, uint32_t count) {
    /* Hides the value from the compiler: after the check it would drop the mask as redundant. */
    __asm__("" : "+r"(index));
    int64_t below = -(int64_t)(((uint64_t)index - count) / (1ULL << 63)); /* all bits, or none */
    return (uint32_t)(index & below);
}

/* The same for offsets in memory: `count` is 1 to 2^63, `offset` anything. */
static inline uint64_t offset_clamp(uint64_t offset, uint64_t count) {
    __asm__("" : "+r"(offset));
    return offset & (((offset | (count - 1 - offset)) >> 63) - 1);
}
