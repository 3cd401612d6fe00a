/* The checks that the processor makes at a VM entry, made in software.
 *
 * When VMLAUNCH or VMRESUME fails, the processor reports no more than "invalid guest state". The
 * checker applies the same rules to an image of the VMCS and names each field that violates one. It
 * is stricter than the processor where Pinwheel needs less: a control that Pinwheel does not use
 * has no rules here, and is reported if it is 1. The checker is slow. It runs before a vCPU's first
 * entry, and to explain an entry that failed. Pure. SDM Vol. 3C, "VM Entries". Read next: the
 * rules, in entry_check_controls.c, entry_check_host.c, entry_check_guest.c and
 * entry_check_segments.c. */
#pragma once
#include <stdint.h>

#include "arch/vmx/vmcs_image.h"
#include "arch/vmx/vmx_controls.h"

/* A rule that the image violates. The strings are static. */
struct entry_violation {
    const char *field;   /* the field's name in the SDM */
    uint32_t encoding;   /* VMCS_... */
    uint64_t value;      /* the field's value */
    const char *rule;    /* what the rule requires, in words */
    const char *section; /* the title of the SDM's section that contains the rule */
};

/* Writes at most `max` of the rules that the image violates on this processor to `out`, in the
 * order in which the processor checks them, and returns how many it violates in all: with 0, the VM
 * entry will succeed. `out` may be NULL if `max` is 0. */
unsigned entry_check(const struct vmcs_image *image, const struct vmx_capabilities *capabilities,
                     struct entry_violation *out, unsigned max);
