/* Guards vmm/host/panic.c: whatever the panic, the screen shows all of its part, in 25 rows of 80
 * characters, with the reason, the backtrace's inner frames and as many events as there is room
 * for; the serial port gets everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/panic.h"
#include "arch/symbols.h"
#include "drivers/console.h"
#include "drivers/framebuffer.h"
#include "tests/machine/machine.h"
#include "vmm/host/host.h"
#include "vmm/host/machine_check.h"
#include "vmm/host/panic.h"
#include "vmm/host/stop.h"

#define IMAGE_SIZE 4096
#define FRAMES     40 /* deeper than what is printed */
#define CODE       0xffffffff80012345

/* The hypervisor's image, with a stack in it. */
__asm__(".pushsection .data\n\t"
        ".balign 16\n\t"
        ".globl image_start\n"
        "image_start: .skip 4096\n\t"
        ".globl image_end\n"
        "image_end: .skip 8\n\t"
        ".popsection");

static jmp_buf stopped;
static char serial_text[65536], screen_text[65536];
static unsigned events, event_length, next_event; /* of the trace */
static unsigned banks;
static uint32_t cpus_running; /* that do not stop */
static uint32_t room;         /* that was made on the screen */

static void test_nothing(void) {
}

static void test_halt(void) {
    longjmp(stopped, 1);
}

static uint64_t test_read(void) {
    return 0x1000;
}

static uint32_t test_stop_others(void) {
    return cpus_running;
}

static void test_make_room(uint32_t rows) {
    room = rows;
    assert_string_equal(screen_text, "");
}

static void add(char *to, const char *text, size_t size) {
    size_t length = strlen(to);

    assert_true(length + size < sizeof(serial_text));
    memcpy(to + length, text, size);
    to[length + size] = 0;
}

static uint64_t test_line(unsigned outputs, const void *owner, const char *line, size_t shown,
                          size_t size) {
    assert_null(owner);
    assert_int_equal(shown, 0);
    assert_true(size > 0 && line[size - 1] == '\n');
    if (outputs & CONSOLE_SERIAL)
        add(serial_text, line, size);
    if (outputs & CONSOLE_SCREEN)
        add(screen_text, line, size);
    return 0;
}

static void test_verdict(const char *fmt, ...) {
    char line[CONSOLE_LINE];
    va_list args;

    va_start(args, fmt);
    int size = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    test_line(CONSOLE_SERIAL | CONSOLE_SCREEN, NULL, line, 0, (size_t)size);
}

static unsigned test_machine_checks(void) {
    for (unsigned i = 0; i < banks; i++)
        test_verdict("pinwheel: machine check, %0120u\n", i); /* two rows */
    return banks;
}

static const char *test_symbol(uint64_t address, uint64_t *offset) {
    *offset = 0x10;
    return address == CODE - 1 ? "some_function" : NULL;
}

static void test_trace_last(struct trace_cursor *cursor, uint64_t most) {
    (void)cursor, (void)most;
    next_event = 0;
}

static const struct trace_record *test_trace_next(struct trace_cursor *cursor, unsigned n,
                                                  unsigned *whose) {
    static const struct trace_record record;

    (void)cursor, (void)n;
    *whose = next_event % 2;
    return next_event++ < events ? &record : NULL;
}

static int test_trace_text(char *out, size_t size, const struct trace_record *record,
                           uint64_t start) {
    (void)record, (void)start;
    return snprintf(out, size, "event %0*u", (int)event_length - 6, next_event);
}

#undef read_cr2
#undef read_cr3
#define interrupts_off        test_nothing
#define halt                  test_halt
#define read_cr2              test_read
#define read_cr3              test_read
#define stop_others           test_stop_others
#define console_break_lock    test_nothing
#define framebuffer_make_room test_make_room
#define console_line          test_line
#define console_print         test_verdict
#define console_verdict       test_verdict
#define machine_check_print   test_machine_checks
#define symbol_lookup         test_symbol
#define host_trace_last       test_trace_last
#define trace_next            test_trace_next
#define trace_text            test_trace_text
#define exception_name(v)     "#PF page fault"
#define panic_machine_check   tested_panic_machine_check
#define panic_set_handler(f)  (void)(f)
_Noreturn void tested_panic_machine_check(const char *guest);
#include "vmm/host/panic.c"

/* Makes a chain of frames, and returns its beginning. */
static uint64_t make_stack(unsigned frames) {
    uint64_t *word = (uint64_t *)(uintptr_t)image_start;

    memset(word, 0, IMAGE_SIZE);
    for (unsigned i = 0; i < frames; i++) {
        word[2 * i] = i + 1 < frames ? (uint64_t)&word[2 * i + 2] : 0;
        word[2 * i + 1] = CODE;
    }
    return (uint64_t)word;
}

static int set_up(void **state) {
    (void)state;
    machine_reset();
    serial_text[0] = screen_text[0] = 0;
    banks = cpus_running = room = 0;
    events = 100;
    event_length = 60;
    rows_left = FRAMEBUFFER_ROWS;
    return 0;
}

static struct trap_frame trap(uint64_t vector) {
    struct trap_frame frame;

    memset(&frame, 0xff, sizeof(frame)); /* the widest numbers */
    frame.vector = vector;
    frame.rip = CODE - 1;
    frame.rbp = make_stack(FRAMES);
    return frame;
}

static void run_trap(uint64_t vector) {
    struct trap_frame frame = trap(vector);

    if (!setjmp(stopped))
        panic_trap(&frame);
}

static void run_panic(const char *text) {
    uint64_t frame = make_stack(FRAMES);

    if (!setjmp(stopped))
        panic_report(text, frame);
}

static unsigned count(const char *text, const char *word) {
    unsigned number = 0;

    for (const char *at = text; (at = strstr(at, word)); at++)
        number++;
    return number;
}

/* Of the smallest screen. */
static unsigned rows(void) {
    unsigned number = 0;

    for (const char *line = screen_text, *end; (end = strchr(line, '\n')); line = end + 1)
        number += end == line ? 1 : (unsigned)(end - line + 79) / 80;
    return number;
}

/* The screen's part has room, from the reason to the last line. */
static void assert_fits(void) {
    assert_int_equal(room, FRAMEBUFFER_ROWS);
    assert_in_range(rows(), 1, FRAMEBUFFER_ROWS);
    assert_int_equal(count(screen_text, "PINWHEEL panic: "), 2);
    assert_non_null(strstr(screen_text, "PINWHEEL panic: the machine has stopped"));
    assert_int_equal(count(serial_text, "event "), events);
    assert_int_equal(count(serial_text, "some_function+0x11"), BACKTRACE_FRAMES);
}

static void an_exception_fills_the_screen(void **state) {
    (void)state;
    run_trap(VECTOR_PF);
    assert_fits();
    assert_int_equal(rows(), FRAMEBUFFER_ROWS);
    assert_int_equal(count(screen_text, "some_function+0x11"), SCREEN_FRAMES);
    assert_int_equal(count(screen_text, "event "), 8);
    assert_non_null(strstr(screen_text, "0000000100\n")); /* the last ones */
    assert_ptr_equal(strstr(screen_text, "PINWHEEL panic: #PF"), screen_text);
}

static void long_events_take_two_rows(void **state) {
    (void)state;
    event_length = 68; /* with "    CPU 1 " 78 characters */
    run_trap(VECTOR_PF);
    assert_fits();
    assert_int_equal(count(screen_text, "event "), 8);
    set_up(NULL);
    event_length = 100;
    run_trap(VECTOR_PF);
    assert_fits();
    assert_int_equal(count(screen_text, "event "), 4);
}

static void a_failed_check_has_more_events(void **state) {
    char text[PANIC_TEXT_SIZE];

    (void)state;
    run_panic("a check");
    assert_fits();
    assert_int_equal(rows(), FRAMEBUFFER_ROWS);
    set_up(NULL);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    run_panic(text);
    assert_fits();
}

static void few_events_are_all_shown(void **state) {
    (void)state;
    events = 3;
    run_trap(VECTOR_PF);
    assert_fits();
    assert_int_equal(count(screen_text, "event "), 3);
    set_up(NULL);
    events = 0;
    run_trap(VECTOR_PF);
    assert_fits();
}

static void machine_checks_take_the_place_of_events(void **state) {
    (void)state;
    banks = 3;
    run_trap(VECTOR_MC);
    assert_fits();
    assert_int_equal(count(screen_text, "event "), 2);
    assert_int_equal(count(screen_text, "machine check, "), 3);
    set_up(NULL);
    banks = 4;
    make_stack(0);
    if (!setjmp(stopped))
        tested_panic_machine_check("victim");
    assert_int_equal(room, FRAMEBUFFER_ROWS);
    assert_in_range(rows(), 1, FRAMEBUFFER_ROWS);
    assert_non_null(strstr(screen_text, "machine check in guest victim"));
    assert_int_equal(count(screen_text, "machine check, "), 4);
}

static void cpus_that_go_on_are_reported(void **state) {
    (void)state;
    cpus_running = 2;
    run_trap(VECTOR_PF);
    assert_fits();
    assert_ptr_equal(strstr(screen_text, "pinwheel: 2 CPUs do not stop"), screen_text);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_exception_fills_the_screen),           TEST(long_events_take_two_rows),
        TEST(a_failed_check_has_more_events),          TEST(few_events_are_all_shown),
        TEST(machine_checks_take_the_place_of_events), TEST(cpus_that_go_on_are_reported),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    machine_reset();
    return failed;
}
