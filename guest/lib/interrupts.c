/* Interrupts and exceptions of a guest: see interrupts.h. */
#include "guest/lib/interrupts.h"

#include <stdbool.h>
#include <stddef.h>

#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"

#define STUB_SIZE      16   /* as in vectors.asm */
#define CODE64         0x18 /* as in start.asm */
#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate */
#define EXCEPTIONS     32
#define EXIT_EXCEPTION 0x80

/* SDM Vol. 3A, "64-Bit IDT Gate Descriptors". */
struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate layout");

extern const char interrupt_stubs[]; /* vectors.asm */

static struct gate idt[256];
static interrupt_handler handlers[256];

void interrupts_load(void) {
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof idt - 1, (uintptr_t)idt};
    __asm__ volatile("lidt %0" ::"m"(pointer));
}

static void set_gate(uint32_t vector, uint64_t entry) {
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)entry,
        .selector = CODE64,
        .type = GATE_INTERRUPT,
        .offset_middle = (uint16_t)(entry >> 16),
        .offset_high = (uint32_t)(entry >> 32),
    };
}

void interrupts_init(void) {
    for (uint32_t vector = 0; vector < 256; vector++)
        set_gate(vector, (uintptr_t)interrupt_stubs + vector * STUB_SIZE);
    interrupts_load();
}

void interrupt_handle_raw(uint8_t vector, uintptr_t handler) {
    set_gate(vector, handler);
    atomic_thread_fence(memory_order_seq_cst);
}

void interrupt_handle(uint8_t vector, interrupt_handler handler) {
    handlers[vector] = handler;
    atomic_thread_fence(memory_order_seq_cst);
}

/* Never returns to the interrupted code: expect_exception() continues, or the guest ends. */
static void unhandled(const struct interrupt_frame *frame) {
    struct cpu *cpu = cpu_self();
    if (cpu->recovering && frame->vector < EXCEPTIONS) {
        cpu->recovering = false;
        cpu->recovered_vector = (uint32_t)frame->vector;
        cpu->recovered_error_code = frame->error_code;
        __builtin_longjmp(cpu->recover, 1);
    }
    print("# vCPU %u: %s %lu at RIP 0x%lx, error code 0x%lx, CR2 0x%lx\n", cpu->index,
          frame->vector < EXCEPTIONS ? "exception" : "unexpected interrupt", frame->vector,
          frame->rip, frame->error_code, read_cr2());
    guest_exit(EXIT_EXCEPTION + (uint32_t)frame->vector);
}

void interrupt_dispatch(const struct interrupt_frame *frame) {
    interrupt_handler handler = handlers[frame->vector];
    if (handler)
        handler((uint8_t)frame->vector);
    else
        unhandled(frame);
}

__attribute__((noinline)) int expect_exception(void (*attempt)(uint64_t argument),
                                               uint64_t argument, uint64_t *error_code) {
    struct cpu *volatile cpu = cpu_self();
    uint64_t *volatile error_out = error_code;
    volatile uint64_t flags = read_rflags();
    if (__builtin_setjmp(cpu->recover)) {
        interrupts_restore(flags); /* the interrupt gate cleared IF */
        if (error_out)
            *error_out = cpu->recovered_error_code;
        return (int)cpu->recovered_vector;
    }
    cpu->recovering = true;
    attempt(argument);
    cpu->recovering = false;
    return NO_EXCEPTION;
}
