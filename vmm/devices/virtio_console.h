/* virtio-console: one port, for text from and to the guest. The guest's output is transmitted in
 * pieces, so that a long buffer does not hold up its vCPU for long. VIRTIO 1.2, "Console Device".
 * Pure. Read next: vmm/pc/virtio.h. */
#pragma once
#include "vmm/devices/virtio_mmio.h"

#define VIRTIO_CONSOLE_ID       3
#define VIRTIO_CONSOLE_RECEIVE  0 /* the queues, by the direction as the driver sees it */
#define VIRTIO_CONSOLE_TRANSMIT 1
#define VIRTIO_CONSOLE_PIECE    256 /* bytes transmitted at once */

struct virtio_console {
    const uint8_t *input; /* while virtio_console_receive() runs */
    uint32_t input_size, received;
};

/* Makes the slot a console. The slot's effects (transmit), context and RAM must be set. */
void virtio_console_init(struct virtio_mmio *mmio, struct virtio_console *console);

/* Writes input to the driver's buffers; returns for how many bytes it had room. */
uint32_t virtio_console_receive(struct virtio_mmio *mmio, const uint8_t *bytes, uint32_t size);
