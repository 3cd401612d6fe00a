/* virtio-blk: a disk in memory. Sectors of 512 bytes; what of the last one is not whole is not
 * offered. Every request is done before the notification returns, so that a flush has nothing to
 * do. VIRTIO 1.2, "Block Device". Pure. */
#pragma once
#include "vmm/devices/virtio_mmio.h"

#define VIRTIO_BLOCK_ID       2
#define VIRTIO_BLOCK_SECTOR   512

#define VIRTIO_BLK_F_SIZE_MAX (1u << 1)
#define VIRTIO_BLK_F_SEG_MAX  (1u << 2)
#define VIRTIO_BLK_F_RO       (1u << 5)
#define VIRTIO_BLK_F_BLK_SIZE (1u << 6)
#define VIRTIO_BLK_F_FLUSH    (1u << 9)

#define VIRTIO_BLK_T_IN       0
#define VIRTIO_BLK_T_OUT      1
#define VIRTIO_BLK_T_FLUSH    4
#define VIRTIO_BLK_T_GET_ID   8
#define VIRTIO_BLK_ID_BYTES   20

#define VIRTIO_BLK_S_OK       0
#define VIRTIO_BLK_S_IOERR    1
#define VIRTIO_BLK_S_UNSUPP   2

/* How each request begins. */
struct virtio_block_header {
    uint32_t type, reserved;
    uint64_t sector;
};
_Static_assert(sizeof(struct virtio_block_header) == 16, "VIRTIO 1.2, Device Operation");

/* As far as the features go that are offered. */
struct virtio_block_config {
    uint64_t capacity; /* sectors */
    uint32_t size_max, seg_max;
    uint32_t geometry; /* not offered */
    uint32_t blk_size;
};
_Static_assert(sizeof(struct virtio_block_config) == 24, "VIRTIO 1.2, Device configuration layout");

struct virtio_block {
    uint8_t *disk;
    bool read_only;
    struct virtio_block_config config;
};

/* Makes a slot whose effects, context and RAM are set a disk of `size` bytes. */
void virtio_block_init(struct virtio_mmio *mmio, struct virtio_block *block, uint8_t *disk,
                       uint64_t size, bool read_only);
