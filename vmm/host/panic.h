/* What panic() of arch/panic.h prints, and how it stops the machine: the message, registers after a
 * trap, a backtrace with names, and the last events of each CPU's trace. Read next: arch/panic.h,
 * arch/symbols.h. */
#pragma once

struct trap_frame;

/* Makes panic() print on the console. On the boot CPU, before anything that may panic. */
void panic_init(void);

/* A machine check that the processor has reported for this guest: panics, with what this CPU's
 * banks hold. */
_Noreturn void panic_machine_check(const char *guest);

/* The fatal trap handler: prints the registers and a backtrace, and stops the machine. */
_Noreturn void panic_trap(struct trap_frame *frame);
