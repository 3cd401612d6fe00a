/* panic() itself is declared in arch/panic.h; here is what the rest of vmm/ needs of it. */
#pragma once

struct trap_frame;

/* The fatal trap handler: prints the registers and a backtrace, and stops the machine. */
_Noreturn void panic_trap(struct trap_frame *frame);

/* In the NMI handler: another CPU has panicked, so stop. */
void panic_stop_if_asked(void);
