/* The SDM's checks of a VM entry, done by us before the processor does them.
 *
 * When VMLAUNCH or VMRESUME refuses a VMCS the processor says at most "invalid guest state". These
 * functions go through the same rules over an image of the VMCS and name each field that breaks
 * one. They are stricter where Pinwheel needs less than the processor allows: a control that it
 * does not use has no rules here and is reported if set. Pure, and slow: meant for the first entry,
 * for each entry while hunting a bug, and for explaining a failed one. SDM Vol. 3C, "VM Entries".
 * Rules: arch/vmx/entry_check_controls.c, _host.c, _guest.c, _segments.c. */
#pragma once
#include <stdint.h>

#include "arch/vmx/vmcs_image.h"
#include "arch/vmx/vmx_controls.h"

/* A rule that does not hold. The strings are static. */
struct entry_violation {
    const char *field;   /* the field, in the SDM's words */
    uint32_t encoding;   /* VMCS_... */
    uint64_t value;      /* what it holds */
    const char *rule;    /* what must hold, in words */
    const char *section; /* the title of the SDM's section with the rule */
};

/* Lists the rules that the image breaks on this processor, at most `max` of them, in the order in
 * which the processor checks, and returns how many there are in all: 0 means that it will enter.
 * `out` may be NULL if `max` is 0. */
unsigned entry_check(const struct vmcs_image *image, const struct vmx_capabilities *capabilities,
                     struct entry_violation *out, unsigned max);
