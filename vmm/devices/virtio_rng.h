/* virtio-rng: random bytes, at most VIRTIO_RNG_BYTES for each buffer, however long it is.
 * VIRTIO 1.2, "Entropy Device". Pure. */
#pragma once
#include "vmm/devices/virtio_mmio.h"

#define VIRTIO_RNG_ID    4
#define VIRTIO_RNG_BYTES 64

/* Makes a slot whose effects (random), context and RAM are set an entropy device. */
void virtio_rng_init(struct virtio_mmio *mmio);
