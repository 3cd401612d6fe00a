/* Posted interrupts: an edge interrupt reaches a vCPU that runs without a VM exit.
 *
 * The inbox is the posted-interrupt descriptor (inbox.h). Another CPU sets the vector's bit in the
 * PIR, then ON, which is REQUEST_POSTED, then sends the notification vector to the vCPU's CPU.
 * There the processor, in guest mode, clears ON, moves the PIR to the IRR and raises RVI. If the
 * vCPU is not in guest mode, ON is a request like any other and is drained before the next entry.
 *
 * A notification that comes too late, because ON has been drained or another vCPU is loaded now, is
 * taken in root mode if it is pending there. After the entry it would find an empty PIR, or another
 * one, which does no harm: but Bochs 3.0 then sets RVI to 255 if the IRR is empty, too.
 *
 * Level interrupts are never posted: their EOI-exit bit has to be set first. SDM Vol. 3C,
 * "Posted-Interrupt Processing"; docs/interrupts.md, "Posted interrupts". */
#pragma once
#include "vmm/vcpu/vcpu.h"

/* After a VM exit for an external interrupt: with "acknowledge interrupt on exit" the exit has put
 * it in service, and it gets its EOI; without, the host's handler receives it. */
void posted_exit(void);

/* Writes the two fields of posted interrupts, if the guest has them. On the vCPU's own CPU, as the
 * next one. */
void posted_set_up(struct vcpu *vcpu);
/* Writes the control "process posted interrupts", whenever whether a TMR bit may be set has
 * changed.
 */
void posted_update(struct vcpu *vcpu);

/* ON was drained, and the edges are accepted: takes the notification if it is pending, and clears
 * the TMR bits that are no longer needed, so that the next edges are posted. On the vCPU's own CPU,
 * between virq_prepare_entry() and the entry. */
void posted_drained(struct vcpu *vcpu);

/* An edge interrupt is in the PIR of a vCPU whose guest has posted interrupts: makes the vCPU
 * accept it. Any CPU. */
void posted_notify(struct vcpu *vcpu);
