/* Guest memory for instructions that the hypervisor emulates: see guest_memory.h. SDM Vol. 3A,
 * "Segmentation" and "Interrupt 14-Page-Fault Exception (#PF)". */
#include "vmm/vcpu/guest_memory.h"

#include "arch/canonical.h"
#include "arch/control_registers.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "lib/memory.h"
#include "vmm/vcpu/events.h"
#include "vmm/vcpu/vcpu.h"

#define PAGE_OFFSET      0xfffULL
#define TYPE_CODE        8u
#define TYPE_EXPAND_DOWN 4u /* of data */
#define TYPE_WRITABLE    2u /* of data; of code: readable */

/* ---- segments ---- */

static bool is_64bit(void) {
    return (vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L) &&
           (vmcs_read(VMCS_GUEST_EFER) & EFER_LMA);
}

static bool segment_allows(enum guest_segment segment, uint64_t offset, unsigned size, bool write) {
    uint32_t rights = (uint32_t)vmcs_read(segment_field(VMCS_GUEST_ES_ACCESS_RIGHTS, segment));
    uint64_t limit = vmcs_read(segment_field(VMCS_GUEST_ES_LIMIT, segment)),
             last = offset + size - 1;

    if (rights & ACCESS_RIGHTS_UNUSABLE)
        return false;
    if (write ? (rights & TYPE_CODE) || !(rights & TYPE_WRITABLE)
              : (rights & TYPE_CODE) && !(rights & TYPE_WRITABLE))
        return false;
    if (!(rights & TYPE_CODE) && (rights & TYPE_EXPAND_DOWN))
        return offset > limit && last <= (rights & ACCESS_RIGHTS_DB ? 0xffffffff : 0xffff);
    return last <= limit;
}

static bool guest_span_linear(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset,
                              unsigned size, bool write, uint64_t *linear) {
    uint64_t base = vmcs_read(segment_field(VMCS_GUEST_ES_BASE, segment));
    bool ok;

    if (is_64bit()) {
        *linear = offset + (segment >= SEGMENT_FS ? base : 0);
        ok = is_canonical(*linear, CANONICAL_BITS_4_LEVEL) &&
             is_canonical(*linear + size - 1, CANONICAL_BITS_4_LEVEL);
    } else {
        *linear = (uint32_t)(base + offset);
        ok = segment_allows(segment, offset, size, write);
    }
    if (!ok)
        events_queue_exception_with_code(vcpu, segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, 0);
    return ok;
}

/* ---- pages ---- */

struct guest_paging guest_paging_now(const struct vcpu *vcpu) {
    struct guest_paging paging = {
        .cr0 = vmcs_read(VMCS_GUEST_CR0),
        .cr3 = vmcs_read(VMCS_GUEST_CR3),
        .cr4 = vmcs_read(VMCS_GUEST_CR4),
        .efer = vmcs_read(VMCS_GUEST_EFER),
        .ram = vcpu->vm->ram,
        .ram_size = vcpu->vm->ram_size,
    };

    if ((paging.cr4 & CR4_PAE) && !(paging.efer & EFER_LMA)) {
        for (unsigned i = 0; i < 4; i++)
            paging.pdpte[i] = vmcs_read(VMCS_GUEST_PDPTE0 + 2 * i);
    }
    return paging;
}

static uint8_t *guest_span_page(struct vcpu *vcpu, uint64_t linear, bool write) {
    const struct guest_paging paging = guest_paging_now(vcpu);
    bool user = (vmcs_read(VMCS_GUEST_SS_ACCESS_RIGHTS) & ACCESS_RIGHTS_DPL) == ACCESS_RIGHTS_DPL;
    bool user_pages = !(paging.cr4 & CR4_SMAP) || (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_AC);
    uint32_t access = (write ? PAGE_FAULT_WRITE : 0) | (user ? PAGE_FAULT_USER : 0), error_code;
    uint64_t physical = 0;
    uint8_t *at = NULL;

    switch (guest_walk_data(&paging, linear, access, user_pages, &physical, &error_code)) {
    case GUEST_WALK_FAULT:
        write_cr2(linear); /* the guest's CR2: it is in the CPU while the vCPU is loaded */
        events_queue_exception_with_code(vcpu, VECTOR_PF, error_code);
        return NULL;
    case GUEST_WALK_CHANGED:
        return NULL;
    case GUEST_WALK_FOUND:
        at = vm_ram(vcpu->vm, physical, 1);
        break;
    case GUEST_WALK_OUTSIDE:
        break;
    }
    if (!at)
        vm_kill(vcpu->vm,
                "vCPU %u: a string instruction accesses linear address 0x%lx, which is not RAM",
                vcpu->index, linear);
    return at;
}

bool guest_span_find(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset, unsigned size,
                     bool write, struct guest_span *span) {
    uint64_t linear;

    if (!guest_span_linear(vcpu, segment, offset, size, write, &linear))
        return false;
    uint64_t rest = PAGE_OFFSET + 1 - (linear & PAGE_OFFSET);
    span->length[0] = size < rest ? size : (unsigned)rest;
    span->length[1] = size - span->length[0];
    span->piece[0] = guest_span_page(vcpu, linear, write);
    if (!span->piece[0] || !span->length[1])
        return span->piece[0] != NULL;
    linear += span->length[0];
    span->piece[1] = guest_span_page(vcpu, is_64bit() ? linear : (uint32_t)linear, write);
    return span->piece[1] != NULL;
}

uint64_t guest_span_read(const struct guest_span *span) {
    uint64_t value = 0;

    memcpy(&value, span->piece[0], span->length[0]);
    if (span->length[1])
        memcpy((uint8_t *)&value + span->length[0], span->piece[1], span->length[1]);
    return value;
}

void guest_span_write(const struct guest_span *span, uint64_t value) {
    memcpy(span->piece[0], &value, span->length[0]);
    if (span->length[1])
        memcpy(span->piece[1], (const uint8_t *)&value + span->length[0], span->length[1]);
}
