/* Old devices: see legacy.h. */
#include "vmm/pc/legacy.h"

#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"

uint32_t legacy_crtc_in(struct pc *pc, uint16_t port, unsigned size) {
    uint32_t value = vcrtc_read(&pc->legacy.crtc, port);

    if (size >= 2 && port == PC_CRTC_PORT) /* both ports at once */
        value |= (uint32_t)vcrtc_read(&pc->legacy.crtc, PC_CRTC_PORT + 1) << 8;
    return value;
}

/* A write of two bytes is an index and its value, as kernels like to do it. */
void legacy_crtc_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    vcrtc_write(&pc->legacy.crtc, port, (uint8_t)value);
    if (size >= 2 && port == PC_CRTC_PORT)
        vcrtc_write(&pc->legacy.crtc, PC_CRTC_PORT + 1, (uint8_t)(value >> 8));
}

uint32_t legacy_keyboard_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    return v8042_read(&pc->legacy.keyboard, port);
}

void legacy_keyboard_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    if (v8042_write(&pc->legacy.keyboard, port, (uint8_t)value))
        pc->config.effects->end_guest(pc->config.context, "reset", 0);
}
