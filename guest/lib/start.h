/* The entry points of a guest's C code. */
#pragma once
#include <stdint.h>

/* Defined by each guest. It runs on the first vCPU, in 64-bit mode, with interrupts disabled; the
 * command line is parsed and exceptions are reported. When it returns, the guest ends with exit
 * code 0. */
void guest_main(void);

/* Called by start.asm: on the first vCPU, with the address of the Multiboot information structure
 * and the loader's magic number; on every other vCPU. */
_Noreturn void start_first(uint32_t info, uint32_t magic);
_Noreturn void start_other(void);
