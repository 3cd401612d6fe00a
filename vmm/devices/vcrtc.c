/* The CRT controller's registers: see vcrtc.h. */
#include "vmm/devices/vcrtc.h"

#include "lib/index_clamp.h"
#include "lib/memory.h"
#include "vmm/devices/pc_map.h"

#define START_HIGH 0x0c
#define START_LOW  0x0d

void vcrtc_reset(struct vcrtc *crtc) {
    static const uint8_t mode3[VCRTC_REGISTERS] = {
        0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
        0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};

    crtc->index = 0;
    memcpy(crtc->value, mode3, sizeof(mode3));
}

uint8_t vcrtc_read(const struct vcrtc *crtc, uint16_t port) {
    uint8_t index = crtc->index; /* once: another vCPU may write it */

    if (port == PC_CRTC_PORT)
        return index;
    return index < VCRTC_REGISTERS ? crtc->value[index_clamp(index, VCRTC_REGISTERS)] : 0;
}

void vcrtc_write(struct vcrtc *crtc, uint16_t port, uint8_t value) {
    uint8_t index = crtc->index;

    if (port == PC_CRTC_PORT)
        crtc->index = value;
    else if (index < VCRTC_REGISTERS)
        crtc->value[index_clamp(index, VCRTC_REGISTERS)] = value;
}

uint16_t vcrtc_start(const struct vcrtc *crtc) {
    return (uint16_t)(crtc->value[START_HIGH] << 8 | crtc->value[START_LOW]);
}
