/* A guest's I/O ports. A port without a device reads as all ones, and writes to it are ignored.
 * Read next: vmm/devices/pc_map.h. */
#pragma once
#include <stdint.h>

struct pc;

/* An access of `size` bytes (1, 2 or 4) to `port`. The bits of a value beyond its size have no
 * meaning. Any CPU. */
uint32_t pc_port_in(struct pc *pc, uint16_t port, unsigned size);
void pc_port_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
