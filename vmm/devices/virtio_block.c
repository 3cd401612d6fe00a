/* virtio-blk: see virtio_block.h. */
#include "vmm/devices/virtio_block.h"

#include "lib/range.h"

/* A request has a header and a status byte besides its data: with these limits it fits into a queue
 * and has at most VIRTQ_CHAIN_BYTES_MAX bytes. */
#define SEGMENTS      (VIRTQ_SIZE_MAX - 2)
#define SEGMENT_BYTES 65536
#define BURST         (1u << 20)
_Static_assert(SEGMENTS *SEGMENT_BYTES + sizeof(struct virtio_block_header) + 1 <=
                   VIRTQ_CHAIN_BYTES_MAX,
               "the largest request");

static const uint8_t id[VIRTIO_BLK_ID_BYTES] = "pinwheel";

/* Whether `size` bytes from a sector on are whole sectors of the disk. */
static bool is_on_disk(const struct virtio_block *block, uint64_t sector, uint32_t size) {
    return size % VIRTIO_BLOCK_SECTOR == 0 &&
           range_within(sector, size / VIRTIO_BLOCK_SECTOR, block->config.capacity);
}

/* in, out: the data between header and status, from and to the disk. Returns the status. */
static uint8_t execute(const struct virtio_block *block, const struct virtio_block_header *header,
                       struct virtq_stream *out, struct virtq_stream *in) {
    uint64_t total = block->config.capacity * VIRTIO_BLOCK_SECTOR;
    uint64_t offset = header->sector * VIRTIO_BLOCK_SECTOR;

    switch (header->type) {
    case VIRTIO_BLK_T_IN:
        if (!is_on_disk(block, header->sector, in->size))
            return VIRTIO_BLK_S_IOERR;
        virtq_write_part(in, block->disk, total, offset, in->size);
        return VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_OUT:
        if (block->read_only || !is_on_disk(block, header->sector, out->size))
            return VIRTIO_BLK_S_IOERR;
        virtq_read_part(out, block->disk, total, offset, out->size);
        return VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_FLUSH:
        return VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_GET_ID:
        virtq_write(in, id, sizeof(id));
        return VIRTIO_BLK_S_OK;
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
}

/* The status is the last writable byte, however the chain is divided into descriptors. */
static enum virtio_served serve(struct virtio_mmio *mmio, uint32_t queue, struct virtq_chain *chain,
                                uint32_t *written) {
    const struct virtio_block *block = mmio->device;
    struct virtio_block_header header = {0};
    struct virtq_stream in = chain->writable;

    (void)queue;
    if (chain->writable.size == 0 ||
        virtq_read(&chain->readable, (uint8_t *)&header, sizeof(header)) != sizeof(header))
        return VIRTIO_BROKEN;
    in.size--;
    virtq_skip(&chain->writable, in.size);
    uint32_t data = in.size;
    uint8_t status = execute(block, &header, &chain->readable, &in);
    virtq_write(&chain->writable, &status, 1);
    /* Only bytes without a gap count: not the status if the data before it was not all written. */
    *written = in.size == 0 ? data + 1 : data - in.size;
    return VIRTIO_DONE;
}

static const struct virtio_kind kind = {VIRTIO_BLOCK_ID, 1, BURST, serve};

void virtio_block_init(struct virtio_mmio *mmio, struct virtio_block *block, uint8_t *disk,
                       uint64_t size, bool read_only) {
    *block = (struct virtio_block){
        .disk = disk,
        .read_only = read_only,
        .config = {.capacity = size / VIRTIO_BLOCK_SECTOR,
                   .size_max = SEGMENT_BYTES,
                   .seg_max = SEGMENTS,
                   .blk_size = VIRTIO_BLOCK_SECTOR},
    };
    mmio->kind = &kind;
    mmio->device = block;
    mmio->features = VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX |
                     VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH | (read_only ? VIRTIO_BLK_F_RO : 0);
    mmio->config = (const uint8_t *)&block->config;
    mmio->config_size = sizeof(block->config);
}
