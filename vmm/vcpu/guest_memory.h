/* Guest memory for instructions that the hypervisor emulates: by segment and offset, through the
 * guest's page tables, with the privilege of the guest's code. An access that would fault on a
 * processor queues the same fault. The memory is RAM or a device's. SDM Vol. 3A, "Protection". Read
 * next: vmm/emulate/guest_walk.h.
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/emulate/guest_walk.h"
#include "vmm/vcpu/guest_segment.h"

struct vcpu;

/* 1 to 32 bytes of guest memory: one piece, or two in different pages. */
struct guest_span {
    uint8_t *piece[2]; /* in RAM; NULL: a device's, at `physical` */
    uint64_t physical[2];
    unsigned length[2]; /* in bytes; the second is 0 if there is one piece */
};

/* Whether the vCPU executes 64-bit code. */
bool guest_is_64bit(void);

/* The linear address of an offset in a segment. */
uint64_t guest_linear(enum guest_segment segment, uint64_t offset);

/* The guest's paging, by the present values of its registers. */
struct guest_paging guest_paging_now(const struct vcpu *vcpu);

/* Finds `size` bytes, for reading or for writing. False: RIP must stay. Either a fault was queued,
 * or the guest was killed, or the guest has changed its page tables and executes the instruction
 * again. */
bool guest_span_find(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset, unsigned size,
                     bool write, struct guest_span *span);
/* The same at a linear address, for an operand that the processor has accessed: the segment is not
 * checked again. */
bool guest_span_find_linear(struct vcpu *vcpu, uint64_t linear, unsigned size, bool write,
                            struct guest_span *span);

/* Reads or writes the bytes of a span of at most 8 bytes that was found; the first byte is the
 * lowest. A device may return more bits. A write returns false if the guest has to execute the
 * instruction again: see mmio_devices.h. */
uint64_t guest_span_read(struct vcpu *vcpu, const struct guest_span *span);
bool guest_span_write(struct vcpu *vcpu, const struct guest_span *span, uint64_t value);
/* Reads or writes at most 8 of its bytes from `offset` on, byte by byte. */
uint64_t guest_span_read_at(struct vcpu *vcpu, const struct guest_span *span, unsigned offset,
                            unsigned size);
bool guest_span_write_at(struct vcpu *vcpu, const struct guest_span *span, unsigned offset,
                         unsigned size, uint64_t value);
