/* Redirects port I/O and the TSC to functions of the test, for the drivers that are not pure. The
 * build includes this header before everything else (-include). */
#pragma once
#include "arch/instructions.h"

#define in8        ports_in8
#define out8       ports_out8
#define rdtsc      ports_rdtsc
#define mmio_read  ports_mmio_read
#define mmio_write ports_mmio_write

uint8_t ports_in8(uint16_t number);
void ports_out8(uint16_t number, uint8_t value);
uint64_t ports_rdtsc(void);
uint32_t ports_mmio_read(const void *address, unsigned size);
void ports_mmio_write(void *address, unsigned size, uint32_t value);
