/* The registers of a virtio device in a page of device memory, and how its queues are served.
 *
 * The driver negotiates features, writes the addresses of its queues, and notifies the device of
 * available chains. The device serves the queue at once and raises its interrupt line, which is
 * level-triggered: high while InterruptStatus is not 0. An invalid queue breaks the device:
 * DEVICE_NEEDS_RESET is set, and no queue is served until the driver resets the device. VIRTIO 1.2,
 * "Virtio Over MMIO", "Basic Facilities of a Virtio Device". Pure: effects outside the device go
 * through struct virtio_effects. Read next: virtio_block.c. */
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
#define VIRTIO_MMIO_SHM_FIRST           0x0b0 /* length and base of shared memory: none */
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

/* The effects of a device outside itself; those that a kind of device does not use may be NULL. */
struct virtio_effects {
    void (*set_line)(void *context, bool level);
    void (*random)(void *context, uint8_t *to, uint32_t size); /* of the entropy device */
    /* Of the console. Returns how many bytes were accepted; it is called with the others again. */
    uint32_t (*transmit)(void *context, const uint8_t *from, uint32_t size);
};

/* The result of serving a chain. */
enum virtio_served {
    VIRTIO_DONE,
    VIRTIO_AGAIN,  /* partly processed: the device continues with it when it is served next */
    VIRTIO_WAIT,   /* not processed: the device has no data for it yet, or there is no chain */
    VIRTIO_BROKEN, /* not valid */
};

struct virtio_mmio;

/* A kind of device. */
struct virtio_kind {
    uint32_t device_id;
    uint32_t queues;
    uint32_t burst; /* bytes; after them one notification serves no further chain */
    /* Serves a chain of a queue; sets *written, 0 before, to the number of bytes that it wrote. */
    enum virtio_served (*serve)(struct virtio_mmio *mmio, uint32_t queue, struct virtq_chain *chain,
                                uint32_t *written);
};

struct virtio_mmio {
    const struct virtio_kind *kind; /* NULL: no device, its device ID reads 0 */
    void *device;                   /* the state of this kind of device */
    const struct virtio_effects *effects;
    void *context;
    struct virtq_ram ram;
    uint64_t features;     /* offered */
    const uint8_t *config; /* configuration space; constant */
    uint32_t config_size;

    /* A reset clears them all. */
    struct virtio_registers {
        uint64_t driver_features;
        uint32_t device_features_sel, driver_features_sel, queue_sel;
        uint32_t status, interrupt_status;
        struct virtq queue[VIRTIO_QUEUES];
    } reg;
};

/* A guest's access of 1, 2, 4 or 8 bytes at an offset in the page. An offset without a register, or
 * an access of another size than VIRTIO requires, reads 0 and ignores the write. A write returns
 * true if it notified a queue that is not empty yet after one burst: repeating the write continues.
 */
uint64_t virtio_mmio_read(const struct virtio_mmio *mmio, uint32_t offset, unsigned size);
bool virtio_mmio_write(struct virtio_mmio *mmio, uint32_t offset, unsigned size, uint32_t value);

/* Serves a queue without a notification, for a device that has received data. Returns true if one
 * burst did not empty the queue. */
bool virtio_mmio_serve(struct virtio_mmio *mmio, uint32_t queue);
