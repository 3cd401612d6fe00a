/* A virtual machine as its vCPUs know it: what they share, and how it ends.
 *
 * There is no global VM: several run side by side. A VM and its vCPUs know each other, which is the
 * one knot in the hypervisor; it stays inside this room. Creating and starting VMs is done above:
 * vmm/vm/vm_create.h, vmm/vm/guests.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "lib/boot_info.h"
#include "vmm/interrupts/routing.h"
#include "vmm/loaders/kernel.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/pc/guest_console.h"
#include "vmm/pc/pc.h"

struct vcpu;

enum vm_state { VM_WAITING, VM_RUNNING, VM_ENDING, VM_ENDED };
enum vm_result { VM_PASSED, VM_FAILED, VM_KILLED, VM_NOT_STARTED };

#define VM_REASON_SIZE     LOAD_REASON_SIZE
#define VM_LOGGED_ACCESSES 16
#define VM_LOGGED_MSRS     32

struct vm {
    const struct boot_guest *boot;
    const struct guest_config *config;
    const char *name;
    uint32_t index;
    bool trace; /* config->trace, here because each exit reads it */

    uint8_t *ram; /* in the direct map */
    uint64_t ram_physical, ram_size;
    /* Two views of the same memory: [1] has the APIC-access page at the local APIC's default
     * address, for vCPUs whose local APIC is there; [0] has nothing there, for vCPUs that have
     * moved their local APIC, disabled it, or use it in x2APIC mode. With the page mapped and the
     * control "virtualize APIC accesses" 0, the page would be memory that all guests share. */
    uint64_t ept_pointer[2];
    struct kernel_entry entry;

    struct routing routing;
    struct spinlock interrupt_lock; /* guards what routing.h says */
    struct pc pc;
    struct guest_console console[PC_CONSOLES];

    uint32_t vcpu_count;
    struct vcpu *vcpu[BOOT_MAX_VCPUS];
    _Atomic uint32_t wakes; /* how often a halted vCPU began to work again: halted.h */

    _Atomic uint32_t state;      /* enum vm_state */
    _Atomic uint32_t live_vcpus; /* not yet stopped for good */
    enum vm_result result;       /* this and the next three: written once, by the first end */
    uint32_t code;
    const char *how; /* it ended, in a word: docs/configuration.md */
    char reason[VM_REASON_SIZE];
    _Atomic uint32_t logged;                     /* accesses to no device, reported so far */
    _Atomic uint64_t logged_msr[VM_LOGGED_MSRS]; /* unknown MSRs reported so far, plus 1 */
};

/* Ends the guest on its own request: code 0 is success, `how` is for the results. Any CPU; only the
 * first end counts. The vCPUs stop soon, the caller's when its exit handler returns. */
void vm_exit(struct vm *vm, const char *how, uint32_t code);
/* Ends the guest for a reason that it cannot survive: one sentence. */
void vm_kill(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* `size` bytes of guest memory at a guest-physical address, or NULL if they are not all RAM. */
void *vm_ram(const struct vm *vm, uint64_t address, uint64_t size);

/* Reports an access to an address with neither RAM nor a device, the first VM_LOGGED_ACCESSES
 * times. */
void vm_log_access(struct vm *vm, const char *what, uint64_t address);
/* Reports an access to an MSR that does not exist, once for each of the first VM_LOGGED_MSRS. */
void vm_log_msr(struct vm *vm, const char *what, uint32_t msr);
