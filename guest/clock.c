/* The real-time clock's interrupts, as a guest gets them: by pin 8 of the I/O APIC, edge-triggered,
 * and by input 0 of the second 8259.
 *
 * No command line. MC146818A data sheet, "Interrupts". */
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/pic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define INDEX         0x70
#define DATA          0x71
#define SECONDS       0
#define SECONDS_ALARM 1
#define MINUTES_ALARM 3
#define HOURS_ALARM   5
#define REGISTER_A    10
#define REGISTER_B    11
#define REGISTER_C    12
#define RATE_8192_HZ  0x23 /* of a 32768 Hz crystal */
#define RATE_NONE     0x20
#define B_24_HOURS    0x02
#define UPDATE        0x10 /* enable in B, flag in C */
#define ALARM         0x20
#define PERIODIC      0x40
#define REQUEST       0x80
#define ANY           0xc0
#define PERIODS       64
#define LONG          100000 /* rounds: many periods */
#define BASE          0x40
#define PIN           8
#define VECTOR        0x81

static volatile uint32_t count, wanted;
static volatile uint8_t flags; /* register C, as the last handler that read it has found it */
static volatile bool reads = true;

static uint8_t in(uint8_t index) {
    outb(INDEX, index);
    return inb(DATA);
}

static void out(uint8_t index, uint8_t value) {
    outb(INDEX, index);
    outb(DATA, value);
}

/* After the last one none is left over: another begins only when register C is read. */
static void take(void) {
    if (++count == wanted)
        out(REGISTER_B, B_24_HOURS);
    if (reads)
        flags = in(REGISTER_C);
}

static void by_pin(uint8_t vector) {
    (void)vector;
    take();
    apic_eoi();
}

static void by_pic(uint8_t vector) {
    (void)vector;
    take();
    pic_eoi(PIN);
}

/* Enables these and waits for so many interrupts; the runner's time limit ends it if they never
 * come. */
static void wait_for(uint8_t enable, uint32_t times) {
    interrupts_off();
    count = 0;
    wanted = times;
    in(REGISTER_C);
    out(REGISTER_B, B_24_HOURS | enable);
    while (count < times) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

static void wait_long(void) {
    interrupts_on();
    for (uint32_t i = 0; i < LONG; i++)
        pause();
    interrupts_off();
}

static void test_periodic(void) {
    out(REGISTER_A, RATE_8192_HZ);
    wait_for(PERIODIC, PERIODS);
    report(flags & PERIODIC, "a period ends, again and again");
    wait_long();
    report(count == PERIODS, "not if it is not enabled");
    reads = false;
    wanted = count = 0;
    out(REGISTER_B, B_24_HOURS | PERIODIC);
    wait_long();
    report(count == 1, "one interrupt only if nobody reads register C");
    report((in(REGISTER_C) & (REQUEST | PERIODIC)) == (REQUEST | PERIODIC), "which tells why");
    reads = true;
    out(REGISTER_B, B_24_HOURS);
    out(REGISTER_A, RATE_NONE);
}

static void test_update(void) {
    uint8_t before;

    wait_for(UPDATE, 1);
    before = in(SECONDS);
    wait_for(UPDATE, 1);
    report(flags == UPDATE, "an update has ended");
    report(in(SECONDS) != before, "and the second is another");
}

/* At the next second, in BCD, of any minute. */
static void test_alarm(void) {
    uint8_t next = (uint8_t)(in(SECONDS) + 1);

    if ((next & 15) > 9)
        next = (uint8_t)(next + 6);
    if (next == 0x60)
        next = 0;
    out(SECONDS_ALARM, next);
    out(MINUTES_ALARM, ANY);
    out(HOURS_ALARM, ANY);
    wait_for(ALARM, 1);
    report(flags & ALARM, "the alarm has come");
    report(in(SECONDS) == next, "when it is time");
}

/* As the firmware leaves it, LINT0 takes ExtINT. */
static void test_pic(void) {
    pic_init(BASE, (uint8_t) ~(1 << 2), 0xfe);
    interrupt_handle(BASE + PIN, by_pic);
    out(REGISTER_A, RATE_8192_HZ);
    wait_for(PERIODIC, PERIODS);
    report((flags & PERIODIC) && count == PERIODS, "the second 8259 takes it, too");
    out(REGISTER_A, RATE_NONE);
    outb(PIC_SLAVE + 1, 0xff);
    outb(PIC_MASTER + 1, 0xff);
}

void guest_main(void) {
    test_pic();
    apic_init(false);
    interrupt_handle(VECTOR, by_pin);
    ioapic_write_entry(PIN, VECTOR);
    test_periodic();
    test_update();
    test_alarm();
    report_done();
}
