/* The VM-entry checker, and the rules that several fields share: see arch/vmx/entry_check.h. */
#include "arch/vmx/entry_check.h"

#include "arch/canonical.h"
#include "arch/vmx/entry_check_rules.h"

void require(struct entry_checker *check, bool holds, const uint64_t *field, const char *rule) {
    if (holds)
        return;
    if (check->count < check->max) {
        const struct vmcs_field *known = &vmcs_fields[field - (const uint64_t *)check->image];

        check->out[check->count] = (struct entry_violation){
            .field = known->name,
            .encoding = known->encoding,
            .value = *field,
            .rule = rule,
            .section = check->section,
        };
    }
    check->count++;
}

/* A width outside 32 to 52 means that CPUID has not been read: the architectural limit, 52,
 * applies. */
void require_physical(struct entry_checker *check, const uint64_t *field) {
    uint8_t bits = check->capabilities->physical_bits;

    require(check, *field >> (bits >= 32 && bits <= 52 ? bits : 52) == 0, field,
            "bits beyond the physical-address width must be 0");
}

/* A processor with 57-bit linear addresses accepts them even if CR4.LA57 = 0. This rule does not,
 * because an access to such an address would fail. */
void require_canonical(struct entry_checker *check, const uint64_t *field) {
    bool la57 = (check->image->guest_cr4 & CR4_LA57) != 0 &&
                check->capabilities->linear_bits == CANONICAL_BITS_5_LEVEL;

    require(check, is_canonical(*field, la57 ? CANONICAL_BITS_5_LEVEL : CANONICAL_BITS_4_LEVEL),
            field, "must be canonical");
}

void require_upper_clear(struct entry_checker *check, const uint64_t *field) {
    require(check, *field >> 32 == 0, field, "bits 63:32 must be 0");
}

void require_pat(struct entry_checker *check, const uint64_t *field) {
    bool valid = true;

    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint8_t type = (uint8_t)(*field >> shift);
        valid = valid && type <= MEMORY_TYPE_UC_MINUS && type != 2 && type != 3;
    }
    require(check, valid, field, "each byte must be a memory type");
}

void require_efer_defined(struct entry_checker *check, const uint64_t *field) {
    require(check, (*field & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) == 0, field,
            "reserved bits must be 0");
}

unsigned entry_check(const struct vmcs_image *image, const struct vmx_capabilities *capabilities,
                     struct entry_violation *out, unsigned max) {
    struct entry_checker check = {
        .image = image, .capabilities = capabilities, .out = out, .max = max};

    check_controls(&check);
    check_host_state(&check);
    check_guest_registers(&check);
    check_guest_segments(&check);
    check_guest_non_register_state(&check);
    return check.count;
}
