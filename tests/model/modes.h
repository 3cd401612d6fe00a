/* Writes to IA32_APIC_BASE: the move, and what the manuals say of the state after it. SDM Vol. 3A,
 * "Enabling or Disabling the Local APIC", "x2APIC State Transitions". See modes.c. */
#pragma once
#include "tests/model/moves.h"

/* Whether a LAPIC in this mode has the register that the move writes. */
bool modes_have(const struct cpu_state *s, enum move_kind kind);
/* The guest writes IA32_APIC_BASE: enum base_write. */
void modes_write_base(unsigned vcpu, unsigned to);
/* The second half of a post to a LAPIC that has been disabled since the first. */
void modes_post_late(unsigned vcpu);
/* To the reference: nothing is in flight at this vCPU any more (invariant 20). */
void modes_reference_drop(unsigned vcpu);

/* After the move: the registers are kept and reset as in the manuals, nothing else changes. */
void modes_check(const struct state *before, const struct state *after, const struct move *move);
/* At an entry: accesses of the guest reach its LAPIC as the mode says. */
void modes_check_entry(const struct cpu_state *s);
