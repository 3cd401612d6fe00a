/* Fuzzes the 8259 pair and the 8254: any access to any port, lines and time going on. What must
 * hold: an acknowledge cycle gives a vector of one of the two; OUT of a counter changes exactly
 * when it was said to. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpit.h"

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

    if (next == VPIT_NEVER)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vpic pic;
    struct vpit pit;
    uint64_t now = 1000;

    vpic_reset(&pic);
    vpit_reset(&pit, now);
    for (; size >= 4; size -= 4, data += 4) {
        if (data[0] & 8)
            pic_action(&pic, data);
        else
            pit_action(&pit, data, &now);
    }
    return 0;
}
