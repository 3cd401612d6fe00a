/* A guest's serial port: its UART, what was typed for the guest, and its interrupt line.
 *
 * What the guest sends goes to its console. What is typed waits in a ring until the UART's FIFO
 * has room, so that a guest which is slow to read loses nothing of a long paste; or, for a guest
 * that spoke by its virtio console last, until that console's driver has buffers. The lock here is
 * taken before the virtio console's. Read next: vuart.h, irq_lines.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vuart.h"

struct vcpu;
struct vm;

#define SERIAL_TYPED 4096

struct serial {
    struct spinlock lock; /* guards all of this */
    struct vuart uart;
    bool interrupt; /* the level of its line */
    uint8_t typed[SERIAL_TYPED];
    uint32_t first, count; /* of what is in it */
};

/* A byte for the guest; false: there is no room. Any CPU. */
bool serial_type(struct vm *vm, uint8_t byte);
/* The virtio console may take more of what waits. */
void serial_type_more(struct vm *vm);

/* The guest's ports. */
uint32_t serial_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void serial_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
