/* Delivery in software, in lock-step: what the hypervisor does there in place of the processor. The
 * functions of vmm/interrupts/vlapic.h that it uses are called here, too; the processor of
 * tests/processor.h and the reference say what they must do. See replay.c.
 *
 * Between two exits of a vCPU there is at most one EOI, by the first exit's instruction, and then
 * at most one injection, at the entry. Neither has a record of its own, except for an EOI whose
 * vector has its EOI-exit bit set. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tests/lockstep/log.h"
#include "tests/world.h"

/* Whether the instruction that caused this exit may be a write to the EOI register: WRMSR, or an
 * access to the LAPIC's page, which has no memory. */
bool software_may_write(const struct trace_record *exit);

/* Whether it was one, although no record says so. That follows from RVI and SVI at the vCPU's next
 * exit: the IRR changes only by what is recorded and by an injection. Of an injection above all
 * that is in service they do not show whether an EOI came before it: there this says no, and
 * where that is wrong, SVI differs later. */
bool software_is_silent_eoi(const struct log *log, const struct logged *exit,
                            const struct apic_page *page);

/* A write to the EOI register. False: the model does not send it on to the I/O APIC. */
bool software_eoi(struct world *world, unsigned vcpu);

/* Accepts an interrupt for injection: its vector, or -1. */
int software_deliver(struct world *world, unsigned vcpu);

/* Whether an interrupt waits for injection. */
bool software_waits(struct world *world, unsigned vcpu);
