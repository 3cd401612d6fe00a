/* The exit of an I/O instruction: see exit_io.h. An access to any port exits; vmm/pc/ports.c finds
 * the device. SDM Vol. 3C, "Exit Qualification for I/O Instructions". */
#include "vmm/vcpu/exit_io.h"

#include "arch/instructions.h"
#include "drivers/tsc.h"
#include "vmm/pc/ports.h"
#include "vmm/vcpu/string_io.h"
#include "vmm/vcpu/vcpu.h"

#define OUTPUT_WAIT_US 1000 /* the serial port sends its FIFO of 16 bytes in 1.4 ms */

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

enum exit_action exit_wait_for_output(struct vcpu *vcpu) {
    vcpu->waits_until = rdtsc() + tsc_ticks(OUTPUT_WAIT_US);
    return EXIT_YIELD;
}

/* An OUT to a port that prints. Not inlined, so that other ports do not pay for it. */
static __attribute__((noinline)) enum exit_action io_print(struct vcpu *vcpu, uint16_t port,
                                                           unsigned size) {
    if (!pc_port_is_ready(&vcpu->vm->pc, port))
        return exit_wait_for_output(vcpu);
    pc_port_out(&vcpu->vm->pc, port, size, (uint32_t)vcpu->context.reg[GUEST_RAX]);
    return EXIT_ADVANCE;
}

enum exit_action exit_io(struct vcpu *vcpu) {
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
    uint16_t port = (uint16_t)(q >> IO_EXIT_PORT_SHIFT);
    unsigned size = (unsigned)(q & IO_EXIT_SIZE_MASK) + 1;

    if (q & IO_EXIT_STRING)
        return exit_string_io(vcpu, q);
    if (q & IO_EXIT_IN)
        io_in(vcpu, port, size);
    else if (pc_port_prints(port))
        return io_print(vcpu, port, size);
    else
        pc_port_out(&vcpu->vm->pc, port, size, (uint32_t)vcpu->context.reg[GUEST_RAX]);
    return EXIT_ADVANCE;
}
