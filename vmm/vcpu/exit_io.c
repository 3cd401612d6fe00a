/* Port I/O: the exit, and the devices behind ports. A port without a device reads all ones and
 * swallows writes. */
#include "arch/apic_registers.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/pc/power.h"
#include "vmm/pc/rtc.h"
#include "vmm/pc/serial.h"
#include "vmm/pc/test_devices.h"
#include "vmm/vcpu/string_io.h"
#include "vmm/vcpu/vcpu.h"

struct port_range {
    uint16_t first, count;
    uint32_t (*in)(struct vcpu *vcpu, uint16_t port, unsigned size);
    void (*out)(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
};

/* Looked through in this order. */
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
    {PC_POWER_KEYBOARD, 1, NULL, pc_power_keyboard_out},
    {PC_POWER_RESET_CONTROL, 1, NULL, pc_power_reset_control_out},
    {TEST_EXIT, 1, NULL, test_exit_out},
    {DEBUG_CONSOLE, 1, debug_console_in, debug_console_out},
    {FW_CFG_SELECT, 2, fw_cfg_in, fw_cfg_out},
    {SHUTDOWN_PORT, 1, NULL, shutdown_out},
};

static const struct port_range *find(uint16_t port) {
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        if ((uint16_t)(port - ports[i].first) < ports[i].count)
            return &ports[i];
    }
    return NULL;
}

uint32_t port_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    const struct port_range *range = find(port);

    return range && range->in ? range->in(vcpu, port, size) : UINT32_MAX;
}

void port_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    const struct port_range *range = find(port);

    if (range && range->out)
        range->out(vcpu, port, size, size == 4 ? value : value & ((1u << 8 * size) - 1));
}

static void in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    uint32_t value = port_in(vcpu, port, size);
    uint64_t *rax = &vcpu->context.reg[GUEST_RAX];

    if (size == 4)
        *rax = value;
    else if (size == 2)
        *rax = (*rax & ~0xffffULL) | (uint16_t)value;
    else
        *rax = (*rax & ~0xffULL) | (uint8_t)value;
}

enum exit_action exit_io(struct vcpu *vcpu) {
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
    uint16_t port = (uint16_t)(q >> IO_EXIT_PORT_SHIFT);
    unsigned size = (unsigned)(q & IO_EXIT_SIZE_MASK) + 1;

    if (q & IO_EXIT_STRING)
        return exit_string_io(vcpu, q);
    if (q & IO_EXIT_IN)
        in(vcpu, port, size);
    else
        port_out(vcpu, port, size, (uint32_t)vcpu->context.reg[GUEST_RAX]);
    return EXIT_ADVANCE;
}
