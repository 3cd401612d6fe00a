/* VM-entry checks on the VMX controls. SDM Vol. 3C, "Checks on VMX Controls".
 *
 * The five control words must equal those of vmx_choose_controls(), except for the bits that change
 * while a guest runs. This covers all rules about combinations of controls; the rules that remain
 * with these controls follow. */
#include "arch/vmx/entry_check_rules.h"

#define APIC_MODE                  (SECONDARY_VIRTUALIZE_APIC_ACCESSES | SECONDARY_VIRTUALIZE_X2APIC_MODE)

#define EPT_POINTER_ACCESSED_DIRTY (1ULL << 6)

/* Of the bits that the capability MSR leaves free, those in `changing` may have any value and the
 * others must be as in `chosen`. */
static void check_word(struct entry_checker *check, enum vmx_word word, const uint64_t *field,
                       uint32_t chosen, uint32_t changing) {
    uint64_t capability = vmx_capability(check->capabilities, word);
    uint64_t must_be_one = (uint32_t)capability;
    uint64_t may_be_one = capability >> 32;

    require(check, (*field & must_be_one) == must_be_one, field,
            "a reserved bit that must be 1 is 0");
    require(check, (*field & ~may_be_one) == 0, field,
            "a bit is 1 that this processor requires to be 0");
    require(check, ((*field ^ chosen) & may_be_one & ~must_be_one & ~changing) == 0, field,
            "a control differs from the value that Pinwheel uses");
}

static void check_words(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    struct vmx_controls chosen;

    bool delivers = (v->secondary_controls & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY) != 0;

    vmx_choose_controls(check->capabilities, delivers ? VMX_APIC_HIDDEN : VMX_APIC_SOFTWARE, false,
                        false, &chosen);
    check_word(check, VMX_PIN, &v->pin_based_controls, chosen.pin, PIN_PROCESS_POSTED_INTERRUPTS);
    check_word(check, VMX_PRIMARY, &v->primary_controls, chosen.primary,
               PRIMARY_INTERRUPT_WINDOW_EXITING | PRIMARY_NMI_WINDOW_EXITING);
    check_word(check, VMX_SECONDARY, &v->secondary_controls, chosen.secondary,
               APIC_MODE | SECONDARY_PAUSE_LOOP_EXITING);
    require(check, (v->secondary_controls & APIC_MODE) != APIC_MODE, &v->secondary_controls,
            "\"virtualize APIC accesses\" and \"virtualize x2APIC mode\" must not both be 1");
    require(check, delivers || (v->secondary_controls & APIC_MODE) == 0, &v->secondary_controls,
            "the local APIC is virtualized only with virtual-interrupt delivery");
    require(check, delivers || v->tpr_threshold >> 4 == 0, &v->tpr_threshold,
            "bits 31:4 must be 0 without virtual-interrupt delivery");
    check_word(check, VMX_EXIT, &v->exit_controls, chosen.exit,
               VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT);
    check_word(check, VMX_ENTRY, &v->entry_controls, chosen.entry,
               VM_ENTRY_CONTROL_IA32E_MODE_GUEST);
}

static void check_pages(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *const pages[] = {&v->io_bitmap_a, &v->io_bitmap_b, &v->msr_bitmap,
                                     &v->virtual_apic_address, &v->apic_access_address};
    bool apic_accesses = (v->secondary_controls & SECONDARY_VIRTUALIZE_APIC_ACCESSES) != 0;

    for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (pages[i] == &v->apic_access_address && !apic_accesses)
            continue;
        require(check, (*pages[i] & 0xfff) == 0, pages[i], "must be 4-KiB-aligned");
        require_physical(check, pages[i]);
    }
}

/* External-interrupt exiting, which they need too, is on always. */
static void check_posted_interrupts(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;

    if ((v->pin_based_controls & PIN_PROCESS_POSTED_INTERRUPTS) == 0)
        return;
    require(check, (v->secondary_controls & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY) != 0,
            &v->pin_based_controls,
            "\"process posted interrupts\" requires virtual-interrupt delivery");
    require(check, (v->exit_controls & VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT) != 0,
            &v->exit_controls,
            "\"process posted interrupts\" requires acknowledge interrupt on exit");
    require(check, v->posted_vector >> 8 == 0, &v->posted_vector, "bits 15:8 must be 0");
    require(check, (v->posted_descriptor & 0x3f) == 0, &v->posted_descriptor,
            "must be 64-byte-aligned");
    require_physical(check, &v->posted_descriptor);
}

static void check_ept_pointer(struct entry_checker *check) {
    const uint64_t *field = &check->image->ept_pointer;
    bool has_flags = (check->capabilities->ept_vpid & EPT_VPID_CAP_ACCESSED_DIRTY) != 0;

    require(check, (*field & 7) == MEMORY_TYPE_WB, field, "bits 2:0 must be 6, the memory type WB");
    require(check, (*field >> 3 & 7) == 3, field, "bits 5:3 must be 3, a page walk of length 4");
    require(check, has_flags || (*field & EPT_POINTER_ACCESSED_DIRTY) == 0, field,
            "bit 6 must be 0: the processor has no accessed and dirty flags for EPT");
    require(check, (*field & 0xf80) == 0, field, "bits 11:7 must be 0");
    require_physical(check, field);
}

/* Vectors 8, 10 to 14 and 17 have an error code. Bit 11 must be 1 for a hardware exception with
 * one, and 0 for all other events and in real mode. If bit 56 of VMX_BASIC is 1, the processor
 * accepts it with other exceptions too. */
static bool error_code_is_right(const struct entry_checker *check, uint32_t vector, bool delivers) {
    const uint32_t with_code = 1u << VECTOR_DF | 0x1fu << VECTOR_TS | 1u << VECTOR_AC;

    if ((check->image->guest_cr0 & CR0_PE) == 0 ||
        !injects_type(check, INTERRUPTION_HARDWARE_EXCEPTION))
        return !delivers;
    if ((check->capabilities->basic & VMX_BASIC_ANY_ERROR_CODE) != 0 && vector == VECTOR_CP)
        return true;
    return delivers == (vector < 32 && (with_code >> vector & 1) != 0);
}

static bool vector_is_right(uint32_t type, uint32_t vector) {
    switch (type) {
    case INTERRUPTION_NMI:
        return vector == VECTOR_NMI;
    case INTERRUPTION_HARDWARE_EXCEPTION:
        return vector <= 31;
    default:
        return true;
    }
}

static bool length_is_right(const struct entry_checker *check, uint32_t type) {
    uint64_t length = check->image->entry_instruction_length;
    bool may_be_0 = (check->capabilities->misc & VMX_MISC_INJECT_LENGTH_0) != 0;

    return type < INTERRUPTION_SOFTWARE_INTERRUPT || (length == 0 ? may_be_0 : length <= 15);
}

static void check_injection(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *field = &v->entry_interruption_information;
    uint32_t type = (uint32_t)*field & INTERRUPTION_TYPE;
    uint32_t vector = (uint32_t)*field & INTERRUPTION_VECTOR;
    bool delivers = (*field & INTERRUPTION_ERROR_CODE) != 0;

    if (!injects(check))
        return;
    require(check, type != 1u << INTERRUPTION_TYPE_SHIFT && type != INTERRUPTION_OTHER_EVENT, field,
            "the type in bits 10:8 is reserved or not one that Pinwheel injects");
    require(check, vector_is_right(type, vector), field, "the vector does not fit the type");
    require(check, error_code_is_right(check, vector, delivers), field,
            "bit 11 must be 1 for a hardware exception with an error code outside real mode, and "
            "0 otherwise");
    require(check, (*field & 0x7ffff000) == 0, field, "bits 30:12 must be 0");
    require(check, !delivers || (v->entry_exception_error_code & ~0x7fffULL) == 0,
            &v->entry_exception_error_code, "bits 31:15 must be 0");
    require(check, length_is_right(check, type), &v->entry_instruction_length,
            "must be 1 to 15 for software interrupts and exceptions");
}

void check_controls(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *const counts[] = {&v->exit_msr_store_count, &v->exit_msr_load_count,
                                      &v->entry_msr_load_count};

    check->section = "Checks on VMX Controls";
    check_words(check);
    check_pages(check);
    check_posted_interrupts(check);
    check_ept_pointer(check);
    require(check, v->cr3_target_count <= 4, &v->cr3_target_count, "must not be greater than 4");
    require(check, v->vpid != 0, &v->vpid, "must not be 0");
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        require(check, *counts[i] == 0, counts[i], "must be 0: Pinwheel uses no MSR lists");
    check_injection(check);
}
