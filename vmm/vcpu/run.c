/* A vCPU's turn: see run.h. docs/interrupts.md, "The order of work before an entry". */
#include "vmm/vcpu/run.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "drivers/console.h"
#include "drivers/tsc.h"
#include "vmm/devices/pc_map.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/events.h"
#include "vmm/vcpu/exits.h"
#include "vmm/vcpu/halted.h"
#include "vmm/vcpu/posted.h"
#include "vmm/vcpu/register_dump.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vcpu_start.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vmcs_setup.h"

/* The preemption timer may be late by an eighth of its time, and by 100 us at most. */
#define LATE_PART    8
#define LATE_MOST_US 100

static unsigned timer_shift; /* the preemption timer counts TSC >> this */
static uint64_t late_most; /* LATE_MOST_US in TSC ticks; 0: the processor does not save the timer */
static _Atomic uint32_t first_entry_seen;

/* ---- before an entry ---- */

/* Fires a timer that is due, and sets the preemption timer for the rest of the slice, or until the
 * next timer. False if the slice has ended: no number of exits that the guest causes can prolong
 * its turn.
 *
 * A processor that saves the timer at a VM exit continues it at the next entry; it stops in
 * between. So it is not set before each entry but after a part of its time, by which it can be
 * late. SDM Vol. 3C, "VM-Exit Controls". */
static inline bool set_timer(struct vcpu *vcpu, uint64_t now) {
    uint64_t left = 0;

    if (vcpu->timer_next <= now)
        virq_fire_timer(vcpu, now);
    uint64_t end = vcpu->timer_next < vcpu->slice_end ? vcpu->timer_next : vcpu->slice_end;
    if (end > now)
        left = end - now;
    else if (now >= vcpu->slice_end)
        return false;
    vmcs_write(VMCS_PREEMPTION_TIMER, left >> timer_shift); /* a slice at most */
    uint64_t late = left / LATE_PART;
    vcpu->rearm_at = now + (late < late_most ? late : late_most);
    return true;
}

/* Arms the preemption timer: from here on the NMI handler sets it to 0, so a request that arrives
 * after the requests were drained makes the entry exit at once. False if the slice has ended. */
static inline bool arm(struct vcpu *vcpu, struct cpu *cpu) {
    uint64_t now = rdtsc();

    if (now >= vcpu->rearm_at && !set_timer(vcpu, now))
        return false;
    atomic_store(&vcpu->in_guest, 1);
    /* The NMI handler runs on this CPU, so only the compiler could reorder the two. */
    __asm__ volatile("" : : : "memory");
    cpu->entry_armed = true;
    return true;
}

static inline void disarm(struct vcpu *vcpu, struct cpu *cpu) {
    cpu->entry_armed = false;
    atomic_store_explicit(&vcpu->in_guest, 0, memory_order_release);
}

static void run_trace_start(const struct vcpu *vcpu) {
    virq_trace(vcpu, TRACE_VCPU_START, 0, vmcs_read(VMCS_GUEST_CS_BASE) + vmcs_read(VMCS_GUEST_RIP),
               0);
}

/* All requests but REQUEST_INTERRUPTS. The order matters: INIT resets what REQUEST_START has set
 * up, a SIPI that was sent after the INIT finds the vCPU waiting for it, and NMIs and ExtINT are
 * accepted last, in the state that the vCPU has by then. */
__attribute__((noinline)) static void run_handle_requests(struct vcpu *vcpu, uint32_t requests) {
    if (requests & REQUEST_START) {
        vcpu_enter_kernel(vcpu);
        virq_firmware_defaults(vcpu);
        run_trace_start(vcpu);
    }
    if (requests & REQUEST_INIT) {
        vlapic_init(virq_lapic(vcpu));
        vcpu_reset(vcpu);
        virq_mode_changed(vcpu);
        if (vcpu->index == 0) { /* the bootstrap processor does not wait for a SIPI */
            vcpu_enter_real_mode(vcpu, PC_RESET_SEGMENT, PC_RESET_OFFSET);
            run_trace_start(vcpu);
        }
    }
    if ((requests & REQUEST_SIPI) && vcpu->state == VCPU_WAIT_FOR_SIPI) {
        vcpu_enter_real_mode(vcpu, (uint16_t)(requests >> REQUEST_SIPI_VECTOR_SHIFT << 8), 0);
        run_trace_start(vcpu);
    }
    if (requests & REQUEST_REGISTERS)
        register_dump_print(vcpu);
    if (requests & REQUEST_LINT0)
        virq_lint0_rose(vcpu);
    if ((requests & REQUEST_EXTINT) && vcpu->state != VCPU_WAIT_FOR_SIPI)
        vcpu->extint = 1;
    if (atomic_load(&vcpu->nmis))
        events_accept_nmis(vcpu);
}

/* Carries out the requests. False: the vCPU is not runnable, so its turn ends. */
static bool drain_requests(struct vcpu *vcpu) {
    if (vcpu->state != VCPU_RUNNABLE)
        halted_end(vcpu);
    uint32_t requests = atomic_exchange(vcpu->requests, 0);

    if (requests & REQUEST_STOP) {
        disarm(vcpu, &vcpu->host->cpu); /* first: a late NMI would VMWRITE without a current VMCS */
        vcpu->state = VCPU_ENDED;
        vcpu_unload_for_good(vcpu);
        return false;
    }
    if (requests & ~(uint32_t)(REQUEST_INTERRUPTS | REQUEST_POSTED))
        run_handle_requests(vcpu, requests);
    if (requests)
        virq_prepare_entry(vcpu);
    if (requests & (REQUEST_TIMER | REQUEST_POSTED)) {
        if (requests & REQUEST_POSTED)
            posted_drained(vcpu);
        if (requests & REQUEST_TIMER) {
            virq_pc_timer_changed(vcpu);
            vmcs_write(VMCS_PREEMPTION_TIMER, 0); /* exit at once, to arm for the new time */
        }
    }
    if (vcpu->state == VCPU_HALTED && events_can_wake(vcpu))
        vcpu->state = VCPU_RUNNABLE;
    if (vcpu->state == VCPU_RUNNABLE)
        return true;
    halted_begin(vcpu);
    return false;
}

/* False: the state cannot be entered, and the guest ends. */
static bool run_first_entry(struct vcpu *vcpu) {
    if (!vmcs_check(vcpu, false))
        return false;
    if (atomic_exchange(&first_entry_seen, 1))
        return true;
    uint64_t now = rdtsc();
    console_print("BENCH name=boot_to_guest instructions=%lu\n"
                  "BENCH name=tsc_at_first_entry instructions=%lu\n",
                  now - host.tsc_at_start, now);
    return true;
}

/* ---- a turn ---- */

enum prepared { PREPARED_ENTER, PREPARED_AGAIN, PREPARED_YIELD };

/* All work before a VM entry. Arming comes first: see arm(). */
static inline enum prepared prepare(struct vcpu *vcpu, struct cpu *cpu) {
    if (!arm(vcpu, cpu))
        return PREPARED_YIELD;
    if (atomic_load(vcpu->requests) || vcpu->state != VCPU_RUNNABLE) {
        if (!drain_requests(vcpu))
            return PREPARED_YIELD;
    }
    if (events_to_inject(vcpu)) {
        events_inject(vcpu);
        /* When an interrupt of the 8259s is acknowledged, the next one may send this vCPU a
         * message. The event of this entry is set already, so exit at once and drain then. */
        if (atomic_load(vcpu->requests))
            vmcs_write(VMCS_PREEMPTION_TIMER, 0);
    }
    if (!vcpu->launched && !run_first_entry(vcpu))
        return PREPARED_AGAIN;
    return PREPARED_ENTER;
}

void run_turn(struct vcpu *vcpu) {
    struct cpu *cpu = &vcpu->host->cpu;

    vcpu_load(vcpu);
    vcpu->rearm_at = 0; /* the slice is new */
    for (;;) {
        enum prepared prepared = prepare(vcpu, cpu);
        if (prepared != PREPARED_ENTER) {
            disarm(vcpu, cpu);
            if (prepared == PREPARED_YIELD)
                return;
            continue;
        }
        bool entered = vmx_enter(&vcpu->context, vcpu->launched);
        disarm(vcpu, cpu);
        if (!entered) {
            vm_kill(vcpu->vm, "vCPU %u: VM entry failed: %s", vcpu->index, vmx_error());
            continue;
        }
        vcpu->launched = true;
        if (!exit_handle(vcpu))
            return;
    }
}

void run_init(void) {
    timer_shift = (unsigned)(host.capabilities.misc & VMX_MISC_PREEMPTION_SHIFT_MASK);
    late_most = vmx_saves_timer(&host.capabilities) ? tsc_ticks(LATE_MOST_US) : 0;
}
