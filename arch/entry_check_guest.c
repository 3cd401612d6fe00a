/* VM-entry checks on the guest's registers other than segments, and on its non-register state. SDM
 * Vol. 3C, "Checks on the Guest State Area". */
#include "arch/control_registers.h"
#include "arch/entry_check_rules.h"
#include "arch/msr.h"

#define EFER_DEFINED (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

/* LBR, BTF, then TR to RTM: bits 1:0 and 15:6. */
#define DEBUGCTL_DEFINED 0xffc3ULL

#define RFLAGS_RESERVED  (~0x3fffffULL | 1ULL << 15 | 1ULL << 5 | 1ULL << 3)

/* Without RTM and bus-lock detection, which guests are not offered, only these may be set. */
#define PENDING_DEBUG_DEFINED (PENDING_DEBUG_B | PENDING_DEBUG_ENABLED_B | PENDING_DEBUG_BS)

#define PDPTE_PRESENT         1ULL
/* Bits 2:1 and 8:5. */
#define PDPTE_RESERVED 0x1e6ULL

/* Neither CD nor NW is changed by a VM entry, so their values do not count. */
static bool cr0_is_allowed(const struct entry_checker *check)
{
    const struct vmx_capabilities *c = check->capabilities;
    uint64_t unchecked = CR0_CD | CR0_NW;
    uint64_t cr0 = check->image->guest_cr0;
    uint64_t nearest = unrestricted(check) ? vmx_guest_cr0(c, cr0) : vmx_host_cr0(c, cr0);

    return ((nearest ^ cr0) & ~unchecked) == 0;
}

static void check_control_registers(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    require(check, cr0_is_allowed(check), &v->guest_cr0,
            "a bit has a value that VMX operation does not allow");
    require(check, (v->guest_cr0 & CR0_PG) == 0 || (v->guest_cr0 & CR0_PE) != 0, &v->guest_cr0,
            "PG needs PE");
    require(check, vmx_cr4(check->capabilities, v->guest_cr4) == v->guest_cr4, &v->guest_cr4,
            "a bit has a value that VMX operation does not allow");
    require(check, (v->guest_cr4 & CR4_CET) == 0 || (v->guest_cr0 & CR0_WP) != 0, &v->guest_cr4,
            "CR4.CET needs CR0.WP");
    if (ia32e_guest(check)) {
        require(check, (v->guest_cr0 & CR0_PG) != 0, &v->guest_cr0,
                "PG must be 1 for an IA-32e mode guest");
        require(check, (v->guest_cr4 & CR4_PAE) != 0, &v->guest_cr4,
                "PAE must be 1 for an IA-32e mode guest");
    } else {
        require(check, (v->guest_cr4 & CR4_PCIDE) == 0, &v->guest_cr4,
                "PCIDE must be 0 outside IA-32e mode");
    }
    require(check, is_physical(check, v->guest_cr3), &v->guest_cr3,
            "bits beyond the physical-address width must be 0");
}

static void check_debug(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    if ((v->entry_controls & ENTRY_LOAD_DEBUG_CONTROLS) == 0) {
        return;
    }
    require(check, (v->guest_debugctl & ~DEBUGCTL_DEFINED) == 0, &v->guest_debugctl,
            "reserved bits must be 0");
    require(check, v->guest_dr7 >> 32 == 0, &v->guest_dr7, "bits 63:32 must be 0");
}

static void check_efer(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    bool lma = (v->guest_efer & EFER_LMA) != 0;
    bool lme = (v->guest_efer & EFER_LME) != 0;

    require(check, (v->guest_efer & ~EFER_DEFINED) == 0, &v->guest_efer, "reserved bits must be 0");
    require(check, lma == ia32e_guest(check), &v->guest_efer,
            "LMA must equal \"IA-32e mode guest\"");
    require(check, lma == lme || (v->guest_cr0 & CR0_PG) == 0, &v->guest_efer,
            "LMA must equal LME with paging on");
}

static void check_msrs(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    require(check, is_canonical(check, v->guest_sysenter_esp), &v->guest_sysenter_esp,
            "must be canonical");
    require(check, is_canonical(check, v->guest_sysenter_eip), &v->guest_sysenter_eip,
            "must be canonical");
    if ((v->entry_controls & ENTRY_LOAD_PAT) != 0) {
        require(check, is_pat(v->guest_pat), &v->guest_pat, "each byte must be a memory type");
    }
    if ((v->entry_controls & ENTRY_LOAD_EFER) != 0) {
        check_efer(check);
    }
}

void check_guest_registers(struct entry_checker *check)
{
    check->section = "Checks on Guest Control Registers, Debug Registers, and MSRs";
    check_control_registers(check);
    check_debug(check);
    check_msrs(check);
}

static void check_rip_and_rflags(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check->section = "Checks on Guest RIP, RFLAGS, and SSP";
    if (ia32e_guest(check) && (v->cs.access_rights & ACCESS_RIGHTS_L) != 0) {
        require(check, is_canonical(check, v->guest_rip), &v->guest_rip, "must be canonical");
    } else {
        require(check, v->guest_rip >> 32 == 0, &v->guest_rip,
                "bits 63:32 must be 0 outside 64-bit mode");
    }
    require(check, (v->guest_rflags & RFLAGS_RESERVED) == 0 && (v->guest_rflags & RFLAGS_ONE) != 0,
            &v->guest_rflags, "reserved bits must be 0, and bit 1 must be 1");
    if (ia32e_guest(check) || (v->guest_cr0 & CR0_PE) == 0) {
        require(check, (v->guest_rflags & RFLAGS_VM) == 0, &v->guest_rflags,
                "VM must be 0 in IA-32e mode and with CR0.PE = 0");
    }
    require(check,
            !injects_type(check, INTERRUPTION_EXTERNAL) || (v->guest_rflags & RFLAGS_IF) != 0,
            &v->guest_rflags, "IF must be 1 to inject an external interrupt");
}

static bool activity_is_supported(const struct entry_checker *check)
{
    uint64_t misc = check->capabilities->misc;

    switch (check->image->guest_activity) {
    case ACTIVITY_ACTIVE:
        return true;
    case ACTIVITY_HLT:
        return (misc & VMX_MISC_ACTIVITY_HLT) != 0;
    case ACTIVITY_SHUTDOWN:
        return (misc & VMX_MISC_ACTIVITY_SHUTDOWN) != 0;
    case ACTIVITY_WAIT_FOR_SIPI:
        return (misc & VMX_MISC_ACTIVITY_WAIT_SIPI) != 0;
    default:
        return false;
    }
}

/* What may be injected into a guest that is not active: only what would wake it. */
static bool activity_allows_injection(const struct entry_checker *check)
{
    uint32_t vector = (uint32_t)check->image->entry_interruption_information & INTERRUPTION_VECTOR;
    bool exception = injects_type(check, INTERRUPTION_HARDWARE_EXCEPTION);
    bool nmi = injects_type(check, INTERRUPTION_NMI);

    switch (check->image->guest_activity) {
    case ACTIVITY_HLT:
        return nmi || injects_type(check, INTERRUPTION_EXTERNAL) ||
               injects_type(check, INTERRUPTION_OTHER_EVENT) ||
               (exception && (vector == VECTOR_DB || vector == VECTOR_MC));
    case ACTIVITY_SHUTDOWN:
        return nmi || (exception && vector == VECTOR_MC);
    case ACTIVITY_WAIT_FOR_SIPI:
        return false;
    default:
        return true;
    }
}

static void check_activity(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const uint64_t *field = &v->guest_activity;
    bool shadow =
        (v->guest_interruptibility & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)) != 0;

    require(check, activity_is_supported(check), field,
            "must be an activity state that the processor supports");
    require(check,
            v->guest_activity != ACTIVITY_HLT || (v->ss.access_rights & ACCESS_RIGHTS_DPL) == 0,
            field, "must not be HLT unless SS.DPL is 0");
    require(check, v->guest_activity == ACTIVITY_ACTIVE || !shadow, field,
            "must be active under blocking by STI or by MOV SS");
    require(check, !injects(check) || activity_allows_injection(check), field,
            "the injected event cannot reach a guest in this state");
}

static void check_interruptibility(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const uint64_t *field = &v->guest_interruptibility;
    uint64_t state = v->guest_interruptibility;
    uint64_t shadow = state & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS);
    bool nmi = injects_type(check, INTERRUPTION_NMI);

    require(check, (state & ~0xfULL) == 0, field, "bits 31:4 must be 0");
    require(check, shadow != (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS), field,
            "blocking by STI and by MOV SS must not both be 1");
    require(check, (state & INTERRUPTIBILITY_STI) == 0 || (v->guest_rflags & RFLAGS_IF) != 0, field,
            "blocking by STI needs RFLAGS.IF");
    require(check, shadow == 0 || !injects_type(check, INTERRUPTION_EXTERNAL), field,
            "no blocking by STI or by MOV SS when an external interrupt is injected");
    require(check, shadow == 0 || !nmi, field,
            "no blocking by STI or by MOV SS when an NMI is injected");
    require(check, (state & INTERRUPTIBILITY_SMI) == 0, field,
            "blocking by SMI must be 0 outside SMM");
    require(check,
            !nmi || (v->pin_based_controls & PIN_VIRTUAL_NMIS) == 0 ||
                (state & INTERRUPTIBILITY_NMI) == 0,
            field, "no blocking by NMI when an NMI is injected with \"virtual NMIs\"");
}

/* A single-step trap that is due must be pending while a shadow or HLT holds it back. */
static void check_pending_debug(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    bool held =
        (v->guest_interruptibility & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)) != 0 ||
        v->guest_activity == ACTIVITY_HLT;
    bool due = (v->guest_rflags & RFLAGS_TF) != 0 && (v->guest_debugctl & DEBUGCTL_BTF) == 0;
    bool pending = (v->guest_pending_debug & PENDING_DEBUG_BS) != 0;

    require(check, (v->guest_pending_debug & ~PENDING_DEBUG_DEFINED) == 0, &v->guest_pending_debug,
            "reserved bits must be 0");
    require(check, !held || pending == due, &v->guest_pending_debug,
            "BS must be 1 exactly if RFLAGS.TF = 1 and DEBUGCTL.BTF = 0");
}

/* Only a guest with PAE paging outside IA-32e mode uses them. */
static void check_pdptes(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check->section = "Checks on Guest Page-Directory-Pointer-Table Entries";
    if (ia32e_guest(check) || (v->guest_cr0 & CR0_PG) == 0 || (v->guest_cr4 & CR4_PAE) == 0 ||
        (check->secondary & SECONDARY_ENABLE_EPT) == 0) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        uint64_t entry = v->guest_pdpte[i];

        require(check,
                (entry & PDPTE_PRESENT) == 0 ||
                    ((entry & PDPTE_RESERVED) == 0 && is_physical(check, entry)),
                &v->guest_pdpte[i], "reserved bits must be 0 in a present entry");
    }
}

void check_guest_non_register_state(struct entry_checker *check)
{
    check_rip_and_rflags(check);
    check->section = "Checks on Guest Non-Register State";
    check_activity(check);
    check_interruptibility(check);
    check_pending_debug(check);
    require(check, check->image->link_pointer == ~0ULL, &check->image->link_pointer,
            "must be all ones: Pinwheel uses no shadow VMCS");
    check_pdptes(check);
}
