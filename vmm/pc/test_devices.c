/* Devices for test programs: see test_devices.h. */
#include "vmm/pc/test_devices.h"

#include "vmm/pc/pc.h"

/* fw_cfg's items. QEMU, "Firmware Configuration (fw_cfg) Device". */
#define FW_CFG_SIGNATURE 0x00
#define FW_CFG_ID        0x01
#define FW_CFG_RAM_SIZE  0x03
#define FW_CFG_NB_CPUS   0x05
#define FW_CFG_MAX_CPUS  0x0f

uint32_t test_scratch_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    return pc->test.scratch >> 8 * (port - TEST_SCRATCH);
}

void test_scratch_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    unsigned shift = 8 * (port - TEST_SCRATCH);
    uint32_t mask = (uint32_t)((1ULL << 8 * size) - 1) << shift;
    uint32_t *scratch = &pc->test.scratch;

    *scratch = (*scratch & ~mask) | (value << shift & mask);
}

uint32_t debug_console_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)pc;
    (void)size;
    return port; /* a read of E9H returns E9H: so guests detect the device */
}

void debug_console_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    pc->config.effects->console_put(pc->config.context, PC_CONSOLE_SERIAL, (char)value);
}

void test_exit_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    pc->config.effects->end_guest(pc->config.context, "exit", value);
}

void test_line_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    irq_lines_set(pc, IRQ_SOURCE_TEST, port - TEST_LINE_BASE, (uint8_t)value != 0);
}

static uint64_t item_value(const struct pc *pc, uint16_t item) {
    switch (item) {
    case FW_CFG_SIGNATURE:
        return 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24;
    case FW_CFG_ID: /* the traditional interface, no DMA */
        return 1;
    case FW_CFG_RAM_SIZE:
        return pc->config.ram_size;
    case FW_CFG_NB_CPUS:
    case FW_CFG_MAX_CPUS:
        return pc->config.vcpu_count;
    default:
        return 0;
    }
}

uint32_t fw_cfg_in(struct pc *pc, uint16_t port, unsigned size) {
    struct test_devices *test = &pc->test;

    if (port != FW_CFG_DATA || size != 1)
        return UINT32_MAX;
    uint32_t offset = test->fw_cfg_offset++;
    return offset < 8 ? (uint32_t)(item_value(pc, test->fw_cfg_item) >> 8 * offset) : 0;
}

void fw_cfg_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    struct test_devices *test = &pc->test;

    if (port != FW_CFG_SELECT || size != 2)
        return;
    test->fw_cfg_item = (uint16_t)value;
    test->fw_cfg_offset = 0;
}

void shutdown_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    static const char word[] = "Shutdown";
    struct test_devices *test = &pc->test;
    uint32_t seen = test->shutdown_seen;

    (void)port;
    (void)size;
    seen = seen < sizeof(word) - 1 && (char)value == word[seen] ? seen + 1 : 0;
    if (seen == sizeof(word) - 1)
        pc->config.effects->end_guest(pc->config.context, "poweroff", 0);
    test->shutdown_seen = seen;
}
