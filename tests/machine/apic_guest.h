/* The processor's part in the guest's accesses to its local APIC: each goes where the VMCS sends
 * it, so the processor virtualizes it, or it exits.
 *
 * SDM Vol. 3C, "Virtualizing Memory-Mapped APIC Accesses", "Virtualizing MSR-Based APIC Accesses".
 */
#pragma once
#include "tests/machine/one_vm.h"
#include "tests/processor.h"

static struct processor processor;

static inline void processor_load(void) {
    uint64_t status = machine_get(VMCS_GUEST_INTERRUPT_STATUS);

    processor.page = self->apic_page;
    processor.rvi = (uint8_t)status;
    processor.svi = (uint8_t)(status >> 8);
    for (unsigned i = 0; i < 4; i++)
        processor.exit_bitmap.word[i] = machine_get(VMCS_EOI_EXIT_BITMAP0 + 2 * i);
}

static inline void processor_store(void) {
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, processor.rvi | processor.svi << 8);
}

/* The work before an entry, and what must hold at it: SVI and RVI, and invariant 1. */
static inline void enter(void) {
    const struct vlapic *apic = virq_lapic(self);
    uint8_t rvi, svi;

    if (atomic_exchange(self->requests, 0))
        virq_prepare_entry(self);
    processor_load();
    rvi = processor.rvi;
    svi = processor.svi;
    processor_set_status(&processor);
    assert_int_equal(svi, processor.svi);
    assert_int_equal(rvi, processor.rvi);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(apic->tokens.inflight.word[i] & ~processor.exit_bitmap.word[i], 0);
    processor_update_ppr(&processor);
    assert_runs();
}

static inline void eoi_by_the_processor(void) {
    uint8_t vector;
    bool exit = processor_eoi(&processor, &vector);

    processor_store();
    if (exit)
        exits(EXIT_REASON_VIRTUALIZED_EOI, vector);
}

static inline void self_ipi_by_the_processor(uint8_t vector) {
    processor_self_ipi(&processor, vector);
    processor_store();
}

/* mov [eax], ecx: the access that an EPT violation reports. */
static inline void store_to_memory(uint64_t address, uint32_t value) {
    memcpy(vm->ram + START_RIP, (const uint8_t[]){0x89, 0x08}, 2);
    machine_set(VMCS_GUEST_RIP, START_RIP);
    *reg(GUEST_RAX) = address;
    *reg(GUEST_RCX) = value;
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, address);
    exits(EXIT_REASON_EPT_VIOLATION,
          EPT_VIOLATION_WRITE | EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED);
    assert_field(VMCS_GUEST_RIP, START_RIP + 2);
}

static inline void write_page(uint32_t offset, uint32_t value) {
    apic_page_write(self->apic_page, offset, value);
    if (offset == APIC_EOI)
        eoi_by_the_processor();
    else if (offset == APIC_ICR_LOW && (value & ~0xffu) == APIC_ICR_SELF && (value & 0xf0))
        self_ipi_by_the_processor((uint8_t)value);
    else
        exits(EXIT_REASON_APIC_WRITE, offset);
}

static inline bool write_exits(uint32_t msr) {
    const uint8_t *bitmap = machine_memory(machine_get(VMCS_MSR_BITMAP));

    return bitmap[2048 + msr / 8] >> msr % 8 & 1;
}

static inline void write_msr(uint32_t msr, uint64_t value) {
    bool virtualized = machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUALIZE_X2APIC_MODE;

    if (virtualized && msr == MSR_X2APIC_EOI && !write_exits(msr)) {
        eoi_by_the_processor();
    } else if (virtualized && msr == MSR_X2APIC_SELF_IPI && !write_exits(msr)) {
        self_ipi_by_the_processor((uint8_t)value);
    } else {
        *reg(GUEST_RCX) = msr;
        *reg(GUEST_RAX) = (uint32_t)value;
        *reg(GUEST_RDX) = value >> 32;
        machine_set(VMCS_GUEST_RIP, START_RIP);
        exits(EXIT_REASON_WRMSR, 0);
        assert_advanced();
    }
}

/* The guest writes a register of its local APIC, in the mode that it is in, and enters again. */
static inline void write_apic(uint32_t offset, uint32_t value) {
    uint64_t base = virq_base(self);

    enter();
    if (base & APIC_BASE_X2APIC)
        write_msr(MSR_X2APIC_BASE + offset / 16, value);
    else if (machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUALIZE_APIC_ACCESSES)
        write_page(offset, value);
    else
        store_to_memory((base & APIC_BASE_ADDRESS_MASK) + offset, value);
    enter();
}

static inline void self_ipi(uint8_t vector) {
    if (virq_base(self) & APIC_BASE_X2APIC)
        write_apic(APIC_SELF_IPI, vector);
    else
        write_apic(APIC_ICR_LOW, APIC_ICR_SELF | vector);
}

static inline void write_base(uint64_t value) {
    enter();
    write_msr(MSR_IA32_APIC_BASE, value | APIC_BASE_BSP);
    enter();
}

static inline void x2apic(void) {
    write_base(APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

static inline uint8_t deliver(void) {
    uint8_t vector;

    enter();
    vector = processor_deliver(&processor);
    processor_store();
    return vector;
}

static inline bool pends(uint8_t vector) {
    return apic_page_has(self->apic_page, APIC_IRR, vector);
}
