/* virtio-console: one port, text to and from the guest. What it sends goes out in pieces, so that a
 * long buffer takes several turns. VIRTIO 1.2, "Console Device". Pure. */
#pragma once
#include "vmm/devices/virtio_mmio.h"

#define VIRTIO_CONSOLE_ID       3
#define VIRTIO_CONSOLE_RECEIVE  0 /* queues, as the driver sees them */
#define VIRTIO_CONSOLE_TRANSMIT 1
#define VIRTIO_CONSOLE_PIECE    256 /* sent at once */

struct virtio_console {
    const uint8_t *input; /* offered to the driver */
    uint32_t input_size;
};

/* Makes a slot whose effects (transmit), context and RAM are set a console. */
void virtio_console_init(struct virtio_mmio *mmio, struct virtio_console *console);

/* Offers input to the driver; returns how many bytes of it it had buffers for. */
uint32_t virtio_console_receive(struct virtio_mmio *mmio, const uint8_t *bytes, uint32_t size);
