/* VMX on this CPU: switching it on, the current VMCS, entering a guest.
 *
 * Every VMX instruction reports failure; here each is checked, and a failure, which can only be our
 * own bug, panics with the instruction, the field and the VM-instruction error in words.
 * SDM Vol. 3D, "VMX Instruction Reference". Read next: vmx_enter.asm. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/vmx/vmcs.h"

/* The guest's general registers, in the order of their encoding. RSP lives in the VMCS: [4] is
 * unused. vmx_enter.asm knows this layout through offsets.c. */
enum guest_register {
    GUEST_RAX,
    GUEST_RCX,
    GUEST_RDX,
    GUEST_RBX,
    GUEST_RSP,
    GUEST_RBP,
    GUEST_RSI,
    GUEST_RDI,
    GUEST_R8,
    GUEST_R9,
    GUEST_R10,
    GUEST_R11,
    GUEST_R12,
    GUEST_R13,
    GUEST_R14,
    GUEST_R15,
    GUEST_REGISTER_COUNT
};

struct vmx_context {
    uint64_t reg[GUEST_REGISTER_COUNT];
    uint64_t host_rsp; /* what VMCS_HOST_RSP holds */
};

/* A VMXON region or a VMCS: one page, zeroed, then the revision identifier. */
struct vmx_region {
    _Alignas(4096) uint32_t revision;
    uint32_t abort;
    uint8_t data[4096 - 8];
};
_Static_assert(sizeof(struct vmx_region) == 4096, "one page");

/* Switches VMX operation on: feature control, CR0 and CR4 as the fixed-bit MSRs demand, VMXON with
 * `region` at physical address `physical`. Returns NULL, or why it cannot be, in words. */
const char *vmx_on(struct vmx_region *region, uint64_t physical);

/* Why the last VMX instruction failed, in words. */
const char *vmx_error(void);

_Noreturn void vmx_fail(const char *instruction, uint64_t operand) __attribute__((cold));

static inline void vmcs_write(uint64_t field, uint64_t value) {
    __asm__ goto("vmwrite %1, %0\n\tjna %l[fail]"
                 :
                 : "r"(field), "r"(value)
                 : "cc", "memory"
                 : fail);
    return;
fail:
    vmx_fail("VMWRITE", field);
}

static inline uint64_t vmcs_read(uint64_t field) {
    uint64_t value;
    __asm__ goto("vmread %1, %0\n\tjna %l[fail]" : "=r"(value) : "r"(field) : "cc" : fail);
    return value;
fail:
    vmx_fail("VMREAD", field);
}

/* Makes the VMCS at this physical address inactive and its launch state clear. */
static inline void vmcs_clear(uint64_t physical) {
    __asm__ goto("vmclear %0\n\tjna %l[fail]" : : "m"(physical) : "cc", "memory" : fail);
    return;
fail:
    vmx_fail("VMCLEAR", physical);
}

/* Makes it current on this CPU. */
static inline void vmcs_load(uint64_t physical) {
    __asm__ goto("vmptrld %0\n\tjna %l[fail]" : : "m"(physical) : "cc", "memory" : fail);
    return;
fail:
    vmx_fail("VMPTRLD", physical);
}

struct invalidation_descriptor {
    uint64_t first, second;
};

#define INVEPT_SINGLE_CONTEXT  1
#define INVEPT_ALL_CONTEXTS    2
#define INVVPID_SINGLE_CONTEXT 1
#define INVVPID_ALL_CONTEXTS   2

static inline void invept(uint64_t type, uint64_t ept_pointer) {
    struct invalidation_descriptor descriptor = {ept_pointer, 0};
    __asm__ goto("invept %0, %1\n\tjna %l[fail]"
                 :
                 : "m"(descriptor), "r"(type)
                 : "cc", "memory"
                 : fail);
    return;
fail:
    vmx_fail("INVEPT", type);
}

static inline void invvpid(uint64_t type, uint16_t vpid) {
    struct invalidation_descriptor descriptor = {vpid, 0};
    __asm__ goto("invvpid %0, %1\n\tjna %l[fail]"
                 :
                 : "m"(descriptor), "r"(type)
                 : "cc", "memory"
                 : fail);
    return;
fail:
    vmx_fail("INVVPID", type);
}

/* Enters the guest of the current VMCS by VMLAUNCH, or VMRESUME if it was launched before; returns
 * at the next exit with true, or false if the instruction itself failed (see vmx_error()).
 * Interrupts stay off. VMCS_HOST_RIP must be vmx_exit_address(). */
bool vmx_enter(struct vmx_context *context, bool launched);
uint64_t vmx_exit_address(void);

/* After an exit that an NMI caused: NMIs are blocked until an IRET, so execute one. */
void nmi_unblock(void);
