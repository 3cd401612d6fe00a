/* The exit of an I/O instruction: see exit_io.h. An access to any port exits; vmm/pc/ports.c finds
 * the device. SDM Vol. 3C, "Exit Qualification for I/O Instructions". */
#include "vmm/vcpu/exit_io.h"

#include "vmm/pc/ports.h"
#include "vmm/vcpu/string_io.h"
#include "vmm/vcpu/vcpu.h"

/* A 32-bit result clears the upper half of RAX; smaller results leave the rest of RAX as it is. */
static void io_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    uint32_t value = pc_port_in(&vcpu->vm->pc, port, size);
    uint64_t *rax = &vcpu->context.reg[GUEST_RAX];

    if (size == 4)
        *rax = value;
    else if (size == 2)
        *rax = (*rax & ~0xffffULL) | (uint16_t)value;
    else
        *rax = (*rax & ~0xffULL) | (uint8_t)value;
}

enum exit_action exit_io(struct vcpu *vcpu) {
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
    uint16_t port = (uint16_t)(q >> IO_EXIT_PORT_SHIFT);
    unsigned size = (unsigned)(q & IO_EXIT_SIZE_MASK) + 1;

    if (q & IO_EXIT_STRING)
        return exit_string_io(vcpu, q);
    if (q & IO_EXIT_IN)
        io_in(vcpu, port, size);
    else
        pc_port_out(&vcpu->vm->pc, port, size, (uint32_t)vcpu->context.reg[GUEST_RAX]);
    return EXIT_ADVANCE;
}
