/* A guest's serial port: its UART, what was typed for the guest, and its interrupt line.
 *
 * What the guest sends goes to its console. What is typed waits in a ring until the UART's FIFO has
 * room, so that a guest that reads slowly loses nothing of a long paste; if the guest's last output
 * came from its virtio console, it waits until that console's driver has buffers instead. Read
 * next: vuart.h, irq_lines.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"
#include "vmm/devices/vuart.h"

struct pc;

#define SERIAL_TYPED 4096

struct serial {
    struct spinlock lock; /* guards all of this */
    struct vuart uart;
    bool interrupt; /* the level of its line */
    uint8_t typed[SERIAL_TYPED];
    uint32_t first, count; /* the bytes that wait: a ring */
};

/* Queues a byte that was typed for the guest; false: the ring is full. Any CPU. */
bool serial_type(struct pc *pc, uint8_t byte);
/* To call after a write to the virtio console, which may have buffers now for bytes that wait. */
void serial_type_more(struct pc *pc);

/* The guest's ports; `port` is the whole number. */
uint32_t serial_in(struct pc *pc, uint16_t port, unsigned size);
void serial_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
