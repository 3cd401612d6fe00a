/* The inputs of a replay, as its records have them: see replay.c. */
#pragma once
#include <stdbool.h>

#include "tests/world.h"

/* A write to an entry of the I/O APIC, which is of one half. */
void input_write_entry(struct world *world, const struct trace_record *record);
/* A write to a register of a LAPIC on which destinations depend, or INIT. */
void input_write_register(struct world *world, const struct trace_record *record);

/* Accepts exactly what this record says, although more may be in the inbox: the rest was posted
 * later. An edge may come from anywhere, a level only from the I/O APIC. False: such a level was
 * not posted, or the LAPIC accepts no self-IPI. */
bool input_accept(struct world *world, const struct trace_record *record);

/* A scan. What it accepts under the lock has been accepted here by the records before this one. */
void input_scan(struct world *world, unsigned vcpu);
