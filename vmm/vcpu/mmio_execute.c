/* Instructions on the memory of devices: see mmio_execute.h. */
#include "vmm/vcpu/mmio_execute.h"

#include "arch/control_registers.h"
#include "vmm/emulate/mmio_operate.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/events.h"
#include "vmm/vcpu/exits.h"
#include "vmm/vcpu/guest_memory.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vector_registers.h"

/* ADD, XCHG and the like. Another vCPU's access may come between the read and the write, even with
 * a LOCK prefix: drivers do not share a device's register in this way. If the device refuses the
 * write, that is not repeated after a read: the read has had its effect. */
static bool mmio_read_modify_write(struct vcpu *vcpu, const struct mmio_device *device,
                                   uint64_t address, const struct mmio_instruction *i) {
    uint64_t flags = vmcs_read(VMCS_GUEST_RFLAGS);
    uint64_t memory = i->write_only ? 0 : device->read(vcpu, address, i->size);
    uint64_t result = mmio_operate(i, memory, vcpu->context.reg, &flags);

    vmcs_write(VMCS_GUEST_RFLAGS, flags);
    return !i->store || device->write(vcpu, address, i->size, result) || !i->write_only;
}

/* ---- SSE and AVX ---- */

/* In pieces of 8 bytes, from the lowest address on. What the processor would have refused with #UD
 * or #NM is code that has changed since the access: the processor decides again. */
static bool mmio_move_vector(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                             const struct mmio_instruction *i) {
    unsigned piece = i->size < 8 ? i->size : 8;
    struct mmio_vector value, memory = {{0}}, source;

    if (!vector_registers_enabled(vcpu, i->vex))
        return false;
    if (i->aligned && (vcpu->mmio_span || address % i->size)) {
        events_queue_exception_with_code(vcpu, VECTOR_GP, 0);
        return false;
    }
    vector_register_read(vcpu, i->reg, &value);
    if (i->store) {
        memory = mmio_vector_stored(i, &value);
        for (unsigned n = 0; n < i->size / piece; n++) {
            if (!device->write(vcpu, address + n * piece, piece, memory.word[n]))
                return false;
        }
        return true;
    }
    for (unsigned n = 0; n < i->size / piece; n++)
        memory.word[n] = device->read(vcpu, address + n * piece, piece);
    vector_register_read(vcpu, i->source, &source);
    mmio_vector_load(i, &memory, &source, &value);
    vector_register_write(vcpu, i->reg, &value);
    return true;
}

/* ---- the stack ---- */

static bool mmio_find_stack(struct vcpu *vcpu, uint64_t rsp, unsigned size, bool write,
                            struct guest_span *span, unsigned *address_size) {
    uint64_t rights = vmcs_read(VMCS_GUEST_SS_ACCESS_RIGHTS);

    *address_size = guest_is_64bit() ? 8 : rights & ACCESS_RIGHTS_DB ? 4 : 2;
    return guest_span_find(vcpu, SEGMENT_SS, mmio_index(*address_size, rsp), size, write, span);
}

/* Of memory: the operand is the device, the other one the stack. PUSH reads its operand and POP
 * writes it, so another access was to the stack. */
static bool mmio_push_or_pop(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                             const struct mmio_instruction *i, bool write) {
    bool pop = i->operation == MMIO_POP;
    uint64_t *rsp = &vcpu->context.reg[GUEST_RSP], down = 0 - (uint64_t)i->size;
    struct guest_span span;
    unsigned address_size;

    if (write != pop) {
        vm_kill(vcpu->vm, "vCPU %u: its stack is not in RAM (RSP 0x%lx, RIP 0x%lx)", vcpu->index,
                *rsp, vmcs_read(VMCS_GUEST_RIP));
        return false;
    }
    if (!mmio_find_stack(vcpu, pop ? *rsp : *rsp + down, i->size, !pop, &span, &address_size))
        return false;
    bool done = pop ? device->write(vcpu, address, i->size, guest_span_read(vcpu, &span))
                    : guest_span_write(vcpu, &span, device->read(vcpu, address, i->size));
    if (done)
        *rsp = mmio_index_add(address_size, *rsp, pop ? i->size : down);
    return done;
}

/* ---- strings ---- */

/* MOVS and CMPS: one of the operands is the device, the other one may be RAM. */
static bool mmio_two_operands(struct vcpu *vcpu, const struct mmio_instruction *i) {
    const uint64_t *reg = vcpu->context.reg;
    bool moves = i->string == MMIO_MOVS;
    struct guest_span source, destination;

    if (!guest_span_find(vcpu, (enum guest_segment)i->segment,
                         mmio_index(i->address_size, reg[GUEST_RSI]), i->size, false, &source) ||
        !guest_span_find(vcpu, SEGMENT_ES, mmio_index(i->address_size, reg[GUEST_RDI]), i->size,
                         moves, &destination))
        return false;
    uint64_t value = guest_span_read(vcpu, &source);
    if (moves)
        return guest_span_write(vcpu, &destination, value);
    vmcs_write(VMCS_GUEST_RFLAGS, mmio_compared(i, value, guest_span_read(vcpu, &destination),
                                                vmcs_read(VMCS_GUEST_RFLAGS)));
    return true;
}

static bool mmio_string_element(struct vcpu *vcpu, const struct mmio_device *device,
                                uint64_t address, const struct mmio_instruction *i) {
    uint64_t *reg = vcpu->context.reg;

    switch ((enum mmio_string)i->string) {
    case MMIO_STOS:
        return device->write(vcpu, address, i->size, mmio_stored(i, reg));
    case MMIO_LODS:
        mmio_load(i, device->read(vcpu, address, i->size), reg);
        return true;
    case MMIO_SCAS:
        vmcs_write(VMCS_GUEST_RFLAGS,
                   mmio_compared(i, mmio_stored(i, reg), device->read(vcpu, address, i->size),
                                 vmcs_read(VMCS_GUEST_RFLAGS)));
        return true;
    default:
        return mmio_two_operands(vcpu, i);
    }
}

/* One element. With RFLAGS.TF the processor traps behind each. */
static bool mmio_string(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                        const struct mmio_instruction *i) {
    uint64_t *reg = vcpu->context.reg;

    if (i->repeat && !mmio_index(i->address_size, reg[GUEST_RCX]))
        return true;
    if (!mmio_string_element(vcpu, device, address, i))
        return false;
    if (mmio_string_step(i, reg, vmcs_read(VMCS_GUEST_RFLAGS)))
        return true;
    exit_pend_single_step();
    return false;
}

/* ---- all ---- */

bool mmio_execute(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                  const struct mmio_instruction *i, bool write) {
    switch ((enum mmio_operation)i->operation) {
    case MMIO_MOVE:
        if (i->store)
            return device->write(vcpu, address, i->size, mmio_stored(i, vcpu->context.reg));
        mmio_load(i, device->read(vcpu, address, i->size), vcpu->context.reg);
        return true;
    case MMIO_VECTOR:
        return mmio_move_vector(vcpu, device, address, i);
    case MMIO_STRING:
        return mmio_string(vcpu, device, address, i);
    case MMIO_PUSH:
    case MMIO_POP:
        return mmio_push_or_pop(vcpu, device, address, i, write);
    case MMIO_SMSW:
        return device->write(vcpu, address, i->size, (uint16_t)control_regs_read_cr0());
    case MMIO_NOTHING:
        return true;
    default:
        return mmio_read_modify_write(vcpu, device, address, i);
    }
}

/* An operand in two pages as a device: its addresses are offsets in the span. */
static uint64_t mmio_span_read(struct vcpu *vcpu, uint64_t offset, unsigned size) {
    return guest_span_read_at(vcpu, vcpu->mmio_span, (unsigned)offset, size);
}

static bool mmio_span_write(struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t value) {
    return guest_span_write_at(vcpu, vcpu->mmio_span, (unsigned)offset, size, value);
}

bool mmio_execute_across(struct vcpu *vcpu, uint64_t linear, const struct mmio_instruction *i,
                         bool write) {
    static const struct mmio_device span_device = {mmio_span_read, mmio_span_write};
    struct guest_span span;

    if (!guest_span_find_linear(vcpu, linear, i->size, i->store, &span))
        return false;
    vcpu->mmio_span = &span;
    bool done = mmio_execute(vcpu, &span_device, 0, i, write);
    vcpu->mmio_span = NULL;
    return done;
}
