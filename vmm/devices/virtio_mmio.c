/* A virtio device's registers: see virtio_mmio.h. */
#include "vmm/devices/virtio_mmio.h"

#include <stddef.h>

#include "lib/index_clamp.h"

/* The most chains that one notification serves. */
#define SERVED_CHAINS 32

#define DRIVER_STATUS                                                                              \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK |                  \
     VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)

/* ---- the interrupt line ---- */

static void set_interrupt_status(struct virtio_mmio *mmio, uint32_t status) {
    bool before = mmio->reg.interrupt_status != 0;

    mmio->reg.interrupt_status = status;
    if (before != (status != 0))
        mmio->effects->set_line(mmio->context, status != 0);
}

/* An active driver is notified by a configuration change. VIRTIO 1.2, "Device Status Field". */
static void break_device(struct virtio_mmio *mmio) {
    mmio->reg.status |= VIRTIO_STATUS_NEEDS_RESET;
    if (mmio->reg.status & VIRTIO_STATUS_DRIVER_OK)
        set_interrupt_status(mmio, mmio->reg.interrupt_status | VIRTIO_INTERRUPT_CONFIG);
}

/* ---- queues ---- */

/* Serves the next chain, if there is one; adds its size to *bytes. */
static enum virtio_served serve_next(struct virtio_mmio *mmio, uint32_t index, uint32_t *bytes) {
    struct virtq *queue = &mmio->reg.queue[index];
    struct virtq_chain chain;
    uint32_t written = 0;
    enum virtq_state state = virtq_next(queue, &mmio->ram, &chain);

    if (state != VIRTQ_CHAIN)
        return state == VIRTQ_EMPTY ? VIRTIO_WAIT : VIRTIO_BROKEN;
    *bytes += chain.readable.size + chain.writable.size;
    enum virtio_served served = mmio->kind->serve(mmio, index, &chain, &written);
    if (served == VIRTIO_DONE)
        virtq_return(queue, &chain, written);
    return served;
}

bool virtio_mmio_serve(struct virtio_mmio *mmio, uint32_t queue) {
    const uint32_t working = VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET;
    enum virtio_served served = VIRTIO_DONE;
    uint32_t bytes = 0, chains = 0;

    if (!mmio->kind || queue >= mmio->kind->queues)
        return false;
    queue = index_clamp(queue, VIRTIO_QUEUES);
    if ((mmio->reg.status & working) != VIRTIO_STATUS_DRIVER_OK || !mmio->reg.queue[queue].entries)
        return false;
    uint16_t before = mmio->reg.queue[queue].next;
    while (served == VIRTIO_DONE && chains++ < SERVED_CHAINS && bytes < mmio->kind->burst)
        served = serve_next(mmio, queue, &bytes);
    if (mmio->reg.queue[queue].next != before &&
        virtq_wants_interrupt(&mmio->reg.queue[queue], &mmio->ram))
        set_interrupt_status(mmio, mmio->reg.interrupt_status | VIRTIO_INTERRUPT_USED);
    if (served == VIRTIO_BROKEN)
        break_device(mmio);
    return served == VIRTIO_DONE || served == VIRTIO_AGAIN;
}

static struct virtq *selected(struct virtio_mmio *mmio) {
    uint32_t index = mmio->reg.queue_sel;

    if (index >= mmio->kind->queues)
        return NULL;
    return &mmio->reg.queue[index_clamp(index, VIRTIO_QUEUES)];
}

static void set_half(uint64_t *to, unsigned high, uint32_t value) {
    uint64_t shift = 32 * high;

    *to = (*to & ~(0xffffffffULL << shift)) | (uint64_t)value << shift;
}

/* While the queue is ready only QueueReady can be written. */
static void write_queue(struct virtio_mmio *mmio, uint32_t offset, uint32_t value) {
    struct virtq *queue = selected(mmio);
    unsigned high = offset >> 2 & 1;

    if (!queue)
        return;
    if (offset == VIRTIO_MMIO_QUEUE_READY) {
        if (!(value & 1))
            queue->entries = 0;
        else if (!queue->entries && !virtq_start(queue, &mmio->ram))
            break_device(mmio);
        return;
    }
    if (queue->entries)
        return;
    if (offset == VIRTIO_MMIO_QUEUE_NUM)
        queue->size = value;
    else if (offset - high * 4 == VIRTIO_MMIO_QUEUE_DESC_LOW)
        set_half(&queue->descriptors, high, value);
    else if (offset - high * 4 == VIRTIO_MMIO_QUEUE_DRIVER_LOW)
        set_half(&queue->available, high, value);
    else if (offset - high * 4 == VIRTIO_MMIO_QUEUE_DEVICE_LOW)
        set_half(&queue->used, high, value);
}

/* ---- status ---- */

static void reset(struct virtio_mmio *mmio) {
    set_interrupt_status(mmio, 0);
    mmio->reg = (struct virtio_registers){0};
}

/* VIRTIO 1.2, "Device Initialization". The driver sets bits step by step; only a reset clears them.
 */
static void write_status(struct virtio_mmio *mmio, uint32_t value) {
    uint64_t features = mmio->reg.driver_features;
    uint32_t set = value & DRIVER_STATUS & ~mmio->reg.status;

    if (value == 0) {
        reset(mmio);
        return;
    }
    if ((features & ~mmio->features) || !(features & VIRTIO_F_VERSION_1))
        set &= ~(uint32_t)VIRTIO_STATUS_FEATURES_OK;
    if (!((mmio->reg.status | set) & VIRTIO_STATUS_FEATURES_OK))
        set &= ~(uint32_t)VIRTIO_STATUS_DRIVER_OK;
    mmio->reg.status |= set;
}

static void write_features(struct virtio_mmio *mmio, uint32_t value) {
    if (!(mmio->reg.status & VIRTIO_STATUS_FEATURES_OK) && mmio->reg.driver_features_sel < 2)
        set_half(&mmio->reg.driver_features, mmio->reg.driver_features_sel, value);
}

/* ---- registers ---- */

/* Little-endian; reads 0 behind the end of the configuration. */
static uint64_t read_config(const struct virtio_mmio *mmio, uint32_t offset, unsigned size) {
    uint64_t value = 0;

    for (uint32_t i = 0; i < size; i++) {
        if (offset + i < mmio->config_size)
            value |= (uint64_t)mmio->config[index_clamp(offset + i, mmio->config_size)] << 8 * i;
    }
    return value;
}

static uint32_t read_register(const struct virtio_mmio *mmio, uint32_t offset) {
    uint32_t sel = mmio->reg.queue_sel;

    switch (offset) {
    case VIRTIO_MMIO_VENDOR_ID:
        return VIRTIO_VENDOR_ID;
    case VIRTIO_MMIO_DEVICE_FEATURES:
        if (mmio->reg.device_features_sel > 1)
            return 0;
        return (uint32_t)(mmio->features >> 32 * mmio->reg.device_features_sel);
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return sel < mmio->kind->queues ? VIRTQ_SIZE_MAX : 0;
    case VIRTIO_MMIO_QUEUE_READY:
        return sel < mmio->kind->queues &&
               mmio->reg.queue[index_clamp(sel, VIRTIO_QUEUES)].entries != 0;
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        return mmio->reg.interrupt_status;
    case VIRTIO_MMIO_STATUS:
        return mmio->reg.status;
    default:
        return offset >= VIRTIO_MMIO_SHM_FIRST && offset <= VIRTIO_MMIO_SHM_LAST ? UINT32_MAX : 0;
    }
}

uint64_t virtio_mmio_read(const struct virtio_mmio *mmio, uint32_t offset, unsigned size) {
    if (offset >= VIRTIO_MMIO_CONFIG)
        return mmio->kind ? read_config(mmio, offset - VIRTIO_MMIO_CONFIG, size) : 0;
    if (size != 4 || offset % 4)
        return 0;
    if (offset == VIRTIO_MMIO_MAGIC_VALUE)
        return VIRTIO_MAGIC;
    if (offset == VIRTIO_MMIO_VERSION)
        return 2;
    if (!mmio->kind)
        return 0;
    return offset == VIRTIO_MMIO_DEVICE_ID ? mmio->kind->device_id : read_register(mmio, offset);
}

bool virtio_mmio_write(struct virtio_mmio *mmio, uint32_t offset, unsigned size, uint32_t value) {
    if (size != 4 || offset % 4 || !mmio->kind)
        return false;
    switch (offset) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        mmio->reg.device_features_sel = value;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        write_features(mmio, value);
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        mmio->reg.driver_features_sel = value;
        break;
    case VIRTIO_MMIO_QUEUE_SEL:
        mmio->reg.queue_sel = value;
        break;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        return virtio_mmio_serve(mmio, value);
    case VIRTIO_MMIO_INTERRUPT_ACK:
        set_interrupt_status(mmio, mmio->reg.interrupt_status & ~value);
        break;
    case VIRTIO_MMIO_STATUS:
        write_status(mmio, value);
        break;
    default:
        write_queue(mmio, offset, value);
    }
    return false;
}
