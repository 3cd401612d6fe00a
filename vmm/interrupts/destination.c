/* Matching of logical destinations: see destination.h. */
#include "vmm/interrupts/destination.h"

/* The logical x2APIC ID is derived from the ID: cluster in bits 31:16, one bit of 15:0. An 8-bit
 * destination is zero-extended, so it reaches the first eight of cluster 0. */
/*@ assigns \nothing;
  @ ensures \result <==> named_x2apic(id, destination);
  @*/
static bool matches_x2apic(uint32_t id, uint32_t destination) {
    return destination >> 16 == ((id >> 4) & 0xffff) && ((destination >> (id % 16)) & 1);
}

/*@ assigns \nothing;
  @ ensures \result <==> (who.cluster != 0 ? named_cluster(who.logical, destination)
  @                                       : named_flat(who.logical, destination));
  @*/
static bool matches_xapic(struct apic_identity who, uint32_t destination) {
    if (destination > 0xff)
        return false;
    if (who.cluster && who.logical / 16 != destination / 16)
        return false;
    return (who.logical & destination & (who.cluster ? 0xf : 0xff)) != 0;
}

bool destination_matches_logical(struct apic_identity who, uint32_t destination) {
    return who.mode == APIC_MODE_X2APIC ? matches_x2apic(who.id, destination)
                                        : matches_xapic(who, destination);
}
