/* Interrupts and exceptions of a guest: handlers by vector, and exceptions that a test expects.
 *
 * The table is one for all vCPUs. A handler runs with interrupts masked and sends the EOI itself,
 * because when that happens is what many guests are about. An exception that nobody handles or
 * expects, or an interrupt on a vector without handler, is printed and ends the guest with exit
 * code 80H + vector. Read next: interrupts.c, vectors.asm. */
#pragma once
#include <stdint.h>

#define NO_EXCEPTION (-1)

/* What vectors.asm and the processor leave on the stack. */
struct interrupt_frame {
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct interrupt_frame) == 16 * 8, "as in vectors.asm");

typedef void (*interrupt_handler)(uint8_t vector);

/* Builds the table and loads it; loads it on a further vCPU. */
void interrupts_init(void);
void interrupts_load(void);

/* Null takes the handler away. */
void interrupt_handle(uint8_t vector, interrupt_handler handler);

/* Has the processor itself call a handler, which sees what is on the stack, until the guest's end:
 * the address of a function with __attribute__((interrupt)), a struct interrupted * as its argument
 * and, where the processor pushes an error code, a uint64_t as another. */
struct interrupted {
    uint64_t rip, cs, rflags, rsp, ss;
};
void interrupt_handle_raw(uint8_t vector, uintptr_t handler);

/* Calls attempt(argument). Returns the vector of the exception that it raised, whose error code is
 * stored in *error_code unless that is null, or NO_EXCEPTION. attempt() has to be a plain function
 * that holds no lock; one attempt at a time on each vCPU. */
int expect_exception(void (*attempt)(uint64_t argument), uint64_t argument, uint64_t *error_code);

/* From vectors.asm. */
void interrupt_dispatch(const struct interrupt_frame *frame);
