/* A guest's serial port: see serial.h. */
#include "vmm/pc/serial.h"

#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"

/* ---- the caller holds the lock ---- */

/* Returns how many bytes the UART accepted: 0 or 1. */
static uint32_t serial_type_to_uart(struct serial *serial) {
    if (!vuart_can_receive(&serial->uart))
        return 0;
    vuart_receive(&serial->uart, serial->typed[serial->first]);
    return 1;
}

/* The same for the virtio console. At most the bytes up to the end of the ring's array. */
static uint32_t serial_type_to_virtio(struct pc *pc) {
    const struct serial *serial = &pc->serial;
    uint32_t left = SERIAL_TYPED - serial->first;

    return virtio_type(pc, serial->typed + serial->first,
                       serial->count < left ? serial->count : left);
}

/* Moves waiting bytes to the device that the guest uses. Not inlined, because it is rare and port
 * accesses are not. */
__attribute__((noinline)) static void serial_type_waiting(struct pc *pc) {
    struct serial *serial = &pc->serial;
    bool to_virtio = atomic_load(&pc->virtio.receives_input);
    uint32_t moved = 1;

    while (serial->count && moved) {
        moved = to_virtio ? serial_type_to_virtio(pc) : serial_type_to_uart(serial);
        serial->first = (serial->first + moved) % SERIAL_TYPED;
        serial->count -= moved;
    }
}

/* To call after every access: moves waiting bytes, and sets the line's level. */
static void serial_update(struct pc *pc) {
    struct serial *serial = &pc->serial;

    if (serial->count)
        serial_type_waiting(pc);
    bool interrupt = vuart_interrupt(&serial->uart);
    if (interrupt != serial->interrupt)
        irq_lines_set(pc, IRQ_SOURCE_UART, PC_UART_IRQ, interrupt);
    serial->interrupt = interrupt;
}

/* ---- any CPU ---- */

bool serial_can_print(struct pc *pc) {
    return pc->config.effects->console_has_room(pc->config.context, PC_CONSOLE_SERIAL);
}

void serial_type_more(struct pc *pc) {
    spin_lock(&pc->serial.lock);
    serial_update(pc);
    spin_unlock(&pc->serial.lock);
}

bool serial_type(struct pc *pc, uint8_t byte) {
    struct serial *serial = &pc->serial;

    spin_lock(&serial->lock);
    bool room = serial->count < SERIAL_TYPED;
    if (room)
        serial->typed[(serial->first + serial->count++) % SERIAL_TYPED] = byte;
    serial_update(pc);
    spin_unlock(&serial->lock);
    return room;
}

uint32_t serial_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    spin_lock(&pc->serial.lock);
    uint8_t value = vuart_read(&pc->serial.uart, port - PC_UART_PORT);
    serial_update(pc);
    spin_unlock(&pc->serial.lock);
    return value;
}

void serial_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    spin_lock(&pc->serial.lock);
    int sent = vuart_write(&pc->serial.uart, port - PC_UART_PORT, (uint8_t)value);
    if (sent != VUART_NO_BYTE)
        atomic_store(&pc->virtio.receives_input, false);
    serial_update(pc);
    spin_unlock(&pc->serial.lock);
    if (sent != VUART_NO_BYTE)
        pc->config.effects->console_put(pc->config.context, PC_CONSOLE_SERIAL, (char)sent);
}

/* Without the lock: if another vCPU writes to the UART meanwhile, a byte more or less waits. */
bool serial_can_out(struct pc *pc) {
    return !vuart_transmits(&pc->serial.uart) || serial_can_print(pc);
}
