/* A split virtqueue in a guest's memory: descriptors, the available ring, the used ring.
 *
 *     driver: descriptor chains --> available ring --> device --> used ring --> driver
 *
 * The guest owns all three and may write to them at any time. So every word is read once and
 * checked before it is used; the addresses are checked when the queue is made ready, and again at
 * each access; and a chain that is too long or has too many bytes breaks the queue. Chains are
 * processed one at a time, in the order in which they became available. VIRTIO 1.2, "Split
 * Virtqueues". Pure. Read next: virtio_mmio.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/devices/virtio_stream.h"

/* The most that one chain may have: a block request of VIRTQ_SIZE_MAX descriptors needs this much.
 * It is limited because the device copies the whole chain at once. */
#define VIRTQ_CHAIN_BYTES_MAX (8u << 20)

struct virtq {
    /* Written by the driver; not checked until virtq_start(). */
    uint32_t size; /* descriptors */
    uint64_t descriptors, available, used;

    uint32_t entries;  /* the size of a queue that is ready; 0: it is not */
    uint16_t next;     /* chains returned so far, modulo 2^16 */
    uint32_t progress; /* for the device: bytes of the next chain that it has processed */
};

struct virtq_chain {
    struct virtq_stream readable, writable; /* for the device */
    bool has_writable;
    uint16_t head;
    struct virtq_buffers buffers;
};

enum virtq_state { VIRTQ_EMPTY, VIRTQ_CHAIN, VIRTQ_BROKEN };

/* Checks what the driver has written, and makes the queue ready. Returns false if the size, an
 * alignment or an address is wrong; then the queue is not ready. */
bool virtq_start(struct virtq *queue, const struct virtq_ram *ram);

/* Reads the next available chain; a queue that is not ready is empty. Until virtq_return() the next
 * call reads the same one again, which the driver may have changed meanwhile. */
enum virtq_state virtq_next(const struct virtq *queue, const struct virtq_ram *ram,
                            struct virtq_chain *chain);

/* Returns the chain to the driver through the used ring. written: bytes that the device wrote. */
void virtq_return(struct virtq *queue, const struct virtq_chain *chain, uint32_t written);

/* Whether the driver has asked for an interrupt when chains are returned. VIRTIO 1.2, "Used Buffer
 * Notification Suppression". */
bool virtq_wants_interrupt(const struct virtq *queue, const struct virtq_ram *ram);
