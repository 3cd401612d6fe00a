/* A guest to type to: it reads lines from its serial port by interrupts and answers each.
 *
 * The UART interrupts through pin 4 of the I/O APIC, level-triggered. Commands:
 *   time     prints the real-time clock
 *   button   waits for the power button and prints how often it was pressed
 *   flood    prints many lines
 *   work     prints how long a loop of a fixed number of instructions took
 *   escapes  prints escape sequences that must not reach the user's terminal
 *   slow     waits for input and leaves it in the UART for a long time
 *   spin     runs forever without halting
 *   quit     ends with a report
 * Any other line is printed in brackets, with its length and control characters as <03>. Before the
 * first prompt it prints a line with a long pause in it. PC16550D and MC146818A data sheets. */
#include "arch/apic_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/rtc.h"
#include "guest/lib/start.h"

#define UART          0x3f8
#define IER           (UART + 1)
#define IIR           (UART + 2) /* FCR when written */
#define MCR           (UART + 4)
#define LSR           (UART + 5)
#define IER_RECEIVED  0x01
#define IER_EMPTY     0x02
#define IIR_EMPTY     0x02
#define FCR_ENABLE    0x01
#define FCR_TRIGGER_4 0x40 /* interrupt at four received characters */
#define MCR_OUT2      0x08
#define MCR_LOOPBACK  0x10
#define LSR_RECEIVED  0x01
#define PIN           4
#define VECTOR        0x61
#define BUTTON        0x603 /* bit 0: pressed; writing 1 acknowledges it */
#define BUTTON_PIN    19
#define BUTTON_VECTOR 0x62
#define LINE          1024
#define FLOOD         400
#define WORK          40000000u
#define LONG          5000000 /* PAUSEs in which 1000 bytes arrive, in the emulator */

static char line[LINE + 1];
static volatile uint32_t length, interrupts, empty;
static volatile bool complete;

/* Reads all received characters up to the end of a line. Those after it stay in the UART until the
 * line has been answered. */
static void receive(uint8_t vector) {
    (void)vector;
    interrupts++;
    if ((inb(IIR) & 0x0f) == IIR_EMPTY)
        empty++;
    while (!complete && (inb(LSR) & LSR_RECEIVED)) {
        char c = (char)inb(UART);
        if (c == '\r' || c == '\n')
            complete = true;
        else if (length < LINE)
            line[length++] = c;
    }
    if (complete)
        outb(IER, 0);
    apic_eoi();
}

static void test_uart(void) {
    report((inb(IIR) & 0xc0) == 0xc0, "the UART has FIFOs");
    interrupts_on();
    outb(IER, IER_EMPTY);
    spin(1000);
    interrupts_off();
    outb(IER, 0);
    report(interrupts == 1 && empty == 1,
           "enabling the transmitter-empty interrupt raises it once");
    outb(MCR, MCR_LOOPBACK | MCR_OUT2);
    for (uint32_t i = 0; i < 3; i++)
        outb(UART, (uint8_t)('a' + i));
    bool looped = inb(LSR) & LSR_RECEIVED && inb(UART) == 'a' && inb(UART) == 'b' &&
                  inb(UART) == 'c' && !(inb(LSR) & LSR_RECEIVED);
    outb(MCR, MCR_OUT2);
    report(looped, "in loopback mode the UART receives what it sends");
}

static volatile uint32_t presses;

/* The line stays active until the press is acknowledged. */
static void handle_button(uint8_t vector) {
    (void)vector;
    presses += inb(BUTTON);
    outb(BUTTON, 1);
    if (inb(BUTTON))
        presses += 100;
    apic_eoi();
}

static void wait_for_button(void) {
    print("waiting for the power button\n");
    interrupt_handle(BUTTON_VECTOR, handle_button);
    ioapic_write_entry(BUTTON_PIN, rte_level(BUTTON_VECTOR, 0));
    halt_until(&presses, presses + 1);
    print("pressed %u times\n", presses);
}

static bool is(const char *word) {
    uint32_t i = 0;

    while (word[i] && i < length && line[i] == word[i])
        i++;
    return !word[i] && i == length;
}

/* Prints as fast as the machine can. */
static void flood(void) {
    for (uint32_t i = 0; i < FLOOD; i++)
        print("%0200u\n", i);
    print("flooded\n");
}

/* A loop of WORK instructions, timed by the TSC. In the emulator a tick is an instruction, so the
 * difference is the time in which this vCPU did not run. */
static void work(void) {
    uint64_t begun = rdtsc();
    uint32_t left = WORK / 2;

    interrupts_on();
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(left)::"cc");
    interrupts_off();
    print("took %u of %u\n", (uint32_t)(rdtsc() - begun), WORK);
}

/* Reads nothing for a long time after the first character has arrived. */
static void be_slow(void) {
    print("reading nothing\n");
    while (!(inb(LSR) & LSR_RECEIVED))
        pause();
    spin(LONG);
}

/* Escape sequences and control characters, and letters that must not be changed. */
static void try_escapes(void) {
    print("a\x1b[2Jb\x1b[31mc \x07 \x7f \x9b \xc2\x9b"
          "2J \xc4\x9b\xc3\xa9\n");
}

/* Runs the command that was typed, or prints the line in brackets. */
static void answer(void) {
    if (is("time"))
        print("%02x%02x-%02x-%02x %02x:%02x\n", rtc_read(0x32), rtc_read(9), rtc_read(8),
              rtc_read(7), rtc_read(4), rtc_read(2));
    else if (is("button"))
        wait_for_button();
    else if (is("flood"))
        flood();
    else if (is("work"))
        work();
    else if (is("escapes"))
        try_escapes();
    else if (is("slow"))
        be_slow();
    else if (is("spin")) {
        print("spinning\n");
        for (;;)
            pause();
    } else {
        print("[");
        for (uint32_t i = 0; i < length; i++) {
            char text[] = {line[i], 0};
            if (line[i] < ' ')
                print("<%02x>", line[i]);
            else
                print("%s", text);
        }
        print("] %u bytes\n", length);
    }
}

void guest_main(void) {
    apic_init(false);
    interrupt_handle(VECTOR, receive);
    outb(IIR, FCR_ENABLE | FCR_TRIGGER_4);
    outb(MCR, MCR_OUT2);
    ioapic_write_entry(PIN, rte_level(VECTOR, 0));
    test_uart();
    print("a line in ");
    spin(LONG);
    print("two pieces\n");
    while (!is("quit")) {
        length = 0;
        print("echo> ");
        complete = false;
        outb(IER, IER_RECEIVED);
        interrupts_off();
        while (!complete) {
            interrupts_on_and_halt();
            interrupts_off();
        }
        print("\n");
        if (!is("quit"))
            answer();
    }
    report(interrupts > 1, "input arrived by interrupts");
    report_done();
}
