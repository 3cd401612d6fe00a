/* The CPUID that guests see: see guest_cpuid.h. SDM Vol. 2A, "CPUID: CPU Identification".
 *
 * A leaf is the machine's own, masked by what Pinwheel virtualizes; a leaf that is not listed reads
 * zero. Few values depend on the vCPU: its APIC ID, and what it has switched on. */
#include "vmm/vcpu/guest_cpuid.h"

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "lib/memory.h"

#define BASIC_LEAVES    0x17 /* 0 to 16H */
#define EXTENDED_LEAVES 9    /* 80000000H to 80000008H */
#define HYPERVISOR_BASE 0x40000000u
#define EXTENDED_BASE   0x80000000u
#define ALL             0xffffffffu

#define BIT(n)          (1u << (n))

/* Leaf 1. Not offered: MONITOR, VMX, SMX, debug store, SpeedStep, thermal monitor, PDCM, PCID. */
#define LEAF1_ECX                                                                                  \
    (BIT(0) /* SSE3 */ | BIT(1) /* PCLMULQDQ */ | BIT(9) /* SSSE3 */ | BIT(12) /* FMA */ |         \
     BIT(13) /* CMPXCHG16B */ | BIT(19) /* SSE4.1 */ | BIT(20) /* SSE4.2 */ |                      \
     BIT(22) /* MOVBE */ | BIT(23) /* POPCNT */ | BIT(25) /* AES */ | BIT(26) /* XSAVE */ |        \
     BIT(28) /* AVX */ | BIT(29) /* F16C */ | BIT(30) /* RDRAND */)
#define LEAF1_EDX                                                                                  \
    (BIT(0) /* FPU */ | BIT(1) /* VME */ | BIT(2) /* DE */ | BIT(3) /* PSE */ | BIT(4) /* TSC */ | \
     BIT(5) /* MSR */ | BIT(6) /* PAE */ | BIT(7) /* MCE */ | BIT(8) /* CX8 */ |                   \
     BIT(11) /* SEP */ | BIT(12) /* MTRR */ | BIT(13) /* PGE */ | BIT(14) /* MCA */ |              \
     BIT(15) /* CMOV */ | BIT(16) /* PAT */ | BIT(17) /* PSE36 */ | BIT(19) /* CLFSH */ |          \
     BIT(23) /* MMX */ | BIT(24) /* FXSR */ | BIT(25) /* SSE */ | BIT(26) /* SSE2 */)
#define LEAF1_ECX_X2APIC       BIT(21)
#define LEAF1_ECX_TSC_DEADLINE BIT(24)
#define LEAF1_ECX_OSXSAVE      BIT(27)
#define LEAF1_ECX_HYPERVISOR   BIT(31)
#define LEAF1_EDX_APIC         BIT(9)
#define LEAF1_EDX_HTT          BIT(28)

/* Leaf 7. Not offered: HLE, RTM, MPX, AVX-512, SGX, INVPCID (there is no PCID). */
#define LEAF7_EBX                                                                                  \
    (BIT(0) /* FSGSBASE */ | BIT(3) /* BMI1 */ | BIT(5) /* AVX2 */ | BIT(7) /* SMEP */ |           \
     BIT(8) /* BMI2 */ | BIT(9) /* ERMS */ | BIT(18) /* RDSEED */ | BIT(19) /* ADX */ |            \
     BIT(20) /* SMAP */ | BIT(23) /* CLFLUSHOPT */ | BIT(24) /* CLWB */ | BIT(29) /* SHA */)
#define LEAF7_EBX_TSC_ADJUST BIT(1)
#define LEAF7_ECX            (BIT(2) /* UMIP */ | BIT(22) /* RDPID */)
#define LEAF7_EDX            (BIT(10) /* MD_CLEAR */)

/* Deterministic cache parameters: a subleaf for each cache. */
#define LEAF4_SUBLEAVES     5
#define LEAF4_LEVEL_3       (3u << 5)
#define LEAF4_LEVEL_MASK    (7u << 5)
#define LEAF4_SHARING_SHIFT 14
#define LEAF4_CORES_SHIFT   26

#define LEAF6_EAX           BIT(2) /* the APIC timer runs in every idle state */

#define LEAFD1_EAX                                                                                 \
    (BIT(0) /* XSAVEOPT */ | BIT(1) /* XSAVEC */ | BIT(2) /* XGETBV with ECX = 1    \
                                                                          */)

#define EXTENDED1_ECX (BIT(0) /* LAHF */ | BIT(5) /* LZCNT */ | BIT(8) /* PREFETCHW */)
#define EXTENDED1_EDX                                                                              \
    (BIT(11) /* SYSCALL */ | BIT(20) /* NX */ | BIT(26) /* 1-GiB pages */ | BIT(27) /* RDTSCP */ | \
     BIT(29) /* long mode */)

static struct cpuid_result basic[BASIC_LEAVES];
static struct cpuid_result extended[EXTENDED_LEAVES];
static struct cpuid_result hypervisor[2]; /* 40000000H, 40000010H */
static struct cpuid_result leaf4[LEAF4_SUBLEAVES], leaf7, leaf_d[3];
static uint32_t max_basic, max_extended;

static struct cpuid_result masked(uint32_t leaf, uint32_t subleaf, uint32_t eax, uint32_t ebx,
                                  uint32_t ecx, uint32_t edx) {
    struct cpuid_result r = cpuid(leaf, subleaf);
    return (struct cpuid_result){r.eax & eax, r.ebx & ebx, r.ecx & ecx, r.edx & edx};
}

/* Each vCPU is a core with caches of its own, but for the last level. */
static void init_caches(void) {
    for (uint32_t i = 0; i < LEAF4_SUBLEAVES - 1 && max_basic >= 4; i++) {
        struct cpuid_result r = cpuid(4, i);
        bool shared = (r.eax & LEAF4_LEVEL_MASK) >= LEAF4_LEVEL_3;

        if (!(r.eax & 0x1f))
            break;
        r.eax &= (1u << LEAF4_SHARING_SHIFT) - 1;
        r.eax |= (shared ? GUEST_MAX_VCPUS - 1 : 0) << LEAF4_SHARING_SHIFT;
        r.eax |= (GUEST_MAX_VCPUS - 1u) << LEAF4_CORES_SHIFT;
        leaf4[i] = r;
    }
}

/* The crystal is the TSC itself, which is also what the LAPIC timer counts. A frequency of more
 * than 32 bits has half of it for a crystal. */
static void init_frequencies(uint64_t hz) {
    uint32_t ratio = hz >> 32 ? 2 : 1;
    uint32_t mhz = (uint32_t)((hz + 500000) / 1000000);

    max_basic = BASIC_LEAVES - 1;
    basic[0].eax = max_basic;
    basic[0x15] = (struct cpuid_result){1, ratio, (uint32_t)(hz / ratio), 0};
    basic[0x16] = (struct cpuid_result){mhz, mhz, 0, 0};
    hypervisor[1].eax = (uint32_t)(hz / 1000); /* kHz, as other hypervisors say it: TSC, APIC */
    hypervisor[1].ebx = hypervisor[1].eax;
}

static void init_basic(uint64_t xcr0) {
    uint32_t machine_max = cpuid(0, 0).eax;

    max_basic = machine_max < BASIC_LEAVES - 1 ? machine_max : BASIC_LEAVES - 1;
    basic[0] = cpuid(0, 0);
    basic[0].eax = max_basic;
    basic[1] = masked(1, 0, ALL, 0x0000ffff, LEAF1_ECX, LEAF1_EDX);
    basic[1].ecx |= LEAF1_ECX_HYPERVISOR | LEAF1_ECX_X2APIC | LEAF1_ECX_TSC_DEADLINE;
    basic[2] = cpuid(2, 0);
    init_caches();
    basic[6].eax = LEAF6_EAX;
    if (max_basic >= 7)
        leaf7 = masked(7, 0, 0, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX);
    leaf7.ebx |= LEAF7_EBX_TSC_ADJUST;
    if (max_basic >= 0xd) {
        leaf_d[0].eax = (uint32_t)xcr0;
        leaf_d[0].ecx = 576; /* legacy region and header */
        leaf_d[1].eax = cpuid(0xd, 1).eax & LEAFD1_EAX;
        if (xcr0 & XCR0_AVX) {
            leaf_d[2] = masked(0xd, 2, ALL, ALL, 0, 0);
            leaf_d[0].ecx = leaf_d[2].ebx + leaf_d[2].eax;
        }
    }
}

static void init_extended(void) {
    uint32_t machine_max = cpuid(EXTENDED_BASE, 0).eax & 0xff;

    max_extended = machine_max < EXTENDED_LEAVES - 1 ? machine_max : EXTENDED_LEAVES - 1;
    extended[0].eax = EXTENDED_BASE + max_extended;
    extended[1] = masked(EXTENDED_BASE + 1, 0, 0, 0, EXTENDED1_ECX, EXTENDED1_EDX);
    for (uint32_t i = 2; i <= 4 && i <= max_extended; i++)
        extended[i] = cpuid(EXTENDED_BASE + i, 0); /* the brand's name */
    if (max_extended >= 6)
        extended[6] = cpuid(EXTENDED_BASE + 6, 0);
    if (max_extended >= 7)
        extended[7] = masked(EXTENDED_BASE + 7, 0, 0, 0, 0, BIT(8)); /* invariant TSC */
    if (max_extended >= 8) /* without LA57 a linear address has 48 bits */
        extended[8].eax = (cpuid(EXTENDED_BASE + 8, 0).eax & 0xff) | 48 << 8;
}

void guest_cpuid_init(uint64_t xcr0, uint64_t tsc_frequency) {
    init_basic(xcr0);
    init_extended();
    init_frequencies(tsc_frequency);
    hypervisor[0].eax = HYPERVISOR_BASE + 0x10;
    memcpy(&hypervisor[0].ebx, "Pinw", 4);
    memcpy(&hypervisor[0].ecx, "heel", 4);
    memcpy(&hypervisor[0].edx, "VMM\0", 4);
}

uint64_t vcpuid_cr4_bits(void) {
    uint64_t bits = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
                    CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (basic[1].ecx & BIT(26))
        bits |= CR4_OSXSAVE;
    if (leaf7.ebx & BIT(0))
        bits |= CR4_FSGSBASE;
    if (leaf7.ebx & BIT(7))
        bits |= CR4_SMEP;
    if (leaf7.ebx & BIT(20))
        bits |= CR4_SMAP;
    if (leaf7.ecx & BIT(2))
        bits |= CR4_UMIP;
    return bits;
}

static struct cpuid_result leaf_1(const struct vcpu *vcpu) {
    struct cpuid_result r = basic[1];
    uint32_t count = vcpu->vm->vcpu_count;

    r.ebx |= vcpu->index << 24 | count << 16;
    if (count > 1)
        r.edx |= LEAF1_EDX_HTT;
    if (vmcs_read(VMCS_GUEST_CR4) & CR4_OSXSAVE)
        r.ecx |= LEAF1_ECX_OSXSAVE;
    if (vcpu->vm->routing.vcpu[vcpu->index].apic.base & APIC_BASE_ENABLE)
        r.edx |= LEAF1_EDX_APIC;
    if (!vcpu->vm->config->x2apic)
        r.ecx &= ~LEAF1_ECX_X2APIC;
    return r;
}

/* Extended topology: one thread a core, one package. */
static struct cpuid_result leaf_b(const struct vcpu *vcpu, uint32_t subleaf) {
    struct cpuid_result r = {.ecx = subleaf & 0xff, .edx = vcpu->index};

    if (subleaf == 0) {
        r.ebx = 1;
        r.ecx |= 1 << 8; /* level type: SMT */
    } else if (subleaf == 1) {
        r.eax = 3; /* room for GUEST_MAX_VCPUS = 8 IDs */
        r.ebx = vcpu->vm->vcpu_count;
        r.ecx |= 2 << 8; /* core */
    }
    return r;
}

/* XSAVE: the size of an area for what is switched on now. */
static struct cpuid_result leaf_d_read(const struct vcpu *vcpu, uint32_t subleaf) {
    if (subleaf > 2)
        return (struct cpuid_result){0};
    struct cpuid_result r = leaf_d[subleaf];
    /* The standard and, where there is XSAVEC, the compacted format: with AVX as the only component
     * behind the header both have the same size. */
    if (subleaf == 0 || (subleaf == 1 && r.eax))
        r.ebx = (vcpu->registers.xcr0 & XCR0_AVX) ? leaf_d[0].ecx : 576;
    return r;
}

struct cpuid_result guest_cpuid_read(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf) {
    static const struct cpuid_result nothing;

    if (leaf < BASIC_LEAVES && leaf <= max_basic) {
        switch (leaf) {
        case 1:
            return leaf_1(vcpu);
        case 4:
            return subleaf < LEAF4_SUBLEAVES ? leaf4[subleaf] : nothing;
        case 7:
            return subleaf ? nothing : leaf7;
        case 0xb:
            return leaf_b(vcpu, subleaf);
        case 0xd:
            return leaf_d_read(vcpu, subleaf);
        default:
            return basic[leaf];
        }
    }
    if (leaf >= EXTENDED_BASE && leaf - EXTENDED_BASE <= max_extended)
        return extended[leaf - EXTENDED_BASE];
    if (leaf == HYPERVISOR_BASE)
        return hypervisor[0];
    if (leaf == HYPERVISOR_BASE + 0x10)
        return hypervisor[1];
    return nothing;
}
