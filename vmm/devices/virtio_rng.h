/* virtio-rng: random bytes, at most VIRTIO_RNG_BYTES for each buffer, whatever its size.
 * VIRTIO 1.2, "Entropy Device". Pure. Read next: vmm/pc/virtio.h. */
#pragma once
#include "vmm/devices/virtio_mmio.h"

#define VIRTIO_RNG_ID    4
#define VIRTIO_RNG_BYTES 64

/* Makes the slot an entropy device. The slot's effects (random), context and RAM must be set. */
void virtio_rng_init(struct virtio_mmio *mmio);
