/* The devices in a guest's physical addresses: see mmio_devices.h. */
#include "vmm/vcpu/mmio_devices.h"

#include "vmm/vcpu/vcpu.h"

#define PAGE_OFFSET 0xfffULL

static uint64_t mmio_ioapic_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    return routing_ioapic_read(&vcpu->vm->routing, (uint32_t)(address & PAGE_OFFSET), size);
}

static bool mmio_ioapic_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    routing_ioapic_write(&vcpu->vm->routing, (uint32_t)(address & PAGE_OFFSET), size,
                         (uint32_t)value);
    return true;
}

const struct mmio_device mmio_ioapic = {mmio_ioapic_read, mmio_ioapic_write};

/* SDM Vol. 3A, "The Local APIC Block Diagram": registers are accessed as aligned 32-bit words. The
 * SDM leaves other accesses undefined; here they read parts or 0, and their writes are ignored. */
static uint64_t mmio_lapic_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    uint32_t offset = (uint32_t)(address & PAGE_OFFSET);
    uint32_t value = offset % 16 + size <= 4 ? vlapic_read(virq_lapic(vcpu), offset & 0xff0) : 0;

    return value >> 8 * (offset % 4);
}

static bool mmio_lapic_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    uint32_t offset = (uint32_t)(address & PAGE_OFFSET);

    if (size == 4 && offset % 16 == 0)
        virq_apic_write(vcpu, offset, (uint32_t)value);
    return true;
}

const struct mmio_device mmio_lapic = {mmio_lapic_read, mmio_lapic_write};

static uint64_t mmio_nothing_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    (void)size;
    vm_log_access(vcpu->vm, "read", address);
    return UINT64_MAX;
}

static bool mmio_nothing_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    (void)size;
    (void)value;
    vm_log_access(vcpu->vm, "write", address);
    return true;
}

static uint64_t mmio_page_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    return pc_page_read(&vcpu->vm->pc, address, size);
}

static bool mmio_page_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    return pc_page_write(&vcpu->vm->pc, address, size, value);
}

const struct mmio_device mmio_virtio = {mmio_page_read, mmio_page_write};
const struct mmio_device mmio_nothing = {mmio_nothing_read, mmio_nothing_write};
