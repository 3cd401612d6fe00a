/* Ends a guest that has halted for good: each of its vCPUs has executed HLT with interrupts off, or
 * waits for a SIPI, and neither an NMI nor an INIT can arrive any more. Operating systems end like
 * this, and kernels that cannot unpack themselves. Nothing would ever happen in the guest again, so
 * it is killed.
 *
 * Both functions are called on the vCPU's own CPU, its VMCS current. */
#pragma once

struct vcpu;

/* To call before a vCPU that is not runnable drains its requests, which may make it runnable. */
void halted_end(struct vcpu *vcpu);
/* To call when it is still not runnable afterwards, or when a vCPU has executed HLT. Kills the
 * guest if no vCPU of it can run again. */
void halted_begin(struct vcpu *vcpu);
