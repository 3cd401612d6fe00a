/* The bytes of a descriptor chain, and copies between them and the hypervisor's memory: the only
 * places where an address from a descriptor is used.
 *
 * Each copy checks its range of the guest's RAM where it is made, whatever was checked before. The
 * contracts are proven: docs/proof.md. VIRTIO 1.2, "Message Framing": how a chain is divided into
 * descriptors has no meaning. Pure. Read next: virtio_queue.h. */
#pragma once
#include <stdint.h>

#define VIRTQ_SIZE_MAX 128

/* A guest's RAM, from guest-physical address 0; page-aligned. */
struct virtq_ram {
    uint8_t *bytes;
    uint64_t size;
};

struct virtq_segment {
    uint64_t address; /* of the guest */
    uint32_t size;    /* not 0 */
};

struct virtq_buffers {
    const struct virtq_ram *ram;
    uint32_t count;
    struct virtq_segment segment[VIRTQ_SIZE_MAX];
};

/* The bytes that are left of a part of the buffers. */
struct virtq_stream {
    const struct virtq_buffers *buffers;
    uint32_t segment; /* the first that has bytes left */
    uint32_t offset;  /* in it */
    uint32_t size;    /* left in all */
};

/*@ predicate ram_exists(struct virtq_ram *r) = \valid_read(r) && r->size < 0x8000000000000000 &&
  @     \valid(r->bytes + (0 .. r->size - 1)) &&
  @     \separated(r, r->bytes + (0 .. r->size - 1));
  @ predicate usable(struct virtq_stream *s) = \valid(s) && \valid_read(s->buffers) &&
  @     s->buffers->count <= VIRTQ_SIZE_MAX && ram_exists(s->buffers->ram) &&
  @     \separated(s, s->buffers, s->buffers->ram,
  @                s->buffers->ram->bytes + (0 .. s->buffers->ram->size - 1)); */

/* Copy the next bytes of the stream, `size` or as many as are left. Return how many. */
/*@ requires usable(stream) && \valid(to + (0 .. size - 1));
  @ requires \separated(to + (0 .. size - 1), stream, stream->buffers, stream->buffers->ram,
  @              stream->buffers->ram->bytes + (0 .. stream->buffers->ram->size - 1));
  @ assigns to[0 .. size - 1] \from
  @     stream->buffers->ram->bytes[0 .. stream->buffers->ram->size - 1];
  @ assigns stream->segment, stream->offset, stream->size, \result \from stream->segment,
  stream->offset,
  @     stream->size, size;
  @ ensures \result <= size && \result <= \old(stream->size);
  @ ensures stream->size <= \old(stream->size); */
uint32_t virtq_read(struct virtq_stream *stream, uint8_t *to, uint32_t size);

/*@ requires usable(stream) && \valid_read(from + (0 .. size - 1));
  @ requires \separated(from + (0 .. size - 1),
  @              stream->buffers->ram->bytes + (0 .. stream->buffers->ram->size - 1));
  @ assigns stream->buffers->ram->bytes[0 .. stream->buffers->ram->size - 1] \from
  @     from[0 .. size - 1];
  @ assigns stream->segment, stream->offset, stream->size, \result \from stream->segment,
  stream->offset,
  @     stream->size, size;
  @ ensures \result <= size && \result <= \old(stream->size);
  @ ensures stream->size <= \old(stream->size); */
uint32_t virtq_write(struct virtq_stream *stream, const uint8_t *from, uint32_t size);

/* The same with `size` bytes of an area of `total` bytes, from `offset` on: they copy nothing and
 * return 0 if these are not in the area. */
/*@ requires usable(stream) && \valid(area + (0 .. total - 1)) && total < 0x8000000000000000;
  @ requires \separated(area + (0 .. total - 1), stream, stream->buffers, stream->buffers->ram,
  @              stream->buffers->ram->bytes + (0 .. stream->buffers->ram->size - 1));
  @ assigns area[0 .. total - 1] \from
  @     stream->buffers->ram->bytes[0 .. stream->buffers->ram->size - 1];
  @ assigns stream->segment, stream->offset, stream->size, \result \from stream->segment,
  stream->offset,
  @     stream->size, size, offset;
  @ ensures \result <= size && \result <= \old(stream->size);
  @ ensures offset + size > total ==> \result == 0;
  @ ensures stream->size <= \old(stream->size); */
uint32_t virtq_read_part(struct virtq_stream *stream, uint8_t *area, uint64_t total,
                         uint64_t offset, uint32_t size);

/*@ requires usable(stream) && \valid_read(area + (0 .. total - 1)) && total < 0x8000000000000000;
  @ requires \separated(area + (0 .. total - 1),
  @              stream->buffers->ram->bytes + (0 .. stream->buffers->ram->size - 1));
  @ assigns stream->buffers->ram->bytes[0 .. stream->buffers->ram->size - 1] \from
  @     area[0 .. total - 1];
  @ assigns stream->segment, stream->offset, stream->size, \result \from stream->segment,
  stream->offset,
  @     stream->size, size, offset;
  @ ensures \result <= size && \result <= \old(stream->size);
  @ ensures offset + size > total ==> \result == 0;
  @ ensures stream->size <= \old(stream->size); */
uint32_t virtq_write_part(struct virtq_stream *stream, const uint8_t *area, uint64_t total,
                          uint64_t offset, uint32_t size);

/* Skips `size` bytes, or those that are left. */
/*@ requires usable(stream);
  @ assigns stream->segment, stream->offset, stream->size \from stream->segment, stream->offset,
  @     stream->size, size;
  @ ensures stream->size <= \old(stream->size); */
void virtq_skip(struct virtq_stream *stream, uint32_t size);
