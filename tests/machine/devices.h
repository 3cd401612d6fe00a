/* A guest whose pages are of devices and of RAM, and the instructions that it executes on them: see
 * vmm/vcpu/mmio_execute.h. */
#pragma once
#include "tests/machine/paging.h"
#include "vmm/devices/pc_map.h"

#define READ       1ULL
#define WRITE      EPT_VIOLATION_WRITE
#define OF_ADDRESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED)
#define INDEX      (vm->routing.ioapic.index)
#define ALL_ONES   UINT64_MAX

/* Linear addresses. */
#define IOAPIC      PAGES
#define VIRTIO      (PAGES + PAGE)
#define NOWHERE     (PAGES + 2 * PAGE)
#define RAM         (PAGES + 3 * PAGE)
#define RAM_AGAIN   (PAGES + 4 * PAGE)
#define NOWHERE_TOO (PAGES + 5 * PAGE)

#define RAM_AT      0x9000u

static inline int set_up_devices(void **state) {
    set_up_paging(state);
    map(0, IOAPIC_DEFAULT_BASE, KERNEL_DATA);
    map(1, PC_VIRTIO_BASE, KERNEL_DATA);
    map(2, 0xd0000000, KERNEL_DATA);
    map(3, RAM_AT, KERNEL_DATA);
    map(4, RAM_AT, KERNEL_DATA);
    map(5, 0xd0000000, KERNEL_DATA);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_OSFXSR | CR4_OSXSAVE);
    self->registers.xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
    machine.xcr0 = self->registers.xcr0;
    return 0;
}

static inline uint64_t physical(uint64_t linear) {
    return (*page_entry((unsigned)((linear - PAGES) / PAGE)) & ~(PAGE - 1)) + linear % PAGE;
}

/* The instruction's bytes; its access to memory at [rax], with this linear address, exits. */
#define DO(linear, access, ...)                                                                    \
    carry_out(linear, access, (const uint8_t[]){__VA_ARGS__},                                      \
              sizeof((const uint8_t[]){__VA_ARGS__}))
static uint64_t length;
static inline void carry_out(uint64_t linear, uint64_t access, const uint8_t *bytes, size_t size) {
    memcpy(vm->ram + START_RIP, bytes, size);
    machine_set(VMCS_GUEST_RIP, START_RIP);
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, physical(linear));
    length = size;
    assert_true(exits(EXIT_REASON_EPT_VIOLATION, access | OF_ADDRESS));
}

static inline void assert_done(void) {
    assert_runs();
    assert_int_equal(self->event, 0);
    assert_field(VMCS_GUEST_RIP, START_RIP + length);
}

static inline void assert_stays(void) {
    assert_runs();
    assert_int_equal(self->event, 0);
    assert_field(VMCS_GUEST_RIP, START_RIP);
}
