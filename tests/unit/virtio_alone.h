/* A virtio device for the tests of vmm/devices/virtio_*.c, with a small driver and a guest's memory
 * of 64 KiB, in an allocation of this size so that ASan detects accesses past it. The device's
 * effects are recorded in `seen`. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/virtio_mmio.h"

#define RAM_SIZE      0x10000u
#define QUEUE_SIZE    8
#define DESCRIPTORS   0x1000 /* of queue 0; queue 1 is QUEUE_STRIDE behind it */
#define AVAILABLE     0x2000
#define USED          0x3000
#define QUEUE_STRIDE  0x3000
#define BUFFERS       0x8000

#define NEXT          1
#define WRITE         2
#define INDIRECT      4

#define NO_INTERRUPT  1
#define ALL_WORKS     (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define DRIVER_WORKS  (ALL_WORKS | VIRTIO_STATUS_DRIVER_OK)
#define BROKEN_STATUS (DRIVER_WORKS | VIRTIO_STATUS_NEEDS_RESET)

static struct virtio_mmio mmio;
static uint8_t *ram;
static struct {
    bool line;
    unsigned line_changes, transmits, random_calls;
    bool full;     /* no more text is accepted than... */
    uint32_t room; /* ...that */
    uint32_t size; /* of `text`, which was transmitted */
    uint8_t text[4096];
    void (*meanwhile)(void); /* run by the guest while the device works */
} seen;

/* ---- memory ---- */

static inline void put(uint64_t at, const void *from, size_t size) {
    memcpy(ram + at, from, size);
}

static inline uint16_t get16(uint64_t at) {
    uint16_t value;
    memcpy(&value, ram + at, sizeof(value));
    return value;
}

static inline uint32_t get32(uint64_t at) {
    uint32_t value;
    memcpy(&value, ram + at, sizeof(value));
    return value;
}

static inline void put16(uint64_t at, uint16_t value) {
    put(at, &value, sizeof(value));
}

/* ---- effects ---- */

static inline void set_line(void *context, bool level) {
    assert_ptr_equal(context, &seen);
    assert_int_not_equal(level, seen.line); /* only changes are reported */
    seen.line = level;
    seen.line_changes++;
}

static inline uint32_t transmit(void *context, const uint8_t *from, uint32_t size) {
    assert_ptr_equal(context, &seen);
    assert_true(size <= sizeof(seen.text) - seen.size);
    if (seen.full && size > seen.room)
        size = seen.room;
    seen.room -= seen.full ? size : 0;
    memcpy(seen.text + seen.size, from, size);
    seen.size += size;
    seen.transmits++;
    if (seen.meanwhile)
        seen.meanwhile();
    return size;
}

static inline void random_bytes(void *context, uint8_t *to, uint32_t size) {
    assert_ptr_equal(context, &seen);
    memset(to, 0xc0 + (int)seen.random_calls++ % 16, size);
    if (seen.meanwhile)
        seen.meanwhile();
}

static const struct virtio_effects effects = {set_line, random_bytes, transmit};

/* A slot without a device; the memory is filled with A5H. */
static inline void set_up_slot(void) {
    ram = aligned_alloc(4096, RAM_SIZE);
    memset(ram, 0xa5, RAM_SIZE);
    memset(&seen, 0, sizeof(seen));
    mmio = (struct virtio_mmio){
        .effects = &effects, .context = &seen, .ram = {ram, RAM_SIZE}, .features = 0};
}

static inline int tear_down(void **state) {
    (void)state;
    free(ram);
    return 0;
}

/* ---- registers ---- */

static inline uint32_t reg_read(uint32_t offset) {
    return (uint32_t)virtio_mmio_read(&mmio, offset, 4);
}

static inline bool reg_write(uint32_t offset, uint32_t value) {
    return virtio_mmio_write(&mmio, offset, 4, value);
}

static inline void negotiate(uint64_t features) {
    reg_write(VIRTIO_MMIO_STATUS, 0);
    reg_write(VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    reg_write(VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
    reg_write(VIRTIO_MMIO_STATUS, ALL_WORKS);
}

static inline void place_queue(uint32_t queue, uint32_t size, uint64_t descriptors,
                               uint64_t available, uint64_t used) {
    reg_write(VIRTIO_MMIO_QUEUE_SEL, queue);
    reg_write(VIRTIO_MMIO_QUEUE_NUM, size);
    reg_write(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)descriptors);
    reg_write(VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(descriptors >> 32));
    reg_write(VIRTIO_MMIO_QUEUE_DRIVER_LOW, (uint32_t)available);
    reg_write(VIRTIO_MMIO_QUEUE_DRIVER_HIGH, (uint32_t)(available >> 32));
    reg_write(VIRTIO_MMIO_QUEUE_DEVICE_LOW, (uint32_t)used);
    reg_write(VIRTIO_MMIO_QUEUE_DEVICE_HIGH, (uint32_t)(used >> 32));
    reg_write(VIRTIO_MMIO_QUEUE_READY, 1);
}

/* A driver's start: reset, all features, empty queues, DRIVER_OK. */
static inline void start_driver(void) {
    negotiate(mmio.features);
    for (uint32_t queue = 0; queue < mmio.kind->queues; queue++) {
        uint64_t more = queue * QUEUE_STRIDE;
        memset(ram + AVAILABLE + more, 0, 4);
        memset(ram + USED + more, 0, 4);
        place_queue(queue, QUEUE_SIZE, DESCRIPTORS + more, AVAILABLE + more, USED + more);
    }
    reg_write(VIRTIO_MMIO_STATUS, DRIVER_WORKS);
}

/* ---- a queue ---- */

static inline void describe(uint32_t queue, uint16_t index, uint64_t address, uint32_t size,
                            uint16_t flags, uint16_t next) {
    uint64_t at = DESCRIPTORS + queue * QUEUE_STRIDE + 16u * index;

    put(at, &address, 8);
    put(at + 8, &size, 4);
    put16(at + 12, flags);
    put16(at + 14, next);
}

/* Makes a chain available without a notification. */
static inline void offer(uint32_t queue, uint16_t head) {
    uint64_t ring = AVAILABLE + queue * QUEUE_STRIDE;
    uint16_t index = get16(ring + 2);

    put16(ring + 4 + 2u * (index % QUEUE_SIZE), head);
    put16(ring + 2, (uint16_t)(index + 1));
}

static inline bool notify(uint32_t queue) {
    return reg_write(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static inline uint16_t used_index(uint32_t queue) {
    return get16(USED + queue * QUEUE_STRIDE + 2);
}

/* Entry `number` of the used ring. */
static inline void assert_used(uint32_t queue, uint16_t number, uint32_t head, uint32_t written) {
    uint64_t entry = USED + queue * QUEUE_STRIDE + 4 + 8u * (number % QUEUE_SIZE);

    assert_int_equal(get32(entry), head);
    assert_int_equal(get32(entry + 4), written);
}

static inline void assert_broken(void) {
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), BROKEN_STATUS);
    assert_true(reg_read(VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_INTERRUPT_CONFIG);
    assert_true(seen.line);
}

static inline void assert_works(void) {
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), DRIVER_WORKS);
}
