/* virtio-console: see virtio_console.h. */
#include "vmm/devices/virtio_console.h"

static enum virtio_served transmit(struct virtio_mmio *mmio, struct virtq_chain *chain) {
    uint8_t piece[VIRTIO_CONSOLE_PIECE];
    uint32_t *sent = &mmio->reg.queue[VIRTIO_CONSOLE_TRANSMIT].progress;

    virtq_skip(&chain->readable, *sent);
    uint32_t size = virtq_read(&chain->readable, piece, sizeof(piece));
    uint32_t taken = mmio->effects->transmit(mmio->context, piece, size);
    *sent += taken;
    return chain->readable.size || taken < size ? VIRTIO_AGAIN : VIRTIO_DONE;
}

static enum virtio_served serve(struct virtio_mmio *mmio, uint32_t queue, struct virtq_chain *chain,
                                uint32_t *written) {
    struct virtio_console *console = mmio->device;

    if (queue == VIRTIO_CONSOLE_TRANSMIT)
        return transmit(mmio, chain);
    if (!console->input || console->received >= console->input_size)
        return VIRTIO_WAIT;
    *written = virtq_write_part(&chain->writable, console->input, console->input_size,
                                console->received, console->input_size - console->received);
    console->received += *written;
    return VIRTIO_DONE;
}

static const struct virtio_kind kind = {VIRTIO_CONSOLE_ID, 2, VIRTIO_CONSOLE_PIECE, serve};

void virtio_console_init(struct virtio_mmio *mmio, struct virtio_console *console) {
    *console = (struct virtio_console){0};
    mmio->kind = &kind;
    mmio->device = console;
    mmio->features = VIRTIO_F_VERSION_1;
}

uint32_t virtio_console_receive(struct virtio_mmio *mmio, const uint8_t *bytes, uint32_t size) {
    struct virtio_console *console = mmio->device;

    *console = (struct virtio_console){.input = bytes, .input_size = size};
    virtio_mmio_serve(mmio, VIRTIO_CONSOLE_RECEIVE);
    uint32_t received = console->received;
    *console = (struct virtio_console){0};
    return received;
}
