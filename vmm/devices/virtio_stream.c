/* The bytes of a descriptor chain: see virtio_stream.h. */
#include "vmm/devices/virtio_stream.h"

#include <stdbool.h>

#include "lib/index_clamp.h"
#include "lib/memory.h"
#include "lib/range.h"

/* Even a mispredicted branch cannot access anything else: see index_clamp.h. */
/*@ requires ram_exists(ram) && \valid(to + (0 .. size - 1));
  @ requires \separated(to + (0 .. size - 1), ram, ram->bytes + (0 .. ram->size - 1));
  @ assigns to[0 .. size - 1] \from ram->bytes[0 .. ram->size - 1];
  @ ensures \result <==> address + size <= ram->size; */
static bool copy_from_ram(const struct virtq_ram *ram, uint64_t address, uint8_t *to,
                          uint32_t size) {
    if (!range_within(address, size, ram->size))
        return false;
    memcpy(to, ram->bytes + offset_clamp(address, ram->size - size + 1), size);
    return true;
}

/*@ requires ram_exists(ram) && \valid_read(from + (0 .. size - 1));
  @ requires \separated(from + (0 .. size - 1), ram->bytes + (0 .. ram->size - 1));
  @ assigns ram->bytes[0 .. ram->size - 1] \from from[0 .. size - 1];
  @ ensures \result <==> address + size <= ram->size; */
static bool copy_to_ram(const struct virtq_ram *ram, uint64_t address, const uint8_t *from,
                        uint32_t size) {
    if (!range_within(address, size, ram->size))
        return false;
    memcpy(ram->bytes + offset_clamp(address, ram->size - size + 1), from, size);
    return true;
}

/* Skips up to `most` contiguous bytes. Returns how many, 0 only if most is 0 or none are left, and
 * their address. */
/*@ requires usable(stream) && \valid(address);
  @ requires \separated(address, stream, stream->buffers, stream->buffers->ram);
  @ assigns stream->segment, stream->offset, stream->size, *address;
  @ ensures \result <= most && \result <= \old(stream->size);
  @ ensures stream->size == \old(stream->size) - \result; */
static uint32_t take_piece(struct virtq_stream *stream, uint32_t most, uint64_t *address) {
    const struct virtq_buffers *buffers = stream->buffers;

    if (stream->size == 0 || stream->segment >= buffers->count)
        return 0;
    const struct virtq_segment *segment = &buffers->segment[stream->segment];
    uint32_t left = segment->size - stream->offset;
    /* The stream may end within its last segment. */
    uint32_t piece = most < stream->size ? most : stream->size;

    *address = segment->address + stream->offset;
    if (piece >= left) {
        piece = left;
        stream->segment++;
        stream->offset = 0;
    } else {
        stream->offset += piece;
    }
    stream->size -= piece;
    return piece;
}

uint32_t virtq_read(struct virtq_stream *stream, uint8_t *to, uint32_t size) {
    uint32_t done = 0, piece;
    uint64_t address;

    /*@ loop invariant done <= size && done <= \at(stream->size, Pre) - stream->size;
      @ loop invariant stream->size <= \at(stream->size, Pre);
      @ loop assigns done, piece, address, stream->segment, stream->offset, stream->size,
      @     to[0 .. size - 1]; */
    while (done < size && (piece = take_piece(stream, size - done, &address)) != 0) {
        if (!copy_from_ram(stream->buffers->ram, address, to + done, piece))
            break;
        done += piece;
    }
    return done;
}

uint32_t virtq_write(struct virtq_stream *stream, const uint8_t *from, uint32_t size) {
    uint32_t done = 0, piece;
    uint64_t address;

    /*@ loop invariant done <= size && done <= \at(stream->size, Pre) - stream->size;
      @ loop invariant stream->size <= \at(stream->size, Pre);
      @ loop assigns done, piece, address, stream->segment, stream->offset, stream->size,
      @     stream->buffers->ram->bytes[0 .. stream->buffers->ram->size - 1]; */
    while (done < size && (piece = take_piece(stream, size - done, &address)) != 0) {
        if (!copy_to_ram(stream->buffers->ram, address, from + done, piece))
            break;
        done += piece;
    }
    return done;
}

uint32_t virtq_read_part(struct virtq_stream *stream, uint8_t *area, uint64_t total,
                         uint64_t offset, uint32_t size) {
    if (!range_within(offset, size, total))
        return 0;
    return virtq_read(stream, area + offset_clamp(offset, total - size + 1), size);
}

uint32_t virtq_write_part(struct virtq_stream *stream, const uint8_t *area, uint64_t total,
                          uint64_t offset, uint32_t size) {
    if (!range_within(offset, size, total))
        return 0;
    return virtq_write(stream, area + offset_clamp(offset, total - size + 1), size);
}

void virtq_skip(struct virtq_stream *stream, uint32_t size) {
    uint32_t piece;
    uint64_t address;

    /*@ loop invariant stream->size <= \at(stream->size, Pre);
      @ loop assigns size, piece, address, stream->segment, stream->offset, stream->size; */
    while (size && (piece = take_piece(stream, size, &address)) != 0)
        size -= piece;
}
