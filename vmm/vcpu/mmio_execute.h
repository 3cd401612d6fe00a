/* Carries out an instruction that accesses the memory of a device: all but plain moves, which
 * exit_mmio.c does itself. What an instruction computes is in vmm/emulate. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/emulate/mmio_decode.h"
#include "vmm/vcpu/mmio_devices.h"

/* write: the access that exited was a write. RSP is in the vCPU's registers if it is the
 * instruction's operand. Returns false if RIP must stay: the instruction goes on with its next
 * element, or is executed again, or a fault is queued, or the guest has ended. */
bool mmio_execute(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                  const struct mmio_instruction *instruction, bool write);

/* The same for any instruction whose operand, at a linear address, crosses into another page, which
 * may be RAM or of another device. */
bool mmio_execute_across(struct vcpu *vcpu, uint64_t linear,
                         const struct mmio_instruction *instruction, bool write);
