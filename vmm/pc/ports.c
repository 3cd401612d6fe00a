/* The devices behind a guest's ports: see ports.h. */
#include "vmm/pc/ports.h"

#include <stddef.h>

#include "arch/apic_registers.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"

struct port_range {
    uint16_t first, count;
    uint32_t (*in)(struct pc *pc, uint16_t port, unsigned size);
    void (*out)(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
};

/* Searched in this order: the ports that are used most come first. */
static const struct port_range ports[] = {
    {PC_UART_PORT, VUART_REGISTERS, serial_in, serial_out},
    {PC_RTC_PORT, 2, rtc_in, rtc_out},
    {TEST_LINE_BASE, IOAPIC_PIN_COUNT, NULL, test_line_out},
    {TEST_SCRATCH, 4, test_scratch_in, test_scratch_out},
    {VPIC_MASTER_COMMAND, 2, irq_lines_pic_in, irq_lines_pic_out},
    {VPIC_SLAVE_COMMAND, 2, irq_lines_pic_in, irq_lines_pic_out},
    {VPIC_MASTER_ELCR, 2, irq_lines_pic_in, irq_lines_pic_out},
    {VPIT_COUNTER0, 4, irq_lines_pit_in, irq_lines_pit_out},
    {VPIT_SYSTEM_PORT_B, 1, irq_lines_pit_in, irq_lines_pit_out},
    {PC_SLEEP_CONTROL, PC_POWER_REGISTERS, pc_power_in, pc_power_out},
    {PC_PM_TIMER, PC_POWER_TIMER_BYTES, pc_power_timer_in, NULL},
    {PC_PANIC_PORT, 1, pc_power_panic_in, pc_power_panic_out},
    {PC_PM1_CONTROL, 2, pc_power_pm1_in, pc_power_pm1_out},
    {PC_PM1_CONTROL_OLD, 2, pc_power_pm1_in, pc_power_pm1_out},
    {PC_CRTC_PORT, 2, legacy_crtc_in, legacy_crtc_out},
    {V8042_DATA, 1, legacy_keyboard_in, legacy_keyboard_out},
    {V8042_COMMAND, 1, legacy_keyboard_in, legacy_keyboard_out},
    {PC_POWER_RESET_CONTROL, 1, NULL, pc_power_reset_control_out},
    {TEST_EXIT, 1, NULL, test_exit_out},
    {DEBUG_CONSOLE, 1, debug_console_in, debug_console_out},
    {FW_CFG_SELECT, 2, fw_cfg_in, fw_cfg_out},
    {SHUTDOWN_PORT, 1, NULL, shutdown_out},
};

static const struct port_range *port_find(uint16_t port) {
    /* Then the numbers are in the instructions: half as many of them. */
#pragma GCC unroll 32
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if ((uint16_t)(port - ports[i].first) < ports[i].count)
            return &ports[i];
    }
    return NULL;
}

uint32_t pc_port_in(struct pc *pc, uint16_t port, unsigned size) {
    const struct port_range *range = port_find(port);

    return range && range->in ? range->in(pc, port, size) : UINT32_MAX;
}

void pc_port_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    const struct port_range *range = port_find(port);

    if (range && range->out)
        range->out(pc, port, size, size == 4 ? value : value & ((1u << 8 * size) - 1));
}
