/* The bytes of an input: see exits.h. */
#include "arch/apic_registers.h"
#include "tests/fuzz/exits/exits.h"
#include "vmm/devices/pc_map.h"

static const uint8_t *next;
static size_t left;

void input_begin(const uint8_t *data, size_t size) {
    next = data;
    left = size;
}

bool input_left(void) {
    return left != 0;
}

uint8_t input_byte(void) {
    if (!left)
        return 0;
    left--;
    return *next++;
}

uint32_t input_below(uint32_t count) {
    return input_byte() % count;
}

bool input_flag(void) {
    return input_byte() & 1;
}

static uint64_t bytes(unsigned count) {
    uint64_t value = 0;

    for (unsigned i = 0; i < count; i++)
        value = value << 8 | input_byte();
    return value;
}

uint64_t input_address(void) {
    static const uint64_t devices[] = {APIC_DEFAULT_BASE, IOAPIC_DEFAULT_BASE, PC_VIRTIO_BASE,
                                       PC_VIRTIO_BASE + PC_VIRTIO_STRIDE};
    uint8_t choice = input_byte();
    uint64_t page = choice & 0x80 ? devices[choice & 3] : (uint64_t)(choice & 0x7f) << 12;

    if (choice == 0x7f)
        page = guest->ram_size - 0x1000;
    else if (choice >= 0x60 && choice < 0x80)
        page = SMALL_PAGES + ((uint64_t)(choice & 0x1f) << 12);
    choice = input_byte();
    return page + (choice < 0xc0 ? choice * 4u : 0xf40u + choice);
}

uint64_t input_number(void) {
    static const uint64_t edges[] = {0,
                                     1,
                                     0x7f,
                                     0x80,
                                     0xff,
                                     0x7fff,
                                     0xffff,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     0x100000000,
                                     0x7fffffffffff,
                                     0x800000000000,
                                     0xffff800000000000,
                                     0x7fffffffffffffff,
                                     UINT64_MAX};
    uint8_t choice = input_byte();

    switch (choice >> 5) {
    case 0:
        return edges[choice & 15];
    case 1:
        return input_byte();
    case 2:
        return bytes(2);
    case 3:
        return bytes(4);
    case 4:
        return input_address();
    case 5:
        return (1ULL << input_below(64)) - (choice & 1);
    case 6:
        return choice & 31;
    default:
        return bytes(8);
    }
}
