/* What is at the guest-physical addresses that are not RAM: the local APIC, the I/O APIC, virtio
 * devices, or nothing. Read next: exit_mmio.h for the guest's accesses. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "vmm/devices/pc_map.h"
#include "vmm/vcpu/virq.h"

/* A device's access functions; `size` is 1, 2, 4 or 8 bytes. A read may return more bits. A write
 * that returns false has done nothing: the guest executes the instruction again. */
struct mmio_device {
    uint64_t (*read)(struct vcpu *vcpu, uint64_t address, unsigned size);
    bool (*write)(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value);
};

extern const struct mmio_device mmio_lapic, mmio_ioapic, mmio_virtio, mmio_nothing;

/* The device at an address, which is not RAM. One without a device reads as all ones, and writes to
 * it are ignored. As on the processor, the local APIC takes precedence over anything else at its
 * address. */
static inline const struct mmio_device *mmio_device_at(const struct vcpu *vcpu, uint64_t address) {
    uint64_t page = address & ~0xfffULL;

    if (page == virq_apic_address(vcpu))
        return &mmio_lapic;
    if (page == IOAPIC_DEFAULT_BASE)
        return &mmio_ioapic;
    if (page >= PC_VIRTIO_BASE && page < PC_VIRTIO_BASE + PC_VIRTIO_SLOTS * PC_VIRTIO_STRIDE)
        return &mmio_virtio;
    return &mmio_nothing;
}
