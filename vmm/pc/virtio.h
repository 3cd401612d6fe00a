/* A guest's virtio devices: a block device if the guest has a disk, random bytes, a console.
 *
 * Each device has a page and an interrupt line (vmm/devices/pc_map.h), and its lock, which is taken
 * before the lock of the interrupt lines. The disk is the guest's own copy of a file, in memory.
 * The console's output goes to the same places as the serial port's. Virtio 1.2, "Virtio Over
 * MMIO". Read next: vmm/devices/virtio_mmio.h, irq_lines.h. */
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
    struct spinlock lock; /* protects the rest, and the device's own state in struct virtio */
    struct pc *pc;
    struct virtio_mmio mmio;
};

struct virtio {
    struct virtio_slot slot[PC_VIRTIO_SLOTS]; /* enum pc_virtio_slot */
    struct virtio_block block;
    struct virtio_console console;
    atomic_bool receives_input; /* the guest's last output came from this console, not the UART */
    atomic_bool output_waits;   /* there was no room for all of it */
};

/* Resets all devices. pc->config must be set. */
void virtio_reset(struct pc *pc);

/* Offers bytes that were typed for the guest to the console; returns for how many of them the
 * driver had buffers. Any CPU. */
uint32_t virtio_type(struct pc *pc, const uint8_t *bytes, uint32_t size);

/* The guest's accesses of `size` bytes to the devices' pages. A write that returns false has done
 * nothing: the guest executes it again. Any CPU. */
uint64_t virtio_read(struct pc *pc, uint64_t address, unsigned size);
bool virtio_write(struct pc *pc, uint64_t address, unsigned size, uint64_t value);
