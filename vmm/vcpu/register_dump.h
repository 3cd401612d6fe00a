/* A vCPU's registers as text. */
#pragma once

struct vcpu;

/* Prints them, without lines of others in between. On the vCPU's own CPU, its VMCS current. */
void register_dump_print(const struct vcpu *vcpu);
