/* A guest's real-time clock: see cmos.h. */
#include "vmm/devices/cmos.h"

#include "vmm/host.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

uint32_t cmos_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    struct cmos *cmos = &vcpu->vm->cmos;

    (void)size;
    spin_lock(&cmos->lock);
    uint8_t value = vrtc_read(&cmos->rtc, port, host_time());
    spin_unlock(&cmos->lock);
    return value;
}

void cmos_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    struct cmos *cmos = &vcpu->vm->cmos;

    (void)size;
    spin_lock(&cmos->lock);
    vrtc_write(&cmos->rtc, port, (uint8_t)value, host_time());
    spin_unlock(&cmos->lock);
}
