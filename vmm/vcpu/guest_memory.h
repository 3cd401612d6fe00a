/* Guest memory as an instruction sees it that the hypervisor carries out: by segment and offset,
 * through the guest's page tables, with the rights of the guest's code. What the processor would
 * answer with a fault is answered with that fault. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/emulate/guest_walk.h"
#include "vmm/vcpu/guest_segment.h"

struct vcpu;

/* Where 1 to 8 bytes are: they may cross into another page. */
struct guest_span {
    uint8_t *piece[2];
    unsigned length[2];
};

/* The guest's paging, as its registers are now. */
struct guest_paging guest_paging_now(const struct vcpu *vcpu);

/* Finds them, for reading or for writing. False: leave RIP where it is. Either a fault has been
 * queued, or the guest killed, or the instruction has to be tried again. */
bool guest_span_find(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset, unsigned size,
                     bool write, struct guest_span *span);
uint64_t guest_span_read(const struct guest_span *span);
void guest_span_write(const struct guest_span *span, uint64_t value);
