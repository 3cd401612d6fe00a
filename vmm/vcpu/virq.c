/* Virtual interrupts and the VMCS: see virq.h. */
#include "vmm/vcpu/virq.h"

#include "arch/msr.h"
#include "lib/bits.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/posted.h"

/* Guest interrupt status: RVI in the low byte, SVI in the high one. */
#define STATUS_RVI_MASK  0xffULL
#define STATUS_SVI_SHIFT 8

#define SPURIOUS_VECTOR  0xff /* after a reset, and as firmware leaves it */
#define EOI_WORDS_ALL    0xfu /* a bit for each of the four words of the EOI-exit bitmap */

static uint64_t apic_access_page;

static void virq_update_access(struct vcpu *vcpu);

/* ---- the effects that vmm/interrupts/routing.h asks for ---- */

static void virq_lock(void *context) {
    spin_lock(&((struct vm *)context)->interrupt_lock);
}

static void virq_unlock(void *context) {
    spin_unlock(&((struct vm *)context)->interrupt_lock);
}

static void virq_notify(void *context, unsigned vcpu) {
    vcpu_request(((struct vm *)context)->vcpu[vcpu], REQUEST_INTERRUPTS);
}

static void virq_notify_edge(void *context, unsigned vcpu) {
    posted_notify(((struct vm *)context)->vcpu[vcpu]);
}

/* Until now the processor has kept RVI at the highest vector in the IRR. */
static void virq_accepted_own(void *context, unsigned index, uint8_t vector) {
    if (((struct vm *)context)->vcpu[index]->software)
        return; /* virq_deliver() will look at the IRR */
    uint64_t status = vmcs_read(VMCS_GUEST_INTERRUPT_STATUS);

    if ((status & STATUS_RVI_MASK) < vector)
        vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, (status & ~STATUS_RVI_MASK) | vector);
}

static void virq_signal(void *context, unsigned index, enum apic_delivery_mode mode,
                        uint8_t vector) {
    struct vcpu *vcpu = ((struct vm *)context)->vcpu[index];

    switch (mode) {
    case APIC_DELIVERY_NMI:
        vcpu_send_nmi(vcpu);
        break;
    case APIC_DELIVERY_INIT:
        vcpu_send_init(vcpu);
        break;
    case APIC_DELIVERY_SIPI:
        vcpu_send_sipi(vcpu, vector);
        break;
    case APIC_DELIVERY_EXTINT:
        vcpu_request(vcpu, REQUEST_EXTINT);
        break;
    default: /* SMI: there is no SMM */
        break;
    }
}

static void virq_access_changed(void *context, unsigned index) {
    virq_update_access(((struct vm *)context)->vcpu[index]);
}

static void virq_timer_changed(void *context, unsigned index, uint32_t offset) {
    struct vcpu *vcpu = ((struct vm *)context)->vcpu[index];

    if (offset == 0)
        vlapic_timer_reset(&vcpu->timer);
    else
        vlapic_timer_write(&vcpu->timer, offset, apic_page_read(vcpu->apic_page, offset), rdtsc());
    virq_plan_timer(vcpu);
}

static uint32_t virq_timer_current(void *context, unsigned index) {
    return vlapic_timer_current(&((struct vm *)context)->vcpu[index]->timer, rdtsc());
}

static void virq_trace_event(void *context, uint64_t what, uint64_t a, uint64_t b) {
    host_trace(((struct vm *)context)->index, what, a, b);
}

/* For lock-step: each event gets a record, and a time, of its own. */
static void virq_trace_each(void *context, uint64_t what, uint64_t a, uint64_t b) {
    host_trace_each(((struct vm *)context)->index, what, a, b);
}

#define EFFECTS(edge, tracer)                                                                      \
    {                                                                                              \
        .lock = virq_lock, .unlock = virq_unlock, .notify = virq_notify, .notify_edge = (edge),    \
        .accepted_own = virq_accepted_own, .signal = virq_signal,                                  \
        .access_changed = virq_access_changed, .timer_changed = virq_timer_changed,                \
        .timer_current = virq_timer_current, .trace = (tracer),                                    \
    }
static const struct routing_effects effects = EFFECTS(virq_notify, virq_trace_event);
static const struct routing_effects effects_posted = EFFECTS(virq_notify_edge, virq_trace_event);
static const struct routing_effects effects_trace_each = EFFECTS(virq_notify, virq_trace_each);

const struct routing_effects *virq_effects_of(const struct vm *vm) {
    if (vm->posted)
        return &effects_posted;
    return vm->trace ? &effects_trace_each : &effects;
}

/* ---- the VMCS ---- */

void virq_init(void) {
    memory_alloc_pages(PAGE_SIZE, &apic_access_page);
}

uint64_t virq_apic_access_page(void) {
    return apic_access_page;
}

static void virq_write_eoi_words(const struct vcpu *vcpu, unsigned words) {
    const struct vector_set *exit = &virq_lapic(vcpu)->map.exit;
    unsigned i;

    if (vcpu->software)
        return; /* vlapic_eoi() reads the map */
    for_each_bit(i, words)
        vmcs_write(VMCS_EOI_EXIT_BITMAP0 + 2 * i, exit->word[i]);
}

/* RVI is the highest vector in the IRR, SVI the highest in the ISR. While the guest runs, the
 * processor updates both. */
static uint64_t virq_status(const struct vcpu *vcpu) {
    int rvi = apic_page_highest(vcpu->apic_page, APIC_IRR);
    int svi = apic_page_highest(vcpu->apic_page, APIC_ISR);

    return (uint64_t)(rvi < 0 ? 0 : rvi) | (uint64_t)(svi < 0 ? 0 : svi) << STATUS_SVI_SHIFT;
}

static void virq_write_status(const struct vcpu *vcpu) {
    if (vcpu->software)
        return;
    uint64_t status = virq_status(vcpu);

    if (vmcs_read(VMCS_GUEST_INTERRUPT_STATUS) != status)
        vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, status);
}

void virq_set_up(struct vcpu *vcpu) {
    vmcs_write(VMCS_VIRTUAL_APIC_ADDRESS, vcpu->apic_page_physical);
    if (!vcpu->software) /* otherwise the processor may not have the field */
        vmcs_write(VMCS_APIC_ACCESS_ADDRESS, apic_access_page);
    vmcs_write(VMCS_TPR_THRESHOLD, 0);
    virq_write_eoi_words(vcpu, EOI_WORDS_ALL);
    posted_set_up(vcpu);
    virq_mode_changed(vcpu);
}

/* The APIC-access page has one address for all vCPUs of a guest. Accesses to a local APIC that is
 * not at its default address are emulated after EPT violations. So are those to one that is
 * software-disabled: it drops self-IPIs, which the processor would virtualize without a VM exit; no
 * control excludes them alone. In x2APIC mode the MSR bitmap does. What is in the IRR and the ISR
 * is delivered and ended as before. */
enum vmx_apic_mode virq_apic_mode(const struct vcpu *vcpu) {
    const struct vlapic *apic = virq_lapic(vcpu);
    bool enabled = apic->identity.enabled;

    if (vcpu->software)
        return VMX_APIC_SOFTWARE;
    if (!(apic->base & APIC_BASE_ENABLE))
        return VMX_APIC_HIDDEN;
    if (apic->base & APIC_BASE_X2APIC)
        return enabled && !apic->tmr_used ? VMX_APIC_X2APIC : VMX_APIC_X2APIC_EXITING;
    return enabled && (apic->base & APIC_BASE_ADDRESS_MASK) == APIC_DEFAULT_BASE ? VMX_APIC_XAPIC
                                                                                 : VMX_APIC_HIDDEN;
}

/* Controls, MSR bitmap and EPT change together. Otherwise a guest could reach the machine's own
 * APIC (CVE-2016-4440), or the APIC-access page as memory that all guests share. */
void virq_mode_changed(struct vcpu *vcpu) {
    enum vmx_apic_mode mode = virq_apic_mode(vcpu);

    if (!vmx_choose_controls(&host.capabilities, mode, vcpu->vm->posted, vcpu_shares_cpu(vcpu),
                             &vcpu->controls)) {
        vm_kill(vcpu->vm, "vCPU %u: this processor cannot virtualize its local APIC's mode",
                vcpu->index);
        return;
    }
    vcpu->apic_mode = mode;
    vmcs_write(VMCS_MSR_BITMAP, msr_bitmap(mode));
    vmcs_write(VMCS_EPT_POINTER, vcpu->vm->ept_pointer[mode == VMX_APIC_XAPIC]);
    vmcs_write(VMCS_PRIMARY_CONTROLS, vcpu->controls.primary);
    vcpu->windows = 0;
    vmcs_write(VMCS_SECONDARY_CONTROLS, vcpu->controls.secondary);
    /* Translations of the APIC-access page are cached with the control's old value.
     * SDM Vol. 3C, "Guidelines for Use of the INVVPID Instruction". */
    invvpid(INVVPID_SINGLE_CONTEXT, vcpu_vpid(vcpu));
    posted_update(vcpu);
    virq_write_status(vcpu);
}

static bool is_x2apic(enum vmx_apic_mode mode) {
    return mode == VMX_APIC_X2APIC || mode == VMX_APIC_X2APIC_EXITING;
}

/* The two x2APIC modes differ in the MSR bitmap alone. */
static void virq_update_access(struct vcpu *vcpu) {
    enum vmx_apic_mode now = virq_apic_mode(vcpu), before = vcpu->apic_mode;

    posted_update(vcpu);
    if (before == now)
        return;
    if (is_x2apic(before) && is_x2apic(now)) {
        vcpu->apic_mode = now;
        vmcs_write(VMCS_MSR_BITMAP, msr_bitmap(now));
    } else {
        virq_mode_changed(vcpu);
    }
}

void virq_trace(const struct vcpu *vcpu, enum trace_event event, uint8_t vector, uint64_t a,
                uint64_t b) {
    virq_trace_event(vcpu->vm, trace_what(event, vcpu->index, vector, TRACE_NO_PIN), a, b);
}

void virq_trace_exit(const struct vcpu *vcpu, uint32_t reason) {
    uint64_t eoi = reason == EXIT_REASON_VIRTUALIZED_EOI ? vmcs_read(VMCS_EXIT_QUALIFICATION) : 0;

    uint64_t status = vcpu->software ? virq_status(vcpu) : vmcs_read(VMCS_GUEST_INTERRUPT_STATUS);

    virq_trace(vcpu, TRACE_EXIT, (uint8_t)reason, status, eoi);
}

/* Two words of the EOI-exit bitmap in a record. */
static void virq_trace_bitmap(const struct vcpu *vcpu) {
    for (unsigned i = 0; i < 4; i += 2)
        virq_trace(vcpu, TRACE_BITMAP, (uint8_t)(64 * i), vmcs_read(VMCS_EOI_EXIT_BITMAP0 + 2 * i),
                   vmcs_read(VMCS_EOI_EXIT_BITMAP0 + 2 * (i + 1)));
}

void virq_prepare_entry(struct vcpu *vcpu) {
    unsigned changed;
    bool accepted = routing_prepare_entry(vcpu->routed, &changed);

    if (changed)
        virq_write_eoi_words(vcpu, changed);
    if (accepted)
        virq_write_status(vcpu);
    if (vcpu->vm->trace && changed && !vcpu->software)
        virq_trace_bitmap(vcpu);
}

bool virq_deliverable(const struct vcpu *vcpu) {
    return apic_page_deliverable(vcpu->apic_page) >= 0;
}

/* ---- delivery in software ---- */

int virq_deliver(struct vcpu *vcpu) {
    return vcpu->software ? vlapic_deliver(virq_lapic(vcpu)) : -1;
}

bool virq_wants_window(const struct vcpu *vcpu) {
    return vcpu->software && virq_deliverable(vcpu);
}

/* MOV to CR8 exits when the TPR falls below the threshold. The VM entry requires a threshold that
 * is not above the TPR's class. SDM Vol. 3C, "Controls for APIC Virtualization". */
void virq_write_tpr_threshold(struct vcpu *vcpu) {
    uint32_t threshold = vlapic_tpr_threshold(virq_lapic(vcpu));

    if (vcpu->tpr_threshold == threshold)
        return;
    vmcs_write(VMCS_TPR_THRESHOLD, threshold);
    vcpu->tpr_threshold = threshold;
}

/* ---- registers ---- */

void virq_apic_write(struct vcpu *vcpu, uint32_t offset, uint32_t value) {
    vlapic_write(virq_lapic(vcpu), offset, value);
    /* An EOI that the processor has not virtualized changes SVI. */
    virq_write_status(vcpu);
}

bool virq_write_base(struct vcpu *vcpu, uint64_t value) {
    if (!vlapic_write_base(virq_lapic(vcpu), value))
        return false;
    if (virq_apic_address(vcpu) != UINT64_MAX && vm_ram(vcpu->vm, virq_apic_address(vcpu), 1))
        vm_kill(vcpu->vm,
                "vCPU %u: its local APIC is moved over RAM, to 0x%lx, which is not virtualized",
                vcpu->index, virq_apic_address(vcpu));
    virq_update_access(vcpu);
    virq_write_status(vcpu);
    return true;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static void set_timer_next(struct vcpu *vcpu, uint64_t lapic_next) {
    vcpu->timer_next = earlier(vcpu->pc_timer_next, lapic_next);
    vcpu->rearm_at = 0;
}

void virq_plan_timer(struct vcpu *vcpu) {
    set_timer_next(vcpu, vlapic_timer_next(&vcpu->timer));
}

void virq_pc_timer_changed(struct vcpu *vcpu) {
    vcpu->pc_timer_next = pc_timer_next(&vcpu->vm->pc);
    virq_plan_timer(vcpu);
}

void virq_fire_timer(struct vcpu *vcpu, uint64_t now) {
    if (vlapic_timer_fire(&vcpu->timer, now))
        vlapic_local_interrupt(virq_lapic(vcpu), APIC_LVT_TIMER);
    if (vcpu->pc_timer_next <= now) {
        pc_tick(&vcpu->vm->pc);
        virq_pc_timer_changed(vcpu);
        return;
    }
    virq_plan_timer(vcpu);
}

void virq_write_deadline(struct vcpu *vcpu, uint64_t deadline) {
    set_timer_next(vcpu, vlapic_timer_write_deadline(&vcpu->timer, deadline, rdtsc()));
}

/* ---- the 8259s ---- */

static enum apic_delivery_mode virq_lint0_mode(const struct vcpu *vcpu, bool *masked) {
    uint32_t lvt = apic_page_read(vcpu->apic_page, APIC_LVT_LINT0);

    *masked = lvt & APIC_LVT_MASKED;
    return apic_delivery_mode(lvt);
}

/* Whether the vCPU accepts interrupts of the 8259s. With its LAPIC disabled, LINT0 of vCPU 0 is the
 * processor's INTR pin. SDM Vol. 3A, "Enabling or Disabling the Local APIC". */
static bool virq_accepts_intr(const struct vcpu *vcpu) {
    bool masked;

    if (!(virq_lapic(vcpu)->base & APIC_BASE_ENABLE))
        return vcpu->index == 0;
    return virq_lint0_mode(vcpu, &masked) == APIC_DELIVERY_EXTINT && !masked;
}

bool virq_extint_pending(const struct vcpu *vcpu) {
    return vcpu->extint || (pc_intr(&vcpu->vm->pc) && virq_accepts_intr(vcpu));
}

int virq_acknowledge_extint(struct vcpu *vcpu) {
    bool message = vcpu->extint != 0;

    vcpu->extint = 0;
    return irq_lines_acknowledge(&vcpu->vm->pc, message);
}

/* A rise of the output is an edge, also if the LVT entry says level: docs/architecture.md, "Where
 * it is less than a PC". */
void virq_lint0_rose(struct vcpu *vcpu) {
    bool masked;
    enum apic_delivery_mode mode = virq_lint0_mode(vcpu, &masked);

    if (mode == APIC_DELIVERY_FIXED)
        vlapic_local_interrupt(virq_lapic(vcpu), APIC_LVT_LINT0);
    else if (mode == APIC_DELIVERY_NMI && !masked)
        vcpu_send_nmi(vcpu);
}

void virq_firmware_defaults(struct vcpu *vcpu) {
    struct vlapic *apic = virq_lapic(vcpu);

    vlapic_write(apic, APIC_SVR, APIC_SVR_ENABLE | SPURIOUS_VECTOR);
    vlapic_write(apic, APIC_LVT_LINT0, APIC_DELIVERY_EXTINT << RTE_DELIVERY_SHIFT);
    vlapic_write(apic, APIC_LVT_LINT1, APIC_DELIVERY_NMI << RTE_DELIVERY_SHIFT);
}
