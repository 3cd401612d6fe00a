/* The physical machine: its CPUs, and the processor's features that guests may use.
 *
 * The boot CPU starts the other CPUs one by one; each enters VMX operation, waits until the guests
 * have been created, and then calls a function that the caller has passed. So this room knows
 * neither the scheduler nor, except for pointers that it keeps for others, vCPUs. SDM Vol. 3A,
 * "Multiple-Processor (MP) Initialization". Read next: host_memory.h, arch/cpu.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu.h"
#include "arch/vmx/vmx_controls.h"
#include "lib/boot_info.h"
#include "vmm/interrupts/trace.h"

struct vcpu;
struct vmx_region;

#define HOST_MAX_VCPUS_PER_CPU (BOOT_MAX_GUESTS * BOOT_MAX_VCPUS)
#define HOST_STACK_SIZE        (16 * 1024) /* of each CPU */

struct host_cpu {
    struct cpu cpu;           /* first: this_cpu() is this_host_cpu() */
    struct vmx_region *vmxon; /* allocated by the boot CPU: others must not allocate memory */
    uint64_t vmxon_physical;
    struct trace_ring *trace;
    _Atomic uint32_t wake;   /* set by any CPU that has work for this one */
    _Atomic uint32_t idle;   /* it may be waiting in HLT: waking it takes an NMI */
    _Atomic uint32_t online; /* enum online of host.c */
    uint32_t vcpu_count;
    uint32_t next_vcpu;  /* the scheduler's: which vCPU is asked first for the next turn */
    uint64_t cpu_time;   /* the scheduler's: the highest cpu_time of a vCPU that began a turn */
    struct vcpu *loaded; /* its VMCS is current, and its registers are in the CPU */
    struct vcpu *vcpu[HOST_MAX_VCPUS_PER_CPU];
};

struct host {
    const struct boot_info *boot;
    uint32_t cpu_count; /* CPUs that have started */
    struct host_cpu *cpu[BOOT_MAX_CPUS];
    struct vmx_capabilities capabilities; /* the boot CPU's; those of the others are equal */
    uint64_t xcr0;                        /* the XSAVE components that guests may use */
    uint32_t xsave_size;                  /* bytes of an XSAVE area for them */
    uint64_t tsc_at_start;                /* at the boot loader's first instruction */
};

extern struct host host;

static inline struct host_cpu *this_host_cpu(void) {
    return (struct host_cpu *)this_cpu();
}

/* The valid bits of a guest's physical addresses. */
static inline uint64_t host_physical_mask(void) {
    return (1ULL << host.capabilities.physical_bits) - 1;
}

/* Loads descriptor tables on the boot CPU, so that an exception is reported from the first C
 * function on: until then those of the firmware count, in memory that the hypervisor does not map.
 * idt_init() has been called. */
void host_early_init(void);

/* Allocates a CPU's structures; `apic_id` is that of its physical LAPIC. On the boot CPU. */
struct host_cpu *host_cpu_create(uint32_t index, uint32_t apic_id);
/* Prepares the calling CPU: stacks, descriptor tables, LAPIC, VMX operation. Returns NULL, or what
 * is wrong, in words. */
const char *host_cpu_start(struct host_cpu *cpu);

/* Reads the boot CPU's features into `host`. Returns NULL, or which one is missing, in words. */
const char *host_read_features(void);

/* Starts the other CPUs, one by one; those that do not start are reported and not used. Each waits
 * for host_release() and then calls `run`, which does not return. On the boot CPU, once each. */
void host_start_others(const struct boot_info *info, void (*run)(void));
void host_release(void);

/* Ends the wait of an idle CPU, or the next one if it is about to wait. Any CPU. */
void host_wake(struct host_cpu *cpu);

/* Record an event, made by trace_what(), of the guest with this index in the calling CPU's trace.
 * The second never folds it into the record before it. */
void host_trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b);
void host_trace_each(unsigned guest, uint64_t what, uint64_t a, uint64_t b);

/* For trace_next(), which merges the traces of all host.cpu_count CPUs: places each cursor before
 * the last `most` records of that CPU. Any CPU; the others may add records meanwhile. */
void host_trace_last(struct trace_cursor cursor[BOOT_MAX_CPUS], uint64_t most);
