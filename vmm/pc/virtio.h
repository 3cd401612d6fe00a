/* A guest's virtio devices: a block device if it has a disk, random bytes, a console.
 *
 * Each has its page, its interrupt line (pc_map.h) and its lock, which is taken before the lock of
 * the interrupt lines. The disk is the guest's own copy of a file, in memory. What the console
 * sends goes where the serial port's text goes. Read next: virtio_mmio.h, irq_lines.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/pc_map.h"
#include "vmm/devices/virtio_block.h"
#include "vmm/devices/virtio_console.h"

struct pc;

struct virtio_slot {
    struct spinlock lock; /* guards the rest, and the device's own below */
    struct pc *pc;
    struct virtio_mmio mmio;
};

struct virtio {
    struct virtio_slot slot[PC_VIRTIO_SLOTS]; /* enum pc_virtio_slot */
    struct virtio_block block;
    struct virtio_console console;
    atomic_bool takes_input; /* the guest's last output came from this console, not the UART */
};

/* config.ram and config.disk are set. */
void virtio_reset(struct pc *pc);

/* Offers bytes that were typed for the guest; returns how many its driver had buffers for. */
uint32_t virtio_type(struct pc *pc, const uint8_t *bytes, uint32_t size);

/* The guest's accesses to the devices' pages. False: nothing was done, and the guest has to repeat
 * the write. */
uint64_t virtio_read(struct pc *pc, uint64_t address, unsigned size);
bool virtio_write(struct pc *pc, uint64_t address, unsigned size, uint64_t value);
