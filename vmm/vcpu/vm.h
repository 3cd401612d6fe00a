/* A virtual machine: its memory, its interrupt routing, its vCPUs, and how it ends.
 *
 * There is no global VM: several run side by side. What more than one CPU touches says so. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "lib/boot_info.h"
#include "vmm/interrupts/routing.h"
#include "vmm/loaders/linux.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/loaders/multiboot.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/pc/power.h"
#include "vmm/pc/rtc.h"
#include "vmm/pc/serial.h"
#include "vmm/pc/test_devices.h"
#include "vmm/pc/virtio.h"
#include "vmm/vm/guest_console.h"

struct vcpu;

enum vm_state { VM_WAITING, VM_RUNNING, VM_ENDING, VM_ENDED };
enum vm_result { VM_PASSED, VM_FAILED, VM_KILLED, VM_NOT_STARTED };

#define VM_REASON_SIZE     LOAD_REASON_SIZE
#define VM_LOGGED_ACCESSES 16
#define VM_LOGGED_MSRS     32

/* How vCPU 0 begins: by the protocol that the kernel's file is for. */
struct kernel_entry {
    bool is_linux;
    union {
        struct linux_entry linux64;
        struct multiboot_entry multiboot;
    };
};

struct vm {
    const struct boot_guest *boot;
    const struct guest_config *config;
    const char *name;
    uint32_t index;
    bool trace; /* config->trace, looked at on each exit */

    uint8_t *ram; /* in the direct map */
    uint64_t ram_physical, ram_size;
    /* Two views of the same memory. In one the APIC-access page is at its default place, for vCPUs
     * whose local APIC is there; in the other nothing is, for those that have moved it, switched it
     * off, or reach it by MSR: without the control the page would be memory that all guests share.
     */
    uint64_t ept_pointer[2]; /* [1]: with the APIC-access page */
    struct kernel_entry entry;

    struct routing routing;
    struct spinlock interrupt_lock; /* guards what routing.h says */
    struct irq_lines isa;
    struct test_devices test;
    struct guest_console console[GUEST_CONSOLES];
    struct serial serial;
    struct rtc cmos;
    struct pc_power power;
    struct virtio virtio;

    uint32_t vcpu_count;
    struct vcpu *vcpu[BOOT_MAX_VCPUS];
    _Atomic uint32_t wakes; /* how often a vCPU that rested was looked at again: halted.h */

    _Atomic uint32_t state;      /* enum vm_state */
    _Atomic uint32_t live_vcpus; /* not yet stopped for good */
    enum vm_result result;       /* this and what follows: by whoever ended it first */
    uint32_t code;
    const char *how; /* it ended, in a word: docs/configuration.md */
    char reason[VM_REASON_SIZE];
    _Atomic uint32_t logged;                     /* accesses to nothing that were reported so far */
    _Atomic uint64_t logged_msr[VM_LOGGED_MSRS]; /* unknown ones that were reported, plus 1 */
};

extern struct vm *vms[BOOT_MAX_GUESTS];
extern uint32_t vm_count;

/* Allocates and loads a guest. NULL if it cannot be: *reason says why. */
struct vm *vm_create(uint32_t index, const struct boot_guest *boot, const char **reason);

/* Lets vCPU 0 run. Any CPU. */
void vm_start(struct vm *vm);

/* The guest ends by itself with a code; 0 is success; `how` is for the summary. Its vCPUs stop
 * soon, the caller's at once after its handler returns. Any CPU; the first end counts. */
void vm_exit(struct vm *vm, const char *how, uint32_t code);
/* The guest did something fatal; the reason is one sentence in words. */
void vm_kill(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Kills all that run, and those that wait do not start. Any CPU. */
void vm_end_all(const char *reason);

/* A vCPU has stopped for good, on its own CPU. The last one ends the VM. */
void vm_vcpu_stopped(struct vm *vm);

/* Starts those that wait for `name`, or for nothing if NULL. */
void vm_start_waiting(const char *name);
bool vm_all_ended(void);

/* `size` bytes of guest memory at a guest-physical address, or NULL if they are not all RAM. */
void *vm_ram(const struct vm *vm, uint64_t address, uint64_t size);

/* One log line for an access to nothing, the first VM_LOGGED_ACCESSES times. */
void vm_log_access(struct vm *vm, const char *what, uint64_t address);
/* The same for an MSR that does not exist, once for each, the first VM_LOGGED_MSRS of them. */
void vm_log_msr(struct vm *vm, const char *what, uint32_t msr);
