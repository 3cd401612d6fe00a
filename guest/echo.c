/* A guest to type to: it reads lines from its serial port by interrupts and says what they were.
 *
 * The UART's interrupt is pin 4 of the I/O APIC, level-triggered. Commands: "time" shows the
 * real-time clock, "button" waits for the power button, "flood" prints a lot, "work" tells what a
 * loop takes, "escapes" says what a terminal would take for commands, "slow" lets what comes next
 * wait a long time, "spin" never waits again, "quit" ends with a report.
 * Everything else comes back in brackets, control characters as <03>. First it says a line with a
 * long pause in it. PC16550D and MC146818 data sheets. */
#include "arch/apic_registers.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
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
#define FCR_FOUR      0x40 /* trigger level */
#define MCR_OUT2      0x08
#define MCR_LOOPBACK  0x10
#define LSR_RECEIVED  0x01
#define PIN           4
#define VECTOR        0x61
#define RTC           0x70
#define BUTTON        0x603 /* bit 0: pressed; to write it says that it was seen */
#define BUTTON_PIN    19
#define BUTTON_VECTOR 0x62
#define LINE          1024
#define FLOOD         400
#define WORK          40000000u
#define ROUNDS        5000000 /* meanwhile 1000 bytes come, in the emulator */

static char line[LINE + 1];
static volatile uint32_t length, interrupts, empty;
static volatile bool complete;

/* As much as there is, unless a line waits to be answered: then the rest waits in the UART. */
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
    for (uint32_t i = 0; i < 1000; i++)
        pause();
    interrupts_off();
    outb(IER, 0);
    report(interrupts == 1 && empty == 1, "an empty transmitter interrupts once");
    outb(MCR, MCR_LOOPBACK | MCR_OUT2);
    for (uint32_t i = 0; i < 3; i++)
        outb(UART, (uint8_t)('a' + i));
    bool heard = inb(LSR) & LSR_RECEIVED && inb(UART) == 'a' && inb(UART) == 'b' &&
                 inb(UART) == 'c' && !(inb(LSR) & LSR_RECEIVED);
    outb(MCR, MCR_OUT2);
    report(heard, "in loopback it hears itself");
}

static uint8_t rtc(uint8_t index) {
    outb(RTC, index);
    return inb(RTC + 1);
}

static volatile uint32_t presses;

/* Until it was seen the line stays high. */
static void press(uint8_t vector) {
    (void)vector;
    presses += inb(BUTTON);
    outb(BUTTON, 1);
    if (inb(BUTTON))
        presses += 100;
    apic_eoi();
}

static void wait_for_button(void) {
    print("waits for its button\n");
    interrupt_handle(BUTTON_VECTOR, press);
    ioapic_write_entry(BUTTON_PIN, rte_level(BUTTON_VECTOR, 0));
    interrupts_off();
    for (uint32_t before = presses; presses == before; interrupts_off())
        interrupts_on_and_halt();
    print("pressed %u times\n", presses);
}

static bool is(const char *word) {
    uint32_t i = 0;

    while (word[i] && i < length && line[i] == word[i])
        i++;
    return !word[i] && i == length;
}

/* About as fast as the machine can print; it is said when it is over. */
static void flood(void) {
    for (uint32_t i = 0; i < FLOOD; i++)
        print("%0200u\n", i);
    print("flooded\n");
}

/* Instructions, and ticks of the TSC, which are the same in the emulator but for what takes the
 * processor away. */
static void work(void) {
    uint64_t begun = rdtsc();
    uint32_t left = WORK / 2;

    interrupts_on();
    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(left)::"cc");
    interrupts_off();
    print("took %u of %u\n", (uint32_t)(rdtsc() - begun), WORK);
}

static void wait_long(void) {
    for (uint32_t i = 0; i < ROUNDS; i++)
        pause();
}

/* Busy, and reads nothing: until something has come, and for long after that. */
static void be_slow(void) {
    print("waits\n");
    while (!(inb(LSR) & LSR_RECEIVED))
        pause();
    wait_long();
}

/* What could fool a terminal, and letters that must stay. */
static void try_escapes(void) {
    print("a\x1b[2Jb\x1b[31mc \x07 \x7f \x9b \xc2\x9b"
          "2J \xc4\x9b\xc3\xa9\n");
}

/* The line as it came, then an empty one for the next. */
static void answer(void) {
    if (is("time"))
        print("%02x%02x-%02x-%02x %02x:%02x\n", rtc(0x32), rtc(9), rtc(8), rtc(7), rtc(4), rtc(2));
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
        print("spins\n");
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
    outb(IIR, FCR_ENABLE | FCR_FOUR);
    outb(MCR, MCR_OUT2);
    ioapic_write_entry(PIN, rte_level(VECTOR, 0));
    test_uart();
    print("a line in ");
    wait_long();
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
    report(interrupts > 1, "what was typed came by interrupts");
    report_done();
}
