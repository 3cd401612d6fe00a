/* A virtual machine as its vCPUs see it: what they share, and how it ends.
 *
 * There is no global VM: several run side by side. A VM and its vCPUs refer to each other, which is
 * the only cycle of modules in the hypervisor; it stays inside this room. The room above creates
 * and starts VMs: vmm/vm/vm_create.h, vmm/vm/guests.h. Read next: vcpu.h. */
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
enum vm_result { VM_PASSED, VM_FAILED, VM_KILLED };

#define VM_REASON_SIZE     LOAD_REASON_SIZE
#define VM_LOGGED_ACCESSES 16
#define VM_LOGGED_MSRS     32

struct vm {
    const struct boot_guest *boot;
    const struct guest_config *config;
    const char *name;
    uint32_t index;
    bool trace;    /* config->trace; a copy, because each exit reads it */
    bool software; /* interrupts are delivered in software: virq.h */
    bool posted;   /* by the processor, and edges are posted interrupts: virq.h */

    uint8_t *ram; /* in the direct map */
    uint64_t ram_physical, ram_size;
    /* Two views of the same memory: [1] has the APIC-access page at the local APIC's default
     * address, for vCPUs whose local APIC is there; [0] has nothing there, for vCPUs that have
     * moved their local APIC, disabled it, or use it in x2APIC mode. With the page mapped and the
     * control "virtualize APIC accesses" 0, the page would be memory that all guests share. */
    uint64_t ept_pointer[2];
    struct kernel_entry entry;

    struct routing routing; /* with memory for config->vcpus vCPUs, at routed_physical */
    uint64_t routed_physical;
    struct spinlock interrupt_lock; /* guards what routing.h says */
    struct pc pc;
    struct guest_console console[PC_CONSOLES];
    /* With story = on or trace = on: room for the trace when the guest has ended, vm_trace_rings()
     * rings; how many have been kept, and whose CPU's each is. */
    struct trace_ring *kept;
    uint32_t kept_count, kept_cpu[BOOT_MAX_VCPUS + 1];
    uint64_t kept_since[BOOT_MAX_VCPUS + 1]; /* the ring's count when the guest started */

    uint32_t vcpu_count;
    struct vcpu *vcpu[BOOT_MAX_VCPUS];
    _Atomic uint32_t wakes; /* how often `awake` of a vCPU became 1: halted.h */

    _Atomic uint32_t state;      /* enum vm_state */
    _Atomic uint32_t live_vcpus; /* that have not ended */
    /* How the guest ended: written once, by the first vm_exit() or vm_kill(). */
    enum vm_result result;
    uint32_t code;
    const char *how;                             /* a word of docs/configuration.md */
    char reason[VM_REASON_SIZE];                 /* why it is killed or not started, for the user */
    _Atomic uint32_t logged;                     /* accesses to no device, reported so far */
    _Atomic uint64_t logged_msr[VM_LOGGED_MSRS]; /* unknown MSRs reported so far, plus 1; 0: none */
};

/* On how many CPUs a guest's events may be recorded, out of `cpus`: those of its vCPUs, and the
 * boot CPU, which handles what is typed. */
static inline uint32_t vm_trace_rings(const struct vm *vm, uint32_t cpus) {
    return vm->config->vcpus + 1 < cpus ? vm->config->vcpus + 1 : cpus;
}

/* Ends a guest that has requested its end: code 0 is success; `how`, a word, is for the results.
 * Any CPU; only the first end counts, and a guest that does not run cannot end. The vCPUs stop
 * soon, the caller's when its exit handler returns. */
void vm_exit(struct vm *vm, const char *how, uint32_t code);
/* Kills a guest that has done something fatal or something that is not virtualized; otherwise like
 * vm_exit(). The reason, one sentence without its full stop, is printed. */
void vm_kill(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* The `size` bytes of guest memory at a guest-physical address; NULL if they are not all RAM. Any
 * CPU. The guest may change them at any time. */
void *vm_ram(const struct vm *vm, uint64_t address, uint64_t size);

/* Reports an access ("read", "write") to an address with neither RAM nor a device; only the first
 * VM_LOGGED_ACCESSES of a guest. Any CPU. */
void vm_log_access(struct vm *vm, const char *what, uint64_t address);
/* Reports an access ("RDMSR", "WRMSR") to an MSR that does not exist, once for each MSR; only the
 * first VM_LOGGED_MSRS of a guest. Any CPU. */
void vm_log_msr(struct vm *vm, const char *what, uint32_t msr);
