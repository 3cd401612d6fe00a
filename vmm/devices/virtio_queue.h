/* A split virtqueue in a guest's memory: descriptors, the available ring, the used ring.
 *
 *     driver: descriptor chains --> available ring --> device --> used ring --> driver
 *
 * The guest owns all three and may write there at any time whatever it likes. So where they are is
 * checked once, when the queue is made ready; each word is read once, and what was read is checked
 * and used; and a chain is short and names few bytes, or the queue is broken. Chains are handled in
 * the order in which they are available, one at a time. VIRTIO 1.2, "Split Virtqueues". Pure.
 * Read next: virtio_mmio.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VIRTQ_SIZE_MAX 128
/* Of one chain: what a block request of VIRTQ_SIZE_MAX descriptors needs, and no more, because the
 * device copies it all at once. */
#define VIRTQ_CHAIN_BYTES_MAX (8u << 20)

/* A guest's RAM, which begins at guest-physical address 0; page-aligned. */
struct virtq_ram {
    uint8_t *bytes;
    uint64_t size;
};

struct virtq {
    /* What the driver has written. */
    uint32_t size; /* descriptors */
    uint64_t descriptors, available, used;

    bool ready;
    const _Atomic uint64_t *descriptor; /* the three rings, checked */
    const _Atomic uint16_t *available_ring;
    uint8_t *used_ring;
    uint16_t next;     /* chains taken and given back */
    uint32_t progress; /* the device's own: how much of the next chain it has done already */
};

struct virtq_segment {
    uint8_t *at;
    uint32_t size; /* not 0 */
};

/* Bytes that a chain names, one after the other, however they are cut into descriptors. */
struct virtq_stream {
    const struct virtq_segment *segment;
    uint32_t offset; /* in *segment */
    uint32_t size;   /* left */
};

struct virtq_chain {
    struct virtq_stream readable, writable; /* by the device */
    uint16_t head;
    uint32_t count;
    struct virtq_segment segment[VIRTQ_SIZE_MAX];
};

enum virtq_taken { VIRTQ_EMPTY, VIRTQ_CHAIN, VIRTQ_BROKEN };

/* Checks what the driver has written, and makes the queue ready. False: sizes, alignment or
 * addresses are wrong, and it is not. */
bool virtq_start(struct virtq *queue, const struct virtq_ram *ram);

/* The next available chain, if any, of a queue that is ready. Taken again until it is given back;
 * the driver may have changed it meanwhile. */
enum virtq_taken virtq_take(const struct virtq *queue, const struct virtq_ram *ram,
                            struct virtq_chain *chain);

/* The chain is done: the device has written so many bytes to it. */
void virtq_give_back(struct virtq *queue, const struct virtq_chain *chain, uint32_t written);

/* Whether the driver wants to hear of what was given back. */
bool virtq_wants_interrupt(const struct virtq *queue);

/* Copies from and to a chain; returns how many bytes there were, at most `size`. */
uint32_t virtq_read(struct virtq_stream *stream, void *to, uint32_t size);
uint32_t virtq_write(struct virtq_stream *stream, const void *from, uint32_t size);
/* Passes over so many bytes, or all there are. */
void virtq_skip(struct virtq_stream *stream, uint32_t size);
