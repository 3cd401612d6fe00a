/* What the files of the VM-entry checker share: see arch/entry_check.h. Pure.
 *
 * A rule is one call: require(check, condition, &field, "what must hold"). The field's name and
 * encoding are found by its place in the image. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/entry_check.h"
#include "arch/vmcs.h"

struct entry_checker {
    const struct vmcs_image *image;
    const struct vmx_capabilities *capabilities;
    uint32_t secondary; /* the secondary controls, 0 if they are not activated */
    const char *section;
    struct entry_violation *out;
    unsigned max, count;
};

void require(struct entry_checker *check, bool holds, const uint64_t *field, const char *rule);

/* The rules, by chapter. */
void check_execution_controls(struct entry_checker *check);
void check_exit_and_entry_controls(struct entry_checker *check);
void check_host_state(struct entry_checker *check);
void check_guest_registers(struct entry_checker *check);
void check_guest_segments(struct entry_checker *check);
void check_guest_non_register_state(struct entry_checker *check);

/* Questions that more than one of them asks. */
bool is_physical(const struct entry_checker *check, uint64_t address);
bool is_page_address(const struct entry_checker *check, uint64_t address);
bool is_canonical(const struct entry_checker *check, uint64_t address);
bool is_pat(uint64_t pat);

static inline bool unrestricted(const struct entry_checker *check)
{
    return (check->secondary & SECONDARY_UNRESTRICTED_GUEST) != 0;
}

static inline bool ia32e_guest(const struct entry_checker *check)
{
    return (check->image->entry_controls & ENTRY_IA32E_MODE_GUEST) != 0;
}

static inline bool injects(const struct entry_checker *check)
{
    return (check->image->entry_interruption_information & INTERRUPTION_VALID) != 0;
}

static inline bool injects_type(const struct entry_checker *check, uint32_t type)
{
    return injects(check) &&
           (check->image->entry_interruption_information & INTERRUPTION_TYPE) == type;
}
