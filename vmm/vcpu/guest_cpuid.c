/* The CPUID that guests see: see guest_cpuid.h.
 *
 * A leaf is the machine's own, masked by what Pinwheel virtualizes; a leaf that is not listed reads
 * as zeros. The tables are the same for all guests. Few values depend on the vCPU: its APIC ID, and
 * what it has enabled. */
#include "vmm/vcpu/guest_cpuid.h"

#include "arch/canonical.h"
#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/msr.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/mitigations.h"

#define BASIC_LEAVES (CPUID_LEAF_FREQUENCY + 1)
/* Those that depend on the vCPU or the subleaf. */
#define BASIC_COMPUTED                                                                             \
    (1u << CPUID_LEAF_FEATURES | 1u << CPUID_LEAF_CACHES | 1u << CPUID_LEAF_STRUCTURED_FEATURES |  \
     1u << CPUID_LEAF_TOPOLOGY | 1u << CPUID_LEAF_XSTATE)
#define EXTENDED(leaf)  ((leaf)-CPUID_LEAF_EXTENDED)
#define EXTENDED_LEAVES (EXTENDED(CPUID_LEAF_ADDRESS_WIDTHS) + 1)
#define ALL             0xffffffffu

/* Leaf 1. EBX: brand index and CLFLUSH size; the rest depends on the vCPU. Not offered: MONITOR,
 * VMX, SMX, debug store, SpeedStep, thermal monitor, PDCM, PCID. */
#define LEAF1_EBX 0x0000ffff
#define LEAF1_ECX                                                                                  \
    (CPUID_1_ECX_SSE3 | CPUID_1_ECX_PCLMULQDQ | CPUID_1_ECX_SSSE3 | CPUID_1_ECX_FMA |              \
     CPUID_1_ECX_CMPXCHG16B | CPUID_1_ECX_SSE4_1 | CPUID_1_ECX_SSE4_2 | CPUID_1_ECX_MOVBE |        \
     CPUID_1_ECX_POPCNT | CPUID_1_ECX_AESNI | CPUID_1_ECX_XSAVE | CPUID_1_ECX_AVX |                \
     CPUID_1_ECX_F16C | CPUID_1_ECX_RDRAND)
#define LEAF1_EDX                                                                                  \
    (CPUID_1_EDX_FPU | CPUID_1_EDX_VME | CPUID_1_EDX_DE | CPUID_1_EDX_PSE | CPUID_1_EDX_TSC |      \
     CPUID_1_EDX_MSR | CPUID_1_EDX_PAE | CPUID_1_EDX_MCE | CPUID_1_EDX_CX8 | CPUID_1_EDX_SEP |     \
     CPUID_1_EDX_MTRR | CPUID_1_EDX_PGE | CPUID_1_EDX_MCA | CPUID_1_EDX_CMOV | CPUID_1_EDX_PAT |   \
     CPUID_1_EDX_PSE36 | CPUID_1_EDX_CLFSH | CPUID_1_EDX_MMX | CPUID_1_EDX_FXSR |                  \
     CPUID_1_EDX_SSE | CPUID_1_EDX_SSE2)

/* Leaf 7. Not offered: HLE, RTM, MPX, AVX-512, SGX, INVPCID (there is no PCID). Two bits say that
 * the processor does not do something, so they are the processor's. EDX and subleaf 2 have what
 * arch/speculation.c offers. */
#define LEAF7_EBX                                                                                  \
    (CPUID_7_EBX_FDP | CPUID_7_EBX_NO_FPU_CS | CPUID_7_EBX_FSGSBASE | CPUID_7_EBX_BMI1 |           \
     CPUID_7_EBX_AVX2 | CPUID_7_EBX_SMEP | CPUID_7_EBX_BMI2 | CPUID_7_EBX_ERMS |                   \
     CPUID_7_EBX_RDSEED | CPUID_7_EBX_ADX | CPUID_7_EBX_SMAP | CPUID_7_EBX_CLFLUSHOPT |            \
     CPUID_7_EBX_CLWB | CPUID_7_EBX_SHA)
#define LEAF7_ECX (CPUID_7_ECX_UMIP | CPUID_7_ECX_RDPID)

/* VMX cannot disable it: only a write of an intercepted MSR exits, like WRMSR. */
#define LEAF7_1_EAX     CPUID_7_1_EAX_WRMSRNS

#define LEAF4_SUBLEAVES 5

#define APIC_ID_BITS    6 /* of the APIC ID: which core of the package */
_Static_assert(1 << APIC_ID_BITS == BOOT_MAX_VCPUS, "one APIC ID for each vCPU");

#define LEAFD1_EAX (CPUID_D_1_EAX_XSAVEOPT | CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XGETBV_1)

#define EXTENDED1_ECX                                                                              \
    (CPUID_80000001_ECX_LAHF | CPUID_80000001_ECX_LZCNT | CPUID_80000001_ECX_PREFETCHW)
#define EXTENDED1_EDX                                                                              \
    (CPUID_80000001_EDX_SYSCALL | CPUID_80000001_EDX_NX | CPUID_80000001_EDX_PAGES_1G |            \
     CPUID_80000001_EDX_RDTSCP | CPUID_80000001_EDX_LM)

static struct cpuid_result basic[BASIC_LEAVES];
static struct cpuid_result extended[EXTENDED_LEAVES];
static struct cpuid_result hypervisor, hypervisor_timing;
static struct cpuid_result leaf4[LEAF4_SUBLEAVES], leaf7, leaf7_1, leaf7_2, leaf_d[3];
static uint32_t max_extended;

static struct cpuid_result masked(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx,
                                  uint32_t ecx, uint32_t edx) {
    struct cpuid_result r = cpuid(leaf, subleaf);
    return (struct cpuid_result){r.eax & eax, r.ebx & ebx, r.ecx & ecx, r.edx & edx};
}

/* Each vCPU is a core with its own caches, except for the third level, which all cores share. */
static void init_caches(uint32_t machine_max) {
    for (uint32_t i = 0; i < LEAF4_SUBLEAVES - 1 && machine_max >= CPUID_LEAF_CACHES; i++) {
        struct cpuid_result r = cpuid(CPUID_LEAF_CACHES, i);
        bool shared = (r.eax & CPUID_4_EAX_LEVEL_MASK) >= CPUID_4_EAX_LEVEL_3;

        if (!(r.eax & CPUID_4_EAX_TYPE_MASK))
            break;
        r.eax &= (1u << CPUID_4_EAX_SHARING_SHIFT) - 1;
        r.eax |= (shared ? BOOT_MAX_VCPUS - 1 : 0) << CPUID_4_EAX_SHARING_SHIFT;
        r.eax |= (BOOT_MAX_VCPUS - 1u) << CPUID_4_EAX_CORES_SHIFT;
        leaf4[i] = r;
    }
}

/* Leaf 15H: the core crystal clock has the frequency of the TSC, which is also that of the LAPIC
 * timer; if it does not fit 32 bits, half of it. */
static void init_frequencies(uint64_t hz) {
    uint32_t ratio = hz >> 32 ? 2 : 1;
    uint32_t mhz = (uint32_t)((hz + 500000) / 1000000);

    basic[CPUID_LEAF_TSC] = (struct cpuid_result){1, ratio, (uint32_t)(hz / ratio), 0};
    basic[CPUID_LEAF_FREQUENCY] = (struct cpuid_result){mhz, mhz, 0, 0};
    hypervisor_timing.eax = (uint32_t)(hz / 1000);
    hypervisor_timing.ebx = hypervisor_timing.eax;
}

static void init_basic(uint64_t xcr0) {
    uint32_t machine_max = cpuid(CPUID_LEAF_VENDOR, 0).eax;

    basic[CPUID_LEAF_VENDOR] = cpuid(CPUID_LEAF_VENDOR, 0);
    basic[CPUID_LEAF_VENDOR].eax = BASIC_LEAVES - 1;
    basic[CPUID_LEAF_FEATURES] =
        masked(CPUID_LEAF_FEATURES, 0, ALL, LEAF1_EBX, LEAF1_ECX, LEAF1_EDX);
    basic[CPUID_LEAF_FEATURES].ecx |=
        CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE;
    basic[CPUID_LEAF_CACHE_DESCRIPTORS] = cpuid(CPUID_LEAF_CACHE_DESCRIPTORS, 0);
    init_caches(machine_max);
    basic[CPUID_LEAF_POWER].eax = CPUID_6_EAX_ARAT;
    if (machine_max >= CPUID_LEAF_STRUCTURED_FEATURES)
        leaf7 = masked(CPUID_LEAF_STRUCTURED_FEATURES, 0, 0, LEAF7_EBX, LEAF7_ECX,
                       mitigations.guest_leaf7_edx);
    leaf7_1 = (struct cpuid_result){0};
    leaf7_2 = (struct cpuid_result){.edx = mitigations.guest_leaf7_2_edx};
    if (machine_max >= CPUID_LEAF_STRUCTURED_FEATURES &&
        cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 0).eax >= 1) {
        leaf7.eax = leaf7_2.edx ? 2 : 1; /* the last subleaf */
        leaf7_1 = masked(CPUID_LEAF_STRUCTURED_FEATURES, 1, LEAF7_1_EAX, 0, 0, 0);
    }
    leaf7.ebx |= CPUID_7_EBX_TSC_ADJUST;
    if (machine_max >= CPUID_LEAF_XSTATE) {
        leaf_d[0].eax = (uint32_t)xcr0;
        leaf_d[0].ecx = XSAVE_AREA_MIN;
        leaf_d[1].eax = cpuid(CPUID_LEAF_XSTATE, 1).eax & LEAFD1_EAX;
        if (xcr0 & XCR0_AVX) {
            leaf_d[2] = masked(CPUID_LEAF_XSTATE, 2, ALL, ALL, 0, 0);
            leaf_d[0].ecx = leaf_d[2].ebx + leaf_d[2].eax;
        }
    }
}

static void init_extended(void) {
    uint32_t machine_max = cpuid(CPUID_LEAF_EXTENDED, 0).eax & 0xff;

    max_extended = machine_max < EXTENDED_LEAVES - 1 ? machine_max : EXTENDED_LEAVES - 1;
    extended[0].eax = CPUID_LEAF_EXTENDED + max_extended;
    extended[EXTENDED(CPUID_LEAF_EXTENDED_FEATURES)] =
        masked(CPUID_LEAF_EXTENDED_FEATURES, 0, 0, 0, EXTENDED1_ECX, EXTENDED1_EDX);
    for (uint32_t leaf = CPUID_LEAF_BRAND_FIRST; leaf <= CPUID_LEAF_BRAND_LAST; leaf++) {
        if (cpuid_has_leaf(leaf))
            extended[EXTENDED(leaf)] = cpuid(leaf, 0);
    }
    if (cpuid_has_leaf(CPUID_LEAF_L2_CACHE))
        extended[EXTENDED(CPUID_LEAF_L2_CACHE)] = cpuid(CPUID_LEAF_L2_CACHE, 0);
    if (cpuid_has_leaf(CPUID_LEAF_INVARIANT_TSC))
        extended[EXTENDED(CPUID_LEAF_INVARIANT_TSC)] =
            masked(CPUID_LEAF_INVARIANT_TSC, 0, 0, 0, 0, CPUID_80000007_EDX_INVARIANT_TSC);
    if (cpuid_has_leaf(CPUID_LEAF_ADDRESS_WIDTHS)) /* CR4.LA57 is not offered */
        extended[EXTENDED(CPUID_LEAF_ADDRESS_WIDTHS)].eax =
            (cpuid(CPUID_LEAF_ADDRESS_WIDTHS, 0).eax & 0xff) | CANONICAL_BITS_4_LEVEL << 8;
}

void guest_cpuid_init(uint64_t xcr0, uint64_t tsc_frequency) {
    init_basic(xcr0);
    init_extended();
    if (!host.capabilities.rdtscp) {
        leaf7.ecx &= ~CPUID_7_ECX_RDPID;
        extended[EXTENDED(CPUID_LEAF_EXTENDED_FEATURES)].edx &= ~CPUID_80000001_EDX_RDTSCP;
    }
    init_frequencies(tsc_frequency);
    hypervisor.eax = CPUID_LEAF_HYPERVISOR_TIMING;
    memcpy(&hypervisor.ebx, "Pinw", 4);
    memcpy(&hypervisor.ecx, "heel", 4);
    memcpy(&hypervisor.edx, "VMM\0", 4);
}

uint64_t guest_cpuid_cr4_bits(void) {
    uint64_t bits = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
                    CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (basic[CPUID_LEAF_FEATURES].ecx & CPUID_1_ECX_XSAVE)
        bits |= CR4_OSXSAVE;
    if (leaf7.ebx & CPUID_7_EBX_FSGSBASE)
        bits |= CR4_FSGSBASE;
    if (leaf7.ebx & CPUID_7_EBX_SMEP)
        bits |= CR4_SMEP;
    if (leaf7.ebx & CPUID_7_EBX_SMAP)
        bits |= CR4_SMAP;
    if (leaf7.ecx & CPUID_7_ECX_UMIP)
        bits |= CR4_UMIP;
    return bits;
}

static struct cpuid_result leaf_1(const struct vcpu *vcpu) {
    struct cpuid_result r = basic[CPUID_LEAF_FEATURES];
    uint32_t count = vcpu->vm->vcpu_count;

    r.ebx |= vcpu->index << CPUID_1_EBX_APIC_ID_SHIFT | count << CPUID_1_EBX_COUNT_SHIFT;
    if (count > 1)
        r.edx |= CPUID_1_EDX_HTT;
    if (vmcs_read(VMCS_GUEST_CR4) & CR4_OSXSAVE)
        r.ecx |= CPUID_1_ECX_OSXSAVE;
    if (vcpu->vm->routing.vcpu[vcpu->index].apic.base & APIC_BASE_ENABLE)
        r.edx |= CPUID_1_EDX_APIC;
    if (!vcpu->vm->config->x2apic)
        r.ecx &= ~CPUID_1_ECX_X2APIC;
    return r;
}

/* Extended topology: one package, of cores with one thread each. */
static struct cpuid_result leaf_b(const struct vcpu *vcpu, uint32_t subleaf) {
    struct cpuid_result r = {.ecx = subleaf & 0xff, .edx = vcpu->index};

    if (subleaf == 0) {
        r.ebx = 1;
        r.ecx |= CPUID_B_TYPE_SMT << CPUID_B_ECX_TYPE_SHIFT;
    } else if (subleaf == 1) {
        r.eax = APIC_ID_BITS;
        r.ebx = vcpu->vm->vcpu_count;
        r.ecx |= CPUID_B_TYPE_CORE << CPUID_B_ECX_TYPE_SHIFT;
    }
    return r;
}

/* XSAVE: EBX is the size of an area for the components that XCR0 enables now. */
static struct cpuid_result leaf_d_read(const struct vcpu *vcpu, uint32_t subleaf) {
    if (subleaf > 2)
        return (struct cpuid_result){0};
    struct cpuid_result r = leaf_d[subleaf];
    /* In the standard format and, if there is XSAVEC, in the compacted one: AVX is the only
     * component after the header, so both have the same size. */
    if (subleaf == 0 || (subleaf == 1 && r.eax))
        r.ebx = (vcpu->registers.xcr0 & XCR0_AVX) ? leaf_d[0].ecx : XSAVE_AREA_MIN;
    return r;
}

struct cpuid_result guest_cpuid_read(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf) {
    static const struct cpuid_result nothing;

    if (leaf < BASIC_LEAVES) {
        switch (leaf) {
        case CPUID_LEAF_FEATURES:
            return leaf_1(vcpu);
        case CPUID_LEAF_CACHES:
            return subleaf < LEAF4_SUBLEAVES ? leaf4[subleaf] : nothing;
        case CPUID_LEAF_STRUCTURED_FEATURES:
            return subleaf == 0 ? leaf7 : subleaf == 1 ? leaf7_1 : subleaf == 2 ? leaf7_2 : nothing;
        case CPUID_LEAF_TOPOLOGY:
            return leaf_b(vcpu, subleaf);
        case CPUID_LEAF_XSTATE:
            return leaf_d_read(vcpu, subleaf);
        default:
            return basic[leaf];
        }
    }
    if (leaf >= CPUID_LEAF_EXTENDED && EXTENDED(leaf) <= max_extended)
        return extended[EXTENDED(leaf)];
    if (leaf == CPUID_LEAF_HYPERVISOR)
        return hypervisor;
    if (leaf == CPUID_LEAF_HYPERVISOR_TIMING)
        return hypervisor_timing;
    return nothing;
}

static inline enum exit_action cpuid_done(struct vcpu *vcpu, const struct cpuid_result *r) {
    uint64_t *reg = vcpu->context.reg;

    reg[GUEST_RAX] = r->eax;
    reg[GUEST_RBX] = r->ebx;
    reg[GUEST_RCX] = r->ecx;
    reg[GUEST_RDX] = r->edx;
    return EXIT_ADVANCE;
}

__attribute__((noinline)) static enum exit_action cpuid_compute(struct vcpu *vcpu) {
    const uint64_t *reg = vcpu->context.reg;
    struct cpuid_result r =
        guest_cpuid_read(vcpu, (uint32_t)reg[GUEST_RAX], (uint32_t)reg[GUEST_RCX]);

    return cpuid_done(vcpu, &r);
}

enum exit_action exit_cpuid(struct vcpu *vcpu) {
    uint32_t leaf = (uint32_t)vcpu->context.reg[GUEST_RAX];

    if (leaf < BASIC_LEAVES && !(BASIC_COMPUTED >> leaf & 1))
        return cpuid_done(vcpu, &basic[leaf]);
    return cpuid_compute(vcpu);
}
