/* The exits of accesses to addresses that are not RAM: EPT violations and APIC-access exits. SDM
 * Vol. 3C, "EPT Violations" and "Virtualizing Memory-Mapped APIC Accesses". Read next:
 * vmm/emulate/mmio_decode.h. */
#pragma once
#include "vmm/vcpu/exits.h"

enum exit_action exit_ept_violation(struct vcpu *vcpu);
enum exit_action exit_apic_access(struct vcpu *vcpu);
