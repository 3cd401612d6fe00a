/* What old kernels touch on their way and need no more from: the CRT controller and the keyboard
 * controller. `port` is the whole number. Read next: vcrtc.h, v8042.h. */
#pragma once
#include <stdint.h>

#include "vmm/devices/v8042.h"
#include "vmm/devices/vcrtc.h"

struct pc;

/* Concurrent use by several vCPUs is not synchronised; only the guest itself is harmed, since each
 * field is bounded where it is used. */
struct legacy {
    struct vcrtc crtc;
    struct v8042 keyboard;
};

uint32_t legacy_crtc_in(struct pc *pc, uint16_t port, unsigned size);
void legacy_crtc_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
uint32_t legacy_keyboard_in(struct pc *pc, uint16_t port, unsigned size);
void legacy_keyboard_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
