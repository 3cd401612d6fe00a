/* A guest's serial port: see serial.h. */
#include "vmm/devices/serial.h"

#include "vmm/devices/isa.h"
#include "vmm/devices/pc.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

/* Under the lock: what waits moves on, and the line follows. */
static void update(struct vm *vm) {
    struct serial *serial = &vm->serial;

    while (serial->count && vuart_can_receive(&serial->uart)) {
        vuart_receive(&serial->uart, serial->typed[serial->first]);
        serial->first = (serial->first + 1) % SERIAL_TYPED;
        serial->count--;
    }
    bool interrupt = vuart_interrupt(&serial->uart);
    if (interrupt != serial->interrupt)
        isa_set_line(vm, IRQ_SOURCE_UART, PC_UART_IRQ, interrupt);
    serial->interrupt = interrupt;
}

bool serial_type(struct vm *vm, uint8_t byte) {
    struct serial *serial = &vm->serial;

    if (virtio_type(vm, byte))
        return true;
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
    update(vm);
    spin_unlock(&vm->serial.lock);
    if (sent == VUART_NO_BYTE)
        return;
    atomic_store(&vm->virtio.speaks, false);
    guest_console_put(&vm->console[GUEST_CONSOLE_SERIAL], (char)sent);
}
