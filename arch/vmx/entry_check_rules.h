/* Shared by the files of the VM-entry checker: see arch/vmx/entry_check.h.
 *
 * A rule is one call: require(check, condition, &field, "what it requires"). The position of the
 * field in the image gives its name and encoding. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/entry_check.h"
#include "arch/vmx/vmcs.h"

struct entry_checker {
    const struct vmcs_image *image;
    const struct vmx_capabilities *capabilities;
    const char *section; /* of the SDM, for the rules that are being checked */
    struct entry_violation *out;
    unsigned max, count;
};

/* Records a violation unless the rule holds. `field` points into the image. */
void require(struct entry_checker *check, bool holds, const uint64_t *field, const char *rule);

/* Rules that several fields share. */
void require_physical(struct entry_checker *check, const uint64_t *field);
void require_canonical(struct entry_checker *check, const uint64_t *field);
void require_upper_clear(struct entry_checker *check, const uint64_t *field);
void require_pat(struct entry_checker *check, const uint64_t *field);
void require_efer_defined(struct entry_checker *check, const uint64_t *field);

/* The rules by section of the SDM, in the order in which the processor checks them. */
void check_controls(struct entry_checker *check);
void check_host_state(struct entry_checker *check);
void check_guest_registers(struct entry_checker *check);
void check_guest_segments(struct entry_checker *check);
void check_guest_non_register_state(struct entry_checker *check);

static inline bool ia32e_guest(const struct entry_checker *check) {
    return (check->image->entry_controls & VM_ENTRY_CONTROL_IA32E_MODE_GUEST) != 0;
}

static inline bool injects(const struct entry_checker *check) {
    return (check->image->entry_interruption_information & INTERRUPTION_VALID) != 0;
}

static inline bool injects_type(const struct entry_checker *check, uint32_t type) {
    return injects(check) &&
           (check->image->entry_interruption_information & INTERRUPTION_TYPE) == type;
}
