/* A guest's I/O ports. A port without a device reads as all ones, and writes to it are ignored.
 * Read next: vmm/devices/pc_map.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/devices/pc_map.h"
#include "vmm/pc/serial.h"
#include "vmm/pc/test_devices.h"

struct pc;

/* An access of `size` bytes (1, 2 or 4) to `port`. The bits of a value beyond its size have no
 * meaning. Any CPU. */
uint32_t pc_port_in(struct pc *pc, uint16_t port, unsigned size);
void pc_port_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* Whether a write to this port prints: a byte on the serial port's console. */
static inline bool pc_port_prints(uint16_t port) {
    return port == PC_UART_PORT || port == DEBUG_CONSOLE;
}

/* Whether the guest may write to this port now. If not, it has to execute its OUT again, later: the
 * port prints, and there is no room. */
static inline bool pc_port_is_ready(struct pc *pc, uint16_t port) {
    return !pc_port_prints(port) ||
           (port == PC_UART_PORT ? serial_can_out(pc) : serial_can_print(pc));
}
