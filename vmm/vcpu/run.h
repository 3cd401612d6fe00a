/* A vCPU's turn on its CPU: prepare, enter the guest, handle the exit, and again.
 *
 * No maskable interrupt is expected while a guest runs: the VMX-preemption timer keeps the time,
 * and kicks are NMIs. The scheduler, vmm/vm/schedule.h, decides which vCPU has a turn. SDM Vol. 3C,
 * "VMX-Preemption Timer". Read next: virq.h, exits.h. */
#pragma once
struct vcpu;

/* Once, when the VMX capabilities are known. */
void run_init(void);

/* Loads the vCPU and runs it until vcpu->slice_end, or until it yields, halts, waits for a SIPI or
 * ends (vcpu->state). On its own CPU. The slice must end within vmx_timer_longest(). */
void run_turn(struct vcpu *vcpu);
