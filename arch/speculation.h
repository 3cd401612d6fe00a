/* What is done on a processor so that no guest can read, or steer, the hypervisor or another guest
 * through speculative execution.
 *
 * A processor announces in CPUID and IA32_ARCH_CAPABILITIES what it does not suffer from and which
 * means it has; the older ones announce nothing, so family and model decide a few cases. This
 * module owns the one list of what Pinwheel does for which of them. The boot loader shows the
 * outcome, the hypervisor acts on it, and the configuration can change it. Pure. Intel, "CPUID
 * Enumeration and Architectural MSRs" and "Affected Processors: Transient Execution Attacks"; SDM
 * Vol. 4, IA32_SPEC_CTRL. Read next: arch/thunks.asm, arch/vmx/vmx_enter.asm,
 * docs/hardware.md. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/text.h"

/* What the processor reports about itself. What it does not have is 0 here. */
struct speculation_processor {
    uint32_t signature;         /* CPUID.1:EAX: family, model, stepping */
    uint32_t leaf7_ebx;         /* CPUID.7.0:EBX */
    uint32_t leaf7_edx;         /* CPUID.7.0:EDX */
    uint32_t leaf7_2_edx;       /* CPUID.7.2:EDX */
    uint64_t arch_capabilities; /* IA32_ARCH_CAPABILITIES */
};

/* The means, as bits of a set. */
enum mitigation {
    MITIGATION_IBRS = 1 << 0,       /* IA32_SPEC_CTRL.IBRS always 1: enhanced IBRS */
    MITIGATION_RETPOLINE = 1 << 1,  /* indirect branches by RET: without enhanced IBRS */
    MITIGATION_BHI = 1 << 2,        /* IA32_SPEC_CTRL.BHI_DIS_S always 1 */
    MITIGATION_BHB = 1 << 3,        /* clear the branch history after each VM exit */
    MITIGATION_RSB = 1 << 4,        /* fill the return stack buffer after each VM exit */
    MITIGATION_RSB_ONE = 1 << 5,    /* one CALL and LFENCE after each VM exit: PBRSB */
    MITIGATION_VERW = 1 << 6,       /* overwrite buffers before each VM entry */
    MITIGATION_L1D = 1 << 7,        /* flush the L1 data cache on a change of guest */
    MITIGATION_L1D_ENTRY = 1 << 8,  /* flush it before each VM entry */
    MITIGATION_EPT_4K = 1 << 9,     /* 4-KiB pages for guest memory: iTLB multihit */
    MITIGATION_IBPB = 1 << 10,      /* indirect-branch predictor barrier on a change of guest */
    MITIGATION_SSBD = 1 << 11,      /* IA32_SPEC_CTRL.SSBD always 1 */
    MITIGATION_SMT = 1 << 12,       /* one thread of each core, if there are several guests */
    MITIGATION_ALL = (1 << 13) - 1, /* every one of them */
};

/* A change of the set by the configuration: bits of enum mitigation, none in both. */
struct speculation_request {
    uint32_t on, off;
};

struct speculation {
    uint32_t on;        /* what is done */
    uint32_t missing;   /* what the processor needs and cannot do: an old microcode */
    uint32_t off;       /* what it needs and the configuration has switched off */
    uint64_t spec_ctrl; /* bits of IA32_SPEC_CTRL that stay 1 on every CPU */

    /* What guests are offered, so that they can protect themselves. */
    uint64_t guest_spec_ctrl;  /* the bits of IA32_SPEC_CTRL that they may set; 0: no such MSR */
    bool guest_spec_ctrl_open; /* they access it without a VM exit */
    bool guest_pred_cmd, guest_flush_cmd, guest_arch_capabilities; /* MSRs that they have */
    uint32_t guest_leaf7_edx, guest_leaf7_2_edx;                   /* masks for their CPUID */
    uint64_t guest_arch_value; /* what IA32_ARCH_CAPABILITIES reads as */
};

/* Decides for a processor. */
struct speculation speculation_decide(const struct speculation_processor *processor,
                                      const struct speculation_request *request);

/* Parses the value of `mitigations`: words separated by blanks or commas. "auto" and "off" set all
 * of them, +NAME and -NAME one; later words win. False if it has no word or an unknown one;
 * *request is then undefined. */
bool speculation_parse(struct slice value, struct speculation_request *request);

/* Writes the names of a set to `out`, separated by commas; "none" for an empty set. */
void speculation_names(uint32_t set, char *out, size_t size);
