/* The control registers of guests: see control_regs.h. */
#include "vmm/vcpu/control_regs.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/guest_cpuid.h"
#include "vmm/vcpu/vcpu.h"

/* A write that changes any other bit of CR0 exits. */
#define CR0_GUEST_OWNED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM | CR0_PG)
/* CR4.MCE stays 1: with it 0, a machine check would shut down the whole machine. */
#define CR4_HOST_OWNED   (CR4_VMXE | CR4_MCE)

#define PDPTE_COUNT      4
#define PAE_CR3_MASK     0xffffffe0ULL
#define TYPE_TSS_16_BUSY 3u

void control_regs_set_masks(void) {
    vmcs_write(VMCS_CR0_MASK, ~CR0_GUEST_OWNED);
    vmcs_write(VMCS_CR4_MASK, ~guest_cpuid_cr4_bits() | CR4_HOST_OWNED);
}

void control_regs_set_cr0(uint64_t value) {
    vmcs_write(VMCS_GUEST_CR0, vmx_guest_cr0(&host.capabilities, value & ~(CR0_CD | CR0_NW)));
    vmcs_write(VMCS_CR0_READ_SHADOW, value);
}

void control_regs_set_cr4(uint64_t value) {
    vmcs_write(VMCS_GUEST_CR4, vmx_cr4(&host.capabilities, value | CR4_HOST_OWNED));
    vmcs_write(VMCS_CR4_READ_SHADOW, value);
}

/* With PAE paging, MOV to CR0 or CR4 loads the four entries that CR3 points at; a reserved bit in a
 * present one is #GP. SDM Vol. 3A, "PDPTE Registers". */
static bool control_regs_load_pdptes(struct vcpu *vcpu) {
    uint64_t address = vmcs_read(VMCS_GUEST_CR3) & PAE_CR3_MASK, pdpte[PDPTE_COUNT];
    const uint64_t *entry = vm_ram(vcpu->vm, address, sizeof(pdpte));
    uint64_t reserved = ~host_physical_mask() | PDPTE_RESERVED;

    if (!entry)
        return false;
    for (unsigned i = 0; i < PDPTE_COUNT; i++) {
        pdpte[i] = __atomic_load_n(&entry[i], __ATOMIC_RELAXED);
        if ((pdpte[i] & PDPTE_PRESENT) && (pdpte[i] & reserved))
            return false;
    }
    for (unsigned i = 0; i < PDPTE_COUNT; i++)
        vmcs_write(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
    return true;
}

/* ---- CR0 ---- */

uint64_t control_regs_read_cr0(void) {
    return (vmcs_read(VMCS_GUEST_CR0) & CR0_GUEST_OWNED) |
           (vmcs_read(VMCS_CR0_READ_SHADOW) & ~CR0_GUEST_OWNED);
}

static bool cr0_is_valid(uint64_t value) {
    return !(value >> 32) && !((value & CR0_PG) && !(value & CR0_PE)) &&
           !((value & CR0_NW) && !(value & CR0_CD));
}

/* With EFER.LME set, switching paging on or off switches IA-32e mode on or off. A 64-bit code
 * segment, and for on a TSS of 16 bits or no PAE, is #GP. SDM Vol. 3A, "Initializing IA-32e Mode".
 */
static bool may_switch_ia32e_mode(bool on) {
    if (vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L)
        return false;
    return !on ||
           ((vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) &&
            (vmcs_read(VMCS_GUEST_TR_ACCESS_RIGHTS) & ACCESS_RIGHTS_TYPE) != TYPE_TSS_16_BUSY);
}

static void control_regs_switch_ia32e(void) {
    vmcs_write(VMCS_GUEST_EFER, vmcs_read(VMCS_GUEST_EFER) ^ EFER_LMA);
    vmcs_write(VMCS_ENTRY_CONTROLS,
               vmcs_read(VMCS_ENTRY_CONTROLS) ^ VM_ENTRY_CONTROL_IA32E_MODE_GUEST);
}

bool control_regs_write_cr0(struct vcpu *vcpu, uint64_t value) {
    uint64_t changed = vmcs_read(VMCS_GUEST_CR0) ^ value;
    bool ia32e = vmcs_read(VMCS_GUEST_EFER) & EFER_LME, paging = value & CR0_PG;
    bool pae = vmcs_read(VMCS_GUEST_CR4) & CR4_PAE;
    bool switches = ia32e && (changed & CR0_PG);

    if (!cr0_is_valid(value) || (switches && !may_switch_ia32e_mode(paging)))
        return false;
    if (paging && pae && !ia32e && !control_regs_load_pdptes(vcpu))
        return false;
    if (switches)
        control_regs_switch_ia32e();
    value |= CR0_ET;
    control_regs_set_cr0(value & (CR0_GUEST_OWNED | CR0_NE | CR0_CD | CR0_NW)); /* others read 0 */
    if (changed & (CR0_PG | CR0_WP))
        invvpid(INVVPID_SINGLE_CONTEXT, vcpu_vpid(vcpu));
    return true;
}

/* ---- CR4 and XCR0 ---- */

bool control_regs_write_cr4(struct vcpu *vcpu, uint64_t value) {
    uint64_t changed = vmcs_read(VMCS_GUEST_CR4) ^ value;
    bool ia32e = vmcs_read(VMCS_GUEST_EFER) & EFER_LMA;
    bool paging = vmcs_read(VMCS_GUEST_CR0) & CR0_PG;

    if ((value & ~guest_cpuid_cr4_bits()) || (ia32e && !(value & CR4_PAE)))
        return false;
    if ((value & CR4_PAE) && !ia32e && paging && !control_regs_load_pdptes(vcpu))
        return false;
    control_regs_set_cr4(value);
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP))
        invvpid(INVVPID_SINGLE_CONTEXT, vcpu_vpid(vcpu));
    return true;
}

bool control_regs_write_xcr(struct vcpu *vcpu, uint32_t index, uint64_t value) {
    if (index != 0 || (value & ~host.xcr0) || !(value & XCR0_X87) ||
        ((value & XCR0_AVX) && !(value & XCR0_SSE)))
        return false;
    vcpu->registers.xcr0 = value;
    xsetbv(0, value);
    return true;
}
