/* A virtio device's registers in a page of memory, and how its queues are served.
 *
 * The driver negotiates features, says where its queues are, and notifies the device of what it has
 * put there. The device serves the queue at once and raises its line, which is level-triggered:
 * high while InterruptStatus is not 0. A driver that gives a queue which must not be breaks its
 * device: DEVICE_NEEDS_RESET is set, and no queue is looked at until it resets the device.
 * VIRTIO 1.2, "Virtio Over MMIO", "Basic Facilities of a Virtio Device". Pure: what it does to the
 * rest goes through struct virtio_effects. Read next: virtio_block.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/devices/virtio_queue.h"

#define VIRTIO_QUEUES 2

/* Registers, by their offset. */
#define VIRTIO_MMIO_MAGIC_VALUE         0x000
#define VIRTIO_MMIO_VERSION             0x004
#define VIRTIO_MMIO_DEVICE_ID           0x008
#define VIRTIO_MMIO_VENDOR_ID           0x00c
#define VIRTIO_MMIO_DEVICE_FEATURES     0x010
#define VIRTIO_MMIO_DEVICE_FEATURES_SEL 0x014
#define VIRTIO_MMIO_DRIVER_FEATURES     0x020
#define VIRTIO_MMIO_DRIVER_FEATURES_SEL 0x024
#define VIRTIO_MMIO_QUEUE_SEL           0x030
#define VIRTIO_MMIO_QUEUE_NUM_MAX       0x034
#define VIRTIO_MMIO_QUEUE_NUM           0x038
#define VIRTIO_MMIO_QUEUE_READY         0x044
#define VIRTIO_MMIO_QUEUE_NOTIFY        0x050
#define VIRTIO_MMIO_INTERRUPT_STATUS    0x060
#define VIRTIO_MMIO_INTERRUPT_ACK       0x064
#define VIRTIO_MMIO_STATUS              0x070
#define VIRTIO_MMIO_QUEUE_DESC_LOW      0x080
#define VIRTIO_MMIO_QUEUE_DESC_HIGH     0x084
#define VIRTIO_MMIO_QUEUE_DRIVER_LOW    0x090
#define VIRTIO_MMIO_QUEUE_DRIVER_HIGH   0x094
#define VIRTIO_MMIO_QUEUE_DEVICE_LOW    0x0a0
#define VIRTIO_MMIO_QUEUE_DEVICE_HIGH   0x0a4
#define VIRTIO_MMIO_SHM_FIRST           0x0b0 /* length and base of shared memory: there is none */
#define VIRTIO_MMIO_SHM_LAST            0x0bc
#define VIRTIO_MMIO_CONFIG_GENERATION   0x0fc
#define VIRTIO_MMIO_CONFIG              0x100

#define VIRTIO_MAGIC                    0x74726976 /* "virt" */
#define VIRTIO_VENDOR_ID                0x4c575750 /* "PWWL" */
#define VIRTIO_F_VERSION_1              (1ULL << 32)

#define VIRTIO_STATUS_ACKNOWLEDGE       1
#define VIRTIO_STATUS_DRIVER            2
#define VIRTIO_STATUS_DRIVER_OK         4
#define VIRTIO_STATUS_FEATURES_OK       8
#define VIRTIO_STATUS_NEEDS_RESET       64
#define VIRTIO_STATUS_FAILED            128

#define VIRTIO_INTERRUPT_USED           1
#define VIRTIO_INTERRUPT_CONFIG         2

/* What leaves a device. Each has its context; what a device does not need may be NULL. */
struct virtio_effects {
    void (*set_line)(void *context, bool level);
    void (*random)(void *context, uint8_t *to, uint32_t size);           /* entropy device */
    void (*transmit)(void *context, const uint8_t *from, uint32_t size); /* console */
};

/* What became of a chain. */
enum virtio_served {
    VIRTIO_DONE,
    VIRTIO_AGAIN, /* a part is done: again, with the same chain, when the device is next served */
    VIRTIO_WAIT,  /* nothing to do with it yet */
    VIRTIO_BROKEN,
};

struct virtio_mmio;

/* A kind of device. */
struct virtio_kind {
    uint32_t device_id;
    uint32_t queues;
    uint32_t burst; /* bytes: after so many no further chain is served at the same notification */
    /* Serves a chain of a queue; *written, 0 before, is how many bytes of it were written. */
    enum virtio_served (*serve)(struct virtio_mmio *mmio, uint32_t queue, struct virtq_chain *chain,
                                uint32_t *written);
};

struct virtio_mmio {
    const struct virtio_kind *kind; /* NULL: there is no device, device ID 0 */
    void *device;                   /* the kind's own */
    const struct virtio_effects *effects;
    void *context;
    struct virtq_ram ram;
    uint64_t features;     /* offered */
    const uint8_t *config; /* configuration space, which never changes */
    uint32_t config_size;

    /* Registers: all 0 by a reset. */
    struct virtio_registers {
        uint64_t driver_features;
        uint32_t device_features_sel, driver_features_sel, queue_sel;
        uint32_t status, interrupt_status;
        struct virtq queue[VIRTIO_QUEUES];
    } reg;
};

/* A guest's access of 1, 2, 4 or 8 bytes, by its offset in the page. What is no register, or not
 * read as VIRTIO says, reads 0 and is not written. A write returns true if the queue that it
 * notified of is not empty yet, but enough was done at once: the same write goes on with it. */
uint64_t virtio_mmio_read(const struct virtio_mmio *mmio, uint32_t offset, unsigned size);
bool virtio_mmio_write(struct virtio_mmio *mmio, uint32_t offset, unsigned size, uint32_t value);

/* Serves a queue, as a notification of it does; for devices that have something by themselves. */
bool virtio_mmio_serve(struct virtio_mmio *mmio, uint32_t queue);
