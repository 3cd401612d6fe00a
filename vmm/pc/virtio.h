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

struct vcpu;
struct vm;

struct virtio_slot {
    struct spinlock lock; /* guards the rest, and the device's own below */
    struct vm *vm;
    struct virtio_mmio mmio;
};

struct virtio {
    struct virtio_slot slot[PC_VIRTIO_SLOTS]; /* enum pc_virtio_slot */
    struct virtio_block block;
    struct virtio_console console;
    atomic_bool speaks; /* the guest's last text came from this console, not from the serial port */
};

/* When the guest's memory and disk are there. */
void virtio_init(struct vm *vm);

/* What was typed for the guest; returns how many bytes its driver had buffers for. */
uint32_t virtio_type(struct vm *vm, const uint8_t *bytes, uint32_t size);

/* Accesses to the devices' pages. False: the same write has to be tried again, it is not done. */
uint64_t virtio_read(struct vcpu *vcpu, uint64_t address, unsigned size);
bool virtio_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value);
