/* What a guest may do to the processor: see policy.h. */
#include "vmm/vcpu/policy.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "drivers/tsc.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/guest_cpuid.h"
#include "vmm/vcpu/virq.h"

#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX)

/* The guest's own: everything else in CR0 exits when it changes. */
#define CR0_GUEST_OWNED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM | CR0_PG)
/* CR4.MCE stays on: with it off a machine check would shut the whole machine down. */
#define CR4_HOST_OWNED (CR4_VMXE | CR4_MCE)

struct policy policy;

/* MSR bitmaps: SDM Vol. 3C, "MSR-Bitmap Address": reads of low MSRs, reads of high ones, then
 * writes. */
#define BITMAP_WRITES 2048
#define BITMAP_HIGH   1024
#define HIGH_MSR_BASE 0xc0000000u

static void open_msr(uint8_t *bitmap, uint32_t msr, bool reads, bool writes) {
    uint32_t byte = (msr & 0x1fff) / 8 + (msr >= HIGH_MSR_BASE ? BITMAP_HIGH : 0);
    uint8_t bit = (uint8_t)(1u << (msr & 7));

    if (reads)
        bitmap[byte] &= (uint8_t)~bit;
    if (writes)
        bitmap[byte + BITMAP_WRITES] &= (uint8_t)~bit;
}

/* Open in both directions: what VM entry and exit or the switch between vCPUs save and restore, and
 * where the processor itself refuses bad values. */
static const uint32_t open_msrs[] = {
    MSR_IA32_FS_BASE, MSR_IA32_GS_BASE,      MSR_IA32_KERNEL_GS_BASE, MSR_IA32_STAR,
    MSR_IA32_LSTAR,   MSR_IA32_CSTAR,        MSR_IA32_FMASK,          MSR_IA32_SYSENTER_CS,
    MSR_IA32_PAT,     MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* In x2APIC mode the virtual-APIC page answers these reads. The current count, PPR's neighbours
 * that do not exist, and all writes but three come to us. */
static void open_x2apic(uint8_t *bitmap) {
    static const uint16_t readable[] = {
        APIC_ID,        APIC_VERSION,   APIC_TPR,         APIC_PPR,           APIC_LDR,
        APIC_SVR,       APIC_ESR,       APIC_LVT_THERMAL, APIC_LVT_TIMER,     APIC_LVT_PERFORMANCE,
        APIC_LVT_LINT0, APIC_LVT_LINT1, APIC_LVT_ERROR,   APIC_TIMER_INITIAL, APIC_TIMER_DIVIDE,
    };

    for (unsigned i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        open_msr(bitmap, MSR_X2APIC_BASE + readable[i] / 16, true, false);
    for (uint32_t msr = MSR_X2APIC_BASE + APIC_ISR / 16; msr < MSR_X2APIC_BASE + APIC_ESR / 16;
         msr++)
        open_msr(bitmap, msr, true, false);
    open_msr(bitmap, MSR_X2APIC_TPR, true, true);
    open_msr(bitmap, MSR_X2APIC_EOI, false, true);
    open_msr(bitmap, MSR_X2APIC_SELF_IPI, false, true);
}

static void build_bitmaps(void) {
    uint8_t *io = memory_alloc_pages(2 * PAGE_SIZE, &policy.io_bitmap);
    memset(io, 0xff, 2 * PAGE_SIZE);

    for (unsigned mode = 0; mode < 3; mode++) {
        uint8_t *bitmap = memory_alloc_pages(PAGE_SIZE, &policy.msr_bitmap[mode]);
        memset(bitmap, 0xff, PAGE_SIZE);
        for (unsigned i = 0; i < sizeof(open_msrs) / sizeof(open_msrs[0]); i++)
            open_msr(bitmap, open_msrs[i], true, true);
        if (host.capabilities.rdtscp)
            open_msr(bitmap, MSR_IA32_TSC_AUX, true, true);
        open_msr(bitmap, MSR_IA32_TSC, true, false);
        open_msr(bitmap, MSR_IA32_EFER, true, false);
        if (mode == VMX_APIC_X2APIC)
            open_x2apic(bitmap);
    }
}

const char *policy_init(void) {
    if (!(cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE))
        return "this CPU has no XSAVE";
    policy.xcr0 =
        (cpuid(CPUID_LEAF_XSTATE, 0).eax | (uint64_t)cpuid(CPUID_LEAF_XSTATE, 0).edx << 32) &
        XCR0_OFFERED;
    xsetbv(0, policy.xcr0);
    policy.xsave_size = cpuid(CPUID_LEAF_XSTATE, 0).ebx;
    policy.ibpb = cpuid_has_leaf(CPUID_LEAF_STRUCTURED_FEATURES) &&
                  (cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 0).edx & CPUID_7_EDX_IBPB);
    policy.physical_mask = (1ULL << host.capabilities.physical_bits) - 1;
    build_bitmaps();
    guest_cpuid_init(policy.xcr0, tsc_frequency());
    return NULL;
}

uint32_t policy_vpid(const struct vcpu *vcpu) {
    return 1 + vcpu->vm->index * BOOT_MAX_VCPUS + vcpu->index;
}

void policy_set_masks(void) {
    vmcs_write(VMCS_CR0_MASK, ~CR0_GUEST_OWNED);
    vmcs_write(VMCS_CR4_MASK, ~vcpuid_cr4_bits() | CR4_HOST_OWNED);
}

void policy_set_cr0(uint64_t value) {
    vmcs_write(VMCS_GUEST_CR0, vmx_guest_cr0(&host.capabilities, value & ~(CR0_CD | CR0_NW)));
    vmcs_write(VMCS_CR0_READ_SHADOW, value);
}

void policy_set_cr4(uint64_t value) {
    vmcs_write(VMCS_GUEST_CR4, vmx_cr4(&host.capabilities, value | CR4_HOST_OWNED));
    vmcs_write(VMCS_CR4_READ_SHADOW, value);
}

/* PAE paging without long mode: MOV to CR0 loads the four entries that CR3 points at, and refuses
 * reserved bits. SDM Vol. 3A, "PDPTE Registers". */
static bool load_pdptes(struct vcpu *vcpu) {
    uint64_t address = vmcs_read(VMCS_GUEST_CR3) & 0xffffffe0;
    const uint64_t *entry = vm_ram(vcpu->vm, address, 32);
    uint64_t reserved = ~policy.physical_mask | PDPTE_RESERVED;

    if (!entry)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t e = entry[i];
        if ((e & 1) && (e & reserved))
            return false;
        vmcs_write(VMCS_GUEST_PDPTE0 + 2 * i, e);
    }
    return true;
}

bool policy_guest_writes_cr0(struct vcpu *vcpu, uint64_t value) {
    uint64_t old = vmcs_read(VMCS_GUEST_CR0);
    uint64_t efer = vmcs_read(VMCS_GUEST_EFER);
    uint64_t cr4 = vmcs_read(VMCS_GUEST_CR4);
    bool paging_on = (value & CR0_PG) && !(old & CR0_PG);
    bool paging_off = !(value & CR0_PG) && (old & CR0_PG);

    value |= CR0_ET;
    if ((value >> 32) || ((value & CR0_PG) && !(value & CR0_PE)) ||
        ((value & CR0_NW) && !(value & CR0_CD)))
        return false;
    value &= CR0_GUEST_OWNED | CR0_NE | CR0_CD | CR0_NW; /* the rest reads as zero */
    uint64_t rights = vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS);
    if (paging_on && (efer & EFER_LME) && (!(cr4 & CR4_PAE) || (rights & ACCESS_RIGHTS_L)))
        return false;
    if (paging_off && (efer & EFER_LMA) && (rights & ACCESS_RIGHTS_L))
        return false;
    if ((value & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME) && !load_pdptes(vcpu))
        return false;
    if ((paging_on && (efer & EFER_LME)) || (paging_off && (efer & EFER_LMA))) {
        uint64_t controls = vmcs_read(VMCS_ENTRY_CONTROLS);
        vmcs_write(VMCS_GUEST_EFER, efer ^ EFER_LMA);
        vmcs_write(VMCS_ENTRY_CONTROLS, controls ^ VM_ENTRY_CONTROL_IA32E_MODE_GUEST);
    }
    policy_set_cr0(value);
    if (paging_on || paging_off || ((value ^ old) & CR0_WP))
        invvpid(INVVPID_SINGLE_CONTEXT, (uint16_t)policy_vpid(vcpu));
    return true;
}

bool policy_guest_writes_cr4(struct vcpu *vcpu, uint64_t value) {
    uint64_t old = vmcs_read(VMCS_GUEST_CR4);
    uint64_t efer = vmcs_read(VMCS_GUEST_EFER);

    if (value & ~vcpuid_cr4_bits())
        return false;
    if ((efer & EFER_LMA) && !(value & CR4_PAE))
        return false;
    if ((value & CR4_PAE) && !(efer & EFER_LMA) && (vmcs_read(VMCS_GUEST_CR0) & CR0_PG) &&
        !load_pdptes(vcpu))
        return false;
    policy_set_cr4(value);
    if ((value ^ old) & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP))
        invvpid(INVVPID_SINGLE_CONTEXT, (uint16_t)policy_vpid(vcpu));
    return true;
}

bool policy_guest_writes_xcr0(struct vcpu *vcpu, uint32_t index, uint64_t value) {
    if (index != 0 || (value & ~policy.xcr0) || !(value & XCR0_X87) ||
        ((value & XCR0_AVX) && !(value & XCR0_SSE)))
        return false;
    vcpu->registers.xcr0 = value;
    xsetbv(0, value);
    return true;
}

static bool write_efer(uint64_t value) {
    uint64_t old = vmcs_read(VMCS_GUEST_EFER);

    if (value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
        return false;
    if (((value ^ old) & EFER_LME) && (vmcs_read(VMCS_GUEST_CR0) & CR0_PG))
        return false;
    vmcs_write(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
    return true;
}

/* The guest's TSC jumps. The machine's own stays: other guests, and our own time, are counted by
 * it. SDM Vol. 3B, "IA32_TSC_ADJUST Register Support". */
static void move_tsc(struct vcpu *vcpu, uint64_t by) {
    uint64_t offset = vcpu->timer.tsc_offset + by;

    vcpu->tsc_adjust += by;
    vlapic_timer_set_tsc_offset(&vcpu->timer, offset, rdtsc());
    virq_plan_timer(vcpu);
    vmcs_write(VMCS_TSC_OFFSET, offset);
}

bool policy_read_msr(struct vcpu *vcpu, uint32_t msr, uint64_t *value) {
    switch (msr) {
    case MSR_IA32_TSC_DEADLINE:
        *value = vlapic_timer_read_deadline(&vcpu->timer, rdtsc());
        return true;
    case MSR_IA32_TSC_ADJUST:
        *value = vcpu->tsc_adjust;
        return true;
    case MSR_IA32_BIOS_SIGN_ID: /* the microcode's revision; operating systems look */
        *value = 1ULL << 32;
        return true;
    case MSR_IA32_MISC_ENABLE:
        *value =
            MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_BTS_UNAVAILABLE | MISC_ENABLE_PEBS_UNAVAILABLE;
        return true;
    case MSR_IA32_MCG_CAP: /* no banks */
    case MSR_IA32_MCG_STATUS:
    case MSR_IA32_PLATFORM_ID:
        *value = 0;
        return true;
    default:
        if (mtrr_has(msr)) {
            *value = mtrr_read(&vcpu->mtrr, msr);
            return true;
        }
        vm_log_msr(vcpu->vm, "RDMSR", msr);
        return false;
    }
}

bool policy_write_msr(struct vcpu *vcpu, uint32_t msr, uint64_t value) {
    switch (msr) {
    case MSR_IA32_TSC_DEADLINE:
        virq_write_deadline(vcpu, value);
        return true;
    case MSR_IA32_TSC:
        move_tsc(vcpu, value - (rdtsc() + vcpu->timer.tsc_offset));
        return true;
    case MSR_IA32_TSC_ADJUST:
        move_tsc(vcpu, value - vcpu->tsc_adjust);
        return true;
    case MSR_IA32_EFER:
        return write_efer(value);
    case MSR_IA32_BIOS_SIGN_ID: /* written 0 before CPUID, to read the revision */
        return value == 0;
    case MSR_IA32_MCG_STATUS:
        return value == 0;
    default:
        if (mtrr_has(msr))
            return mtrr_write(&vcpu->mtrr, msr, value, policy.physical_mask);
        vm_log_msr(vcpu->vm, "WRMSR", msr);
        return false;
    }
}
