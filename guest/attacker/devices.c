/* Attacks on devices: see attacker.h. */
#include "guest/attacker/attacker.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "guest/lib/ioapic.h"

#define UART          0x3f8
#define VIRTIO_BASE   0xfeb00000ULL
#define VIRTIO_STRIDE 0x1000
#define VIRTIO_SLOTS  3
#define NOTHING       0xc0000000ULL
#define QUEUE_SIZE    8
#define QUEUE_BYTES   0x400

/* Registers of a virtio device. VIRTIO 1.2, "MMIO Device Register Layout". */
#define DRIVER_FEATURES 0x020
#define DRIVER_SEL      0x024
#define QUEUE_SEL       0x030
#define QUEUE_NUM       0x038
#define QUEUE_READY     0x044
#define QUEUE_NOTIFY    0x050
#define STATUS          0x070
#define QUEUE_DESC      0x080
#define QUEUE_DRIVER    0x090
#define QUEUE_DEVICE    0x0a0
#define DRIVER_OK       15

/* ---- ports ---- */

/* Those that end the guest, or print, are left alone: 64H and F4H, 505H, 600H to 607H, 8900H,
 * B004H, the UART's and the debug console's data. */
static bool is_left_alone(uint32_t port) {
    return port == 0x64 || port == 0xf4 || port == 0x505 || (port & ~7u) == 0x600 ||
           port == 0x8900 || port == 0xb004 || (port & ~7u) == UART || port == 0xe9 ||
           port == 0xcf9 || port == 0x92;
}

static uint16_t any_port(void) {
    static const uint16_t ports[] = {0x20,  0x21,  0xa0,  0xa1,  0x40,  0x41,   0x42,  0x43,  0x60,
                                     0x61,  0x70,  0x71,  0x80,  0xe0,  0x3d4,  0x3d5, 0x4d0, 0x4d1,
                                     0x510, 0x511, 0x608, 0xcf8, 0xcfc, 0x2000, 0x2005};
    uint32_t port = below(3) ? ports[below(sizeof(ports) / sizeof(ports[0]))] : any() & 0xffff;

    for (uint32_t i = 0; i < 4; i++)
        if (is_left_alone(port + i))
            return 0x80;
    return (uint16_t)port;
}

void act_port(void) {
    uint16_t port = any_port();

    switch (below(6)) {
    case 0:
        inb(port);
        break;
    case 1:
        inw(port);
        break;
    case 2:
        inl(port);
        break;
    case 3:
        outb(port, (uint8_t)any());
        break;
    case 4:
        __asm__ volatile("outw %w0, %w1" ::"a"(any()), "d"(port));
        break;
    default:
        outl(port, any());
        break;
    }
}

void act_string_port(void) {
    uint64_t count = below(64), at = (uintptr_t)scratch + below(SCRATCH_SIZE - 256);
    uint16_t port = any_port();

    if (below(8) == 0)
        at = any_number() | 1ULL << 45; /* not mapped, or not canonical */
    switch (below(4)) {
    case 0:
        __asm__ volatile("rep insb" : "+c"(count), "+D"(at) : "d"(port) : "memory");
        break;
    case 1:
        __asm__ volatile("rep insl" : "+c"(count), "+D"(at) : "d"(port) : "memory");
        break;
    case 2:
        __asm__ volatile("rep outsb" : "+c"(count), "+S"(at) : "d"(port) : "memory");
        break;
    default:
        __asm__ volatile("rep outsw" : "+c"(count), "+S"(at) : "d"(port) : "memory");
        break;
    }
}

/* ---- device memory ---- */

/* The I/O APIC, a virtio device, no device; the local APIC's page has an action of its own. The
 * addresses of virtqueues are left alone: a device that writes anywhere ends the guest soon. */
static uint64_t any_device(void) {
    switch (below(4)) {
    case 0:
        return IOAPIC_DEFAULT_BASE + below(2) * 0x10 + below(8);
    case 1:
        return NOTHING + below(0x1000);
    case 2:
        return IOAPIC_DEFAULT_BASE + below(0xff0);
    default:
        return VIRTIO_BASE + below(VIRTIO_SLOTS) * VIRTIO_STRIDE +
               (below(4) ? below(QUEUE_DESC - 0x28) : 0xb0 + below(0x90));
    }
}

#define ACCESS(text, ...) __asm__ volatile(text:__VA_ARGS__ : "memory", "cc")

void act_device_memory(void) {
    uint64_t at = any_device(), other = (uintptr_t)scratch + below(SCRATCH_SIZE - 64);
    uint64_t value = any_number(), count = below(8);

    switch (below(18)) {
    case 0:
        ACCESS("movb %b0, (%1)", : "q"(value), "r"(at));
        break;
    case 1:
        ACCESS("movw %w0, (%1)", : "r"(value), "r"(at));
        break;
    case 2:
        ACCESS("movl %k0, (%1)", : "r"(value), "r"(at));
        break;
    case 3:
        ACCESS("movq %0, (%1)", : "r"(value), "r"(at));
        break;
    case 4:
        ACCESS("movb (%1), %b0", "+q"(value) : "r"(at));
        break;
    case 5:
        ACCESS("movw (%1), %w0", "+r"(value) : "r"(at));
        break;
    case 6:
        ACCESS("movl (%1), %k0", "+r"(value) : "r"(at));
        break;
    case 7:
        ACCESS("movq (%1), %0", "+r"(value) : "r"(at));
        break;
    case 8:
        ACCESS("movzwl (%1), %k0", "+r"(value) : "r"(at));
        break;
    case 9:
        ACCESS("movsbq (%1), %0", "+r"(value) : "r"(at));
        break;
    case 10:
        ACCESS("lock orl %k0, (%1)", : "r"(value), "r"(at));
        break;
    case 11:
        ACCESS("xchgl %k0, (%1)", "+r"(value) : "r"(at));
        break;
    case 12:
        ACCESS("addw $5, (%0)", : "r"(at));
        break;
    case 13:
        ACCESS("testb $1, (%0)", : "r"(at));
        break;
    case 14:
        ACCESS("rep stosl", "+c"(count), "+D"(at) : "a"(value));
        break;
    case 15:
        ACCESS("rep movsl", "+c"(count), "+D"(at), "+S"(other) :);
        break;
    case 16:
        ACCESS("rep movsb", "+c"(count), "+D"(other), "+S"(at) :);
        break;
    default:
        ACCESS("cmpl %k0, (%1)", : "r"(value), "r"(at));
        break;
    }
}

/* ---- virtqueues: in `scratch`, which all vCPUs write ---- */

static void reg(uint32_t slot, uint32_t offset, uint32_t value) {
    *(volatile uint32_t *)(VIRTIO_BASE + slot * VIRTIO_STRIDE + offset) = value;
}

static void begin(uint32_t slot) {
    reg(slot, STATUS, 0);
    reg(slot, DRIVER_SEL, 1);
    reg(slot, DRIVER_FEATURES, 1);
    reg(slot, STATUS, 11);
    for (uint32_t queue = 0; queue < 2; queue++) {
        uint32_t at = (uint32_t)(uintptr_t)scratch + (2 * slot + queue) * QUEUE_BYTES;
        reg(slot, QUEUE_SEL, queue);
        reg(slot, QUEUE_NUM, QUEUE_SIZE);
        reg(slot, QUEUE_DESC, at);
        reg(slot, QUEUE_DRIVER, at + 0x100);
        reg(slot, QUEUE_DEVICE, at + 0x200);
        reg(slot, QUEUE_READY, 1);
    }
    reg(slot, STATUS, DRIVER_OK);
}

/* Descriptors of buffers in the upper half of `scratch`, or of none that there can be. */
static void describe(uint32_t slot) {
    volatile uint64_t *word =
        (void *)(scratch + (2 * slot + below(2)) * QUEUE_BYTES + 16 * below(QUEUE_SIZE));

    word[0] = below(4) ? (uintptr_t)scratch + SCRATCH_SIZE / 2 + below(0x1000)
                       : 0x80000000ULL + any_number() % 0x40000000;
    word[1] = below(0x800) | (uint64_t)below(8) << 32 | (uint64_t)below(10) << 48;
}

void act_virtqueue(void) {
    uint32_t slot = below(VIRTIO_SLOTS);

    switch (below(8)) {
    case 0:
        begin(slot);
        break;
    case 1:
    case 2:
        describe(slot);
        break;
    case 3:
        *(volatile uint16_t *)(scratch + (2 * slot + below(2)) * QUEUE_BYTES + 0x100 +
                               2 * below(12)) = (uint16_t)below(16);
        break;
    default:
        reg(slot, QUEUE_NOTIFY, below(3));
        break;
    }
}

/* ---- the I/O APIC ---- */

/* Two vCPUs may use index and data at the same time: each then writes what the other has selected.
 */
void act_route(void) {
    uint32_t low = 0x30 + below(0xc0), pin = below(IOAPIC_PIN_COUNT);

    low |= below(2) ? (uint32_t)RTE_LEVEL : 0;
    low |= below(8) ? 0 : below(2) << 8;
    low |= below(256) ? 0 : below(8) << 8; /* an NMI or an INIT may end the guest */
    low |= below(4) ? 0 : 1u << 11;
    low |= below(8) ? 0 : (uint32_t)RTE_MASKED;
    if (below(16) == 0)
        low = any() & ~0x600u;
    if (below(2))
        ioapic_write(ioapic_high_half((uint8_t)pin), any() & 0x0f000000);
    ioapic_write(ioapic_low_half((uint8_t)pin), low);
}

/* A line that stays active interrupts without end: seldom, because little else happens then. */
void act_line(void) {
    uint8_t pin = (uint8_t)below(IOAPIC_PIN_COUNT);

    line_set(pin, 1);
    if (below(16))
        line_set(pin, 0);
}
