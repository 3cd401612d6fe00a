/* SSE and AVX registers of a guest: see vector_registers.h. They are accessed through the vCPU's
 * XSAVE area, which is otherwise used only while the vCPU is not loaded. SDM Vol. 1, "XSAVE Area",
 * "Standard Format of XSAVE Area". */
#include "vmm/vcpu/vector_registers.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/vcpu.h"

#define XSAVE_XMM   160 /* in the legacy region: 16 registers of 16 bytes */
#define XSAVE_BV    512 /* XSTATE_BV: the components that are not in their initial state */
#define XSAVE_YMM   XSAVE_AREA_MIN /* the upper halves, 16 bytes each */
#define HALF        16
#define NUMBER_MASK 15u

bool vector_registers_enabled(const struct vcpu *vcpu, bool avx) {
    const uint64_t both = XCR0_SSE | XCR0_AVX;
    uint64_t cr0 = vmcs_read(VMCS_GUEST_CR0), cr4 = vmcs_read(VMCS_GUEST_CR4);

    if (cr0 & CR0_TS)
        return false;
    if (!avx)
        return (cr4 & CR4_OSFXSR) && !(cr0 & CR0_EM);
    return (cr4 & CR4_OSXSAVE) && (vcpu->registers.xcr0 & both) == both && (cr0 & CR0_PE) &&
           !(vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_VM);
}

/* All components, whichever the guest has enabled in XCR0. */
static void save(struct vcpu *vcpu) {
    xsetbv(0, host.xcr0);
    xsave(vcpu->xsave);
}

void vector_register_read(struct vcpu *vcpu, unsigned number, struct mmio_vector *value) {
    unsigned offset = HALF * (number & NUMBER_MASK);

    save(vcpu);
    xsetbv(0, vcpu->registers.xcr0);
    *value = (struct mmio_vector){{0}};
    memcpy(&value->word[0], vcpu->xsave + XSAVE_XMM + offset, HALF);
    if (host.xcr0 & XCR0_AVX)
        memcpy(&value->word[2], vcpu->xsave + XSAVE_YMM + offset, HALF);
}

void vector_register_write(struct vcpu *vcpu, unsigned number, const struct mmio_vector *value) {
    unsigned offset = HALF * (number & NUMBER_MASK);
    uint64_t *components = (uint64_t *)(vcpu->xsave + XSAVE_BV);

    save(vcpu);
    memcpy(vcpu->xsave + XSAVE_XMM + offset, &value->word[0], HALF);
    *components |= XCR0_SSE;
    if ((host.xcr0 & XCR0_AVX) && ((*components & XCR0_AVX) || value->word[2] || value->word[3])) {
        memcpy(vcpu->xsave + XSAVE_YMM + offset, &value->word[2], HALF);
        *components |= XCR0_AVX;
    }
    xrstor(vcpu->xsave);
    xsetbv(0, vcpu->registers.xcr0);
}
