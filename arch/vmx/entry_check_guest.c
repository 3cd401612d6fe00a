/* VM-entry checks on the guest's registers, except segments, and on its non-register state. SDM
 * Vol. 3C, "Checks on the Guest State Area". */
#include "arch/canonical.h"
#include "arch/vmx/entry_check_rules.h"

/* LBR, BTF, then TR to RTM: bits 1:0 and 15:6. */
#define DEBUGCTL_DEFINED 0xffc3ULL

#define RFLAGS_RESERVED  (~0x3fffffULL | 1ULL << 15 | 1ULL << 5 | 1ULL << 3)

/* The other bits need RTM or bus-lock detection, which guests are not offered. */
#define PENDING_DEBUG_DEFINED (PENDING_DEBUG_B | PENDING_DEBUG_ENABLED_B | PENDING_DEBUG_BS)

/* A VM entry does not load CD and NW, so their values are not checked. */
static void check_control_registers(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const struct vmx_capabilities *c = check->capabilities;
    uint64_t wrong = (vmx_guest_cr0(c, v->guest_cr0) ^ v->guest_cr0) & ~(CR0_CD | CR0_NW);
    bool ia32e = ia32e_guest(check);
    bool paging = (v->guest_cr0 & CR0_PG) != 0;

    require(check, wrong == 0, &v->guest_cr0,
            "a bit has a value that VMX operation does not allow");
    require(check, !paging || (v->guest_cr0 & CR0_PE) != 0, &v->guest_cr0, "PG requires PE");
    require(check, vmx_cr4(c, v->guest_cr4) == v->guest_cr4, &v->guest_cr4,
            "a bit has a value that VMX operation does not allow");
    require(check, (v->guest_cr4 & CR4_CET) == 0 || (v->guest_cr0 & CR0_WP) != 0, &v->guest_cr4,
            "CR4.CET requires CR0.WP");
    require(check, !ia32e || paging, &v->guest_cr0, "PG must be 1 for an IA-32e mode guest");
    require(check, !ia32e || (v->guest_cr4 & CR4_PAE) != 0, &v->guest_cr4,
            "PAE must be 1 for an IA-32e mode guest");
    require(check, ia32e || (v->guest_cr4 & CR4_PCIDE) == 0, &v->guest_cr4,
            "PCIDE must be 0 outside IA-32e mode");
    require_physical(check, &v->guest_cr3);
}

void check_guest_registers(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    bool lma = (v->guest_efer & EFER_LMA) != 0;
    bool lme = (v->guest_efer & EFER_LME) != 0;

    check->section = "Checks on Guest Control Registers, Debug Registers, and MSRs";
    check_control_registers(check);
    require(check, (v->guest_debugctl & ~DEBUGCTL_DEFINED) == 0, &v->guest_debugctl,
            "reserved bits must be 0");
    require_upper_clear(check, &v->guest_dr7);
    require_canonical(check, &v->guest_sysenter_esp);
    require_canonical(check, &v->guest_sysenter_eip);
    require_pat(check, &v->guest_pat);
    require_efer_defined(check, &v->guest_efer);
    require(check, lma == ia32e_guest(check), &v->guest_efer,
            "LMA must equal \"IA-32e mode guest\"");
    require(check, lma == lme || (v->guest_cr0 & CR0_PG) == 0, &v->guest_efer,
            "LMA must equal LME with paging on");
}

/* Bits 63:N, not 63:N-1 as in a canonical address: after an instruction that ends at the highest
 * address of the lower half, RIP points behind it, and the fetch there raises #GP. */
static void require_linear(struct entry_checker *check, const uint64_t *field) {
    bool five = check->capabilities->linear_bits == CANONICAL_BITS_5_LEVEL;
    int64_t upper = (int64_t)*field >> (five ? CANONICAL_BITS_5_LEVEL : CANONICAL_BITS_4_LEVEL);

    require(check, upper == 0 || upper == -1, field,
            "bits beyond the linear-address width must be identical");
}

static void check_rip_and_rflags(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    bool real_or_ia32e = ia32e_guest(check) || (v->guest_cr0 & CR0_PE) == 0;

    check->section = "Checks on Guest RIP, RFLAGS, and SSP";
    if (ia32e_guest(check) && (v->cs.access_rights & ACCESS_RIGHTS_L) != 0)
        require_linear(check, &v->guest_rip);
    else
        require_upper_clear(check, &v->guest_rip);
    require(check, (v->guest_rflags & RFLAGS_RESERVED) == 0 && (v->guest_rflags & RFLAGS_ONE) != 0,
            &v->guest_rflags, "reserved bits must be 0, and bit 1 must be 1");
    require(check, !real_or_ia32e || (v->guest_rflags & RFLAGS_VM) == 0, &v->guest_rflags,
            "VM must be 0 in IA-32e mode and with CR0.PE = 0");
    require(check,
            !injects_type(check, INTERRUPTION_EXTERNAL) || (v->guest_rflags & RFLAGS_IF) != 0,
            &v->guest_rflags, "IF must be 1 to inject an external interrupt");
}

/* Only events that would wake an inactive guest may be injected into it. */
static bool activity_allows_injection(const struct entry_checker *check) {
    uint32_t vector = (uint32_t)check->image->entry_interruption_information & INTERRUPTION_VECTOR;
    bool exception = injects_type(check, INTERRUPTION_HARDWARE_EXCEPTION);
    bool machine_check = exception && vector == VECTOR_MC;
    bool nmi = injects_type(check, INTERRUPTION_NMI);

    switch (check->image->guest_activity) {
    case ACTIVITY_HLT:
        return nmi || machine_check || (exception && vector == VECTOR_DB) ||
               injects_type(check, INTERRUPTION_EXTERNAL);
    case ACTIVITY_SHUTDOWN:
        return nmi || machine_check;
    default:
        return check->image->guest_activity != ACTIVITY_WAIT_FOR_SIPI;
    }
}

static void check_activity(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *field = &v->guest_activity;
    /* A bit for each state. IA32_VMX_MISC announces HLT, shutdown and wait-for-SIPI. */
    uint64_t supported = check->capabilities->misc >> 5 | 1u << ACTIVITY_ACTIVE;

    require(check, *field <= ACTIVITY_WAIT_FOR_SIPI && (supported >> *field & 1) != 0, field,
            "must be an activity state that the processor supports");
    require(check, *field != ACTIVITY_HLT || (v->ss.access_rights & ACCESS_RIGHTS_DPL) == 0, field,
            "must not be HLT unless SS.DPL is 0");
    require(check,
            *field == ACTIVITY_ACTIVE || (v->guest_interruptibility & INTERRUPTIBILITY_SHADOW) == 0,
            field, "must be active under blocking by STI or by MOV SS");
    require(check, !injects(check) || activity_allows_injection(check), field,
            "the injected event is not allowed in this state");
}

static void check_interruptibility(struct entry_checker *check) {
    const uint64_t *field = &check->image->guest_interruptibility;
    uint64_t shadow = *field & INTERRUPTIBILITY_SHADOW;
    bool interruptible = (check->image->guest_rflags & RFLAGS_IF) != 0;
    bool nmi = injects_type(check, INTERRUPTION_NMI);

    require(check, (*field & ~0xfULL) == 0, field, "bits 31:4 must be 0");
    require(check, shadow != INTERRUPTIBILITY_SHADOW, field,
            "blocking by STI and by MOV SS must not both be 1");
    require(check, (*field & INTERRUPTIBILITY_STI) == 0 || interruptible, field,
            "blocking by STI requires RFLAGS.IF = 1");
    require(check, shadow == 0 || !injects_type(check, INTERRUPTION_EXTERNAL), field,
            "blocking by STI and by MOV SS must be 0 when an external interrupt is injected");
    require(check, shadow == 0 || !nmi, field,
            "blocking by STI and by MOV SS must be 0 when an NMI is injected");
    require(check, (*field & INTERRUPTIBILITY_SMI) == 0, field,
            "blocking by SMI must be 0 outside SMM");
    require(check, !nmi || (*field & INTERRUPTIBILITY_NMI) == 0, field,
            "blocking by NMI must be 0 when an NMI is injected with \"virtual NMIs\"");
}

/* With RFLAGS.TF = 1, a single-step trap must be pending while blocking or HLT delays it. */
static void check_pending_debug(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *field = &v->guest_pending_debug;
    bool held = (v->guest_interruptibility & INTERRUPTIBILITY_SHADOW) != 0 ||
                v->guest_activity == ACTIVITY_HLT;
    bool due = (v->guest_rflags & RFLAGS_TF) != 0 && (v->guest_debugctl & DEBUGCTL_BTF) == 0;

    require(check, (*field & ~PENDING_DEBUG_DEFINED) == 0, field, "reserved bits must be 0");
    require(check, !held || ((*field & PENDING_DEBUG_BS) != 0) == due, field,
            "BS must be 1 exactly if RFLAGS.TF = 1 and DEBUGCTL.BTF = 0");
}

/* Only a guest that uses PAE paging, outside IA-32e mode, has PDPTEs. */
static void check_pdptes(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;

    check->section = "Checks on Guest Page-Directory-Pointer-Table Entries";
    if (ia32e_guest(check) || (v->guest_cr0 & CR0_PG) == 0 || (v->guest_cr4 & CR4_PAE) == 0)
        return;
    for (unsigned i = 0; i < 4; i++) {
        if ((v->guest_pdpte[i] & PDPTE_PRESENT) == 0)
            continue;
        require(check, (v->guest_pdpte[i] & PDPTE_RESERVED) == 0, &v->guest_pdpte[i],
                "reserved bits must be 0 in a present entry");
        require_physical(check, &v->guest_pdpte[i]);
    }
}

void check_guest_non_register_state(struct entry_checker *check) {
    check_rip_and_rflags(check);
    check->section = "Checks on Guest Non-Register State";
    check_activity(check);
    check_interruptibility(check);
    check_pending_debug(check);
    require(check, check->image->link_pointer == ~0ULL, &check->image->link_pointer,
            "must be all ones: Pinwheel uses no shadow VMCS");
    check_pdptes(check);
}
