/* VM-entry checks on the host state, which the next VM exit loads. SDM Vol. 3C, "Checks on
 * Host-State Area". The hypervisor runs in 64-bit mode, so all rules for 32-bit hosts reduce to
 * one. */
#include "arch/vmx/entry_check_rules.h"

#define SELECTOR_RPL_TI 0x7ULL

static void check_selectors(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const uint64_t *const selectors[] = {
        &v->host_cs_selector, &v->host_ss_selector, &v->host_ds_selector, &v->host_es_selector,
        &v->host_fs_selector, &v->host_gs_selector, &v->host_tr_selector};

    for (unsigned i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
        require(check, (*selectors[i] & SELECTOR_RPL_TI) == 0, selectors[i],
                "RPL and TI must be 0");
    require(check, v->host_cs_selector != 0, &v->host_cs_selector, "must not be 0");
    require(check, v->host_tr_selector != 0, &v->host_tr_selector, "must not be 0");
}

void check_host_state(struct entry_checker *check) {
    const struct vmcs_image *v = check->image;
    const struct vmx_capabilities *c = check->capabilities;
    const uint64_t *const addresses[] = {
        &v->host_sysenter_esp, &v->host_sysenter_eip, &v->host_fs_base, &v->host_gs_base,
        &v->host_gdtr_base,    &v->host_idtr_base,    &v->host_tr_base, &v->host_rip};

    check->section = "Checks on VMX Controls and Host-State Area";
    require(check, vmx_host_cr0(c, v->host_cr0) == v->host_cr0, &v->host_cr0,
            "a bit has a value that VMX operation does not allow");
    require(check, vmx_cr4(c, v->host_cr4) == v->host_cr4, &v->host_cr4,
            "a bit has a value that VMX operation does not allow");
    require(check, (v->host_cr4 & CR4_CET) == 0 || (v->host_cr0 & CR0_WP) != 0, &v->host_cr4,
            "CR4.CET requires CR0.WP");
    require(check, (v->host_cr4 & CR4_PAE) != 0, &v->host_cr4, "CR4.PAE must be 1");
    require_physical(check, &v->host_cr3);
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        require_canonical(check, addresses[i]);
    require_pat(check, &v->host_pat);
    require_efer_defined(check, &v->host_efer);
    require(check, (v->host_efer & EFER_LME) != 0 && (v->host_efer & EFER_LMA) != 0, &v->host_efer,
            "LMA and LME must equal \"host address-space size\"");
    check_selectors(check);
}
