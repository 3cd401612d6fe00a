/* The end of the road for our own bugs. Declared here because everything needs it; defined in
 * vmm/host/panic.c, which prints registers, a backtrace with names and the last trace events. */
#pragma once

/* Never returns. The format is that of lib/format.h. */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
