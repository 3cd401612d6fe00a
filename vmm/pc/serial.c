/* A guest's serial port: see serial.h. */
#include "vmm/pc/serial.h"

#include "vmm/devices/pc_map.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

/* ---- under the lock ---- */

static uint32_t type_to_uart(struct serial *serial) {
    if (!vuart_can_receive(&serial->uart))
        return 0;
    vuart_receive(&serial->uart, serial->typed[serial->first]);
    return 1;
}

/* What is in one piece in the ring. */
static uint32_t type_to_virtio(struct vm *vm) {
    const struct serial *serial = &vm->serial;
    uint32_t left = SERIAL_TYPED - serial->first;

    return virtio_type(vm, serial->typed + serial->first,
                       serial->count < left ? serial->count : left);
}

/* What waits moves on to where the guest speaks. Rare: out of the way of an access to a port. */
__attribute__((noinline)) static void type(struct vm *vm) {
    struct serial *serial = &vm->serial;
    bool speaks_virtio = atomic_load(&vm->virtio.speaks);
    uint32_t taken = 1;

    while (serial->count && taken) {
        taken = speaks_virtio ? type_to_virtio(vm) : type_to_uart(serial);
        serial->first = (serial->first + taken) % SERIAL_TYPED;
        serial->count -= taken;
    }
}

/* ...and the line follows. */
static void update(struct vm *vm) {
    struct serial *serial = &vm->serial;

    if (serial->count)
        type(vm);
    bool interrupt = vuart_interrupt(&serial->uart);
    if (interrupt != serial->interrupt)
        irq_lines_set_line(vm, IRQ_SOURCE_UART, PC_UART_IRQ, interrupt);
    serial->interrupt = interrupt;
}

/* ---- any CPU ---- */

void serial_type_more(struct vm *vm) {
    spin_lock(&vm->serial.lock);
    update(vm);
    spin_unlock(&vm->serial.lock);
}

bool serial_type(struct vm *vm, uint8_t byte) {
    struct serial *serial = &vm->serial;

    spin_lock(&serial->lock);
    bool room = serial->count < SERIAL_TYPED;
    if (room)
        serial->typed[(serial->first + serial->count++) % SERIAL_TYPED] = byte;
    update(vm);
    spin_unlock(&serial->lock);
    return room;
}

uint32_t serial_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->serial.lock);
    uint8_t value = vuart_read(&vm->serial.uart, port - PC_UART_PORT);
    update(vm);
    spin_unlock(&vm->serial.lock);
    return value;
}

void serial_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    struct vm *vm = vcpu->vm;

    (void)size;
    spin_lock(&vm->serial.lock);
    int sent = vuart_write(&vm->serial.uart, port - PC_UART_PORT, (uint8_t)value);
    if (sent != VUART_NO_BYTE)
        atomic_store(&vm->virtio.speaks, false);
    update(vm);
    spin_unlock(&vm->serial.lock);
    if (sent != VUART_NO_BYTE)
        guest_console_put(&vm->console[GUEST_CONSOLE_SERIAL], (char)sent);
}
