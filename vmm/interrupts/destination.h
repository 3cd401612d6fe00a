/* Which local APICs a message, or a redirection table entry, names.
 *
 * SDM Vol. 3A, "Determining IPI Destination" and "Logical Destination Mode in x2APIC Mode". Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "vmm/interrupts/vector_set.h"

enum apic_mode { APIC_MODE_DISABLED, APIC_MODE_XAPIC, APIC_MODE_X2APIC };

/* The properties of a LAPIC that destinations are matched against. Kept outside the virtual-APIC
 * page because other CPUs read them; 8 bytes, so that the two functions below read and write all of
 * them atomically. */
struct apic_identity {
    _Alignas(8) uint32_t id; /* the x2APIC ID in x2APIC mode, else the 8-bit xAPIC ID */
    uint8_t logical;         /* xAPIC: LDR bits 31:24 */
    uint8_t cluster;         /* xAPIC: 1 if DFR selects the cluster model */
    uint8_t mode;            /* enum apic_mode */
    uint8_t enabled;         /* SVR bit 8, software enable, and not disabled globally */
};
_Static_assert(sizeof(struct apic_identity) == 8, "read and written atomically");

static inline struct apic_identity apic_identity_load(const struct apic_identity *from) {
    struct apic_identity copy;
    __atomic_load(from, &copy, __ATOMIC_SEQ_CST);
    return copy;
}

static inline void apic_identity_store(struct apic_identity *to, struct apic_identity value) {
    __atomic_store(to, &value, __ATOMIC_SEQ_CST);
}

struct apic_message {
    uint32_t destination;
    bool wide;    /* 32-bit destination, of an x2APIC ICR; else 8-bit, of an xAPIC ICR or an RTE */
    bool logical; /* destination mode */
    bool level;   /* trigger mode; IPIs are always edge */
    uint8_t vector;
    uint8_t delivery_mode; /* enum apic_delivery_mode */
};

/* The words of the contracts, one for each model of logical destinations. */
/*@ predicate named_x2apic(integer id, integer destination) =
  @     destination >> 16 == ((id >> 4) & 0xffff) && bit(destination, id % 16);
  @
  @ predicate named_flat(integer logical, integer destination) =
  @     destination <= 0xff && (logical & destination & 0xff) != 0;
  @
  @ predicate named_cluster(integer logical, integer destination) =
  @     destination <= 0xff && logical / 16 == destination / 16 &&
  @     (logical & destination & 0xf) != 0;
  @
  @ predicate named_logical(struct apic_identity who, integer destination) =
  @     who.mode == APIC_MODE_X2APIC ? named_x2apic(who.id, destination)
  @     : who.cluster != 0           ? named_cluster(who.logical, destination)
  @                                  : named_flat(who.logical, destination);
  @
  @ predicate named(struct apic_identity who, integer destination, integer broadcast,
  @                 integer logical) =
  @     destination == broadcast ||
  @     (logical != 0 ? named_logical(who, destination) : who.id == destination);
  @*/

/* For a logical destination that is not the broadcast. By value: callers keep the identity in
 * registers. */
/*@ assigns \nothing;
  @ ensures \result <==> named_logical(who, destination);
  @*/
bool destination_matches_logical(struct apic_identity who, uint32_t destination);

/* Whether the destination names this LAPIC. A LAPIC that is globally disabled matches nothing. The
 * software-enable bit does not matter here: INIT, SIPI and NMI are accepted without it. The
 * broadcast, FFH among 8 bits and FFFFFFFFH among 32, names all LAPICs in either destination mode.
 * A scan calls this for each level entry, so the physical mode is inline. */
/*@ requires \valid_read(who);
  @ requires broadcast == 0xff || broadcast == 0xffffffff;
  @ assigns \nothing;
  @ ensures \result <==> named(*who, destination & broadcast, broadcast, logical);
  @*/
static inline bool destination_names(const struct apic_identity *who, uint32_t destination,
                                     uint32_t broadcast, bool logical) {
    destination &= broadcast;
    if (destination == broadcast)
        return true;
    return logical ? destination_matches_logical(*who, destination) : who->id == destination;
}
/*@ requires \valid_read(who);
  @ assigns \nothing;
  @ ensures \result <==> who->mode != APIC_MODE_DISABLED &&
  @     (wide ? named(*who, destination & 0xffffffff, 0xffffffff, logical)
  @           : named(*who, destination & 0xff, 0xff, logical));
  @*/
static inline bool destination_matches(const struct apic_identity *who, uint32_t destination,
                                       bool wide, bool logical) {
    return who->mode != APIC_MODE_DISABLED &&
           destination_names(who, destination, wide ? 0xffffffff : 0xff, logical);
}

/*@ predicate accepts(struct apic_identity who, integer entry) =
  @     (entry & RTE_OTHER_MODES) == 0 && who.enabled != 0 &&
  @     (entry & RTE_VECTOR_MASK) >= APIC_FIRST_LEGAL_VECTOR &&
  @     named(who, (uint8_t)(entry >> RTE_DESTINATION_SHIFT) & 0xff, 0xff,
  @           (entry & RTE_LOGICAL) != 0 ? 1 : 0);
  @*/

/* Whether this LAPIC would accept the interrupts of a redirection table entry: the delivery mode is
 * fixed or lowest priority, the vector legal (16 to 255), the LAPIC enabled, and the destination
 * names it. The mask does not matter. */
/*@ requires \valid_read(who);
  @ assigns \nothing;
  @ ensures \result <==> accepts(*who, entry);
  @*/
static inline bool destination_of_entry_matches(const struct apic_identity *who, uint64_t entry) {
    return !(entry & RTE_OTHER_MODES) && who->enabled &&
           rte_vector(entry) >= APIC_FIRST_LEGAL_VECTOR &&
           destination_names(who, rte_destination(entry), 0xff, entry & RTE_LOGICAL);
}
