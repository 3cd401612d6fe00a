/* The states in which a vCPU starts.
 *
 * vCPU 0 enters the kernel in the state that the kernel's boot protocol requires; the others wait
 * for INIT and SIPI, as the application processors of a PC do. Multiboot 0.6.96, "Machine state";
 * Linux, Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"; SDM Vol. 3A, "Processor State
 * After Reset".
 *
 * All functions are called on the vCPU's own CPU, its VMCS current. Read next: run.h, which calls
 * them for the requests. */
#pragma once
#include <stdint.h>

struct vcpu;

/* Sets the state after INIT: the vCPU waits for a SIPI. What INIT leaves alone (CR0.CD and NW,
 * floating-point state, most MSRs) keeps its values. */
void vcpu_reset(struct vcpu *vcpu);

/* Resets the vCPU and makes it runnable at its kernel's entry point (vm->entry). */
void vcpu_enter_kernel(struct vcpu *vcpu);

/* Makes a vCPU that was reset runnable in real-address mode, at segment:offset. */
void vcpu_enter_real_mode(struct vcpu *vcpu, uint16_t segment, uint16_t offset);
