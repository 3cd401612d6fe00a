/* Where C begins in a guest. */
#pragma once
#include <stdint.h>

/* Each guest defines this one. It runs on the first vCPU, in 64-bit mode, interrupts masked; the
 * command line is parsed, exceptions are caught. If it returns, the guest ends with exit code 0. */
void guest_main(void);

/* From start.asm: the first vCPU, with the Multiboot information structure; the further ones. */
_Noreturn void start_first(uint32_t info, uint32_t magic);
_Noreturn void start_further(void);
