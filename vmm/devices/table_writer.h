/* Appends the structures of a guest's firmware tables to memory of a fixed size. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct table_writer {
    uint8_t *at;
    uint64_t physical;   /* the guest-physical address of `at` */
    uint64_t size, used; /* bytes */
    bool full;           /* something did not fit: from then on nothing is appended */
};

/* Appends `size` bytes, or sets `full`. */
void table_append(struct table_writer *w, const void *data, uint64_t size);

/* The byte that makes the sum of these bytes and itself 0, modulo 256. */
uint8_t table_checksum(const uint8_t *bytes, uint64_t size);
