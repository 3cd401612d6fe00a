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
#include "vmm/vcpu/mmio_devices.h"
#include "vmm/vcpu/vcpu.h"

#define PAGE_OFFSET      0xfffULL
#define TYPE_CODE        8u
#define TYPE_EXPAND_DOWN 4u /* of data */
#define TYPE_WRITABLE    2u /* of data; of code: readable */

/* ---- segments ---- */

bool guest_is_64bit(void) {
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

uint64_t guest_linear(enum guest_segment segment, uint64_t offset) {
    uint64_t base = vmcs_read(segment_field(VMCS_GUEST_ES_BASE, segment));

    if (guest_is_64bit())
        return offset + (segment >= SEGMENT_FS ? base : 0);
    return (uint32_t)(base + offset);
}

static bool guest_span_linear(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset,
                              unsigned size, bool write, uint64_t *linear) {
    bool ok;

    *linear = guest_linear(segment, offset);
    if (guest_is_64bit()) {
        ok = is_canonical(*linear, CANONICAL_BITS_4_LEVEL) &&
             is_canonical(*linear + size - 1, CANONICAL_BITS_4_LEVEL);
    } else {
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

/* Finds the part of a span that lies in one page: RAM, or else what is at a physical address. */
static bool guest_span_page(struct vcpu *vcpu, uint64_t linear, bool write, unsigned piece,
                            struct guest_span *span) {
    const struct guest_paging paging = guest_paging_now(vcpu);
    bool user = (vmcs_read(VMCS_GUEST_SS_ACCESS_RIGHTS) & ACCESS_RIGHTS_DPL) == ACCESS_RIGHTS_DPL;
    bool user_pages = !(paging.cr4 & CR4_SMAP) || (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_AC);
    uint32_t access = (write ? PAGE_FAULT_WRITE : 0) | (user ? PAGE_FAULT_USER : 0), error_code;
    uint64_t *physical = &span->physical[piece];

    switch (guest_walk_data(&paging, linear, access, user_pages, physical, &error_code)) {
    case GUEST_WALK_FAULT:
        write_cr2(linear); /* the guest's CR2: it is in the CPU while the vCPU is loaded */
        events_queue_exception_with_code(vcpu, VECTOR_PF, error_code);
        return false;
    case GUEST_WALK_CHANGED:
        return false;
    case GUEST_WALK_FOUND:
        span->piece[piece] = vm_ram(vcpu->vm, *physical, 1);
        return true;
    case GUEST_WALK_OUTSIDE:
        break;
    }
    vm_kill(vcpu->vm, "vCPU %u: the page tables for its memory at 0x%lx are not in RAM",
            vcpu->index, linear);
    return false;
}

bool guest_span_find_linear(struct vcpu *vcpu, uint64_t linear, unsigned size, bool write,
                            struct guest_span *span) {
    uint64_t rest = PAGE_OFFSET + 1 - (linear & PAGE_OFFSET);

    span->length[0] = size < rest ? size : (unsigned)rest;
    span->length[1] = size - span->length[0];
    if (!guest_span_page(vcpu, linear, write, 0, span))
        return false;
    linear += span->length[0];
    return !span->length[1] ||
           guest_span_page(vcpu, guest_is_64bit() ? linear : (uint32_t)linear, write, 1, span);
}

bool guest_span_find(struct vcpu *vcpu, enum guest_segment segment, uint64_t offset, unsigned size,
                     bool write, struct guest_span *span) {
    uint64_t linear;

    return guest_span_linear(vcpu, segment, offset, size, write, &linear) &&
           guest_span_find_linear(vcpu, linear, size, write, span);
}

/* ---- access ---- */

/* One byte of a span. */
struct guest_byte {
    uint8_t *ram; /* NULL: of a device */
    uint64_t physical;
};

static struct guest_byte guest_span_byte(const struct guest_span *span, unsigned offset) {
    unsigned piece = offset >= span->length[0];
    unsigned at = piece ? offset - span->length[0] : offset;

    return (struct guest_byte){span->piece[piece] ? span->piece[piece] + at : NULL,
                               span->physical[piece] + at};
}

uint64_t guest_span_read_at(struct vcpu *vcpu, const struct guest_span *span, unsigned offset,
                            unsigned size) {
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        struct guest_byte byte = guest_span_byte(span, offset + i);
        uint64_t read = byte.ram
                            ? *byte.ram
                            : mmio_device_at(vcpu, byte.physical)->read(vcpu, byte.physical, 1);
        value |= (read & 0xff) << 8 * i;
    }
    return value;
}

bool guest_span_write_at(struct vcpu *vcpu, const struct guest_span *span, unsigned offset,
                         unsigned size, uint64_t value) {
    for (unsigned i = 0; i < size; i++) {
        struct guest_byte byte = guest_span_byte(span, offset + i);
        uint8_t one = (uint8_t)(value >> 8 * i);

        if (byte.ram)
            *byte.ram = one;
        else if (!mmio_device_at(vcpu, byte.physical)->write(vcpu, byte.physical, 1, one))
            return false;
    }
    return true;
}

uint64_t guest_span_read(struct vcpu *vcpu, const struct guest_span *span) {
    uint64_t value = 0, physical = span->physical[0];
    unsigned size = span->length[0];

    if (span->length[1])
        return guest_span_read_at(vcpu, span, 0, size + span->length[1]);
    if (!span->piece[0])
        return mmio_device_at(vcpu, physical)->read(vcpu, physical, size);
    memcpy(&value, span->piece[0], size);
    return value;
}

bool guest_span_write(struct vcpu *vcpu, const struct guest_span *span, uint64_t value) {
    uint64_t physical = span->physical[0];
    unsigned size = span->length[0];

    if (span->length[1])
        return guest_span_write_at(vcpu, span, 0, size + span->length[1], value);
    if (!span->piece[0])
        return mmio_device_at(vcpu, physical)->write(vcpu, physical, size, value);
    memcpy(span->piece[0], &value, size);
    return true;
}
