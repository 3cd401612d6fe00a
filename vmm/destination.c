/* Which local APICs a message is for: see destination.h. */
#include "vmm/destination.h"

static bool is_broadcast(uint32_t destination, bool wide) {
    return destination == (wide ? 0xffffffffu : 0xffu);
}

/* The logical x2APIC ID is derived from the ID: cluster in bits 31:16, one bit of 15:0. An 8-bit
 * destination is extended with zeros, so it reaches the first eight of cluster 0. */
static bool matches_x2apic_logical(uint32_t id, uint32_t destination) {
    return destination >> 16 == ((id >> 4) & 0xffff) && ((destination >> (id & 15)) & 1);
}

static bool matches_xapic_logical(const struct apic_identity *who, uint32_t destination) {
    if (destination > 0xff)
        return false;
    if (who->cluster && who->logical >> 4 != destination >> 4)
        return false;
    return (who->logical & destination & (who->cluster ? 0xf : 0xff)) != 0;
}

bool destination_matches(const struct apic_identity *who, uint32_t destination, bool wide,
                         bool logical) {
    if (who->mode == APIC_MODE_DISABLED)
        return false;
    if (!wide)
        destination &= 0xff;
    if (is_broadcast(destination, wide))
        return true;
    if (!logical)
        return who->id == destination;
    if (who->mode == APIC_MODE_X2APIC)
        return matches_x2apic_logical(who->id, destination);
    return matches_xapic_logical(who, destination);
}

bool destination_of_entry_matches(const struct apic_identity *who, uint64_t entry) {
    enum apic_delivery_mode mode = rte_delivery_mode(entry);

    if (mode != APIC_DELIVERY_FIXED && mode != APIC_DELIVERY_LOWEST_PRIORITY)
        return false;
    if (!who->enabled || rte_vector(entry) < APIC_FIRST_LEGAL_VECTOR)
        return false;
    return destination_matches(who, rte_destination(entry), false, entry & RTE_LOGICAL);
}
