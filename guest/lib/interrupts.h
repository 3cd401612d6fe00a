/* Interrupts and exceptions of a guest: handlers by vector, and exceptions that a test expects.
 *
 * All vCPUs share one table. A handler runs with interrupts disabled and sends the EOI itself,
 * because many guests test the moment of the EOI. An exception that is neither handled nor
 * expected, and an interrupt on a vector without a handler, are printed and end the guest with exit
 * code 80H + vector. Read next: interrupts.c, vectors.asm. */
#pragma once
#include <stdint.h>

#define NO_EXCEPTION (-1)

/* What the processor and vectors.asm push. */
struct interrupt_frame {
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct interrupt_frame) == 16 * 8, "as in vectors.asm");

typedef void (*interrupt_handler)(uint8_t vector);

/* Builds the table and loads it; loads it on another vCPU. */
void interrupts_init(void);
void interrupts_load(void);

/* NULL removes the handler. */
void interrupt_handle(uint8_t vector, interrupt_handler handler);

/* Makes the vector's gate point to the handler itself, which then sees the processor's own stack
 * frame. `handler` is the address of a function with __attribute__((interrupt)) that takes a struct
 * interrupted * and, where the processor pushes an error code, a uint64_t. It cannot be removed. */
struct interrupted {
    uint64_t rip, cs, rflags, rsp, ss;
};
void interrupt_handle_raw(uint8_t vector, uintptr_t handler);

/* Calls attempt(argument). Returns the vector of the exception that it raised, or NO_EXCEPTION. The
 * exception's error code is stored in *error_code unless error_code is NULL. attempt() must not
 * hold a lock, and each vCPU makes one attempt at a time. */
int expect_exception(void (*attempt)(uint64_t argument), uint64_t argument, uint64_t *error_code);

/* Called by vectors.asm. */
void interrupt_dispatch(const struct interrupt_frame *frame);
