/* For the build to WebAssembly: what the model never calls although the linker cannot know it,
 * since it is behind tables of effects. The model's guest does not use the local APIC's timer. Each
 * of these stops the engine. */
#include "arch/instructions.h"

__int128 never_multiply(__int128 a, __int128 b) __asm__("__multi3");

uint64_t rdtsc(void) {
    __builtin_trap();
}

__int128 never_multiply(__int128 a, __int128 b) {
    (void)a;
    (void)b;
    __builtin_trap();
}
