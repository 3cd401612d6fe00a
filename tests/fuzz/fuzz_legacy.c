/* Fuzzes the PC's legacy devices: any access to any port, with changes of lines, time and input.
 * What must hold: an acknowledge cycle of the 8259As returns a vector of one of the two; OUT of a
 * counter of the 8254 changes exactly at the time announced; the UART's line is high only if IIR
 * has a cause; the clock shows a valid time and interrupts exactly at the time announced. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"
#include "vmm/devices/vrtc.h"
#include "vmm/devices/vuart.h"

static void pic_action(struct vpic *pic, const uint8_t *byte) {
    static const uint16_t port[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x22};

    switch (byte[0] & 3) {
    case 0:
        vpic_set_line(pic, byte[1] & 31, byte[2] & 1);
        break;
    case 1:
        vpic_write(pic, port[byte[1] % 7], byte[2]);
        break;
    case 2:
        vpic_read(pic, port[byte[1] % 7]);
        break;
    default: {
        bool output = vpic_output(pic);
        uint8_t vector = vpic_acknowledge(pic);
        if ((vector & 0xf8) != pic->master.base && (vector & 0xf8) != pic->slave.base)
            abort();
        if (!output && (vector & 7) != 7)
            abort();
        break;
    }
    }
}

static void check_change(const struct vpit *pit, unsigned counter, uint64_t now) {
    uint64_t next = vpit_next_change(pit, counter, now);
    bool output = vpit_output(pit, counter, now);

    if (next == TIME_NEVER)
        return;
    if (next <= now || vpit_output(pit, counter, next - 1) != output ||
        vpit_output(pit, counter, next) == output)
        abort();
    if (vpit_rises(pit, counter, now, next) != !output)
        abort();
}

static void pit_action(struct vpit *pit, const uint8_t *byte, uint64_t *now) {
    uint16_t port = byte[1] % 5 == 4 ? VPIT_SYSTEM_PORT_B : (uint16_t)(VPIT_COUNTER0 + byte[1] % 5);

    *now += byte[3] < 128 ? byte[3] : (uint64_t)byte[3] << (byte[3] & 15);
    if (byte[0] & 4)
        vpit_write(pit, port, byte[2], *now);
    else
        vpit_read(pit, port, *now);
    for (unsigned i = 0; i < VPIT_COUNTERS; i++)
        check_change(pit, i, *now);
}

static void uart_action(struct vuart *uart, const uint8_t *byte) {
    switch (byte[0] & 3) {
    case 0:
        vuart_receive(uart, byte[2]);
        break;
    case 1:
        vuart_write(uart, byte[1] & 15, byte[2]);
        break;
    default:
        vuart_read(uart, byte[1] & 15);
    }
    struct vuart copy = *uart;
    if (vuart_interrupt(uart) && (vuart_read(&copy, 2) & 1))
        abort();
    if (vuart_can_receive(uart)) {
        copy = *uart;
        vuart_receive(&copy, 0);
        if (copy.count != uart->count + 1 || copy.overrun != uart->overrun)
            abort();
    }
}

/* In binary and 24-hour format. */
static unsigned clock_field(struct vrtc *rtc, uint8_t index, uint64_t now) {
    vrtc_write(rtc, 0x70, index, now);
    return vrtc_read(rtc, 0x71, now);
}

static void check_interrupt(const struct vrtc *rtc) {
    struct vrtc copy = *rtc;
    uint64_t next = vrtc_next(rtc);

    if (next == TIME_NEVER)
        return;
    if (next <= rtc->seen || vrtc_interrupt(rtc))
        abort();
    vrtc_poll(&copy, next - 1);
    if (vrtc_interrupt(&copy))
        abort();
    vrtc_poll(&copy, next);
    if (!vrtc_interrupt(&copy))
        abort();
}

static void rtc_action(struct vrtc *rtc, const uint8_t *byte, uint64_t now) {
    now <<= 8;
    if (byte[0] & 1)
        vrtc_read(rtc, 0x70 + (byte[1] & 1), now);
    else
        vrtc_write(rtc, 0x70 + (byte[1] & 1), byte[2], now);
    check_interrupt(rtc);
    struct vrtc copy = *rtc;
    vrtc_write(&copy, 0x70, 10, now);
    vrtc_write(&copy, 0x71, 0x26,
               now); /* SET and the divider's reset may hold an invalid time: release both */
    vrtc_write(&copy, 0x70, 11, now);
    vrtc_write(&copy, 0x71, 0x06, now);
    if (clock_field(&copy, 0, now) > 59 || clock_field(&copy, 2, now) > 59 ||
        clock_field(&copy, 4, now) > 23 || clock_field(&copy, 6, now) - 1 > 6 ||
        clock_field(&copy, 7, now) - 1 > 30 || clock_field(&copy, 8, now) - 1 > 11 ||
        clock_field(&copy, 9, now) > 99)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vpic pic;
    struct vpit pit;
    struct vuart uart;
    struct vrtc rtc;
    uint64_t now = 1000;

    vuart_reset(&uart);
    vrtc_reset(&rtc, now);
    vpic_reset(&pic);
    vpit_reset(&pit, now);
    for (; size >= 4; size -= 4, data += 4) {
        if (data[0] & 0x20)
            uart_action(&uart, data);
        else if (data[0] & 0x10)
            rtc_action(&rtc, data, now);
        else if (data[0] & 8)
            pic_action(&pic, data);
        else
            pit_action(&pit, data, &now);
    }
    return 0;
}
