/* The segment registers of a guest, in the VMCS. SDM Vol. 3C, "Guest Register State". */
#pragma once
#include <stdint.h>

/* In the order of an instruction's encoding, which is also that of the VMCS's fields. */
enum guest_segment {
    SEGMENT_ES,
    SEGMENT_CS,
    SEGMENT_SS,
    SEGMENT_DS,
    SEGMENT_FS,
    SEGMENT_GS,
    SEGMENT_LDTR,
    SEGMENT_TR,
};

/* The encoding of a segment register's field (selector, base, limit or access rights), from that of
 * ES: fields of one kind are two apart. */
static inline uint64_t segment_field(uint64_t field_of_es, enum guest_segment segment) {
    return field_of_es + 2 * (uint64_t)segment;
}
