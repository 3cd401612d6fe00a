/* The machine as the hypervisor runs it: its CPUs and what each of them carries. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu.h"
#include "arch/vmx/vmx_controls.h"
#include "lib/boot_info.h"
#include "vmm/interrupts/trace.h"

struct vcpu;

#define HOST_MAX_VCPUS_PER_CPU (BOOT_MAX_GUESTS * BOOT_MAX_VCPUS)

struct host_cpu {
    struct cpu cpu; /* first: this_cpu() is this_host_cpu() */
    struct trace_ring *trace;
    /* Set by anyone who has work for this CPU; `idle` tells that it may be waiting in HLT. */
    _Atomic uint32_t wake;
    _Atomic uint32_t idle;
    _Atomic uint32_t online; /* enum online of host.c */
    uint32_t vcpu_count;
    uint32_t next_vcpu;  /* whose turn it is */
    struct vcpu *loaded; /* whose VMCS is current and whose registers are in the processor */
    struct vcpu *vcpu[HOST_MAX_VCPUS_PER_CPU];
};

struct host {
    uint32_t cpu_count; /* that answered */
    struct host_cpu *cpu[BOOT_MAX_CPUS];
    struct vmx_capabilities capabilities; /* of the boot CPU; the others are checked against it */
    uint64_t tsc_at_start;
};

extern struct host host;

static inline struct host_cpu *this_host_cpu(void) {
    return (struct host_cpu *)this_cpu();
}

/* Prepares the current CPU: stacks, tables, LAPIC, VMX operation. Returns NULL or why not. */
const char *host_cpu_start(struct host_cpu *cpu);
struct host_cpu *host_cpu_create(uint32_t index, uint32_t apic_id);

/* Starts the other CPUs one by one; those that do not answer are reported and left out. Each goes
 * to host_run() when host_release() is called. */
void host_start_others(const struct boot_info *info);
void host_release(void);

/* Work for this CPU has come (from any CPU): ends its HLT. */
void host_wake(struct host_cpu *cpu);

/* The name of a guest of the configuration, started or not. */
const char *host_guest_name(uint32_t index);

/* The time, in nanoseconds since 1970: the firmware's, gone on by the TSC. */
uint64_t host_time(void);

/* Records an event (trace_what()) of this guest in this CPU's trace. The second never folds it into
 * the record before it. */
void host_trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b);
void host_trace_each(unsigned guest, uint64_t what, uint64_t a, uint64_t b);
