/* Guests that have halted for good: see halted.h. */
#include "vmm/vcpu/halted.h"

#include "arch/apic_registers.h"
#include "arch/control_registers.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

static bool is_nmi_or_init(enum apic_delivery_mode mode) {
    return mode == APIC_DELIVERY_NMI || mode == APIC_DELIVERY_INIT;
}

/* Whether a device can cause an NMI or an INIT: through the I/O APIC, or through the 8259s and a
 * LINT0 that has one of these delivery modes. */
static bool nmi_can_arrive(struct vm *vm) {
    bool can = false;

    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        uint32_t lvt = apic_page_read(vm->vcpu[i]->apic_page, APIC_LVT_LINT0);
        can |= !(lvt & APIC_LVT_MASKED) && is_nmi_or_init(apic_delivery_mode(lvt));
    }
    spin_lock(&vm->interrupt_lock);
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        uint64_t entry = vm->routing.ioapic.entry[pin];
        can |= !(entry & RTE_MASKED) && is_nmi_or_init(apic_delivery_mode(entry));
    }
    spin_unlock(&vm->interrupt_lock);
    return can;
}

/* Whether no vCPU of the VM can run again. Before a vCPU takes its requests, it sets `awake` and
 * increments `wakes`. So in whatever order these loads happen, one of the three shows a vCPU that
 * is about to run; that vCPU checks in turn when it halts again. */
static bool all_halted(struct vm *vm) {
    uint32_t wakes = atomic_load(&vm->wakes);

    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        if (atomic_load(&vm->vcpu[i]->awake) || atomic_load(vm->vcpu[i]->requests))
            return false;
    }
    return !nmi_can_arrive(vm) && atomic_load(&vm->wakes) == wakes;
}

void halted_end(struct vcpu *vcpu) {
    if (atomic_load_explicit(&vcpu->awake, memory_order_relaxed))
        return;
    atomic_store(&vcpu->awake, 1);
    atomic_fetch_add(&vcpu->vm->wakes, 1);
}

void halted_begin(struct vcpu *vcpu) {
    if (vcpu->state == VCPU_HALTED && vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF)
        return;
    atomic_store(&vcpu->awake, 0);
    if (all_halted(vcpu->vm))
        vm_kill(vcpu->vm, "all vCPUs have halted with interrupts off, the last one at RIP 0x%lx",
                vmcs_read(VMCS_GUEST_RIP));
}
