/* A split virtqueue in a guest's memory: descriptors, the available ring, the used ring.
 *
 *     driver: descriptor chains --> available ring --> device --> used ring --> driver
 *
 * The guest owns all three and may write to them at any time. So their addresses are checked once,
 * when the queue is made ready; every word is read once and checked before it is used; and a chain
 * that is too long or has too many bytes breaks the queue. Chains are processed one at a time, in
 * the order in which they became available. VIRTIO 1.2, "Split Virtqueues". Pure. Read next:
 * virtio_mmio.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VIRTQ_SIZE_MAX 128
/* The most that one chain may have: a block request of VIRTQ_SIZE_MAX descriptors needs this much.
 * It is limited because the device copies the whole chain at once. */
#define VIRTQ_CHAIN_BYTES_MAX (8u << 20)

/* A guest's RAM, from guest-physical address 0; page-aligned. */
struct virtq_ram {
    uint8_t *bytes;
    uint64_t size;
};

struct virtq {
    /* Written by the driver; not checked until virtq_start(). */
    uint32_t size; /* descriptors */
    uint64_t descriptors, available, used;

    bool ready;
    const _Atomic uint64_t *descriptor; /* the three parts, in RAM */
    const _Atomic uint16_t *available_ring;
    uint8_t *used_ring;
    uint16_t next;     /* chains returned so far, modulo 2^16 */
    uint32_t progress; /* for the device: bytes of the next chain that it has processed */
};

struct virtq_segment {
    uint8_t *at;
    uint32_t size; /* not 0 */
};

/* The bytes of a chain in sequence, however they are divided into descriptors. */
struct virtq_stream {
    const struct virtq_segment *segment;
    uint32_t offset; /* in *segment */
    uint32_t size;   /* left */
};

struct virtq_chain {
    struct virtq_stream readable, writable; /* for the device */
    uint16_t head;
    uint32_t count;
    struct virtq_segment segment[VIRTQ_SIZE_MAX];
};

enum virtq_state { VIRTQ_EMPTY, VIRTQ_CHAIN, VIRTQ_BROKEN };

/* Checks what the driver has written, and makes the queue ready. Returns false if the size, an
 * alignment or an address is wrong; then the queue is not ready. */
bool virtq_start(struct virtq *queue, const struct virtq_ram *ram);

/* Reads the next available chain of a queue that is ready. Until virtq_return() the next call reads
 * the same one again, which the driver may have changed meanwhile. */
enum virtq_state virtq_next(const struct virtq *queue, const struct virtq_ram *ram,
                            struct virtq_chain *chain);

/* Returns the chain to the driver through the used ring. written: bytes that the device wrote. */
void virtq_return(struct virtq *queue, const struct virtq_chain *chain, uint32_t written);

/* Whether the driver has asked for an interrupt when chains are returned. VIRTIO 1.2, "Used Buffer
 * Notification Suppression". */
bool virtq_wants_interrupt(const struct virtq *queue);

/* Copy up to `size` bytes from and to a chain; return how many. */
uint32_t virtq_read(struct virtq_stream *stream, void *to, uint32_t size);
uint32_t virtq_write(struct virtq_stream *stream, const void *from, uint32_t size);
/* Skips up to `size` bytes. */
void virtq_skip(struct virtq_stream *stream, uint32_t size);
