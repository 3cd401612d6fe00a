/* Guest memory for instructions that the hypervisor emulates: by segment and offset, through the
 * guest's page tables, with the privilege of the guest's code. An access that would fault on a
 * processor queues the same fault. SDM Vol. 3A, "Protection". Read next: vmm/emulate/guest_walk.h.
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/emulate/guest_walk.h"
#include "vmm/vcpu/guest_segment.h"

struct vcpu;

/* 1 to 8 bytes of guest memory: one piece, or two in different pages. */
struct guest_span {
    uint8_t *piece[2];
    unsigned length[2]; /* in bytes; the second is 0 if there is one piece */
};

/* The guest's paging, by the present values of its registers. */
struct guest_paging guest_paging_now(const struct vcpu *vcpu);

/* Finds `size` bytes, for reading or for writing. False: RIP must stay. Either a fault was queued,
 * or the guest was killed, or the guest has changed its page tables and executes the instruction
 * again. */
bool guest_span_find(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset, unsigned size,
                     bool write, struct guest_span *span);

/* Reads or writes the bytes of a span that was found; the first byte is the lowest. */
uint64_t guest_span_read(const struct guest_span *span);
void guest_span_write(const struct guest_span *span, uint64_t value);
