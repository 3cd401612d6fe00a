/* A vCPU's registers as text. */
#pragma once

struct vcpu;

/* Prints them in one piece. On the vCPU's own CPU, its VMCS current. */
void register_dump_print(const struct vcpu *vcpu);
