/* Whose turn it is on a CPU: see schedule.h. */
#include "vmm/vm/schedule.h"

#include "arch/instructions.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vm/console_input.h"
#include "vmm/vm/guests.h"
#include "vmm/vm/results.h"

static uint64_t slice; /* in TSC ticks */

/* The earliest timer of this CPU: of its vCPUs except one, and on the boot CPU of the console. */
static uint64_t first_timer(const struct host_cpu *self, const struct vcpu *except) {
    uint64_t first = self->cpu.index == 0 ? console_input_next(!except) : TIME_NEVER;

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        const struct vcpu *vcpu = self->vcpu[i];
        if (vcpu != except && vcpu->state != VCPU_ENDED && vcpu->timer_next < first)
            first = vcpu->timer_next;
    }
    return first;
}

/* A turn ends early for another vCPU's timer, but it always has a minimum, so that timers cannot
 * starve it. */
static void begin_slice(struct vcpu *vcpu) {
    uint64_t now = rdtsc();
    uint64_t timer = first_timer(vcpu->host, vcpu);
    uint64_t shortest = now + slice / 16;

    vcpu->slice_end = now + slice;
    if (timer < vcpu->slice_end)
        vcpu->slice_end = timer > shortest ? timer : shortest;
}

static void give_turn(struct vcpu *vcpu) {
    begin_slice(vcpu);
    run_turn(vcpu);
    if (vcpu->state == VCPU_ENDED)
        guests_vcpu_ended(vcpu->vm);
}

static bool wants_to_run(struct vcpu *vcpu, uint64_t now) {
    if (vcpu->state == VCPU_ENDED)
        return false;
    return vcpu->state == VCPU_RUNNABLE || vcpu->timer_next <= now ||
           atomic_load_explicit(&vcpu->requests, memory_order_acquire);
}

/* Round robin. */
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

/* Waits for a kick, for the first timer, or for the console's next poll. */
static void idle(struct host_cpu *self) {
    atomic_store(&self->idle, 1);
    lapic_timer_start(first_timer(self, NULL));
    cpu_idle(&self->wake);
    lapic_timer_stop();
    atomic_store(&self->idle, 0);
}

void schedule_init(void) {
    slice = tsc_ticks(SLICE_US);
}

_Noreturn void schedule_run(void) {
    struct host_cpu *self = this_host_cpu();

    for (;;) {
        atomic_store(&self->wake, 0);
        if (self->cpu.index == 0)
            console_input_tick();
        struct vcpu *vcpu = next_vcpu(self);
        if (vcpu) {
            give_turn(vcpu);
            continue;
        }
        if (self->cpu.index == 0 && guests_all_ended())
            results_and_power_off();
        idle(self);
    }
}
