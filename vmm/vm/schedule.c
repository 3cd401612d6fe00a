/* Which vCPU has a CPU, and for how long: see schedule.h. */
#include "vmm/vm/schedule.h"

#include "arch/instructions.h"
#include "arch/vmx/vmx_controls.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vm/console_input.h"
#include "vmm/vm/guests.h"
#include "vmm/vm/results.h"

static uint64_t slice; /* in TSC ticks */

/* ---- the next vCPU ---- */

/* A vCPU that has slept is at most a slice behind the others. If it could save up more, it would
 * keep the CPU from them for as long afterwards. */
static void wake_up(struct host_cpu *self, struct vcpu *vcpu) {
    uint64_t floor = self->cpu_time > slice ? self->cpu_time - slice : 0;

    if (vcpu->asleep && vcpu->cpu_time < floor)
        vcpu->cpu_time = floor;
    vcpu->asleep = false;
}

static bool wants_to_run(const struct vcpu *vcpu, uint64_t now) {
    if (vcpu->state == VCPU_ENDED)
        return false;
    return (vcpu->state == VCPU_RUNNABLE && vcpu->waits_until <= now) || vcpu->timer_next <= now ||
           atomic_load_explicit(vcpu->requests, memory_order_acquire);
}

/* Round robin, without vCPUs that are more than a slice ahead of the one with the least CPU time.
 * NULL: none wants to run. */
static struct vcpu *next_vcpu(struct host_cpu *self) {
    uint64_t now = rdtsc(), least = UINT64_MAX - slice;

    if (self->vcpu_count == 1) /* no other vCPU can want the CPU */
        return wants_to_run(self->vcpu[0], now) ? self->vcpu[0] : NULL;
    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        struct vcpu *vcpu = self->vcpu[i];
        if (!wants_to_run(vcpu, now))
            continue;
        wake_up(self, vcpu);
        least = vcpu->cpu_time < least ? vcpu->cpu_time : least;
    }
    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        uint32_t index = (self->next_vcpu + i) % self->vcpu_count;
        struct vcpu *vcpu = self->vcpu[index];
        if (wants_to_run(vcpu, now) && vcpu->cpu_time <= least + slice) {
            self->next_vcpu = (index + 1) % self->vcpu_count;
            return vcpu;
        }
    }
    return NULL;
}

/* ---- a turn ---- */

/* The time from which the timer of `other` may end a turn of `vcpu` that begins now: the timer is
 * due, and `vcpu` has had as much CPU time as `other`. */
static uint64_t may_end_at(const struct vcpu *vcpu, const struct vcpu *other, uint64_t now) {
    uint64_t ahead = other->cpu_time > vcpu->cpu_time ? other->cpu_time - vcpu->cpu_time : 0;

    return other->timer_next > now + ahead ? other->timer_next : now + ahead;
}

/* When a turn that begins now ends: after a slice; earlier when the timer of another vCPU is due
 * that has had less CPU time, but it lasts a sixteenth of a slice at least. */
static uint64_t turn_end(const struct vcpu *vcpu) {
    const struct host_cpu *self = vcpu->host;
    uint64_t now = rdtsc(), shortest = now + slice / 16, end = now + slice;

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        const struct vcpu *other = self->vcpu[i];
        if (other == vcpu || other->state == VCPU_ENDED || other->timer_next >= end)
            continue;
        uint64_t at = may_end_at(vcpu, other, now);
        end = at < end ? at : end;
    }
    return end > shortest ? end : shortest;
}

/* On the boot CPU, where the console is polled during a turn: when a piece of the turn ends. */
static uint64_t piece_end(uint64_t end) {
    uint64_t poll = console_input_next(false);

    if (poll >= end)
        return end;
    uint64_t shortest = rdtsc() + slice / 16;
    poll = poll > shortest ? poll : shortest;
    return poll < end ? poll : end;
}

/* A vCPU that yields waits for the others, so it must not be preferred to them: it is no longer
 * behind any that want to run. */
static void give_way(const struct host_cpu *self, struct vcpu *vcpu, uint64_t now) {
    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        const struct vcpu *other = self->vcpu[i];
        if (other->cpu_time > vcpu->cpu_time && wants_to_run(other, now))
            vcpu->cpu_time = other->cpu_time;
    }
}

static void give_turn(struct host_cpu *self, struct vcpu *vcpu) {
    uint64_t start = rdtsc();

    if (vcpu->cpu_time > self->cpu_time)
        self->cpu_time = vcpu->cpu_time;
    vcpu_load(vcpu); /* before the slice begins, so that each turn reaches its entry */
    uint64_t end = turn_end(vcpu), now;
    for (;;) {
        vcpu->slice_end = self->cpu.index == 0 ? piece_end(end) : end;
        run_turn(vcpu);
        now = rdtsc();
        if (now < vcpu->slice_end || now >= end || vcpu->state != VCPU_RUNNABLE)
            break;
        console_input_tick();
        start += rdtsc() - now; /* the turn does not pay for it */
    }
    vcpu->cpu_time += now - start;
    vcpu->asleep = vcpu->state != VCPU_RUNNABLE || vcpu->waits_until > now;
    if (!vcpu->asleep && now < vcpu->slice_end)
        give_way(self, vcpu, now);
    if (vcpu->state == VCPU_ENDED)
        guests_vcpu_ended(vcpu->vm);
}

/* The earliest timer of this CPU: of its vCPUs, and on the boot CPU the console's. A vCPU that has
 * to wait with its output has one too. */
static uint64_t first_timer(const struct host_cpu *self) {
    uint64_t first = self->cpu.index == 0 ? console_input_next(true) : TIME_NEVER;

    for (uint32_t i = 0; i < self->vcpu_count; i++) {
        const struct vcpu *vcpu = self->vcpu[i];
        if (vcpu->state != VCPU_ENDED && vcpu->timer_next < first)
            first = vcpu->timer_next;
        if (vcpu->state == VCPU_RUNNABLE && vcpu->waits_until < first)
            first = vcpu->waits_until;
    }
    return first;
}

/* Waits for a kick, for the first timer, or for the console's next poll. */
static void idle(struct host_cpu *self) {
    atomic_store(&self->idle, 1);
    lapic_timer_start(first_timer(self));
    cpu_idle(&self->wake);
    lapic_timer_stop();
    atomic_store(&self->idle, 0);
}

void schedule_init(void) {
    uint64_t longest = vmx_timer_longest(&host.capabilities), usual = tsc_ticks(SLICE_US);

    slice = usual < longest ? usual : longest;
}

_Noreturn void schedule_run(void) {
    struct host_cpu *self = this_host_cpu();

    for (;;) {
        atomic_store(&self->wake, 0);
        if (self->cpu.index == 0)
            console_input_tick();
        struct vcpu *vcpu = next_vcpu(self);
        if (vcpu) {
            give_turn(self, vcpu);
            continue;
        }
        if (self->cpu.index == 0 && guests_all_ended())
            results_and_power_off();
        idle(self);
    }
}
