/* The PC's old interrupt controllers: a pair of 8259As and an 8254, as a guest without an APIC
 * knows them, and as one with an APIC gets at them.
 *
 * Further vCPUs spin, from the moment when there is an APIC to start them. No command line. 8259A
 * and 8254 data sheets; MultiProcessor Specification 1.4, "Virtual Wire Mode via Local APIC" and
 * "... via I/O APIC". */
#include "guest/lib/pic.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define BASE         0x40 /* vectors of IRQ 0 to 15 */
#define PIT          0x40
#define PIT_CONTROL  0x43
#define PIT_TICKS    2000 /* of 1.19 MHz: longer than any path through the hypervisor */
#define PERIODS      5
#define PIN_TIMER    2
#define PIN_EXTINT   0
#define IRQ_TEST     5
#define IRQ_SLAVE    10
#define VECTOR_TIMER 0x81
#define VECTOR_LINT0 0x82
#define EXTINT       (7u << RTE_DELIVERY_SHIFT)
#define SPIN         2000

static volatile uint32_t count[256];

/* Waits until the vector has come so often; the runner's time limit ends it if it never does. */
static void wait_for(uint8_t vector, uint32_t times) {
    interrupts_off();
    while (count[vector] < times) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

static void by_pic(uint8_t vector) {
    count[vector]++;
    pic_eoi(vector - BASE);
}

static void by_apic(uint8_t vector) {
    count[vector]++;
    apic_eoi();
}

/* Counter 0, low byte and high byte. */
static void pit_start(uint8_t mode, uint16_t ticks) {
    outb(PIT_CONTROL, (uint8_t)(0x30 | mode << 1));
    outb(PIT, (uint8_t)ticks);
    outb(PIT, (uint8_t)(ticks >> 8));
}

static void pulse(uint8_t irq) {
    line_set(irq, 1);
    spin(SPIN);
    line_set(irq, 0);
    spin(SPIN);
}

/* As the firmware leaves it: LINT0 takes ExtINT. */
static void test_virtual_wire(void) {
    pic_init(BASE, 0xff, 0xff);
    interrupts_on();
    pulse(IRQ_TEST);
    report(count[BASE + IRQ_TEST] == 0, "a masked IRQ does not arrive");
    outb(PIC_MASTER + 1, (uint8_t) ~(1 << IRQ_TEST | 1 << 2));
    outb(PIC_SLAVE + 1, (uint8_t) ~(1 << (IRQ_SLAVE - 8)));
    pulse(IRQ_TEST);
    report(count[BASE + IRQ_TEST] == 1, "an IRQ of the master arrives");
    pulse(IRQ_SLAVE);
    report(count[BASE + IRQ_SLAVE] == 1, "an IRQ of the slave arrives");
    interrupts_off();
    line_set(IRQ_TEST, 1);
    spin(SPIN);
    report(count[BASE + IRQ_TEST] == 1, "with interrupts off it waits");
    interrupts_on();
    spin(SPIN);
    report(count[BASE + IRQ_TEST] == 2, "with interrupts on it comes");
    line_set(IRQ_TEST, 0);
    interrupts_off();
}

static void test_timer(void) {
    outb(PIC_MASTER + 1, 0xfe);
    pit_start(2, PIT_TICKS);
    wait_for(BASE, PERIODS);
    report(count[BASE] >= PERIODS, "the 8254 interrupts by the 8259, again and again");
    pit_start(0, PIT_TICKS);
    uint32_t before = count[BASE];
    wait_for(BASE, before + 1);
    interrupts_on();
    spin(SPIN);
    interrupts_off();
    report(count[BASE] == before + 1, "in mode 0 it does so once");
    outb(PIT_CONTROL, 0xc2); /* read back: count and status of counter 0 */
    report((inb(PIT) & 0x3f) == 0x30, "the status read back is what was written");
    outb(PIC_MASTER + 1, 0xff);
}

static void test_lint0(void) {
    outb(PIC_MASTER + 1, (uint8_t) ~(1 << IRQ_TEST));
    apic_write(APIC_LVT_LINT0, VECTOR_LINT0);
    interrupts_on();
    line_set(IRQ_TEST, 1);
    spin(SPIN);
    interrupts_off();
    report(count[VECTOR_LINT0] == 1, "LINT0 in fixed mode takes the 8259's output for an edge");
    outb(PIC_MASTER, 0x0c); /* poll, which acknowledges */
    report(inb(PIC_MASTER) == (0x80 | IRQ_TEST), "a poll says which IRQ it was");
    outb(PIC_MASTER, PIC_NON_SPECIFIC_EOI);
    line_set(IRQ_TEST, 0);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
}

static void test_ioapic(void) {
    uint32_t before = count[BASE + IRQ_TEST];

    ioapic_write_entry(PIN_EXTINT, EXTINT);
    interrupts_on();
    pulse(IRQ_TEST);
    interrupts_off();
    report(count[BASE + IRQ_TEST] == before + 1, "an entry of the I/O APIC takes ExtINT");
    ioapic_mask(PIN_EXTINT);
    outb(PIC_MASTER + 1, 0xff);
    ioapic_write_entry(PIN_TIMER, VECTOR_TIMER);
    pit_start(3, PIT_TICKS);
    wait_for(VECTOR_TIMER, PERIODS);
    report(count[VECTOR_TIMER] >= PERIODS, "the 8254 interrupts by pin 2 of the I/O APIC");
    ioapic_mask(PIN_TIMER);
}

void guest_main(void) {
    for (uint8_t irq = 0; irq < 16; irq++)
        interrupt_handle((uint8_t)(BASE + irq), by_pic);
    interrupt_handle(VECTOR_TIMER, by_apic);
    interrupt_handle(VECTOR_LINT0, by_apic);
    test_virtual_wire();
    test_timer();
    apic_init(false);
    cpus_start(0);
    test_lint0();
    test_ioapic();
    report_done();
}
