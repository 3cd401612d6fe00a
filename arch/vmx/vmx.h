/* VMX on the current CPU: enabling it, accessing the current VMCS, entering a guest.
 *
 * Every VMX instruction reports whether it succeeded, and every function here checks that. A
 * failure can only be a bug of the hypervisor: except in vmx_on() and vmx_enter(), which return it,
 * it panics with the instruction, its operand and the VM-instruction error in words. SDM Vol. 3D,
 * "VMX Instruction Reference". Read next: vmx_enter.asm. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cpu.h"
#include "arch/vmx/vmcs.h"

/* The guest's general-purpose registers, in the order of their encoding. GUEST_RSP is never saved
 * here: RSP is a field of the VMCS. vmx_enter.asm uses this order by way of offsets.c. */
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

/* The registers of a guest that no VM entry or exit switches. */
struct vmx_context {
    uint64_t reg[GUEST_REGISTER_COUNT];
    uint64_t
        host_rsp; /* the current value of VMCS_HOST_RSP, to avoid a VMWRITE of the same value */
};

/* A VMXON region or a VMCS: a page of zeros that begins with the revision identifier. SDM Vol. 3C,
 * "Format of the VMCS Region". */
struct vmx_region {
    _Alignas(4096) uint32_t revision;
    uint32_t abort;
    uint8_t data[4096 - 8];
};
_Static_assert(sizeof(struct vmx_region) == 4096, "one page");

/* Enters VMX operation: sets IA32_FEATURE_CONTROL if it is unlocked, the bits of CR0 and CR4 that
 * are fixed in VMX operation, and executes VMXON with `region`, whose physical address is
 * `physical`. Returns NULL, or why the CPU cannot enter it, in words. SDM Vol. 3C, "Enabling and
 * Entering VMX Operation". */
const char *vmx_on(struct vmx_region *region, uint64_t physical);

/* Leaves VMX operation if the calling CPU is in it: while it is, INITs stay pending, so that
 * firmware and hardware cannot reset it. SDM Vol. 3C, "Restrictions on VMX Operation". */
void vmx_off(void);

/* Why the last VMX instruction on this CPU failed, in words. SDM Vol. 3C, "VM Instruction Error
 * Numbers". */
const char *vmx_error(void);

/* Panics: `instruction` failed, with this field, type or physical address. */
_Noreturn void vmx_fail(const char *instruction, uint64_t operand) __attribute__((cold));

/* Write and read a field of the current VMCS, by its encoding VMCS_... */
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

/* Writes the VMCS at this physical address back to memory, and makes its launch state clear. */
static inline void vmcs_clear(uint64_t physical) {
    __asm__ goto("vmclear %0\n\tjna %l[fail]" : : "m"(physical) : "cc", "memory" : fail);
    return;
fail:
    vmx_fail("VMCLEAR", physical);
}

/* Makes the VMCS at this physical address current on this CPU. It is active on no other CPU. */
static inline void vmcs_load(uint64_t physical) {
    __asm__ goto("vmptrld %0\n\tjna %l[fail]" : : "m"(physical) : "cc", "memory" : fail);
    return;
fail:
    vmx_fail("VMPTRLD", physical);
}

/* The operand of INVEPT (EPT pointer, 0) and of INVVPID (VPID, linear address). */
struct invalidation_descriptor {
    uint64_t first, second;
};

#define INVEPT_SINGLE_CONTEXT  1
#define INVEPT_ALL_CONTEXTS    2
#define INVVPID_SINGLE_CONTEXT 1
#define INVVPID_ALL_CONTEXTS   2

/* Discard this CPU's cached translations for an EPT pointer, a VPID, or all of them. */
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

/* Enters the guest of the current VMCS, by VMRESUME if it has been launched and else by VMLAUNCH,
 * with the registers of the context. Returns true at the next VM exit, or false if the instruction
 * failed (see vmx_error()). Interrupts stay off. VMCS_HOST_RIP is vmx_exit_address(). SDM Vol. 3C,
 * "VM Entries". */
bool vmx_enter(struct vmx_context *context, bool launched);

/* What vmx_enter() does before an entry and after an exit: bits of enum mitigation, those that are
 * not done elsewhere. Once, before vmx_exit_address() is read. */
extern uint32_t vmx_guards;

/* The linear address to which the processor transfers control at a VM exit. */
uint64_t vmx_exit_address(void);

/* For the NMI handler: if this CPU is about to enter a guest, sets the VMX-preemption timer to 0,
 * so that the entry is followed by a VM exit at once. SDM Vol. 3C, "VMX-Preemption Timer". */
static inline void vmx_force_exit(void) {
    if (this_cpu()->entry_armed)
        vmcs_write(VMCS_PREEMPTION_TIMER, 0);
}

/* After a VM exit that an NMI caused, NMIs stay blocked until an IRET is executed. Executes one. */
void nmi_unblock(void);
