/* INS and OUTS: see string_io.h. The VMCS reports the size, the address size and the segment; the
 * offset of the memory operand is in RSI or RDI. */
#include "vmm/vcpu/string_io.h"

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "vmm/emulate/mmio_operate.h"
#include "vmm/host/host.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/exit_io.h"
#include "vmm/vcpu/guest_memory.h"
#include "vmm/vcpu/vcpu.h"

/* An instruction with a REP prefix transfers at most this many elements at an exit; requests are
 * drained in between. */
#define ELEMENTS_PER_EXIT  32

#define INFO_ADDRESS_SHIFT 7 /* 0, 1, 2: 16, 32, 64 bits */
#define INFO_ADDRESS_MASK  7u
#define INFO_SEGMENT_SHIFT 15 /* of OUTS; INS has ES */
#define INFO_SEGMENT_MASK  7u

/* One element. EXIT_ADVANCE: it was transferred. */
static enum exit_action string_io_transfer(struct vcpu *vcpu, const struct mmio_instruction *i,
                                           uint16_t port) {
    bool in = i->string == MMIO_INS;
    uint64_t index = vcpu->context.reg[in ? GUEST_RDI : GUEST_RSI];
    struct guest_span span;

    if (!guest_span_find(vcpu, (enum guest_segment)i->segment, mmio_index(i->address_size, index),
                         i->size, in, &span))
        return EXIT_RESUME;
    if (in)
        return guest_span_write(vcpu, &span, pc_port_in(&vcpu->vm->pc, port, i->size))
                   ? EXIT_ADVANCE
                   : EXIT_RESUME;
    if (!pc_port_is_ready(&vcpu->vm->pc, port))
        return exit_wait_for_output(vcpu);
    pc_port_out(&vcpu->vm->pc, port, i->size, (uint32_t)guest_span_read(vcpu, &span));
    return EXIT_ADVANCE;
}

enum exit_action exit_string_io(struct vcpu *vcpu, uint64_t q) {
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_INSTRUCTION_INFORMATION);
    uint32_t width = info >> INFO_ADDRESS_SHIFT & INFO_ADDRESS_MASK;
    uint32_t segment = info >> INFO_SEGMENT_SHIFT & INFO_SEGMENT_MASK;
    uint16_t port = (uint16_t)(q >> IO_EXIT_PORT_SHIFT);
    const struct mmio_instruction i = {
        .size = (uint8_t)((q & IO_EXIT_SIZE_MASK) + 1),
        .string = q & IO_EXIT_IN ? MMIO_INS : MMIO_OUTS,
        .repeat = q & IO_EXIT_REP ? MMIO_REP : MMIO_ONCE,
        .segment = (uint8_t)(q & IO_EXIT_IN ? SEGMENT_ES : segment),
        .address_size = (uint8_t)(2u << (width & 3)),
    };
    uint64_t *reg = vcpu->context.reg;

    if (!(host.capabilities.basic & VMX_BASIC_INS_OUTS) || width > 2 || i.segment > SEGMENT_GS) {
        vm_kill(vcpu->vm,
                "vCPU %u: this processor does not report the operands of a string instruction at "
                "port 0x%x",
                vcpu->index, port);
        return EXIT_RESUME;
    }
    if (i.repeat && !mmio_index(i.address_size, reg[GUEST_RCX]))
        return EXIT_ADVANCE;
    uint64_t flags = vmcs_read(VMCS_GUEST_RFLAGS);
    for (unsigned n = 0; n < ELEMENTS_PER_EXIT; n++) {
        enum exit_action action = string_io_transfer(vcpu, &i, port);
        if (action != EXIT_ADVANCE)
            return action;
        if (mmio_string_step(&i, reg, flags))
            return EXIT_ADVANCE;
        if (flags & RFLAGS_TF) { /* the processor traps behind each element */
            exit_pend_single_step();
            return EXIT_RESUME;
        }
    }
    return EXIT_RESUME;
}
