/* panic(): stops the machine at a bug of the hypervisor's own.
 *
 * Every room may call it, so it is here, at the bottom. It formats the message; what is printed
 * (registers, a backtrace with names, the last trace events) and how the other CPUs are stopped is
 * up to the handler that the hypervisor registers when it starts. A guest's mistake never panics:
 * it ends that guest. Read next: vmm/host/panic.c, which is that handler. */
#pragma once
#include <stdint.h>

#define PANIC_TEXT_SIZE 256 /* bytes of a message, its zero included; a longer one is cut off */

/* Does not return. `frame` is the frame pointer of panic(): the saved RBP lies there, and above it
 * the return address into panic()'s caller. Interrupts are off. */
typedef void panic_handler(const char *text, uint64_t frame);

/* Registers the handler, once, before any other CPU runs. Until then panic() stops silently. */
void panic_set_handler(panic_handler *handler);

/* Formats as lib/format.h does, calls the handler, never returns. */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
