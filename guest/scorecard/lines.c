/* Interrupt lines on any PC: see lines.h. */
#include "guest/scorecard/lines.h"

#include <stdatomic.h>

#include "guest/invariants/scene.h"
#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "lib/format.h"

#define PROBE      0x30   /* a vector below those of the invariants */
#define WAIT       100000 /* reads of a device's status */
#define INACTIVE   20     /* the first of the pins that stand in for missing lines */
#define PROBE_WAIT 2000   /* PAUSEs */

/* ---- the test device ---- */

/* QEMU's has only the IRQs of ISA, and aborts on others. Nothing else uses these. */
static const uint8_t test_pins[PINS] = {5, 7, 10, 11};

/* ---- a serial port: the transmitter is empty ---- */

#define UART_ENABLE      1 /* offsets from the base */
#define UART_MODEM       4
#define UART_EMPTY       0x02 /* in the interrupt enable register */
#define UART_OUT2        0x0b /* OUT2, which lets the line through; RTS and DTR */
#define COM1             0x3f8
#define COM2             0x2f8
#define COM1_PIN         4
#define COM2_PIN         3
#define KEYBOARD_PIN     1
#define HPET_PIN_DEFAULT 16

static void set_uart(uint8_t pin, uint8_t level) {
    uint16_t base = pin == COM1_PIN ? COM1 : COM2;
    outb(base + UART_MODEM, UART_OUT2);
    outb(base + UART_ENABLE, level ? UART_EMPTY : 0);
}

/* ---- the keyboard controller: its output buffer is full ---- */

#define KBC_DATA           0x60
#define KBC_COMMAND        0x64
#define KBC_INPUT_FULL     0x02
#define KBC_READ_CONFIG    0x20
#define KBC_WRITE_CONFIG   0x60
#define KBC_WRITE_OUTPUT   0xd2 /* the next byte seems to come from the keyboard */
#define KBC_INTERRUPT      0x01 /* in the configuration byte */
#define KBC_MOUSE_DISABLED 0x20

static void kbc_write(uint16_t port, uint8_t value) {
    for (uint32_t i = 0; i < WAIT && inb(KBC_COMMAND) & KBC_INPUT_FULL; i++)
        pause();
    outb(port, value);
}

static void set_keyboard(uint8_t pin, uint8_t level) {
    (void)pin;
    if (level) {
        kbc_write(KBC_COMMAND, KBC_WRITE_OUTPUT);
        kbc_write(KBC_DATA, 0);
    } else {
        inb(KBC_DATA);
    }
}

static void set_up_keyboard(void) {
    inb(KBC_DATA);
    kbc_write(KBC_COMMAND, KBC_READ_CONFIG);
    uint8_t config = inb(KBC_DATA);
    kbc_write(KBC_COMMAND, KBC_WRITE_CONFIG);
    kbc_write(KBC_DATA, config | KBC_INTERRUPT | KBC_MOUSE_DISABLED);
}

/* ---- the HPET: IA-PC HPET Specification 1.0a, "Register Definitions" ---- */

#define HPET_BASE       0xfed00000ULL
#define HPET_ID         0x000
#define HPET_PERIOD     0x004
#define HPET_CONFIG     0x010
#define HPET_STATUS     0x020
#define HPET_COUNTER    0x0f0
#define HPET_TIMER(n)   (0x100u + 0x20u * (n)) /* configuration; the next word has the pins */
#define HPET_COMPARATOR 8u
#define HPET_PERIOD_MAX 100000000u /* femtoseconds */
#define HPET_LEVEL      (1u << 1)
#define HPET_ENABLE     (1u << 2)
#define HPET_32_BITS    (1u << 8)
#define HPET_PIN_SHIFT  9
#define HPET_TIMERS     3
#define HPET_SOON       1000u /* ticks: at least 10 microseconds */
#define HPET_ATTEMPTS   3

static uint8_t hpet_pin[HPET_TIMERS];
static atomic_uint hpet_lowered[HPET_TIMERS]; /* how often */

static volatile uint32_t *hpet(uint32_t offset) {
    return (volatile uint32_t *)(HPET_BASE + offset);
}

/* The same pin also while it is lowered: where it is connected to, the line changes. */
static uint32_t hpet_config(unsigned timer) {
    return HPET_LEVEL | HPET_32_BITS | (uint32_t)hpet_pin[timer] << HPET_PIN_SHIFT;
}

/* A comparator that is passed while it is written would match only after the counter has wrapped,
 * so it is written again. But if a handler has lowered the line meanwhile, it was raised. */
static void raise_hpet(unsigned timer) {
    unsigned lowered = atomic_load(&hpet_lowered[timer]);
    for (unsigned attempt = 0; attempt < HPET_ATTEMPTS; attempt++) {
        *hpet(HPET_TIMER(timer)) = hpet_config(timer) | HPET_ENABLE;
        *hpet(HPET_TIMER(timer) + HPET_COMPARATOR) = *hpet(HPET_COUNTER) + HPET_SOON;
        for (uint32_t i = 0; i < WAIT; i++) {
            if (*hpet(HPET_STATUS) >> timer & 1 || atomic_load(&hpet_lowered[timer]) != lowered)
                return;
            pause();
        }
    }
}

static void set_hpet(uint8_t pin, uint8_t level) {
    for (unsigned timer = 0; timer < HPET_TIMERS; timer++) {
        if (hpet_pin[timer] != pin)
            continue;
        if (level) {
            raise_hpet(timer);
        } else {
            *hpet(HPET_TIMER(timer)) = hpet_config(timer);
            *hpet(HPET_STATUS) = 1u << timer;
            atomic_fetch_add(&hpet_lowered[timer], 1);
        }
    }
}

/* The lowest pin above those of ISA that the timer can have and no other timer has; 0: none. */
static uint8_t choose_pin(unsigned timer) {
    uint32_t possible = *hpet(HPET_TIMER(timer) + 4);
    for (uint8_t pin = HPET_PIN_DEFAULT; pin < INACTIVE; pin++) {
        bool used = false;
        for (unsigned other = 0; other < timer; other++)
            used = used || hpet_pin[other] == pin;
        if (possible >> pin & 1 && !used)
            return pin;
    }
    return 0;
}

static void set_up_hpet(void) {
    uint32_t id = *hpet(HPET_ID), period = *hpet(HPET_PERIOD);
    if (id == 0 || id == UINT32_MAX || period == 0 || period > HPET_PERIOD_MAX)
        return;
    *hpet(HPET_CONFIG) = 1; /* counts; no legacy replacement */
    for (unsigned timer = 0; timer < HPET_TIMERS; timer++)
        hpet_pin[timer] = choose_pin(timer);
}

/* ---- finding them ---- */

char lines_names[40];
static struct text names = {lines_names, sizeof lines_names, 0};

static void end_interrupt(uint8_t vector) {
    (void)vector;
    apic_eoi();
}

/* Whether raising it makes an interrupt, and lowering it keeps another one away. */
static bool works(struct scene_line line) {
    const uint64_t routed = rte_level(PROBE, (uint8_t)cpu_self()->index);
    line.set(line.pin, 0);
    ioapic_write_entry(line.pin, routed);
    spin(PROBE_WAIT);
    bool before = apic_vector_bit(APIC_IRR, PROBE);
    line.set(line.pin, 1);
    spin(PROBE_WAIT);
    bool raised = apic_vector_bit(APIC_IRR, PROBE);
    line.set(line.pin, 0);
    interrupts_on();
    spin(PROBE_WAIT);
    interrupts_off();
    bool after = apic_vector_bit(APIC_IRR, PROBE);
    ioapic_write_entry(line.pin, RTE_MASKED);
    return !before && raised && !after;
}

/* Adds it if it works and there are not enough yet. */
static uint32_t add(uint32_t count, const char *name, uint8_t pin, void (*set)(uint8_t, uint8_t)) {
    struct scene_line line = {pin, set};
    if (count == PINS || !works(line))
        return count;
    scene_lines[count] = line;
    text_add(&names, "%s%s", count && name[0] ? " " : "", name);
    return count + 1;
}

uint32_t lines_find(void) {
    uint32_t count = 0;
    interrupt_handle(PROBE, end_interrupt);
    for (uint8_t pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        ioapic_mask(pin);
    for (unsigned n = 0; n < PINS; n++)
        count = add(count, n ? "" : "test device", test_pins[n], line_set);
    count = add(count, "COM1", COM1_PIN, set_uart);
    count = add(count, "COM2", COM2_PIN, set_uart);
    if (count < PINS)
        set_up_hpet();
    for (unsigned timer = 0; timer < HPET_TIMERS; timer++) {
        char name[] = "HPET0";
        name[4] = (char)('0' + timer);
        if (hpet_pin[timer])
            count = add(count, name, hpet_pin[timer], set_hpet);
    }
    if (count < PINS) {
        set_up_keyboard();
        count = add(count, "keyboard", KEYBOARD_PIN, set_keyboard);
    }
    if (!count)
        text_add(&names, "none");
    for (uint32_t n = count; n < PINS; n++)
        scene_lines[n] = (struct scene_line){(uint8_t)(INACTIVE + n - count), 0};
    return count;
}
