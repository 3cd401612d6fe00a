/* Changing the thunks: see thunks.h. */
#include "arch/thunks.h"

#include <stdint.h>

#include "arch/instructions.h"

#define THUNK_SIZE  64
#define THUNK_COUNT 16 /* by the register's number; RSP's is not used */

/* In the upper half of its cache line, as in thunks.asm. CPUID serializes: the CPU must not execute
 * bytes that it has fetched before. SDM Vol. 3A, "Handling Self- and Cross-Modifying Code". */
void thunks_use_jmp(void *writable) {
    for (unsigned i = 0; i < THUNK_COUNT; i++) {
        uint8_t *at = (uint8_t *)writable + i * THUNK_SIZE + THUNK_SIZE / 2;

        if (i >= 8)
            *at++ = 0x41; /* REX.B */
        *at++ = 0xff;     /* JMP r/m64 */
        *at++ = (uint8_t)(0xe0 | (i & 7));
        *at = 0xcc; /* INT3: nothing is executed beyond the JMP, not even speculatively */
    }
    cpuid(0, 0);
}
