/* A guest's real-time clock, which begins with the firmware's time. Read next: vrtc.h. */
#pragma once
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vrtc.h"

struct vcpu;

struct cmos {
    struct spinlock lock; /* guards the rest */
    struct vrtc rtc;
};

/* The guest's ports. */
uint32_t cmos_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void cmos_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
