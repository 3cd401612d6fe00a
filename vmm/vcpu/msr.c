/* The MSRs of guests: see msr.h. */
#include "vmm/vcpu/msr.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/mitigations.h"
#include "vmm/vcpu/virq.h"

#define MICROCODE_REVISION (1ULL << 32) /* revision 1, in bits 63:32 */

static uint64_t bitmap_physical[VMX_APIC_MODES];

/* ---- the bitmaps ---- */

/* A bitmap has a bit for each MSR whose reads exit, the low MSRs before the high ones, and then the
 * same for writes. */
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

/* Not intercepted: VM entries and exits, or the switch between vCPUs, save and restore these MSRs,
 * and the processor itself refuses invalid values. */
static const uint32_t open_msrs[] = {
    MSR_IA32_FS_BASE, MSR_IA32_GS_BASE,      MSR_IA32_KERNEL_GS_BASE, MSR_IA32_STAR,
    MSR_IA32_LSTAR,   MSR_IA32_CSTAR,        MSR_IA32_FMASK,          MSR_IA32_SYSENTER_CS,
    MSR_IA32_PAT,     MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* In x2APIC mode the processor reads these registers from the virtual-APIC page. Reads of the
 * timer's current count and of registers that do not exist exit, and so do all writes but those of
 * TPR and EOI and, unless the local APIC is software-disabled, self-IPIs. */
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
}

uint64_t msr_bitmap(enum vmx_apic_mode mode) {
    return bitmap_physical[mode];
}

void msr_init(void) {
    for (unsigned mode = 0; mode < VMX_APIC_MODES; mode++) {
        uint8_t *bitmap = memory_alloc_pages(PAGE_SIZE, &bitmap_physical[mode]);
        memset(bitmap, 0xff, PAGE_SIZE);
        for (unsigned i = 0; i < sizeof(open_msrs) / sizeof(open_msrs[0]); i++)
            open_msr(bitmap, open_msrs[i], true, true);
        if (host.capabilities.rdtscp)
            open_msr(bitmap, MSR_IA32_TSC_AUX, true, true);
        if (mitigations.guest_spec_ctrl_open)
            open_msr(bitmap, MSR_IA32_SPEC_CTRL, true, true);
        if (mitigations.guest_pred_cmd)
            open_msr(bitmap, MSR_IA32_PRED_CMD, false, true);
        if (mitigations.guest_flush_cmd)
            open_msr(bitmap, MSR_IA32_FLUSH_CMD, false, true);
        open_msr(bitmap, MSR_IA32_TSC, true, false);
        open_msr(bitmap, MSR_IA32_EFER, true, false);
        if (mode == VMX_APIC_X2APIC || mode == VMX_APIC_X2APIC_EXITING)
            open_x2apic(bitmap);
        if (mode == VMX_APIC_X2APIC)
            open_msr(bitmap, MSR_X2APIC_SELF_IPI, false, true);
    }
}

/* ---- RDMSR and WRMSR ---- */

#define MISC_ENABLE_READ_ONLY (MISC_ENABLE_BTS_UNAVAILABLE | MISC_ENABLE_PEBS_UNAVAILABLE)

static bool msr_write_efer(uint64_t value) {
    uint64_t old = vmcs_read(VMCS_GUEST_EFER);

    if (value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
        return false;
    if (((value ^ old) & EFER_LME) && (vmcs_read(VMCS_GUEST_CR0) & CR0_PG))
        return false;
    vmcs_write(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
    return true;
}

/* A write to a read-only bit is ignored. All other bits are of features that CPUID does not offer,
 * or would take away some that it does. */
static bool msr_write_misc_enable(struct vcpu *vcpu, uint64_t value) {
    if (value & ~(MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_READ_ONLY))
        return false;
    vcpu->misc_enable = value & MISC_ENABLE_FAST_STRINGS;
    return true;
}

/* VM entries load BTF and VM exits save it. LBR can be written and reads 0, as on processors with
 * architectural LBRs: no guest reaches the branch records. SDM Vol. 3B, "IA32_DEBUGCTL MSR". */
static bool msr_write_debugctl(uint64_t value) {
    if (value & ~(DEBUGCTL_BTF | DEBUGCTL_LBR))
        return false;
    vmcs_write(VMCS_GUEST_DEBUGCTL, value & DEBUGCTL_BTF);
    return true;
}

/* Changes the guest's TSC through the TSC offset. The machine's own TSC is not written: other
 * guests and the hypervisor keep time by it. SDM Vol. 3B, "IA32_TSC_ADJUST Register Support". */
static void msr_move_tsc(struct vcpu *vcpu, uint64_t by) {
    uint64_t offset = vcpu->timer.tsc_offset + by;

    vcpu->tsc_adjust += by;
    vlapic_timer_set_tsc_offset(&vcpu->timer, offset, rdtsc());
    virq_plan_timer(vcpu);
    vmcs_write(VMCS_TSC_OFFSET, offset);
}

/* Intercepted where the hypervisor keeps bits of it at 1, which it does in guest mode, too. */
static bool msr_write_spec_ctrl(struct vcpu *vcpu, uint64_t value) {
    if (value & ~mitigations.guest_spec_ctrl)
        return false;
    vcpu->registers.spec_ctrl = value;
    wrmsr(MSR_IA32_SPEC_CTRL, value | mitigations.spec_ctrl);
    return true;
}

/* The MSRs that a processor has only if it announces them. False: it does not. */
static bool msr_read_speculation(struct vcpu *vcpu, uint32_t msr, uint64_t *value) {
    if (msr == MSR_IA32_SPEC_CTRL && mitigations.guest_spec_ctrl)
        *value = vcpu->registers.spec_ctrl;
    else if (msr == MSR_IA32_ARCH_CAPABILITIES && mitigations.guest_arch_capabilities)
        *value = mitigations.guest_arch_value;
    else
        return false;
    return true;
}

bool msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value) {
    switch (msr) {
    case MSR_IA32_TSC_DEADLINE:
        *value = vlapic_timer_read_deadline(&vcpu->timer, rdtsc());
        return true;
    case MSR_IA32_TSC_ADJUST:
        *value = vcpu->tsc_adjust;
        return true;
    case MSR_IA32_BIOS_SIGN_ID: /* the microcode's revision: operating systems read it */
        *value = MICROCODE_REVISION;
        return true;
    case MSR_IA32_MISC_ENABLE:
        *value = vcpu->misc_enable | MISC_ENABLE_READ_ONLY;
        return true;
    case MSR_IA32_DEBUGCTL:
        *value = vmcs_read(VMCS_GUEST_DEBUGCTL);
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
        if (msr_read_speculation(vcpu, msr, value))
            return true;
        vm_log_msr(vcpu->vm, "RDMSR", msr);
        return false;
    }
}

__attribute__((noinline)) static bool write_rare_msr(struct vcpu *vcpu, uint32_t msr,
                                                     uint64_t value) {
    switch (msr) {
    case MSR_IA32_TSC:
        msr_move_tsc(vcpu, value - (rdtsc() + vcpu->timer.tsc_offset));
        return true;
    case MSR_IA32_TSC_ADJUST:
        msr_move_tsc(vcpu, value - vcpu->tsc_adjust);
        return true;
    case MSR_IA32_EFER:
        return msr_write_efer(value);
    case MSR_IA32_MISC_ENABLE:
        return msr_write_misc_enable(vcpu, value);
    case MSR_IA32_DEBUGCTL:
        return msr_write_debugctl(value);
    case MSR_IA32_BIOS_SIGN_ID: /* written 0 before CPUID, to read the revision */
        return value == 0;
    case MSR_IA32_MCG_STATUS:
        return value == 0;
    default:
        if (mtrr_has(msr))
            return mtrr_write(&vcpu->mtrr, msr, value, host_physical_mask());
        if (msr == MSR_IA32_SPEC_CTRL && mitigations.guest_spec_ctrl)
            return msr_write_spec_ctrl(vcpu, value);
        vm_log_msr(vcpu->vm, "WRMSR", msr);
        return false;
    }
}

/* Guests write the deadline at each tick. */
bool msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value) {
    if (msr != MSR_IA32_TSC_DEADLINE)
        return write_rare_msr(vcpu, msr, value);
    virq_write_deadline(vcpu, value);
    return true;
}
