/* VM-entry checks on the VMX controls. SDM Vol. 3C, "Checks on VMX Controls". */
#include "arch/control_registers.h"
#include "arch/entry_check_rules.h"
#include "arch/msr.h"

/* Controls whose rules are not written down here, because Pinwheel never sets them. */
#define UNUSED_PRIMARY PRIMARY_ACTIVATE_TERTIARY_CONTROLS
#define UNUSED_SECONDARY                                                                           \
    (SECONDARY_ENABLE_VM_FUNCTIONS | SECONDARY_VMCS_SHADOWING | SECONDARY_EPT_VIOLATION_VE |       \
     SECONDARY_SUB_PAGE_WRITE | SECONDARY_PT_GUEST_PHYSICAL | SECONDARY_PASID_TRANSLATION)
#define UNUSED_EXIT                                                                                \
    (EXIT_LOAD_PERF_GLOBAL_CTRL | EXIT_LOAD_CET_STATE | EXIT_LOAD_PKRS |                           \
     EXIT_ACTIVATE_SECONDARY_CONTROLS)
#define UNUSED_ENTRY                                                                               \
    (ENTRY_TO_SMM | ENTRY_DEACTIVATE_DUAL_MONITOR | ENTRY_LOAD_PERF_GLOBAL_CTRL |                  \
     ENTRY_LOAD_BNDCFGS | ENTRY_LOAD_RTIT_CTL | ENTRY_LOAD_UINV | ENTRY_LOAD_CET_STATE |           \
     ENTRY_LOAD_LBR_CTL | ENTRY_LOAD_PKRS)

#define EPT_POINTER_TYPE           0x7ULL
#define EPT_POINTER_WALK_SHIFT     3
#define EPT_POINTER_WALK_MASK      0x7ULL
#define EPT_POINTER_ACCESSED_DIRTY (1ULL << 6)
#define EPT_POINTER_RESERVED       0xf80ULL /* bit 7, supervisor shadow stacks, is not used */

/* The SDM: "Software should consult the VMX capability MSRs". */
static void check_reserved(struct entry_checker *check, const uint64_t *field, uint64_t capability)
{
    uint64_t must_be_one = (uint32_t)capability;
    uint64_t may_be_one = capability >> 32;

    require(check, (*field & must_be_one) == must_be_one, field,
            "a reserved bit that must be 1 is 0");
    require(check, (*field & ~may_be_one) == 0, field,
            "a bit is 1 that this processor requires to be 0");
}

static void check_unused(struct entry_checker *check, const uint64_t *field, uint32_t unused)
{
    require(check, (*field & unused) == 0, field,
            "sets a control that Pinwheel does not use and has no rules for");
}

static void check_words(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const struct vmx_capabilities *c = check->capabilities;

    check_reserved(check, &v->pin_based_controls, vmx_pin_capability(c));
    check_reserved(check, &v->primary_controls, vmx_primary_capability(c));
    check_unused(check, &v->primary_controls, UNUSED_PRIMARY);
    if ((v->primary_controls & PRIMARY_ACTIVATE_SECONDARY_CONTROLS) != 0) {
        check_reserved(check, &v->secondary_controls, c->procbased2);
        check_unused(check, &v->secondary_controls, UNUSED_SECONDARY);
    }
}

static void check_bitmaps(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    require(check, v->cr3_target_count <= 4, &v->cr3_target_count, "must not be greater than 4");
    if ((v->primary_controls & PRIMARY_USE_IO_BITMAPS) != 0) {
        require(check, is_page_address(check, v->io_bitmap_a), &v->io_bitmap_a,
                "must be a 4-KiB-aligned physical address");
        require(check, is_page_address(check, v->io_bitmap_b), &v->io_bitmap_b,
                "must be a 4-KiB-aligned physical address");
    }
    if ((v->primary_controls & PRIMARY_USE_MSR_BITMAPS) != 0) {
        require(check, is_page_address(check, v->msr_bitmap), &v->msr_bitmap,
                "must be a 4-KiB-aligned physical address");
    }
}

static void check_tpr_shadow(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    bool delivery = (check->secondary & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY) != 0;

    if ((v->primary_controls & PRIMARY_USE_TPR_SHADOW) == 0) {
        uint32_t needing = SECONDARY_VIRTUALIZE_X2APIC_MODE |
                           SECONDARY_APIC_REGISTER_VIRTUALIZATION |
                           SECONDARY_VIRTUAL_INTERRUPT_DELIVERY;
        require(check, (check->secondary & needing) == 0, &v->secondary_controls,
                "x2APIC mode, APIC-register virtualization and virtual-interrupt delivery need "
                "\"use TPR shadow\"");
        return;
    }
    require(check, is_page_address(check, v->virtual_apic_address), &v->virtual_apic_address,
            "must be a 4-KiB-aligned physical address");
    if (delivery) {
        return;
    }
    require(check, (v->tpr_threshold & ~0xfULL) == 0, &v->tpr_threshold,
            "bits 31:4 must be 0 without virtual-interrupt delivery");
    if ((check->secondary & SECONDARY_VIRTUALIZE_APIC_ACCESSES) == 0) {
        require(check, (v->tpr_threshold & 0xf) <= ((v->virtual_tpr >> 4) & 0xf), &v->tpr_threshold,
                "must not be greater than bits 7:4 of the virtual TPR");
    }
}

static void check_nmi(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    if ((v->pin_based_controls & PIN_NMI_EXITING) == 0) {
        require(check, (v->pin_based_controls & PIN_VIRTUAL_NMIS) == 0, &v->pin_based_controls,
                "\"virtual NMIs\" needs \"NMI exiting\"");
    }
    if ((v->pin_based_controls & PIN_VIRTUAL_NMIS) == 0) {
        require(check, (v->primary_controls & PRIMARY_NMI_WINDOW_EXITING) == 0,
                &v->primary_controls, "\"NMI-window exiting\" needs \"virtual NMIs\"");
    }
}

static void check_apic(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    if ((check->secondary & SECONDARY_VIRTUALIZE_APIC_ACCESSES) != 0) {
        require(check, is_page_address(check, v->apic_access_address), &v->apic_access_address,
                "must be a 4-KiB-aligned physical address");
        require(check, (check->secondary & SECONDARY_VIRTUALIZE_X2APIC_MODE) == 0,
                &v->secondary_controls,
                "\"virtualize APIC accesses\" and \"virtualize x2APIC mode\" must not both be 1");
    }
    if ((check->secondary & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY) != 0) {
        require(check, (v->pin_based_controls & PIN_EXTERNAL_INTERRUPT_EXITING) != 0,
                &v->pin_based_controls,
                "virtual-interrupt delivery needs \"external-interrupt exiting\"");
    }
}

static void check_posted_interrupts(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    if ((v->pin_based_controls & PIN_PROCESS_POSTED_INTERRUPTS) == 0) {
        return;
    }
    require(check, (check->secondary & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY) != 0,
            &v->secondary_controls, "posted interrupts need virtual-interrupt delivery");
    require(check, (v->exit_controls & EXIT_ACKNOWLEDGE_INTERRUPT) != 0, &v->exit_controls,
            "posted interrupts need \"acknowledge interrupt on exit\"");
    require(check, v->posted_interrupt_vector <= 255, &v->posted_interrupt_vector,
            "must be a vector, 0 to 255");
    require(check,
            (v->posted_interrupt_descriptor & 0x3f) == 0 &&
                is_physical(check, v->posted_interrupt_descriptor),
            &v->posted_interrupt_descriptor, "must be a 64-byte-aligned physical address");
}

static void check_ept_pointer(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    uint64_t abilities = check->capabilities->ept_vpid;
    uint64_t type = v->ept_pointer & EPT_POINTER_TYPE;
    uint64_t walk = (v->ept_pointer >> EPT_POINTER_WALK_SHIFT) & EPT_POINTER_WALK_MASK;

    require(check,
            (type == MEMORY_TYPE_UC && (abilities & EPT_VPID_CAP_UC) != 0) ||
                (type == MEMORY_TYPE_WB && (abilities & EPT_VPID_CAP_WB) != 0),
            &v->ept_pointer, "bits 2:0 must be a memory type that the processor supports");
    require(check, walk == 3 && (abilities & EPT_VPID_CAP_WALK_4) != 0, &v->ept_pointer,
            "bits 5:3 must be 3, a page walk of length 4");
    require(check,
            (v->ept_pointer & EPT_POINTER_ACCESSED_DIRTY) == 0 ||
                (abilities & EPT_VPID_CAP_ACCESSED_DIRTY) != 0,
            &v->ept_pointer, "bit 6 must be 0: no accessed and dirty flags for EPT");
    require(check, (v->ept_pointer & EPT_POINTER_RESERVED) == 0, &v->ept_pointer,
            "bits 11:7 must be 0");
    require(check, is_physical(check, v->ept_pointer), &v->ept_pointer,
            "bits beyond the physical-address width must be 0");
}

static void check_ept_and_vpid(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    uint32_t need_ept =
        SECONDARY_UNRESTRICTED_GUEST | SECONDARY_ENABLE_PML | SECONDARY_MODE_BASED_EXECUTE;

    if ((check->secondary & SECONDARY_ENABLE_VPID) != 0) {
        require(check, v->vpid != 0, &v->vpid, "must not be 0");
    }
    if ((check->secondary & SECONDARY_ENABLE_EPT) != 0) {
        check_ept_pointer(check);
    } else {
        require(check, (check->secondary & need_ept) == 0, &v->secondary_controls,
                "unrestricted guest, PML and mode-based execute control need EPT");
    }
    if ((check->secondary & SECONDARY_ENABLE_PML) != 0) {
        require(check, is_page_address(check, v->pml_address), &v->pml_address,
                "must be a 4-KiB-aligned physical address");
    }
    if ((check->secondary & SECONDARY_USE_TSC_SCALING) != 0) {
        require(check, v->tsc_multiplier != 0, &v->tsc_multiplier, "must not be 0");
    }
}

void check_execution_controls(struct entry_checker *check)
{
    check->section = "VM-Execution Control Fields";
    check_words(check);
    check_bitmaps(check);
    check_tpr_shadow(check);
    check_nmi(check);
    check_apic(check);
    check_posted_interrupts(check);
    check_ept_and_vpid(check);
}

/* An MSR list is 16 bytes an entry; nothing is checked of an empty one. */
static void check_msr_list(struct entry_checker *check, uint64_t count, const uint64_t *address)
{
    if (count == 0) {
        return;
    }
    require(check, (*address & 0xf) == 0, address, "must be 16-byte aligned");
    require(check, is_physical(check, *address) && is_physical(check, *address + count * 16 - 1),
            address, "the list must lie within the physical-address width");
}

static void check_exit_controls(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check->section = "VM-Exit Control Fields";
    check_reserved(check, &v->exit_controls, vmx_exit_capability(check->capabilities));
    check_unused(check, &v->exit_controls, UNUSED_EXIT);
    if ((v->pin_based_controls & PIN_PREEMPTION_TIMER) == 0) {
        require(check, (v->exit_controls & EXIT_SAVE_PREEMPTION_TIMER) == 0, &v->exit_controls,
                "saving the VMX-preemption timer needs the timer to be active");
    }
    check_msr_list(check, v->exit_msr_store_count, &v->exit_msr_store_address);
    check_msr_list(check, v->exit_msr_load_count, &v->exit_msr_load_address);
}

static bool has_error_code(uint32_t vector)
{
    return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) ||
           vector == VECTOR_AC;
}

/* SDM: bit 11 is 1 exactly for a hardware exception outside real mode whose vector has an error
 * code; newer processors (VMX_BASIC bit 56) leave the vector out of it. */
static bool error_code_is_right(const struct entry_checker *check, uint32_t vector, bool delivers)
{
    bool protected_mode = !unrestricted(check) || (check->image->guest_cr0 & CR0_PE) != 0;

    if (!protected_mode || !injects_type(check, INTERRUPTION_HARDWARE_EXCEPTION)) {
        return !delivers;
    }
    if ((check->capabilities->basic & VMX_BASIC_ANY_ERROR_CODE) != 0 && vector == VECTOR_CP) {
        return true;
    }
    return delivers == has_error_code(vector);
}

static bool type_is_right(const struct entry_checker *check, uint32_t type)
{
    if (type == INTERRUPTION_OTHER_EVENT) {
        uint64_t primary = vmx_primary_capability(check->capabilities);
        return (primary >> 32 & PRIMARY_MONITOR_TRAP_FLAG) != 0;
    }
    return type != 1u << INTERRUPTION_TYPE_SHIFT;
}

static bool vector_is_right(uint32_t type, uint32_t vector)
{
    switch (type) {
    case INTERRUPTION_NMI:
        return vector == VECTOR_NMI;
    case INTERRUPTION_HARDWARE_EXCEPTION:
        return vector <= 31;
    case INTERRUPTION_OTHER_EVENT:
        return vector == 0;
    default:
        return true;
    }
}

static bool length_is_right(const struct entry_checker *check, uint32_t type, uint64_t length)
{
    if (type != INTERRUPTION_SOFTWARE_INTERRUPT && type != INTERRUPTION_PRIVILEGED_EXCEPTION &&
        type != INTERRUPTION_SOFTWARE_EXCEPTION) {
        return true;
    }
    if (length == 0) {
        return (check->capabilities->misc & VMX_MISC_INJECT_LENGTH_0) != 0;
    }
    return length <= 15;
}

static void check_injection(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const uint64_t *field = &v->entry_interruption_information;
    uint32_t information = (uint32_t)*field;
    uint32_t type = information & INTERRUPTION_TYPE;
    uint32_t vector = information & INTERRUPTION_VECTOR;
    bool delivers = (information & INTERRUPTION_ERROR_CODE) != 0;

    if (!injects(check)) {
        return;
    }
    require(check, type_is_right(check, type), field, "the type in bits 10:8 is reserved");
    require(check, vector_is_right(type, vector), field, "the vector does not fit the type");
    require(check, error_code_is_right(check, vector, delivers), field,
            "bit 11 must be 1 for a hardware exception with an error code outside real mode, and "
            "0 for all else");
    require(check, (information & 0x7ffff000) == 0, field, "bits 30:12 must be 0");
    require(check, !delivers || (v->entry_exception_error_code & ~0x7fffULL) == 0,
            &v->entry_exception_error_code, "bits 31:15 must be 0");
    require(check, length_is_right(check, type, v->entry_instruction_length),
            &v->entry_instruction_length, "must be 1 to 15 for software interrupts and exceptions");
}

static void check_entry_controls(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check->section = "VM-Entry Control Fields";
    check_reserved(check, &v->entry_controls, vmx_entry_capability(check->capabilities));
    check_unused(check, &v->entry_controls, UNUSED_ENTRY);
    check_injection(check);
    check_msr_list(check, v->entry_msr_load_count, &v->entry_msr_load_address);
}

void check_exit_and_entry_controls(struct entry_checker *check)
{
    check_exit_controls(check);
    check_entry_controls(check);
}
