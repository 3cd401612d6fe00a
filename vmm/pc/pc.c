/* One guest's PC: see pc.h. */
#include "vmm/pc/pc.h"

#include "vmm/pc/bios.h"

const char *pc_power_on(struct pc *pc, const struct pc_config *config) {
    pc->config = *config;
    irq_lines_reset(pc);
    vuart_reset(&pc->serial.uart);
    rtc_reset(pc);
    virtio_reset(pc);
    vcrtc_reset(&pc->legacy.crtc);
    return bios_place(pc);
}

void pc_tick(struct pc *pc) {
    uint64_t now = pc_now(pc);

    if (atomic_load(&pc->rtc.timer_next) <= now)
        rtc_tick(pc);
    if (atomic_load(&pc->irq_lines.timer_next) <= now)
        irq_lines_tick(pc);
}

uint64_t pc_page_read(struct pc *pc, uint64_t address, unsigned size) {
    return virtio_read(pc, address, size);
}

bool pc_page_write(struct pc *pc, uint64_t address, unsigned size, uint64_t value) {
    bool done = virtio_write(pc, address, size, value);

    if ((address - PC_VIRTIO_BASE) / PC_VIRTIO_STRIDE == PC_VIRTIO_CONSOLE)
        serial_type_more(pc);
    return done;
}
