/* A guest's real-time clock: see rtc.h. */
#include "vmm/pc/rtc.h"

#include "arch/instructions.h"
#include "drivers/tsc.h"
#include "vmm/devices/pc_map.h"
#include "vmm/host/host.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

#define NANOSECONDS 1000000000u

void rtc_reset(struct vm *vm) {
    vrtc_reset(&vm->cmos.rtc, host_time());
    vm->cmos.next = TIME_NEVER;
    atomic_store(&vm->cmos.timer_next, TIME_NEVER);
}

/* ---- under the lock ---- */

/* What has come by now. A rise that an access ends at once is an edge all the same. */
static void look(struct vm *vm, uint64_t now) {
    struct rtc *cmos = &vm->cmos;

    vrtc_poll(&cmos->rtc, now);
    bool interrupt = vrtc_interrupt(&cmos->rtc);
    if (interrupt != cmos->interrupt)
        irq_lines_set_line(vm, IRQ_SOURCE_RTC, PC_RTC_IRQ, interrupt);
    cmos->interrupt = interrupt;
}

/* When to look again; as a time of the TSC a tick later, since that is rounded down. */
static void plan(struct rtc *cmos, uint64_t now) {
    uint64_t tsc = TIME_NEVER;

    cmos->next = vrtc_next(&cmos->rtc);
    if (cmos->next != TIME_NEVER) {
        uint64_t left = cmos->next > now ? cmos->next - now : 0;
        tsc = rdtsc() + tsc_scale(left, NANOSECONDS, tsc_frequency()) + 1;
    }
    atomic_store(&cmos->timer_next, tsc);
}

void rtc_tick(struct vm *vm) {
    spin_lock(&vm->cmos.lock);
    uint64_t now = host_time();
    look(vm, now);
    plan(&vm->cmos, now);
    spin_unlock(&vm->cmos.lock);
}

/* ---- ports ---- */

static void after_access(struct vm *vm, uint64_t now) {
    look(vm, now);
    if (vrtc_next(&vm->cmos.rtc) == vm->cmos.next)
        return;
    plan(&vm->cmos, now);
    irq_lines_plan(vm);
}

uint32_t rtc_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->cmos.lock);
    uint64_t now = host_time();
    look(vm, now);
    uint8_t value = vrtc_read(&vm->cmos.rtc, port, now);
    after_access(vm, now);
    spin_unlock(&vm->cmos.lock);
    return value;
}

void rtc_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->cmos.lock);
    uint64_t now = host_time();
    look(vm, now);
    vrtc_write(&vm->cmos.rtc, port, (uint8_t)value, now);
    after_access(vm, now);
    spin_unlock(&vm->cmos.lock);
}
