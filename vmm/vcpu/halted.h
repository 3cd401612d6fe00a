/* The end of a guest that has stopped for good: each vCPU has halted with interrupts off (which is
 * what an operating system does last, and a kernel that cannot even be unpacked) or has never been
 * started, and no NMI and no INIT can come any more. It is killed, since it would stay so.
 *
 * Both functions are for the vCPU's own CPU, its VMCS loaded. */
#pragma once

struct vcpu;

/* A vCPU that does not run is about to do what its requests say, which may let it run... */
void halted_end(struct vcpu *vcpu);
/* ...and does not run, after all, or has just halted. */
void halted_begin(struct vcpu *vcpu);
