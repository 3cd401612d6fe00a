/* What panic() prints: see panic.h.
 *
 * The screen may have no more than 25 lines of 80 characters, and a photograph of it is all that
 * some users can send. So the lines are short, and what exceeds the screen is printed on the serial
 * port only: the outer frames of the backtrace, and older events. */
#include "vmm/host/panic.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "arch/control_registers.h"
#include "arch/cpu.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/panic.h"
#include "arch/symbols.h"
#include "drivers/console.h"
#include "lib/format.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/machine_check.h"
#include "vmm/host/stop.h"

#define BACKTRACE_FRAMES 24
#define SCREEN_FRAMES    5            /* of them on the screen */
#define SCREEN_EVENTS    4            /* up to two rows each */
#define STACKS_SIZE      (1ULL << 39) /* one entry of the top page table */
#define TRACE_EVENTS     24           /* of each CPU */
#define TRACE_LINE_SIZE  160

extern const char image_start[], image_end[];

static bool is_stack(uint64_t address) {
    return (address >= STACKS_BASE && address < STACKS_BASE + STACKS_SIZE && address % 8 == 0) ||
           (address >= (uint64_t)image_start && address < (uint64_t)image_end && address % 8 == 0);
}

/* A line for the serial port, and for the screen if it has room. */
__attribute__((format(printf, 2, 3))) static void panic_print(bool on_screen, const char *fmt,
                                                              ...) {
    char line[TRACE_LINE_SIZE + 16];
    va_list args;

    va_start(args, fmt);
    int length = format_va(line, sizeof(line), fmt, args);
    va_end(args);
    console_line(CONSOLE_SERIAL | (on_screen ? CONSOLE_SCREEN : 0), NULL, line, 0,
                 (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

/* `back` is 1 for a return address: the CALL is before it, and may be the last instruction of its
 * function. */
static void panic_print_address(bool on_screen, uint64_t address, uint64_t back) {
    uint64_t offset = 0;
    const char *name = symbol_lookup(address - back, &offset);

    if (name)
        panic_print(on_screen, "    0x%016lx %s+0x%lx\n", address, name, offset + back);
    else
        panic_print(on_screen, "    0x%016lx\n", address);
}

/* RBP points to a pair: RBP of the caller, which is higher on the stack, and the return address. */
static void panic_print_backtrace(uint64_t rip, uint64_t rbp) {
    console_print("  backtrace:\n");
    if (rip)
        panic_print_address(true, rip, 0);
    for (unsigned i = 0; i < BACKTRACE_FRAMES && is_stack(rbp) && is_stack(rbp + 8); i++) {
        const uint64_t *frame = (const uint64_t *)rbp;
        if (!frame[1])
            break;
        panic_print_address(i < SCREEN_FRAMES, frame[1], 1);
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
}

static unsigned count_events(void) {
    struct trace_cursor cursor[BOOT_MAX_CPUS];
    unsigned cpu, count = 0;

    host_trace_last(cursor, TRACE_EVENTS);
    while (trace_next(cursor, host.cpu_count, &cpu))
        count++;
    return count;
}

static void panic_print_trace(void) {
    struct trace_cursor cursor[BOOT_MAX_CPUS];
    const struct trace_record *record;
    unsigned cpu, left = count_events();

    console_print("  last events of each CPU:\n");
    host_trace_last(cursor, TRACE_EVENTS);
    while ((record = trace_next(cursor, host.cpu_count, &cpu))) {
        char line[TRACE_LINE_SIZE];
        trace_text(line, sizeof(line), record, host.tsc_at_start);
        panic_print(left <= SCREEN_EVENTS, "    CPU %u %s\n", cpu, line);
        left -= left > 0;
    }
}

/* The first CPU that panics prints; all others stop, so that their output does not cut its report
 * to pieces. */
static void panic_begin(void) {
    interrupts_off();
    uint32_t running = stop_others();
    console_break_lock();
    if (running)
        console_print("\npinwheel: %u CPUs do not stop; they may print, too\n", running);
}

static _Noreturn void panic_end(void) {
    panic_print_trace();
    console_print("PINWHEEL panic: the machine has stopped; reset it, and please report this\n");
    for (;;)
        halt();
}

static void panic_report(const char *text, uint64_t frame) {
    panic_begin();
    console_verdict("\nPINWHEEL panic: %s\n", text);
    panic_print_backtrace(0, frame);
    panic_end();
}

void panic_init(void) {
    panic_set_handler(panic_report);
}

_Noreturn void panic_trap(struct trap_frame *f) {
    panic_begin();
    if (f->vector == VECTOR_MC)
        machine_check_print();
    console_verdict("\nPINWHEEL panic: %s in the hypervisor, error code 0x%lx\n",
                    exception_name(f->vector), f->error_code);
    console_print("  rip %016lx rsp %016lx rflags %08lx\n", f->rip, f->rsp, f->rflags);
    console_print("  cr2 %016lx cr3 %016lx\n", read_cr2(), read_cr3());
    console_print("  rax %016lx rbx %016lx rcx %016lx\n", f->rax, f->rbx, f->rcx);
    console_print("  rdx %016lx rsi %016lx rdi %016lx\n", f->rdx, f->rsi, f->rdi);
    console_print("  rbp %016lx r8  %016lx r9  %016lx\n", f->rbp, f->r8, f->r9);
    console_print("  r10 %016lx r11 %016lx r12 %016lx\n", f->r10, f->r11, f->r12);
    console_print("  r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    panic_print_backtrace(f->rip, f->rbp);
    panic_end();
}
