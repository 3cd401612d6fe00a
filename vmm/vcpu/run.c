/* The run loop: see run.h. */
#include "vmm/vcpu/run.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "drivers/console.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "vmm/devices/pc_map.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/exits.h"
#include "vmm/vcpu/halted.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vmcs_setup.h"
#include "vmm/vm/console_input.h"
#include "vmm/vm/results.h"

static uint64_t slice;       /* in TSC ticks */
static unsigned timer_shift; /* the preemption timer counts TSC >> this */
static _Atomic uint32_t first_entry_seen;

/* ---- before an entry ---- */

/* Arms the preemption timer for the rest of the slice. From here on an NMI zeroes it, so that a
 * request that comes after the requests were taken ends the entry at once. */
static void arm(struct vcpu *vcpu) {
    uint64_t now = rdtsc();

    if (vcpu->timer_next <= now)
        virq_fire_timer(vcpu, now);
    uint64_t end = vcpu->timer_next < vcpu->slice_end ? vcpu->timer_next : vcpu->slice_end;
    uint64_t left = end > now ? (end - now) >> timer_shift : 0; /* a slice: it fits 32 bits */

    atomic_store(&vcpu->in_guest, 1);
    vmcs_write(VMCS_PREEMPTION_TIMER, left);
    __asm__ volatile("" : : : "memory"); /* the NMI handler runs on this CPU: order is enough */
    vcpu->host->cpu.entry_armed = true;
}

static void disarm(struct vcpu *vcpu) {
    vcpu->host->cpu.entry_armed = false;
    atomic_store_explicit(&vcpu->in_guest, 0, memory_order_release);
}

static void trace_start(const struct vcpu *vcpu) {
    virq_trace(vcpu, TRACE_VCPU_START, 0, vmcs_read(VMCS_GUEST_CS_BASE) + vmcs_read(VMCS_GUEST_RIP),
               0);
}

/* The guest's interruptibility. An entry loads the blocking by NMI, but Bochs 2.7 only sets it:
 * behind a vCPU that was in its handler the CPU's next one counts as blocked as well, without an
 * NMI. */
static uint64_t interruptibility(const struct vcpu *vcpu) {
    uint64_t state = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

    if ((state & INTERRUPTIBILITY_NMI) && !vcpu->nmi_given) {
        state &= ~(uint64_t)INTERRUPTIBILITY_NMI;
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, state);
    }
    return state;
}

/* While one is in service another waits, and more are lost; else two have come at once, and the one
 * waits for the other. SDM Vol. 3A, "Nonmaskable Interrupt (NMI)". */
static void take_nmis(struct vcpu *vcpu) {
    bool in_service = (interruptibility(vcpu) & INTERRUPTIBILITY_NMI) ||
                      (vcpu->event & INTERRUPTION_TYPE) == INTERRUPTION_NMI;
    uint32_t most = in_service ? 1 : 2, all = vcpu->nmi_pending + atomic_exchange(&vcpu->nmis, 0);

    if (vcpu->state != VCPU_WAIT_FOR_SIPI)
        vcpu->nmi_pending = all < most ? all : most;
}

/* What other requests than REQUEST_INTERRUPTS say. */
__attribute__((noinline)) static void take_events(struct vcpu *vcpu, uint32_t requests) {
    if (requests & REQUEST_START) {
        vcpu_enter_kernel(vcpu);
        virq_firmware_defaults(vcpu);
        trace_start(vcpu);
    }
    if (requests & REQUEST_INIT) {
        vlapic_init(virq_lapic(vcpu));
        vcpu_reset(vcpu);
        virq_mode_changed(vcpu);
        if (vcpu->index == 0) { /* the bootstrap processor waits for no SIPI */
            vcpu_enter_real_mode(vcpu, PC_RESET_SEGMENT, PC_RESET_OFFSET);
            trace_start(vcpu);
        }
    }
    if ((requests & REQUEST_SIPI) && vcpu->state == VCPU_WAIT_FOR_SIPI) {
        vcpu_enter_real_mode(vcpu, (uint16_t)(atomic_load(&vcpu->sipi_page) << 8), 0);
        trace_start(vcpu);
    }
    if (requests & REQUEST_REGISTERS)
        results_print_registers(vcpu);
    if (requests & REQUEST_LINT0)
        virq_lint0_rose(vcpu);
    if ((requests & REQUEST_EXTINT) && vcpu->state != VCPU_WAIT_FOR_SIPI)
        vcpu->extint = 1;
    if (atomic_load(&vcpu->nmis))
        take_nmis(vcpu);
}

/* Step 1: does what the requests say. False if the vCPU has nothing to run now. */
static bool drain_requests(struct vcpu *vcpu) {
    if (vcpu->state != VCPU_RUNNABLE)
        halted_end(vcpu);
    uint32_t requests = atomic_exchange(&vcpu->requests, 0);

    if (requests & REQUEST_STOP) {
        disarm(vcpu); /* first: the NMI of a late kick must not want a VMCS that is gone */
        vcpu->state = VCPU_ENDED;
        vcpu_unload_for_good(vcpu);
        vm_vcpu_stopped(vcpu->vm);
        return false;
    }
    if (requests & ~(uint32_t)REQUEST_INTERRUPTS)
        take_events(vcpu, requests);
    if (requests)
        virq_prepare_entry(vcpu);
    if (requests & REQUEST_TIMER) {
        virq_plan_timer(vcpu);
        vmcs_write(VMCS_PREEMPTION_TIMER, 0); /* out again at once, to be armed for that */
    }
    if (vcpu->state == VCPU_HALTED && vcpu_can_wake(vcpu))
        vcpu->state = VCPU_RUNNABLE;
    if (vcpu->state == VCPU_RUNNABLE)
        return true;
    halted_begin(vcpu);
    return false;
}

/* HLT ends by an NMI that is not blocked, or by an interrupt that the guest lets through. */
bool vcpu_can_wake(const struct vcpu *vcpu) {
    return (vcpu->nmi_pending && !(interruptibility(vcpu) & INTERRUPTIBILITY_NMI)) ||
           ((vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
            (virq_deliverable(vcpu) || virq_extint_pending(vcpu)));
}

static void inject_event(struct vcpu *vcpu) {
    vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION, vcpu->event);
    if (vcpu->event & INTERRUPTION_ERROR_CODE)
        vmcs_write(VMCS_ENTRY_EXCEPTION_ERROR_CODE, vcpu->event_error);
    vmcs_write(VMCS_ENTRY_INSTRUCTION_LENGTH, vcpu->event_length);
    vcpu->nmi_given |= (vcpu->event & INTERRUPTION_TYPE) == INTERRUPTION_NMI;
    vcpu->event = 0;
}

/* Both are taken between two instructions, and not in the shadow of STI or MOV SS. */
static void inject_nmi_or_extint(struct vcpu *vcpu) {
    uint64_t blocking = interruptibility(vcpu);
    const uint64_t shadow = INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS;

    if (vcpu->nmi_pending && !(blocking & (shadow | INTERRUPTIBILITY_NMI))) {
        vcpu->nmi_pending--;
        vcpu->nmi_given = true;
        vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION,
                   INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI);
    } else if (virq_extint_pending(vcpu) && (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
               !(blocking & shadow)) {
        int vector = virq_take_extint(vcpu);
        if (vector >= 0)
            vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION,
                       INTERRUPTION_VALID | INTERRUPTION_EXTERNAL | (uint32_t)vector);
    }
}

/* The exit to wait for. In the shadow of an STI the NMI window may count as open, and we do not
 * inject there: the interrupt window opens behind it. SDM Vol. 3C, "NMI-Window Exiting". */
static uint32_t wanted_windows(const struct vcpu *vcpu) {
    uint32_t windows = virq_extint_pending(vcpu) ? PRIMARY_INTERRUPT_WINDOW_EXITING : 0;

    if (vcpu->nmi_pending && (vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_STI))
        windows |= PRIMARY_INTERRUPT_WINDOW_EXITING;
    else if (vcpu->nmi_pending)
        windows |= PRIMARY_NMI_WINDOW_EXITING;
    return windows;
}

/* Step 6: what was queued, else an NMI or an interrupt of the 8259s if the guest takes one now;
 * for what is left a window to wait for. Rare: out of the run loop's way. */
__attribute__((noinline)) static void inject(struct vcpu *vcpu) {
    if (vcpu->event)
        inject_event(vcpu);
    else
        inject_nmi_or_extint(vcpu);
    uint32_t windows = wanted_windows(vcpu);
    if (windows != vcpu->windows) {
        vmcs_write(VMCS_PRIMARY_CONTROLS, vcpu->controls.primary | windows);
        vcpu->windows = windows;
    }
}

/* Looked at before each entry: one test for all. */
static bool has_to_inject(const struct vcpu *vcpu) {
    uint32_t intr = atomic_load_explicit(&vcpu->vm->isa.intr, memory_order_relaxed);

    return (vcpu->event | vcpu->nmi_pending | vcpu->windows | vcpu->extint | intr) != 0;
}

static void first_entry(struct vcpu *vcpu) {
    if (!vmcs_check(vcpu, false))
        return;
    if (atomic_exchange(&first_entry_seen, 1))
        return;
    uint64_t now = rdtsc();
    console_print("BENCH name=boot_to_guest instructions=%lu\n"
                  "BENCH name=tsc_at_first_entry instructions=%lu\n",
                  now - host.tsc_at_start, now);
}

/* ---- a turn ---- */

/* The first timer of this CPU's vCPUs but the one that runs, if any; the console has one, too. */
static uint64_t first_timer(const struct host_cpu *self, const struct vcpu *except) {
    uint64_t first = self->cpu.index == 0 ? console_input_next(!except) : TIME_NEVER;

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        const struct vcpu *vcpu = self->vcpu[i];
        if (vcpu != except && vcpu->state != VCPU_ENDED && vcpu->timer_next < first)
            first = vcpu->timer_next;
    }
    return first;
}

/* A turn ends early for such a timer, but not so early that timers starve this one. */
static void begin_slice(struct vcpu *vcpu) {
    uint64_t now = rdtsc();
    uint64_t timer = first_timer(vcpu->host, vcpu);
    uint64_t shortest = now + slice / 16;

    vcpu->slice_end = now + slice;
    if (timer < vcpu->slice_end)
        vcpu->slice_end = timer > shortest ? timer : shortest;
}

/* Runs one vCPU until another should have the CPU. */
static void run_turn(struct vcpu *vcpu) {
    vcpu_load(vcpu);
    begin_slice(vcpu);
    for (;;) {
        arm(vcpu);
        if (atomic_load(&vcpu->requests) || vcpu->state != VCPU_RUNNABLE) {
            if (!drain_requests(vcpu)) {
                disarm(vcpu);
                return;
            }
        }
        if (has_to_inject(vcpu))
            inject(vcpu);
        if (!vcpu->launched) {
            first_entry(vcpu);
            if (atomic_load(&vcpu->requests)) {
                disarm(vcpu);
                continue;
            }
        }
        bool entered = vmx_enter(&vcpu->context, vcpu->launched);
        disarm(vcpu);
        if (!entered) {
            vm_kill(vcpu->vm, "VM entry failed: %s", vmx_error());
            continue;
        }
        vcpu->launched = true;
        if (!exit_handle(vcpu))
            return;
    }
}

/* ---- whose turn ---- */

static bool wants_to_run(struct vcpu *vcpu, uint64_t now) {
    if (vcpu->state == VCPU_ENDED)
        return false;
    return vcpu->state == VCPU_RUNNABLE || vcpu->timer_next <= now ||
           atomic_load_explicit(&vcpu->requests, memory_order_acquire);
}

static struct vcpu *next_vcpu(struct host_cpu *self) {
    uint64_t now = rdtsc();

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        uint32_t candidate = (self->next_vcpu + i) % self->vcpu_count;
        if (wants_to_run(self->vcpu[candidate], now)) {
            self->next_vcpu = (candidate + 1) % self->vcpu_count;
            return self->vcpu[candidate];
        }
    }
    return NULL;
}

/* Waits for a kick, for the first of this CPU's guests' timers, or to look at the console. */
static void idle(struct host_cpu *self) {
    atomic_store(&self->idle, 1);
    lapic_timer_start(first_timer(self, NULL));
    cpu_idle(&self->wake);
    lapic_timer_stop();
    atomic_store(&self->idle, 0);
}

void run_init(void) {
    slice = tsc_frequency() / 1000000 * SLICE_US;
    timer_shift = (unsigned)(host.capabilities.misc & VMX_MISC_PREEMPTION_SHIFT_MASK);
}

_Noreturn void host_run(void) {
    struct host_cpu *self = this_host_cpu();

    for (;;) {
        atomic_store(&self->wake, 0);
        if (self->cpu.index == 0)
            console_input_tick();
        struct vcpu *vcpu = next_vcpu(self);
        if (vcpu) {
            run_turn(vcpu);
            continue;
        }
        if (self->cpu.index == 0 && vm_all_ended())
            results_and_power_off();
        idle(self);
    }
}
