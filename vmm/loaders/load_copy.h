/* Copies between a kernel's file, its initial RAM disk and the guest's memory: the only places
 * where an offset or an address that a file contains is used. Each copies nothing and returns false
 * if a range does not fit. Pure. The contracts are proven: docs/proof.md. */
#pragma once
#include <stdbool.h>

#include "vmm/loaders/kernel_request.h"

/*@ predicate loadable(struct kernel_request *r) = \valid_read(r) &&
  @     \valid_read(r->file + (0 .. r->file_size - 1)) &&
  @     \valid(r->ram + (0 .. r->ram_size - 1)) &&
  @     (r->initrd == \null || \valid_read(r->initrd + (0 .. r->initrd_size - 1))) &&
  @     \separated(r->ram + (0 .. r->ram_size - 1), r) &&
  @     \separated(r->ram + (0 .. r->ram_size - 1), r->file + (0 .. r->file_size - 1)) &&
  @     (r->initrd == \null ||
  @      \separated(r->ram + (0 .. r->ram_size - 1), r->initrd + (0 .. r->initrd_size - 1))); */

/* `size` bytes of the file, from `offset` on, to `to`. */
/*@ requires \valid_read(r) && \valid_read(r->file + (0 .. r->file_size - 1));
  @ requires \valid(to + (0 .. size - 1)) && \separated(to + (0 .. size - 1), r);
  @ requires \separated(to + (0 .. size - 1), r->file + (0 .. r->file_size - 1));
  @ assigns to[0 .. size - 1] \from r->file[0 .. r->file_size - 1];
  @ ensures \result <==> offset + size <= r->file_size; */
bool load_read(const struct kernel_request *r, uint64_t offset, uint8_t *to, uint64_t size);

/* `size` bytes of the file, from `offset` on, to the guest's memory. */
/*@ requires loadable(r);
  @ assigns r->ram[0 .. r->ram_size - 1] \from r->file[0 .. r->file_size - 1];
  @ assigns \result \from *r, address, offset, size;
  @ ensures \result == 0 || \result == 1;
  @ ensures \result <==> offset + size <= r->file_size && address + size <= r->ram_size; */
bool load_file(const struct kernel_request *r, uint64_t address, uint64_t offset, uint64_t size);

/* The whole initial RAM disk, if there is one. */
/*@ requires loadable(r);
  @ assigns r->ram[0 .. r->ram_size - 1] \from r->initrd[0 .. r->initrd_size - 1];
  @ assigns \result \from *r, address;
  @ ensures \result == 0 || \result == 1;
  @ ensures \result <==> r->initrd == \null || address + r->initrd_size <= r->ram_size; */
bool load_initrd(const struct kernel_request *r, uint64_t address);

/* Clears `size` bytes of the guest's memory. */
/*@ requires loadable(r);
  @ assigns r->ram[0 .. r->ram_size - 1] \from size;
  @ assigns \result \from *r, address, size;
  @ ensures \result == 0 || \result == 1;
  @ ensures \result <==> address + size <= r->ram_size; */
bool load_zeros(const struct kernel_request *r, uint64_t address, uint64_t size);
