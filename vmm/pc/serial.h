/* A guest's serial port: its UART and interrupt line, and the bytes that were typed for the guest.
 *
 * What the guest sends goes to its console. Typed bytes wait in a ring until the UART's FIFO has
 * room, so that a guest that reads slowly loses nothing of a long paste. If the guest's last output
 * came from its virtio console, they wait until the driver of that console has buffers instead.
 * Read next: vmm/devices/vuart.h, irq_lines.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vuart.h"

struct pc;

#define SERIAL_TYPED 4096

struct serial {
    struct spinlock lock; /* protects the rest */
    struct vuart uart;
    bool interrupt; /* the level of its line */
    uint8_t typed[SERIAL_TYPED];
    uint32_t first, count; /* of the bytes that wait in the ring `typed` */
};

/* Queues a byte that was typed for the guest. False: the ring is full, and the byte is lost. Any
 * CPU. */
bool serial_type(struct pc *pc, uint8_t byte);
/* To call after a write to the virtio console: its driver may have added buffers for bytes that
 * wait. Any CPU. */
void serial_type_more(struct pc *pc);

/* The guest's accesses to the ports of the UART. Any CPU. */
uint32_t serial_in(struct pc *pc, uint16_t port, unsigned size);
void serial_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
/* Whether the guest may write to the first port now. If not, it has to repeat its OUT later. */
bool serial_can_out(struct pc *pc);

/* The same for a device that prints each byte on the serial port's console. */
bool serial_can_print(struct pc *pc);
