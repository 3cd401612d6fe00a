/* The virtio devices: any accesses to the registers, of a guest that writes anything to its memory
 * between any two accesses of the device to it.
 * Assumed: the RAM and the disk are as large as Pinwheel says; each size below stands for others.
 * What virtio_stream.h does is proven, not analysed here. */
#include "tests/analysis/any.h"
#include "vmm/devices/virtio_block.h"
#include "vmm/devices/virtio_console.h"
#include "vmm/devices/virtio_rng.h"

static uint8_t ram[1 << 16], disk[40 * VIRTIO_BLOCK_SECTOR + 100], input[100];

static void set_line(void *context, bool level) {
    (void)context;
    (void)level;
}

static void random(void *context, uint8_t *to, uint32_t size) {
    (void)context;
    any_bytes(to, size);
}

static uint32_t transmit(void *context, const uint8_t *from, uint32_t size) {
    (void)context;
    (void)from;
    return (uint32_t)(any() % ((uint64_t)size + 1));
}

static const struct virtio_effects effects = {set_line, random, transmit};

static void access(struct virtio_mmio *mmio) {
    static const unsigned sizes[] = {1, 2, 4, 8};
    uint32_t offset = (uint32_t)any() % 4096;
    unsigned size = sizes[any_below(4)];

    switch (any_below(3)) {
    case 0:
        virtio_mmio_read(mmio, offset, size);
        break;
    case 1:
        virtio_mmio_write(mmio, offset, size, (uint32_t)any());
        break;
    default:
        virtio_mmio_serve(mmio, (uint32_t)any());
    }
}

static struct virtio_mmio slot(void) {
    return (struct virtio_mmio){.effects = &effects, .ram = {ram, sizeof(ram)}};
}

static void use_no_device(void) {
    struct virtio_mmio mmio = slot();

    while (any_bool())
        access(&mmio);
}

static void use_block(bool read_only) {
    struct virtio_mmio mmio = slot();
    struct virtio_block block;

    virtio_block_init(&mmio, &block, disk, sizeof(disk), read_only);
    while (any_bool())
        access(&mmio);
}

static void use_rng(void) {
    struct virtio_mmio mmio = slot();

    virtio_rng_init(&mmio);
    while (any_bool())
        access(&mmio);
}

static void use_console(void) {
    struct virtio_mmio mmio = slot();
    struct virtio_console console;

    virtio_console_init(&mmio, &console);
    while (any_bool()) {
        access(&mmio);
        virtio_console_receive(&mmio, input, sizeof(input));
    }
}

int main(void) {
    use_no_device();
    use_block(false);
    use_block(true);
    use_rng();
    use_console();
    return 0;
}
