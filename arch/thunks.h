/* How the hypervisor branches indirectly: by thunks that the compiler calls, one for each register.
 *
 * They begin as retpolines: the target goes onto the stack and a RET jumps to it, predicted by the
 * CALL just before it instead of by the branch target buffer, which a guest may have trained. On
 * processors with enhanced IBRS they become a plain JMP. Intel, "Retpoline: A Branch Target
 * Injection Mitigation". Read next: thunks.asm, arch/speculation.h. */
#pragma once

/* The first byte of the first thunk. */
extern const char thunks_begin[];

/* Turns all thunks into plain JMPs. `writable` is a second, writable mapping of the code at
 * thunks_begin. On the boot CPU, before other CPUs run. */
void thunks_use_jmp(void *writable);
