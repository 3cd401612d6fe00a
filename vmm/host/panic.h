/* What panic() of arch/panic.h prints, and how it stops the machine. */
#pragma once

struct trap_frame;

/* Makes panic() report on the console. Before anything that may panic. */
void panic_init(void);

/* The fatal trap handler: prints the registers and a backtrace, and stops the machine. */
_Noreturn void panic_trap(struct trap_frame *frame);

/* In the NMI handler: another CPU has panicked, so stop. */
void panic_stop_if_asked(void);
