/* What panic() prints: see panic.h.
 *
 * The screen may have no more than 25 lines of 80 characters, and a photograph of it is all that
 * some users can send. So the lines are short, and what exceeds the screen is printed on the serial
 * port only: the outer frames of the backtrace, and older events. What the screen showed before
 * moves up until all of that fits. */
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
#include "drivers/framebuffer.h"
#include "lib/format.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/machine_check.h"
#include "vmm/host/stop.h"

#define BACKTRACE_FRAMES 24
#define SCREEN_FRAMES    5            /* of them on the screen */
#define EVENT_PREFIX     12           /* characters before its text */
#define BANK_ROWS        2            /* at most, of a machine check */
#define LAST_ROWS        2            /* around the events */
#define STACKS_SIZE      (1ULL << 39) /* one entry of the top page table */
#define TRACE_EVENTS     24           /* of each CPU */
#define TRACE_LINE_SIZE  160

extern const char image_start[], image_end[];

static unsigned rows_left = FRAMEBUFFER_ROWS; /* of the screen */

static bool is_stack(uint64_t address) {
    return (address >= STACKS_BASE && address < STACKS_BASE + STACKS_SIZE && address % 8 == 0) ||
           (address >= (uint64_t)image_start && address < (uint64_t)image_end && address % 8 == 0);
}

static unsigned rows_of(size_t characters) {
    return (unsigned)(characters + FRAMEBUFFER_COLUMNS - 1) / FRAMEBUFFER_COLUMNS;
}

static void take_rows(unsigned rows) {
    rows_left -= rows < rows_left ? rows : rows_left;
}

/* Formats a line, and counts its rows if it is to be shown on the screen. Returns its length. */
__attribute__((format(printf, 3, 0))) static size_t
panic_format(bool on_screen, char line[CONSOLE_LINE], const char *fmt, va_list args) {
    int length = format_va(line, CONSOLE_LINE, fmt, args);
    size_t size = (size_t)length < CONSOLE_LINE ? (size_t)length : CONSOLE_LINE - 1;

    if (on_screen)
        take_rows(rows_of(size - 1)); /* without its newline */
    return size;
}

/* A line for the serial port, and perhaps for the screen. */
__attribute__((format(printf, 2, 3))) static void panic_print(bool on_screen, const char *fmt,
                                                              ...) {
    char line[CONSOLE_LINE];
    va_list args;

    va_start(args, fmt);
    size_t size = panic_format(on_screen, line, fmt, args);
    va_end(args);
    console_line(CONSOLE_SERIAL | (on_screen ? CONSOLE_SCREEN : 0), NULL, line, 0, size);
}

__attribute__((format(printf, 1, 2))) static void panic_verdict(const char *fmt, ...) {
    char line[CONSOLE_LINE];
    va_list args;

    va_start(args, fmt);
    panic_format(true, line, fmt, args);
    va_end(args);
    console_verdict("%s", line);
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
    panic_print(true, "  backtrace:\n");
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

/* How many of the last events have room on the screen, and in *count how many there are. */
static unsigned events_that_fit(unsigned *count) {
    struct trace_cursor cursor[BOOT_MAX_CPUS];
    const struct trace_record *record;
    unsigned cpu, fit = 0, left = rows_left > LAST_ROWS ? rows_left - LAST_ROWS : 0;
    unsigned rows[FRAMEBUFFER_ROWS] = {0}; /* of the last events, round */

    *count = 0;
    host_trace_last(cursor, TRACE_EVENTS);
    while ((record = trace_next(cursor, host.cpu_count, &cpu))) {
        char line[TRACE_LINE_SIZE];
        int length = trace_text(line, sizeof(line), record, host.tsc_at_start);
        rows[(*count)++ % FRAMEBUFFER_ROWS] = rows_of(EVENT_PREFIX + (size_t)length);
    }
    for (; fit < *count && fit < FRAMEBUFFER_ROWS; fit++) {
        unsigned needed = rows[(*count - 1 - fit) % FRAMEBUFFER_ROWS];
        if (needed > left)
            break;
        left -= needed;
    }
    return fit;
}

static void panic_print_trace(void) {
    struct trace_cursor cursor[BOOT_MAX_CPUS];
    const struct trace_record *record;
    unsigned cpu, left, shown = events_that_fit(&left);

    panic_print(true, "  last events of each CPU:\n");
    host_trace_last(cursor, TRACE_EVENTS);
    while ((record = trace_next(cursor, host.cpu_count, &cpu))) {
        char line[TRACE_LINE_SIZE];
        trace_text(line, sizeof(line), record, host.tsc_at_start);
        panic_print(left <= shown, "    CPU %u %s\n", cpu, line);
        left -= left > 0;
    }
}

/* The first CPU that panics prints; all others stop, so that their output does not cut its report
 * to pieces. */
static void panic_begin(void) {
    interrupts_off();
    uint32_t running = stop_others();
    console_break_lock();
    framebuffer_make_room(FRAMEBUFFER_ROWS);
    console_line(CONSOLE_SERIAL, NULL, "\n", 0, 1); /* another CPU's line may be unfinished */
    if (running)
        panic_print(true, "pinwheel: %u CPUs do not stop; they may print, too\n", running);
}

static _Noreturn void panic_end(void) {
    panic_print_trace();
    console_print("PINWHEEL panic: the machine has stopped; reset it, and please report this\n");
    for (;;)
        halt();
}

static void panic_report(const char *text, uint64_t frame) {
    panic_begin();
    panic_verdict("PINWHEEL panic: %s\n", text);
    panic_print_backtrace(0, frame);
    panic_end();
}

void panic_init(void) {
    panic_set_handler(panic_report);
}

static void panic_print_machine_checks(void) {
    take_rows(BANK_ROWS * machine_check_print());
}

_Noreturn void panic_machine_check(const char *guest) {
    panic_begin();
    panic_print_machine_checks();
    panic_verdict("PINWHEEL panic: machine check in guest %s: the processor reports a hardware "
                  "error\n",
                  guest);
    panic_print_backtrace(0, (uint64_t)__builtin_frame_address(0));
    panic_end();
}

_Noreturn void panic_trap(struct trap_frame *f) {
    panic_begin();
    if (f->vector == VECTOR_MC)
        panic_print_machine_checks();
    panic_verdict("PINWHEEL panic: %s in the hypervisor, error code 0x%lx\n",
                  exception_name(f->vector), f->error_code);
    panic_print(true, "  rip %016lx rsp %016lx rflags %08lx\n", f->rip, f->rsp, f->rflags);
    panic_print(true, "  cr2 %016lx cr3 %016lx\n", read_cr2(), read_cr3());
    panic_print(true, "  rax %016lx rbx %016lx rcx %016lx\n", f->rax, f->rbx, f->rcx);
    panic_print(true, "  rdx %016lx rsi %016lx rdi %016lx\n", f->rdx, f->rsi, f->rdi);
    panic_print(true, "  rbp %016lx r8  %016lx r9  %016lx\n", f->rbp, f->r8, f->r9);
    panic_print(true, "  r10 %016lx r11 %016lx r12 %016lx\n", f->r10, f->r11, f->r12);
    panic_print(true, "  r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    panic_print_backtrace(f->rip, f->rbp);
    panic_end();
}
