/* A virtual CPU: its state outside the VMCS, switching a CPU to it, and the requests to it.
 *
 * Each vCPU is pinned to one physical CPU, its own CPU, which alone accesses its VMCS, registers
 * and virtual-APIC page. Other CPUs set bits in `requests` and kick the vCPU out of guest mode by
 * an NMI. SDM Vol. 3C, "Virtual Machine Control Structures". Read next: run.h, vcpu_start.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/vmx/exit_reason.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_controls.h"
#include "vmm/emulate/mmio_decode.h"
#include "vmm/host/host.h"
#include "vmm/interrupts/apic_page.h"
#include "vmm/interrupts/vlapic_timer.h"
#include "vmm/vcpu/mtrr.h"
#include "vmm/vcpu/vm.h"

struct guest_span;
struct host_cpu;

#define MMIO_MEMOS 8

enum vcpu_state {
    VCPU_STOPPED,       /* never loaded on its CPU */
    VCPU_ENDED,         /* for good: its VMCS was cleared */
    VCPU_WAIT_FOR_SIPI, /* after INIT */
    VCPU_RUNNABLE,
    VCPU_HALTED, /* in HLT, until an event can be delivered */
};

/* Requests: bits that any CPU may set. The vCPU's own CPU drains them before each VM entry. */
enum vcpu_request {
    REQUEST_POSTED = 1,      /* ON, only with posted interrupts: an edge was posted: posted.h */
    REQUEST_NMI = 2,         /* `nmis` has been incremented */
    REQUEST_INIT = 4,        /* an INIT was sent to the vCPU */
    REQUEST_SIPI = 8,        /* a SIPI was sent to it; the vector is in the highest byte */
    REQUEST_STOP = 16,       /* the guest has ended, so the vCPU ends */
    REQUEST_START = 32,      /* vCPU 0: enter the kernel */
    REQUEST_LINT0 = 64,      /* the 8259s' output rose */
    REQUEST_EXTINT = 128,    /* an ExtINT message was sent: accept the 8259s' interrupt */
    REQUEST_TIMER = 256,     /* vCPU 0: pc_timer_next() has changed */
    REQUEST_REGISTERS = 512, /* print the registers */
    /* An interrupt was posted, or the routes changed: sync and scan. The processor, which clears
     * ON, must not clear this one: a level interrupt is not in the PIR. */
    REQUEST_INTERRUPTS = 1024,
};

/* The vector of REQUEST_SIPI is in the same word: one exchange dequeues both. */
#define REQUEST_SIPI_VECTOR_SHIFT 24
#define REQUEST_SIPI_MASK         (0xffu << REQUEST_SIPI_VECTOR_SHIFT | REQUEST_SIPI)

/* Registers that VM entries and exits do not switch and the hypervisor does not use. They stay in
 * the CPU until it switches to another vCPU; only then are they saved here. */
struct vcpu_registers {
    uint64_t cr2;
    uint64_t dr[4], dr6;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t xcr0;
    uint64_t spec_ctrl; /* without the bits that the hypervisor keeps at 1 */
};

struct vcpu {
    struct vmx_context context; /* first: vmx_enter() */
    struct vm *vm;
    uint32_t index;
    struct routing_vcpu *routed; /* its part of the VM's routing */
    struct host_cpu *host;

    /* enum vcpu_request bits, in the posted-interrupt descriptor: inbox.h */
    _Atomic uint32_t *requests;
    _Atomic uint32_t in_guest; /* in guest mode or about to be: a kick takes an NMI */
    _Atomic uint32_t posting;  /* 1: in guest mode the processor processes posted interrupts */
    _Atomic uint32_t awake;    /* 0: only an NMI, INIT or SIPI makes it runnable: halted.h */
    uint32_t state;            /* enum vcpu_state; only its own CPU accesses it */

    bool launched; /* VMLAUNCH has succeeded: later entries use VMRESUME */
    bool set_up;   /* vmcs_set_up() has filled the VMCS */
    uint64_t vmcs_physical;
    struct apic_page *apic_page;
    uint64_t apic_page_physical;
    struct vmx_controls controls;

    struct vlapic_timer timer;
    uint64_t timer_next;    /* TSC: when virq_fire_timer() is due; the earlier of the timers */
    uint64_t pc_timer_next; /* of vCPU 0, which polls the PC's timers: a copy of pc_timer_next() */
    uint64_t slice_end;     /* TSC: when the turn ends, if another vCPU wants this CPU */
    uint64_t rearm_at;      /* TSC: when the preemption timer has to be set again; 0: now */
    uint64_t cpu_time;      /* TSC ticks in turns; schedule.c limits what a sleeper saves up */
    uint64_t waits_until;   /* TSC: what it prints has to wait until then; no turn before */
    bool asleep;            /* its last turn ended because it had nothing to run */
    _Atomic uint32_t nmis;  /* NMIs sent since the last drain: a request bit cannot count */
    uint32_t nmi_pending; /* NMIs accepted and not injected: 0 to 2, or 1 while one is in service */
    bool nmi_given;       /* an NMI was injected since NMIs were last known to be unblocked */
    uint32_t extint;      /* 1: an ExtINT message is pending */
    uint32_t software;    /* 1: interrupts are delivered in software, at VM entries */
    enum vmx_apic_mode apic_mode; /* of which the VMCS has the controls and the MSR bitmap */
    uint32_t tpr_threshold;       /* as it is in the VMCS */
    uint32_t windows;             /* the window-exiting bits that are set in the primary controls */
    uint32_t event; /* queued for injection: VM-entry interruption information; 0: none */
    uint32_t event_error;
    uint32_t event_length;

    struct vcpu_registers registers;
    uint64_t tsc_adjust;  /* IA32_TSC_ADJUST */
    uint64_t misc_enable; /* IA32_MISC_ENABLE without its read-only bits */
    uint8_t *xsave;
    struct mtrr mtrr;

    struct mmio_memo mmio_memo[MMIO_MEMOS]; /* by the low bits of the instruction's address */
    const struct guest_span *mmio_span;     /* the operand that mmio_execute_across() executes on */
    uint64_t mmio_refused; /* RIP of the last instruction on device memory that was refused */
    uint64_t mmio_refused_access; /* and the number of that access among all of the vCPU's */

    uint64_t exits_by_reason[EXIT_REASON_COUNT];
};

/* Allocates the part that the vCPUs of `vm`, vm->vcpu_count, have in its routing: before they are
 * created. */
void vcpu_allocate_routed(struct vm *vm);

/* Allocates vCPU `index` of `vm`, pinned to `cpu`. Panics if there is no memory. On the boot CPU,
 * before any guest runs. */
struct vcpu *vcpu_create(struct vm *vm, uint32_t index, struct host_cpu *cpu);

/* Whether other vCPUs are pinned to its CPU, too. Final once all guests have been created. */
bool vcpu_shares_cpu(const struct vcpu *vcpu);

/* The virtual-processor identifier (VPID) of its TLB entries: unique, and not 0, which is the
 * host's. */
static inline uint16_t vcpu_vpid(const struct vcpu *vcpu) {
    return (uint16_t)(1 + vcpu->vm->index * BOOT_MAX_VCPUS + vcpu->index);
}

/* Makes the vCPU's VMCS current and loads its registers, after saving those of the vCPU that is
 * loaded; nothing if it is loaded already. On its own CPU. */
void vcpu_switch_to(struct vcpu *vcpu);
static inline void vcpu_load(struct vcpu *vcpu) {
    if (vcpu->host->loaded != vcpu)
        vcpu_switch_to(vcpu);
}
/* Clears the VMCS of a vCPU that will not run again. On its own CPU. */
void vcpu_unload_for_good(struct vcpu *vcpu);

/* Makes the vCPU's CPU drain the request bits that were set before: the vCPU is kicked out of guest
 * mode, or the CPU is woken from HLT. Any CPU. */
void vcpu_kick(struct vcpu *vcpu);

/* Sets request bits, and kicks. Any CPU. */
static inline void vcpu_request(struct vcpu *vcpu, uint32_t requests) {
    atomic_fetch_or(vcpu->requests, requests);
    vcpu_kick(vcpu);
}

/* Sends an NMI. Any CPU. */
static inline void vcpu_send_nmi(struct vcpu *vcpu) {
    atomic_fetch_add(&vcpu->nmis, 1);
    vcpu_request(vcpu, REQUEST_NMI);
}

/* Sends an INIT, which cancels a pending SIPI. Any CPU. */
static inline void vcpu_send_init(struct vcpu *vcpu) {
    atomic_fetch_and(vcpu->requests, ~REQUEST_SIPI_MASK);
    vcpu_request(vcpu, REQUEST_INIT);
}

/* Sends a SIPI, which is ignored while another is pending: the first one starts the vCPU. Any CPU.
 */
static inline void vcpu_send_sipi(struct vcpu *vcpu, uint8_t vector) {
    const uint32_t sipi = (uint32_t)vector << REQUEST_SIPI_VECTOR_SHIFT | REQUEST_SIPI;
    uint32_t requests = atomic_load(vcpu->requests);

    do { /* again only if another CPU has changed the word meanwhile */
        if (requests & REQUEST_SIPI)
            return;
    } while (!atomic_compare_exchange_weak(vcpu->requests, &requests, requests | sipi));
    vcpu_kick(vcpu);
}
