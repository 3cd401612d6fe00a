/* The PC's legacy interrupt controllers, a pair of 8259As, and its timer, an 8254: first as a guest
 * uses them that ignores the APICs, then through LINT0 and through the I/O APIC.
 *
 * Other vCPUs spin. No command line. 8259A and 8254 data sheets; MultiProcessor Specification 1.4,
 * "Virtual Wire Mode via Local APIC" and "... via I/O APIC". */
#include "guest/lib/pic.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/pit.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define BASE         0x40 /* vectors of IRQ 0 to 15 */
#define PIT_TICKS    2000 /* at 1.19 MHz: more than any path through the hypervisor takes */
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

static void handle_pic(uint8_t vector) {
    count[vector]++;
    pic_eoi(vector - BASE);
}

static void handle_apic(uint8_t vector) {
    count[vector]++;
    apic_eoi();
}

static void pulse(uint8_t irq) {
    line_set(irq, 1);
    spin(SPIN);
    line_set(irq, 0);
    spin(SPIN);
}

/* LINT0 is in ExtINT mode, as the firmware leaves it. */
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
    report(count[BASE + IRQ_TEST] == 1, "an IRQ is not delivered while interrupts are disabled");
    interrupts_on();
    spin(SPIN);
    report(count[BASE + IRQ_TEST] == 2, "a pending IRQ is delivered when interrupts are enabled");
    line_set(IRQ_TEST, 0);
    interrupts_off();
}

static void test_timer(void) {
    outb(PIC_MASTER + 1, 0xfe);
    pit_start(2, PIT_TICKS);
    halt_until(&count[BASE], PERIODS);
    report(count[BASE] >= PERIODS, "the 8254 in mode 2 interrupts periodically through the 8259A");
    pit_start(0, PIT_TICKS);
    uint32_t before = count[BASE];
    halt_until(&count[BASE], before + 1);
    interrupts_on();
    spin(SPIN);
    interrupts_off();
    report(count[BASE] == before + 1, "the 8254 in mode 0 interrupts once");
    outb(PIT_CONTROL, 0xc2); /* read back: count and status of counter 0 */
    report((inb(PIT_COUNTER_0) & 0x3f) == 0x30, "the 8254's status reads back the mode");
    outb(PIC_MASTER + 1, 0xff);
}

static void test_lint0(void) {
    outb(PIC_MASTER + 1, (uint8_t) ~(1 << IRQ_TEST));
    apic_write(APIC_LVT_LINT0, VECTOR_LINT0);
    interrupts_on();
    line_set(IRQ_TEST, 1);
    spin(SPIN);
    interrupts_off();
    report(count[VECTOR_LINT0] == 1, "LINT0 in fixed mode delivers the 8259A's output as an edge");
    outb(PIC_MASTER, 0x0c); /* poll command, whose read acknowledges */
    report(inb(PIC_MASTER) == (0x80 | IRQ_TEST), "a poll reports the IRQ");
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
    report(count[BASE + IRQ_TEST] == before + 1,
           "an IRQ arrives through an I/O APIC entry in ExtINT mode");
    ioapic_mask(PIN_EXTINT);
    outb(PIC_MASTER + 1, 0xff);
    ioapic_write_entry(PIN_TIMER, VECTOR_TIMER);
    pit_start(3, PIT_TICKS);
    halt_until(&count[VECTOR_TIMER], PERIODS);
    report(count[VECTOR_TIMER] >= PERIODS, "the 8254 interrupts through pin 2 of the I/O APIC");
    ioapic_mask(PIN_TIMER);
}

void guest_main(void) {
    for (uint8_t irq = 0; irq < 16; irq++)
        interrupt_handle((uint8_t)(BASE + irq), handle_pic);
    interrupt_handle(VECTOR_TIMER, handle_apic);
    interrupt_handle(VECTOR_LINT0, handle_apic);
    test_virtual_wire();
    test_timer();
    apic_init(false);
    cpus_start(0);
    test_lint0();
    test_ioapic();
    report_done();
}
