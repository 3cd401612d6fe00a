/* The words of the contracts in vioapic.c, for `make prove` alone: nothing here is compiled. B is
 * the state before, A the state after. Read next: vioapic.c, where the contracts use them. */
#pragma once
#include "vmm/interrupts/vioapic.h"

#define ALL_PINS 0..IOAPIC_PIN_COUNT - 1

/* How many messages each pin has sent, and how many LAPICs accepted its last one. */
//@ ghost uint32_t sent[IOAPIC_PIN_COUNT];
//@ ghost unsigned accepted[IOAPIC_PIN_COUNT];

/*@ logic integer without_remote_irr(integer entry) = entry & (uint64_t)~RTE_REMOTE_IRR;
  @
  @ predicate reserved_mode(integer entry) =
  @     \let mode = (entry >> RTE_DELIVERY_SHIFT) & 7; mode == 3 || mode == APIC_DELIVERY_SIPI;
  @
  @ predicate active{L}(struct vioapic *io, integer pin, integer entry) =
  @     bit(io->line, pin) <==> (entry & RTE_ACTIVE_LOW) == 0;
  @*/

/* With this entry, the pin has an interrupt that no LAPIC has accepted yet. */
/*@ predicate waiting{L}(struct vioapic *io, integer pin, integer entry) =
  @     (entry & RTE_MASKED) == 0 &&
  @     (level(entry) ? active(io, pin, entry) && (entry & RTE_REMOTE_IRR) == 0
  @                   : bit(io->edge_pending, pin));
  @*/

/* The message is what the entry says. */
/*@ predicate of_entry(struct apic_message message, integer entry) =
  @     message.destination == (uint8_t)(entry >> RTE_DESTINATION_SHIFT) &&
  @     message.vector == (entry & RTE_VECTOR_MASK) &&
  @     (message.logical != 0 <==> (entry & RTE_LOGICAL) != 0) &&
  @     (message.level != 0 <==> level(entry));
  @
  @ predicate sent_once{B, A}(integer pin) =
  @     \at(sent[pin], A) == (uint32_t)(\at(sent[pin], B) + 1);
  @
  @ predicate untouched{B, A}(struct vioapic *io, integer first, integer last) =
  @     \forall integer p; first <= p <= last ==>
  @         \at(io->entry[p], B) == \at(io->entry[p], A) &&
  @         \at(io->level_streak[p], B) == \at(io->level_streak[p], A) &&
  @         (\at(bit(io->edge_pending, p), B) <==> \at(bit(io->edge_pending, p), A)) &&
  @         \at(sent[p], B) == \at(sent[p], A);
  @
  @ predicate same_other_edges{B, A}(struct vioapic *io, integer pin) =
  @     \forall integer p; 0 <= p < IOAPIC_PIN_COUNT && p != pin ==>
  @         (\at(bit(io->edge_pending, p), B) <==> \at(bit(io->edge_pending, p), A));
  @*/

/* Invariant 4: the entry's Remote IRR bit has been set only if it is level triggered and a LAPIC
 * has accepted its message; nothing else of it has changed. */
/*@ predicate remote_irr_rule{A}(struct vioapic *io, integer pin, integer entry) =
  @     io->entry[pin] == entry ||
  @     level(entry) && accepted[pin] != 0 && io->entry[pin] == (entry | RTE_REMOTE_IRR);
  @*/

/* A pin with this entry was evaluated: it has sent once if it was waiting, and nothing if not. */
/*@ predicate evaluated{B, A}(struct vioapic *io, integer pin, integer entry) =
  @     (!waiting{B}(io, pin, entry) ==>
  @         \at(io->entry[pin], A) == entry && \at(sent[pin], A) == \at(sent[pin], B) &&
  @         (\at(bit(io->edge_pending, pin), A) <==> \at(bit(io->edge_pending, pin), B)) &&
  @         \at(io->level_streak[pin], A) == \at(io->level_streak[pin], B)) &&
  @     (waiting{B}(io, pin, entry) && !reserved_mode(entry) &&
  @      \at(io->level_streak[pin], B) < VIOAPIC_IMMEDIATE_DELIVERIES ==> sent_once{B, A}(pin)) &&
  @     remote_irr_rule{A}(io, pin, entry);
  @
  @ predicate all_evaluated{B, A}(struct vioapic *io, integer pins) =
  @     \forall integer p; 0 <= p < pins ==>
  @         (waiting{B}(io, p, \at(io->entry[p], B))
  @          ? evaluated{B, A}(io, p, \at(io->entry[p], B))
  @          : untouched{B, A}(io, p, p));
  @*/

/* The line of a pin with this entry has changed. It sends once if the line is active now; not if
 * the entry is masked, or its last interrupt awaits its EOI. An edge on a masked pin is lost
 * (invariant 12). */
/*@ predicate line_changed{B, A}(struct vioapic *io, integer pin, integer entry) =
  @     \let may_send = active{A}(io, pin, entry) && (entry & RTE_MASKED) == 0 &&
  @                     (level(entry) ==> (entry & RTE_REMOTE_IRR) == 0);
  @     (!may_send ==> \at(io->entry[pin], A) == entry && \at(sent[pin], A) == \at(sent[pin], B)) &&
  @     (may_send && !reserved_mode(entry) &&
  @      \at(io->level_streak[pin], B) < VIOAPIC_IMMEDIATE_DELIVERIES ==> sent_once{B, A}(pin)) &&
  @     ((entry & RTE_MASKED) != 0 ==>
  @         (\at(bit(io->edge_pending, pin), A) <==> \at(bit(io->edge_pending, pin), B))) &&
  @     remote_irr_rule{A}(io, pin, entry);
  @*/

/* Each pin that was deferred and is waiting has sent once; nothing has changed in the others. */
/*@ predicate all_released{B, A}(struct vioapic *io, integer pins, integer deferred) =
  @     \forall integer p; 0 <= p < pins ==>
  @         (bit(deferred, p) && waiting{B}(io, p, \at(io->entry[p], B))
  @          ? (!reserved_mode(\at(io->entry[p], B)) ==> sent_once{B, A}(p)) &&
  @            remote_irr_rule{A}(io, p, \at(io->entry[p], B))
  @          : untouched{B, A}(io, p, p));
  @*/

/* Invariant 5: an EOI of the vector has cleared Remote IRR in each entry that awaits it, and then
 * those pins were evaluated; nothing has changed in the others. */
/*@ predicate awaits(integer entry, integer vector) =
  @     (entry & RTE_REMOTE_IRR) != 0 && (entry & RTE_VECTOR_MASK) == vector;
  @
  @ predicate ended{B, A}(struct vioapic *io, integer first, integer last, integer vector) =
  @     \forall integer p; first <= p <= last ==>
  @         (awaits(\at(io->entry[p], B), vector)
  @          ? evaluated{B, A}(io, p, without_remote_irr(\at(io->entry[p], B)))
  @          : untouched{B, A}(io, p, p));
  @*/
