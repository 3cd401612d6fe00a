/* The interrupts of the real-time clock, through pin 8 of the I/O APIC, edge-triggered, and through
 * input 0 of the second 8259.
 *
 * No command line. Look at the COUNTERS: an edge-triggered interrupt causes no EOI exit. MC146818A
 * data sheet, "Interrupts". */
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/pic.h"
#include "guest/lib/report.h"
#include "guest/lib/rtc.h"
#include "guest/lib/start.h"

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
#define UPDATE        0x10 /* enables in register B, flags in register C */
#define ALARM         0x20
#define PERIODIC      0x40
#define REQUEST       0x80
#define ANY           0xc0 /* in an alarm register: matches every value */
#define PERIODS       64
#define LONG          100000 /* PAUSEs: many periods */
#define BASE          0x40
#define PIN           8
#define VECTOR        0x81

static volatile uint32_t count, wanted;
static volatile uint8_t flags; /* register C, as the last handler read it */
static volatile bool handler_reads_c = true;

/* The last interrupt disables all before it reads register C: no other can begin before that. */
static void handle(void) {
    if (++count == wanted)
        rtc_write(REGISTER_B, B_24_HOURS);
    if (handler_reads_c)
        flags = rtc_read(REGISTER_C);
}

static void handle_pin(uint8_t vector) {
    (void)vector;
    handle();
    apic_eoi();
}

static void handle_pic(uint8_t vector) {
    (void)vector;
    handle();
    pic_eoi(PIN);
}

/* Enables interrupts of the clock and waits for this many of them. */
static void wait_for(uint8_t enable, uint32_t times) {
    interrupts_off();
    count = 0;
    wanted = times;
    rtc_read(REGISTER_C);
    rtc_write(REGISTER_B, B_24_HOURS | enable);
    halt_until(&count, times);
}

static void wait_long(void) {
    interrupts_on();
    spin(LONG);
    interrupts_off();
}

static void test_periodic(void) {
    rtc_write(REGISTER_A, RATE_8192_HZ);
    wait_for(PERIODIC, PERIODS);
    report(flags & PERIODIC, "periodic interrupts arrive");
    wait_long();
    report(count == PERIODS, "no interrupt arrives while they are disabled");
    handler_reads_c = false;
    wanted = count = 0;
    rtc_write(REGISTER_B, B_24_HOURS | PERIODIC);
    wait_long();
    report(count == 1, "only one interrupt arrives while register C is not read");
    report((rtc_read(REGISTER_C) & (REQUEST | PERIODIC)) == (REQUEST | PERIODIC),
           "register C reports a periodic interrupt");
    handler_reads_c = true;
    rtc_write(REGISTER_B, B_24_HOURS);
    rtc_write(REGISTER_A, RATE_NONE);
}

static void test_update(void) {
    uint8_t before;

    wait_for(UPDATE, 1);
    before = rtc_read(SECONDS);
    wait_for(UPDATE, 1);
    report(flags == UPDATE, "an update-ended interrupt arrives");
    report(rtc_read(SECONDS) != before, "the seconds have changed");
}

/* Sets the alarm to the next second, in BCD, of any minute. */
static void test_alarm(void) {
    uint8_t next = (uint8_t)(rtc_read(SECONDS) + 1);

    if ((next & 15) > 9)
        next = (uint8_t)(next + 6);
    if (next == 0x60)
        next = 0;
    rtc_write(SECONDS_ALARM, next);
    rtc_write(MINUTES_ALARM, ANY);
    rtc_write(HOURS_ALARM, ANY);
    wait_for(ALARM, 1);
    report(flags & ALARM, "the alarm interrupt arrives");
    report(rtc_read(SECONDS) == next, "the alarm arrives at its second");
}

/* LINT0 is in ExtINT mode, as the firmware leaves it. */
static void test_pic(void) {
    pic_init(BASE, (uint8_t) ~(1 << 2), 0xfe);
    interrupt_handle(BASE + PIN, handle_pic);
    rtc_write(REGISTER_A, RATE_8192_HZ);
    wait_for(PERIODIC, PERIODS);
    report((flags & PERIODIC) && count == PERIODS,
           "periodic interrupts arrive through the second 8259");
    rtc_write(REGISTER_A, RATE_NONE);
    outb(PIC_SLAVE + 1, 0xff);
    outb(PIC_MASTER + 1, 0xff);
}

void guest_main(void) {
    test_pic();
    apic_init(false);
    interrupt_handle(VECTOR, handle_pin);
    ioapic_write_entry(PIN, VECTOR);
    test_periodic();
    test_update();
    test_alarm();
    report_done();
}
