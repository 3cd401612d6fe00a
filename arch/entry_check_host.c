/* VM-entry checks on the host state: what the next exit would load. SDM Vol. 3C, "Checks on
 * Host-State Area". The hypervisor is a 64-bit one, so those for 32-bit hosts are one rule here. */
#include "arch/control_registers.h"
#include "arch/entry_check_rules.h"
#include "arch/msr.h"

#define EFER_DEFINED    (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define SELECTOR_RPL_TI 0x7ULL

static void check_control_registers(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const struct vmx_capabilities *c = check->capabilities;

    check->section = "Checks on Host Control Registers, MSRs, and SSP";
    require(check, vmx_host_cr0(c, v->host_cr0) == v->host_cr0, &v->host_cr0,
            "a bit has a value that VMX operation does not allow");
    require(check, vmx_cr4(c, v->host_cr4) == v->host_cr4, &v->host_cr4,
            "a bit has a value that VMX operation does not allow");
    require(check, (v->host_cr4 & CR4_CET) == 0 || (v->host_cr0 & CR0_WP) != 0, &v->host_cr4,
            "CR4.CET needs CR0.WP");
    require(check, is_physical(check, v->host_cr3), &v->host_cr3,
            "bits beyond the physical-address width must be 0");
}

static void check_msrs(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    uint64_t long_mode = EFER_LME | EFER_LMA;

    require(check, is_canonical(check, v->host_sysenter_esp), &v->host_sysenter_esp,
            "must be canonical");
    require(check, is_canonical(check, v->host_sysenter_eip), &v->host_sysenter_eip,
            "must be canonical");
    if ((v->exit_controls & EXIT_LOAD_PAT) != 0) {
        require(check, is_pat(v->host_pat), &v->host_pat, "each byte must be a memory type");
    }
    if ((v->exit_controls & EXIT_LOAD_EFER) != 0) {
        require(check, (v->host_efer & ~EFER_DEFINED) == 0, &v->host_efer,
                "reserved bits must be 0");
        require(check, (v->host_efer & long_mode) == long_mode, &v->host_efer,
                "LMA and LME must equal \"host address-space size\"");
    }
}

static void check_selectors(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const uint64_t *selectors[] = {&v->host_cs_selector, &v->host_ss_selector, &v->host_ds_selector,
                                   &v->host_es_selector, &v->host_fs_selector, &v->host_gs_selector,
                                   &v->host_tr_selector};

    check->section = "Checks on Host Segment and Descriptor-Table Registers";
    for (unsigned i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
        require(check, (*selectors[i] & SELECTOR_RPL_TI) == 0, selectors[i],
                "RPL and TI must be 0");
    }
    require(check, v->host_cs_selector != 0, &v->host_cs_selector, "must not be 0");
    require(check, v->host_tr_selector != 0, &v->host_tr_selector, "must not be 0");
}

static void check_bases(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;
    const uint64_t *bases[] = {&v->host_fs_base, &v->host_gs_base, &v->host_gdtr_base,
                               &v->host_idtr_base, &v->host_tr_base};

    for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        require(check, is_canonical(check, *bases[i]), bases[i], "must be canonical");
    }
}

static void check_address_space(struct entry_checker *check)
{
    const struct vmcs_image *v = check->image;

    check->section = "Checks Related to Address-Space Size";
    require(check, (v->exit_controls & EXIT_HOST_ADDRESS_SPACE_SIZE) != 0, &v->exit_controls,
            "\"host address-space size\" must be 1: the processor is in 64-bit mode");
    require(check, (v->host_cr4 & CR4_PAE) != 0, &v->host_cr4, "CR4.PAE must be 1");
    require(check, is_canonical(check, v->host_rip), &v->host_rip, "must be canonical");
}

void check_host_state(struct entry_checker *check)
{
    check_control_registers(check);
    check_msrs(check);
    check_selectors(check);
    check_bases(check);
    check_address_space(check);
}
