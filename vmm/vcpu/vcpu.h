/* A virtual CPU: its state outside the VMCS, and the requests to it.
 *
 * Each vCPU is pinned to one physical CPU, which alone accesses its VMCS, registers and
 * virtual-APIC page. Other CPUs set request bits and kick. Read next: run.h. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/vmx/exit_reason.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_controls.h"
#include "vmm/emulate/mmio_decode.h"
#include "vmm/interrupts/apic_page.h"
#include "vmm/interrupts/vlapic_timer.h"
#include "vmm/vcpu/mtrr.h"
#include "vmm/vcpu/vm.h"

struct host_cpu;

#define MMIO_MEMOS 8

enum vcpu_state {
    VCPU_STOPPED,       /* not started yet */
    VCPU_ENDED,         /* for good: its VMCS was cleared */
    VCPU_WAIT_FOR_SIPI, /* after INIT */
    VCPU_RUNNABLE,
    VCPU_HALTED, /* in HLT, until an interrupt can be delivered */
};

/* Requests: drained before each entry. */
enum vcpu_request {
    REQUEST_INTERRUPTS = 1, /* an interrupt was posted, or the routes changed: sync and scan */
    REQUEST_NMI = 2,
    REQUEST_INIT = 4,
    REQUEST_SIPI = 8,
    REQUEST_STOP = 16,
    REQUEST_START = 32,      /* vCPU 0: the guest begins */
    REQUEST_LINT0 = 64,      /* the 8259s' output rose */
    REQUEST_EXTINT = 128,    /* an ExtINT message: accept the 8259s' interrupt */
    REQUEST_TIMER = 256,     /* vCPU 0: the PC's timer_next has changed */
    REQUEST_REGISTERS = 512, /* print the registers */
};

/* The vector of REQUEST_SIPI is in the same word: one exchange dequeues both. */
#define REQUEST_SIPI_VECTOR_SHIFT 24
#define REQUEST_SIPI_MASK         (0xffu << REQUEST_SIPI_VECTOR_SHIFT | REQUEST_SIPI)

/* Registers that VM entries and exits do not switch and the hypervisor does not use: they are saved
 * and restored when the CPU switches to another vCPU. */
struct vcpu_registers {
    uint64_t cr2;
    uint64_t dr[4], dr6;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t xcr0;
};

struct vcpu {
    struct vmx_context context; /* first: vmx_enter() */
    struct vm *vm;
    uint32_t index;
    struct routing_vcpu *routed; /* its part of the VM's routing */
    struct host_cpu *host;

    _Atomic uint32_t requests; /* enum vcpu_request bits */
    _Atomic uint32_t in_guest; /* in the guest or about to be: a kick needs an NMI */
    _Atomic uint32_t awake;    /* 0: only an NMI, INIT or SIPI makes it runnable: halted.h */
    uint32_t state;            /* enum vcpu_state; its own CPU's */

    bool launched;
    bool set_up; /* the VMCS's constant fields are written */
    uint64_t vmcs_physical;
    struct apic_page *apic_page;
    uint64_t apic_page_physical;
    struct vmx_controls controls;

    struct vlapic_timer timer;
    uint64_t timer_next;    /* TSC: when virq_fire_timer() is due; derived from the timers */
    uint64_t pc_timer_next; /* vCPU 0 polls the PC's timers: a copy of pc_timer_next() */
    uint64_t slice_end;     /* TSC: when the turn ends, if another vCPU wants this CPU */
    uint64_t cpu_time;      /* TSC ticks in turns; schedule.c keeps sleepers from saving up */
    bool asleep;            /* its last turn ended because it had nothing to run */
    _Atomic uint32_t nmis;  /* sent since the last drain: a request bit cannot count them */
    uint32_t nmi_pending;   /* 0 to 2, or 1 while one is in service */
    bool nmi_given;         /* since it was last loaded with NMIs unblocked */
    uint32_t extint;        /* 1: an ExtINT message is pending */
    uint32_t windows;       /* the window-exiting bits that are set in the primary controls */
    uint32_t event;         /* VM-entry interruption information to inject; 0: none */
    uint32_t event_error;
    uint32_t event_length;

    struct vcpu_registers registers;
    uint64_t tsc_adjust; /* IA32_TSC_ADJUST */
    uint8_t *xsave;
    struct mtrr mtrr;

    struct mmio_memo mmio_memo[MMIO_MEMOS]; /* by the lowest bits of the instruction's address */
    uint64_t mmio_refused; /* RIP of the last instruction on device memory that was refused */

    uint64_t exits_by_reason[EXIT_REASON_COUNT];
};

/* Allocates a vCPU of `vm` for this CPU. Panics if there is no memory. */
struct vcpu *vcpu_create(struct vm *vm, uint32_t index, struct host_cpu *cpu);

/* Whether its CPU runs other vCPUs as well. Final once all guests have been created. */
bool vcpu_shares_cpu(const struct vcpu *vcpu);

/* The virtual-processor identifier: never 0, which is the host's, and unique. */
static inline uint16_t vcpu_vpid(const struct vcpu *vcpu) {
    return (uint16_t)(1 + vcpu->vm->index * BOOT_MAX_VCPUS + vcpu->index);
}

/* Loads the vCPU's VMCS and registers on this CPU, which is its own. */
void vcpu_load(struct vcpu *vcpu);
/* Clears its VMCS: the vCPU will not run again. */
void vcpu_unload_for_good(struct vcpu *vcpu);

/* Sets request bits, and kicks: the vCPU leaves guest mode, or its CPU leaves HLT, and drains them
 * soon. Any CPU. */
void vcpu_request(struct vcpu *vcpu, uint32_t requests);

/* Sends an NMI. Any CPU. */
static inline void vcpu_send_nmi(struct vcpu *vcpu) {
    atomic_fetch_add(&vcpu->nmis, 1);
    vcpu_request(vcpu, REQUEST_NMI);
}

/* Sends an INIT, which cancels a pending SIPI. Any CPU. */
static inline void vcpu_send_init(struct vcpu *vcpu) {
    atomic_fetch_and(&vcpu->requests, ~REQUEST_SIPI_MASK);
    vcpu_request(vcpu, REQUEST_INIT);
}

/* Sends a SIPI, which is ignored while another is pending: the first one starts the vCPU. Any CPU.
 */
static inline void vcpu_send_sipi(struct vcpu *vcpu, uint8_t vector) {
    const uint32_t sipi = (uint32_t)vector << REQUEST_SIPI_VECTOR_SHIFT | REQUEST_SIPI;
    uint32_t requests = atomic_load(&vcpu->requests);

    do { /* again only if another CPU has changed the word meanwhile */
        if (requests & REQUEST_SIPI)
            return;
    } while (!atomic_compare_exchange_weak(&vcpu->requests, &requests, requests | sipi));
    vcpu_request(vcpu, REQUEST_SIPI);
}
