/* A split virtqueue: see virtio_queue.h. */
#include "vmm/devices/virtio_queue.h"

#include <stdatomic.h>
#include <stddef.h>

#include "lib/index_clamp.h"
#include "lib/range.h"

/* A descriptor: its address, then its length, flags, and the next one's index. */
#define DESCRIPTOR_SIZE        16
#define DESCRIPTOR_FLAGS_SHIFT 32
#define DESCRIPTOR_NEXT_SHIFT  48
#define FLAG_NEXT              1
#define FLAG_WRITE             2
#define FLAG_INDIRECT          4 /* the feature is not offered */

/* Both rings: flags, index, entries. */
#define RING_FLAGS            0
#define RING_INDEX            2
#define RING_HEADER_BYTES     4
#define NO_INTERRUPT          1
#define AVAILABLE_ENTRY_BYTES 2
#define USED_ENTRY_BYTES      8

/* ---- words of the rings ---- */

/* NULL: not in RAM. Even a mispredicted branch cannot access anything else: see index_clamp.h. */
static uint8_t *ram_at(const struct virtq_ram *ram, uint64_t address, uint64_t size) {
    if (!range_within(address, size, ram->size))
        return NULL;
    return ram->bytes + offset_clamp(address, ram->size - size + 1);
}

/* Acquire: later loads find what the driver wrote before this word. */
static uint16_t load16(const struct virtq_ram *ram, uint64_t address) {
    const _Atomic uint16_t *at = (const _Atomic uint16_t *)ram_at(ram, address, sizeof(*at));

    return at ? atomic_load_explicit(at, memory_order_acquire) : 0;
}

static uint64_t load64(const struct virtq_ram *ram, uint64_t address) {
    const _Atomic uint64_t *at = (const _Atomic uint64_t *)ram_at(ram, address, sizeof(*at));

    return at ? atomic_load_explicit(at, memory_order_acquire) : 0;
}

/* Release: a driver that finds this word finds what was stored before. */
static void store16(const struct virtq_ram *ram, uint64_t address, uint16_t value) {
    _Atomic uint16_t *at = (_Atomic uint16_t *)ram_at(ram, address, sizeof(*at));

    if (at)
        atomic_store_explicit(at, value, memory_order_release);
}

static void store32(const struct virtq_ram *ram, uint64_t address, uint32_t value) {
    _Atomic uint32_t *at = (_Atomic uint32_t *)ram_at(ram, address, sizeof(*at));

    if (at)
        atomic_store_explicit(at, value, memory_order_release);
}

/* ---- the queue ---- */

static bool is_placed(const struct virtq_ram *ram, uint64_t address, uint64_t size,
                      unsigned align) {
    return address % align == 0 && range_within(address, size, ram->size);
}

/* Sizes and alignments: VIRTIO 1.2, "Split Virtqueues". */
bool virtq_start(struct virtq *queue, const struct virtq_ram *ram) {
    uint32_t size = queue->size;

    queue->next = 0;
    queue->progress = 0;
    queue->entries = 0;
    if (size == 0 || size > VIRTQ_SIZE_MAX || (size & (size - 1)) ||
        !is_placed(ram, queue->descriptors, DESCRIPTOR_SIZE * size, 16) ||
        !is_placed(ram, queue->available, RING_HEADER_BYTES + AVAILABLE_ENTRY_BYTES * size, 2) ||
        !is_placed(ram, queue->used, RING_HEADER_BYTES + USED_ENTRY_BYTES * size, 4))
        return false;
    queue->entries = size;
    return true;
}

/* ---- chains ---- */

/* There is room for a segment. Returns false if the descriptor is not valid. */
static bool add_segment(struct virtq_chain *chain, const struct virtq_ram *ram, uint64_t address,
                        uint32_t size, uint32_t flags) {
    struct virtq_stream *stream = flags & FLAG_WRITE ? &chain->writable : &chain->readable;
    uint32_t count = chain->buffers.count;

    if (!range_within(address, size, ram->size) || flags & FLAG_INDIRECT ||
        size > VIRTQ_CHAIN_BYTES_MAX - chain->readable.size - chain->writable.size)
        return false;
    if (stream == &chain->readable && chain->has_writable)
        return false; /* readable descriptors must come first */
    if (stream == &chain->writable && !chain->has_writable) {
        chain->has_writable = true;
        stream->segment = count;
    }
    stream->size += size;
    if (size) {
        chain->buffers.segment[count] = (struct virtq_segment){address, size};
        chain->buffers.count = count + 1;
    }
    return true;
}

enum virtq_state virtq_next(const struct virtq *queue, const struct virtq_ram *ram,
                            struct virtq_chain *chain) {
    uint32_t entries = queue->entries;

    if (entries == 0)
        return VIRTQ_EMPTY;
    uint16_t end = load16(ram, queue->available + RING_INDEX);
    uint16_t waiting = (uint16_t)(end - queue->next);

    if (waiting == 0)
        return VIRTQ_EMPTY;
    if (waiting > entries)
        return VIRTQ_BROKEN;
    uint32_t index = load16(ram, queue->available + RING_HEADER_BYTES +
                                     AVAILABLE_ENTRY_BYTES * (queue->next % entries));
    chain->head = (uint16_t)index;
    chain->has_writable = false;
    chain->buffers.ram = ram;
    chain->buffers.count = 0;
    chain->readable = chain->writable = (struct virtq_stream){.buffers = &chain->buffers};
    for (uint32_t length = 0;
         length < entries && index < entries && chain->buffers.count < VIRTQ_SIZE_MAX; length++) {
        uint64_t descriptor =
            queue->descriptors + (uint64_t)DESCRIPTOR_SIZE * index_clamp(index, entries);
        uint64_t address = load64(ram, descriptor);
        uint64_t rest = load64(ram, descriptor + sizeof(address));
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
    const struct virtq_ram *ram = chain->buffers.ram;
    uint32_t place = queue->next & (queue->entries - 1); /* a power of two */
    uint64_t entry = queue->used + RING_HEADER_BYTES + (uint64_t)USED_ENTRY_BYTES * place;

    queue->next++;
    queue->progress = 0;
    store32(ram, entry, chain->head);
    store32(ram, entry + sizeof(uint32_t), written);
    store16(ram, queue->used + RING_INDEX, queue->next);
}

/* The driver first enables interrupts and then reads the used ring. The device first writes the
 * used ring and then reads whether interrupts are enabled. With a full fence between the two on
 * both sides, at least one of them sees what the other wrote. */
bool virtq_wants_interrupt(const struct virtq *queue, const struct virtq_ram *ram) {
    atomic_thread_fence(memory_order_seq_cst);
    return !(load16(ram, queue->available + RING_FLAGS) & NO_INTERRUPT);
}
