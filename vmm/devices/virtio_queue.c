/* A split virtqueue: see virtio_queue.h. */
#include "vmm/devices/virtio_queue.h"

#include <stdatomic.h>
#include <stddef.h>

#include "lib/index_clamp.h"
#include "lib/memory.h"

/* A descriptor: its address, then its length, flags, and the next one's index. */
#define DESCRIPTOR_SIZE        16
#define DESCRIPTOR_FLAGS_SHIFT 32
#define DESCRIPTOR_NEXT_SHIFT  48
#define FLAG_NEXT              1
#define FLAG_WRITE             2
#define FLAG_INDIRECT          4 /* the feature is not offered */

/* Both rings: flags, index, entries. */
#define RING_FLAGS        0
#define RING_INDEX        1
#define RING_ENTRIES      2
#define RING_HEADER_BYTES 4
#define NO_INTERRUPT      1
#define USED_ENTRY_BYTES  8

/* NULL: not in RAM. Even a mispredicted branch cannot access anything else: see index_clamp.h. */
static uint8_t *ram_at(const struct virtq_ram *ram, uint64_t address, uint64_t size) {
    if (size > ram->size || address > ram->size - size)
        return NULL;
    return ram->bytes + offset_clamp(address, ram->size - size + 1);
}

static uint8_t *ring_at(const struct virtq_ram *ram, uint64_t address, uint64_t size,
                        unsigned align) {
    return address % align ? NULL : ram_at(ram, address, size);
}

/* Sizes and alignments: VIRTIO 1.2, "Split Virtqueues". */
bool virtq_start(struct virtq *queue, const struct virtq_ram *ram) {
    uint32_t size = queue->size;

    if (size == 0 || size > VIRTQ_SIZE_MAX || (size & (size - 1)))
        return false;
    const uint8_t *table = ring_at(ram, queue->descriptors, DESCRIPTOR_SIZE * size, 16);
    const uint8_t *available = ring_at(ram, queue->available, RING_HEADER_BYTES + 2 * size, 2);
    queue->descriptor = (const _Atomic uint64_t *)table;
    queue->available_ring = (const _Atomic uint16_t *)available;
    queue->used_ring = ring_at(ram, queue->used, RING_HEADER_BYTES + USED_ENTRY_BYTES * size, 4);
    queue->next = 0;
    queue->progress = 0;
    queue->ready = table && available && queue->used_ring;
    return queue->ready;
}

/* ---- chains ---- */

/* Returns false if the descriptor is not valid. */
static bool add_segment(struct virtq_chain *chain, const struct virtq_ram *ram, uint64_t address,
                        uint32_t size, uint32_t flags) {
    struct virtq_stream *stream = flags & FLAG_WRITE ? &chain->writable : &chain->readable;
    uint8_t *at = ram_at(ram, address, size);

    if (!at || flags & FLAG_INDIRECT ||
        size > VIRTQ_CHAIN_BYTES_MAX - chain->readable.size - chain->writable.size)
        return false;
    if (stream == &chain->readable && chain->writable.segment)
        return false; /* readable descriptors must come first */
    if (!stream->segment)
        stream->segment = &chain->segment[chain->count];
    stream->size += size;
    if (size)
        chain->segment[chain->count++] = (struct virtq_segment){at, size};
    return true;
}

enum virtq_state virtq_next(const struct virtq *queue, const struct virtq_ram *ram,
                            struct virtq_chain *chain) {
    const _Atomic uint16_t *ring = queue->available_ring;
    /* Acquire: also reads what the driver wrote before the index. */
    uint16_t end = atomic_load_explicit(&ring[RING_INDEX], memory_order_acquire);
    uint16_t waiting = (uint16_t)(end - queue->next);

    if (waiting == 0)
        return VIRTQ_EMPTY;
    if (waiting > queue->size)
        return VIRTQ_BROKEN;
    uint32_t index =
        atomic_load_explicit(&ring[RING_ENTRIES + queue->next % queue->size], memory_order_relaxed);
    chain->head = (uint16_t)index;
    chain->count = 0;
    chain->readable = chain->writable = (struct virtq_stream){0};
    for (uint32_t length = 0; length < queue->size && index < queue->size; length++) {
        const _Atomic uint64_t *descriptor =
            &queue->descriptor[2 * index_clamp(index, queue->size)];
        uint64_t address = atomic_load_explicit(&descriptor[0], memory_order_relaxed);
        uint64_t rest = atomic_load_explicit(&descriptor[1], memory_order_relaxed);
        uint32_t flags = (uint16_t)(rest >> DESCRIPTOR_FLAGS_SHIFT);

        if (!add_segment(chain, ram, address, (uint32_t)rest, flags))
            return VIRTQ_BROKEN;
        if (!(flags & FLAG_NEXT))
            return VIRTQ_CHAIN;
        index = (uint32_t)(rest >> DESCRIPTOR_NEXT_SHIFT);
    }
    return VIRTQ_BROKEN; /* an index that is out of range, or more descriptors than the queue has */
}

void virtq_return(struct virtq *queue, const struct virtq_chain *chain, uint32_t written) {
    uint32_t entry = RING_HEADER_BYTES + USED_ENTRY_BYTES * (queue->next % queue->size);
    _Atomic uint32_t *used = (_Atomic uint32_t *)(queue->used_ring + entry);
    _Atomic uint16_t *ring = (_Atomic uint16_t *)queue->used_ring;

    queue->next++;
    queue->progress = 0;
    atomic_store_explicit(&used[0], chain->head, memory_order_relaxed);
    atomic_store_explicit(&used[1], written, memory_order_relaxed);
    atomic_store_explicit(&ring[RING_INDEX], queue->next, memory_order_release);
}

/* The driver first enables interrupts and then reads the used ring. The device first writes the
 * used ring and then reads whether interrupts are enabled. With a full fence between the two on
 * both sides, at least one of them sees what the other wrote. */
bool virtq_wants_interrupt(const struct virtq *queue) {
    const _Atomic uint16_t *flags = &queue->available_ring[RING_FLAGS];

    atomic_thread_fence(memory_order_seq_cst);
    return !(atomic_load_explicit(flags, memory_order_relaxed) & NO_INTERRUPT);
}

/* ---- bytes ---- */

/* Skips up to *size contiguous bytes and returns their address. The stream must not be empty. */
static uint8_t *take_piece(struct virtq_stream *stream, uint32_t *size) {
    uint32_t left = stream->segment->size - stream->offset;
    if (left > stream->size)
        left = stream->size; /* the stream may end within its last segment */
    uint8_t *at = stream->segment->at + stream->offset;

    if (*size >= left) {
        *size = left;
        stream->segment++;
        stream->offset = 0;
    } else {
        stream->offset += *size;
    }
    stream->size -= *size;
    return at;
}

uint32_t virtq_read(struct virtq_stream *stream, void *to, uint32_t size) {
    uint32_t done = 0;

    while (done < size && stream->size) {
        uint32_t piece = size - done;
        const uint8_t *at = take_piece(stream, &piece);
        memcpy((uint8_t *)to + done, at, piece);
        done += piece;
    }
    return done;
}

uint32_t virtq_write(struct virtq_stream *stream, const void *from, uint32_t size) {
    uint32_t done = 0;

    while (done < size && stream->size) {
        uint32_t piece = size - done;
        uint8_t *at = take_piece(stream, &piece);
        memcpy(at, (const uint8_t *)from + done, piece);
        done += piece;
    }
    return done;
}

void virtq_skip(struct virtq_stream *stream, uint32_t size) {
    while (size && stream->size) {
        uint32_t piece = size;
        take_piece(stream, &piece);
        size -= piece;
    }
}
