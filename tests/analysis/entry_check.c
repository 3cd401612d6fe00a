/* The VM-entry checker: any values in a VMCS, many of which a guest chooses, on a processor with
 * any capabilities.
 * Assumed: nothing. */
#include "arch/vmx/entry_check.h"

#include "tests/analysis/any.h"

static struct vmcs_image image;
static struct vmx_capabilities capabilities, other;
static struct vmx_missing missing[4];
static struct vmx_controls controls;
static struct entry_violation violation[8];

static void any_capabilities(struct vmx_capabilities *to) {
    any_bytes(to, sizeof(*to));
    to->vmx = any_bool();
    to->rdtscp = any_bool();
}

int main(void) {
    any_bytes(&image, sizeof(image));
    any_capabilities(&capabilities);
    any_capabilities(&other);
    entry_check(&image, &capabilities, violation, 8);
    entry_check(&image, &capabilities, NULL, 0);
    vmx_missing(&capabilities, missing, 4);
    vmx_difference(&capabilities, &other);
    vmx_delivery_missing(&capabilities);
    for (unsigned i = 0; i < VMX_WORD_COUNT; i++)
        vmx_capability(&capabilities, (enum vmx_word)i);
    vmx_host_cr0(&capabilities, any());
    vmx_guest_cr0(&capabilities, any());
    vmx_cr4(&capabilities, any());
    vmx_posted_missing(&capabilities);
    vmx_timer_longest(&capabilities);
    vmx_choose_controls(&capabilities, (enum vmx_apic_mode)any_below(VMX_APIC_MODES), any_bool(),
                        any_bool(), &controls);
    return 0;
}
