/* virtio-blk: a disk in memory, in sectors of 512 bytes. An incomplete last sector is not offered.
 * Every request is completed before the notification returns, so a flush has nothing to do. VIRTIO
 * 1.2, "Block Device". Pure. Read next: vmm/pc/virtio.h. */
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

/* The first bytes of each request. */
struct virtio_block_header {
    uint32_t type, reserved;
    uint64_t sector;
};
_Static_assert(sizeof(struct virtio_block_header) == 16, "VIRTIO 1.2, Device Operation");

/* Only the members of the features that are offered. */
struct virtio_block_config {
    uint64_t capacity; /* sectors */
    uint32_t size_max, seg_max;
    uint32_t geometry; /* 0: not offered */
    uint32_t blk_size;
};
_Static_assert(sizeof(struct virtio_block_config) == 24, "VIRTIO 1.2, Device configuration layout");

struct virtio_block {
    uint8_t *disk;
    bool read_only;
    struct virtio_block_config config;
};

/* Makes the slot a disk of `size` bytes. The slot's effects, context and RAM must be set. */
void virtio_block_init(struct virtio_mmio *mmio, struct virtio_block *block, uint8_t *disk,
                       uint64_t size, bool read_only);
