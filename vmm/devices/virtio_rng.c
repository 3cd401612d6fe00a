/* virtio-rng: see virtio_rng.h. */
#include "vmm/devices/virtio_rng.h"

#define BURST 4096

static enum virtio_served serve(struct virtio_mmio *mmio, uint32_t queue, struct virtq_chain *chain,
                                uint32_t *written) {
    uint8_t bytes[VIRTIO_RNG_BYTES];

    (void)queue;
    mmio->effects->random(mmio->context, bytes, sizeof(bytes));
    *written = virtq_write(&chain->writable, bytes, sizeof(bytes));
    return VIRTIO_DONE;
}

static const struct virtio_kind kind = {VIRTIO_RNG_ID, 1, BURST, serve};

void virtio_rng_init(struct virtio_mmio *mmio) {
    mmio->kind = &kind;
    mmio->features = VIRTIO_F_VERSION_1;
}
