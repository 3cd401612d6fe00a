/* The one list of VMX controls that Pinwheel uses: see arch/vmx/vmx_controls.h.
 *
 * "Acknowledge interrupt on exit" is 0 without posted interrupts, which require it:
 * virtual-interrupt delivery requires only external-interrupt exiting. With 0, a physical interrupt
 * that causes a VM exit stays pending in the local APIC and is delivered through the host's IDT as
 * soon as the host enables interrupts. The host must enable them before the next VM entry, or the
 * same interrupt causes a VM exit again. With 1, the exit has taken the interrupt, and its handler
 * sends the EOI. */
#include "arch/vmx/vmx_controls.h"

#include <stddef.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/vmcs.h"

/* DELIVERY: for all modes in which the processor delivers interrupts. XAPIC, X2APIC: for this one.
 * POSTED: for posted interrupts. */
enum need { SET, CLEAR, DELIVERY, XAPIC, X2APIC, POSTED };

struct control {
    enum vmx_word word;
    enum need need;
    uint32_t bit;
    const char *name, *purpose;
};

static const struct control controls[] = {
    {VMX_PIN, SET, PIN_EXTERNAL_INTERRUPT_EXITING, "external-interrupt exiting",
     "to keep the machine's interrupts for the hypervisor"},
    {VMX_PIN, SET, PIN_NMI_EXITING, "NMI exiting", "to kick another CPU out of guest mode by NMI"},
    {VMX_PIN, SET, PIN_VIRTUAL_NMIS, "virtual NMIs",
     "to keep a guest's NMI blocking separate from the machine's"},
    {VMX_PIN, SET, PIN_PREEMPTION_TIMER, "VMX-preemption timer",
     "for guests' timers and time slices"},
    {VMX_PRIMARY, SET, PRIMARY_USE_TSC_OFFSETTING, "use TSC offsetting",
     "to let a guest set its TSC without changing the machine's"},
    {VMX_PRIMARY, SET, PRIMARY_HLT_EXITING, "HLT exiting", "to release the CPU of an idle guest"},
    {VMX_PRIMARY, SET, PRIMARY_MWAIT_EXITING, "MWAIT exiting", "to refuse MWAIT to guests"},
    {VMX_PRIMARY, SET, PRIMARY_MONITOR_EXITING, "MONITOR exiting", "to refuse MONITOR to guests"},
    {VMX_PRIMARY, SET, PRIMARY_RDPMC_EXITING, "RDPMC exiting",
     "to refuse performance counters to guests"},
    {VMX_PRIMARY, SET, PRIMARY_USE_TPR_SHADOW, "use TPR shadow", "for the virtual local APIC"},
    {VMX_PRIMARY, SET, PRIMARY_USE_IO_BITMAPS, "use I/O bitmaps",
     "to restrict a guest to its ports"},
    {VMX_PRIMARY, SET, PRIMARY_USE_MSR_BITMAPS, "use MSR bitmaps",
     "to restrict a guest to its MSRs"},
    {VMX_PRIMARY, SET, PRIMARY_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls",
     "for EPT and the virtual local APIC"},
    {VMX_PRIMARY, CLEAR, PRIMARY_INVLPG_EXITING, "INVLPG without exiting",
     "to let a guest manage its page tables itself"},
    {VMX_PRIMARY, CLEAR, PRIMARY_CR3_LOAD_EXITING, "CR3 load without exiting",
     "to let a guest manage its page tables itself"},
    {VMX_PRIMARY, CLEAR, PRIMARY_CR3_STORE_EXITING, "CR3 store without exiting",
     "to let a guest manage its page tables itself"},
    {VMX_SECONDARY, SET, SECONDARY_ENABLE_EPT, "enable EPT", "to confine a guest to its memory"},
    {VMX_SECONDARY, SET, SECONDARY_ENABLE_VPID, "enable VPID",
     "to avoid a TLB flush at each VM exit"},
    {VMX_SECONDARY, SET, SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest",
     "to start guests without paging, and their other CPUs in real mode"},
    {VMX_SECONDARY, SET, SECONDARY_WBINVD_EXITING, "WBINVD exiting",
     "to keep a guest from flushing the caches of the whole machine"},
    {VMX_SECONDARY, DELIVERY, SECONDARY_APIC_REGISTER_VIRTUALIZATION,
     "APIC-register virtualization", "to read the local APIC without VM exits"},
    {VMX_SECONDARY, DELIVERY, SECONDARY_VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery",
     "to deliver interrupts and retire EOIs without VM exits"},
    {VMX_SECONDARY, XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES, "virtualize APIC accesses",
     "for xAPIC mode, in which guests start"},
    {VMX_SECONDARY, X2APIC, SECONDARY_VIRTUALIZE_X2APIC_MODE, "virtualize x2APIC mode",
     "for x2APIC mode, to which guests may switch"},
    {VMX_PIN, POSTED, PIN_PROCESS_POSTED_INTERRUPTS, "process posted interrupts",
     "to deliver an interrupt to a running guest without a VM exit"},
    {VMX_EXIT, POSTED, VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT, "acknowledge interrupt on exit",
     "for posted interrupts"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, "host address-space size",
     "for a hypervisor in 64-bit mode"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_DEBUG_CONTROLS, "save debug controls",
     "to give a guest its own DR7"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_PAT, "save IA32_PAT", "to give a guest its own PAT"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_LOAD_PAT, "load IA32_PAT on exits",
     "to give a guest its own PAT"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_EFER, "save IA32_EFER", "to give a guest its own EFER"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_LOAD_EFER, "load IA32_EFER on exits",
     "to give a guest its own EFER"},
    {VMX_EXIT, CLEAR, VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT, "exits without acknowledging",
     "to receive interrupts through the host's own IDT, without posted interrupts"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_DEBUG_CONTROLS, "load debug controls",
     "to give a guest its own DR7"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_PAT, "load IA32_PAT on entries",
     "to give a guest its own PAT"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_EFER, "load IA32_EFER on entries",
     "to give a guest its own EFER"},
};

#define CONTROL_COUNT (sizeof(controls) / sizeof(controls[0]))

/* The capabilities of EPT and VPID that are needed. */
static const struct {
    uint64_t bit;
    const char *name, *purpose;
} abilities[] = {
    {EPT_VPID_CAP_WALK_4, "EPT page walk of length 4", "for the page tables that Pinwheel builds"},
    {EPT_VPID_CAP_WB, "EPT paging structures of type WB", "to cache the page tables"},
    {EPT_VPID_CAP_2M, "EPT pages of 2 MiB", "to map guest memory"},
    {EPT_VPID_CAP_INVEPT, "INVEPT", "after a change of the page tables"},
    {EPT_VPID_CAP_INVEPT_SINGLE, "single-context INVEPT", "after a change of the page tables"},
    {EPT_VPID_CAP_INVVPID, "INVVPID", "when a VPID is used for another vCPU"},
    {EPT_VPID_CAP_INVVPID_SINGLE, "single-context INVVPID", "when a VPID is used for another vCPU"},
};

#define ABILITY_COUNT (sizeof(abilities) / sizeof(abilities[0]))

uint64_t vmx_capability(const struct vmx_capabilities *c, enum vmx_word word) {
    bool true_controls = (c->basic & VMX_BASIC_TRUE_CONTROLS) != 0;

    switch (word) {
    case VMX_PIN:
        return true_controls ? c->true_pinbased : c->pinbased;
    case VMX_PRIMARY:
        return true_controls ? c->true_procbased : c->procbased;
    case VMX_EXIT:
        return true_controls ? c->true_exit : c->exit;
    case VMX_ENTRY:
        return true_controls ? c->true_entry : c->entry;
    case VMX_SECONDARY:
        break;
    }
    return c->procbased2;
}

static bool is_for_delivery(const struct control *control) {
    return control->need >= DELIVERY && control->need != POSTED;
}

/* Whether the processor allows the value that the list needs. A control that only some APIC modes
 * set must be allowed to be 0 for the others: the processor forbids both of the last two at once.
 */
static bool allowed(const struct control *control, uint64_t word) {
    bool may_be_set = ((word >> 32) & control->bit) != 0;
    bool may_be_clear = (word & control->bit) == 0;

    return (control->need == CLEAR || may_be_set) && (control->need == SET || may_be_clear);
}

struct report {
    struct vmx_missing *out;
    unsigned max;
    unsigned count;
};

static void add(struct report *report, const char *name, const char *purpose) {
    if (report->count < report->max)
        report->out[report->count] = (struct vmx_missing){name, purpose};
    report->count++;
}

static void check_vmx(const struct vmx_capabilities *c, struct report *report) {
    bool is_locked = (c->feature_control & FEATURE_CONTROL_LOCK) != 0;

    if (!c->vmx) {
        add(report, "VMX", "to run guests");
    } else if (is_locked && (c->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX) == 0) {
        add(report, "VMX outside SMX",
            "to run guests: the firmware has disabled VT-x and locked it");
    }
}

static void check_basic(const struct vmx_capabilities *c, struct report *report) {
    uint64_t type = (c->basic >> VMX_BASIC_MEMORY_TYPE_SHIFT) & VMX_BASIC_MEMORY_TYPE_MASK;

    if ((c->basic & VMX_BASIC_32BIT_ADDRESSES) != 0)
        add(report, "VMX regions above 4 GiB", "to place a VMCS anywhere in memory");
    if (type != MEMORY_TYPE_WB)
        add(report, "VMX regions of type WB", "to place a VMCS in ordinary memory");
}

unsigned vmx_missing(const struct vmx_capabilities *c, struct vmx_missing *out, unsigned max) {
    struct report report = {.out = out, .max = max};

    check_vmx(c, &report);
    if (!c->vmx)
        return report.count;
    check_basic(c, &report);
    for (unsigned i = 0; i < CONTROL_COUNT; i++)
        if (controls[i].need < DELIVERY &&
            !allowed(&controls[i], vmx_capability(c, controls[i].word)))
            add(&report, controls[i].name, controls[i].purpose);
    for (unsigned i = 0; i < ABILITY_COUNT; i++)
        if ((c->ept_vpid & abilities[i].bit) == 0)
            add(&report, abilities[i].name, abilities[i].purpose);
    return report.count;
}

const char *vmx_delivery_missing(const struct vmx_capabilities *c) {
    for (unsigned i = CONTROL_COUNT; i-- > 0;)
        if (is_for_delivery(&controls[i]) &&
            !allowed(&controls[i], vmx_capability(c, controls[i].word)))
            return controls[i].name;
    return NULL;
}

const char *vmx_posted_missing(const struct vmx_capabilities *c) {
    const char *missing = vmx_delivery_missing(c);

    for (unsigned i = 0; i < CONTROL_COUNT && !missing; i++)
        if (controls[i].need == POSTED &&
            !allowed(&controls[i], vmx_capability(c, controls[i].word)))
            missing = controls[i].name;
    return missing;
}

static bool wanted(const struct control *control, enum vmx_apic_mode mode, bool posted) {
    bool x2apic = mode == VMX_APIC_X2APIC || mode == VMX_APIC_X2APIC_EXITING;

    return control->need == SET || (control->need == DELIVERY && mode != VMX_APIC_SOFTWARE) ||
           (control->need == XAPIC && mode == VMX_APIC_XAPIC) ||
           (control->need == X2APIC && x2apic) || (control->need == POSTED && posted);
}

/* Controls without which instructions that the guest's CPUID offers would raise #UD, and those with
 * which instructions that it does not offer exit; and the one that ends the turn of a vCPU that
 * spins while others wait for its CPU. INVPCID and others that are not offered raise #UD because
 * their controls are 0. */
static uint32_t optional_secondary(const struct vmx_capabilities *c, bool shares_cpu) {
    uint32_t bits = SECONDARY_ENCLS_EXITING | SECONDARY_ENCLV_EXITING |
                    (c->rdtscp ? SECONDARY_ENABLE_RDTSCP : 0) |
                    (shares_cpu ? SECONDARY_PAUSE_LOOP_EXITING : 0);

    return bits & (uint32_t)(c->procbased2 >> 32);
}

bool vmx_saves_timer(const struct vmx_capabilities *c) {
    return (vmx_capability(c, VMX_EXIT) >> 32) & VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER;
}

uint64_t vmx_timer_longest(const struct vmx_capabilities *c) {
    return (uint64_t)VMX_TIMER_MAX << (c->misc & VMX_MISC_PREEMPTION_SHIFT_MASK);
}

bool vmx_choose_controls(const struct vmx_capabilities *c, enum vmx_apic_mode mode, bool posted,
                         bool shares_cpu, struct vmx_controls *out) {
    uint32_t word[VMX_WORD_COUNT];

    *out = (struct vmx_controls){0};
    if (vmx_missing(c, NULL, 0) != 0 ||
        (mode != VMX_APIC_SOFTWARE && vmx_delivery_missing(c) != NULL) ||
        (posted && (mode == VMX_APIC_SOFTWARE || vmx_posted_missing(c) != NULL)))
        return false;
    for (unsigned i = 0; i < VMX_WORD_COUNT; i++)
        word[i] = (uint32_t)vmx_capability(c, (enum vmx_word)i);
    for (unsigned i = 0; i < CONTROL_COUNT; i++)
        if (wanted(&controls[i], mode, posted))
            word[controls[i].word] |= controls[i].bit;
    *out = (struct vmx_controls){
        .pin = word[VMX_PIN],
        .primary = word[VMX_PRIMARY],
        .secondary = word[VMX_SECONDARY] | optional_secondary(c, shares_cpu),
        .exit = word[VMX_EXIT] | (vmx_saves_timer(c) ? VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER : 0),
        .entry = word[VMX_ENTRY]};
    return true;
}

const char *vmx_difference(const struct vmx_capabilities *a, const struct vmx_capabilities *b) {
    const struct {
        const char *name;
        uint64_t a, b;
    } msrs[] = {
        {"IA32_VMX_BASIC", a->basic, b->basic},
        {"IA32_VMX_PINBASED_CTLS", a->pinbased, b->pinbased},
        {"IA32_VMX_PROCBASED_CTLS", a->procbased, b->procbased},
        {"IA32_VMX_PROCBASED_CTLS2", a->procbased2, b->procbased2},
        {"IA32_VMX_EXIT_CTLS", a->exit, b->exit},
        {"IA32_VMX_ENTRY_CTLS", a->entry, b->entry},
        {"IA32_VMX_TRUE_PINBASED_CTLS", a->true_pinbased, b->true_pinbased},
        {"IA32_VMX_TRUE_PROCBASED_CTLS", a->true_procbased, b->true_procbased},
        {"IA32_VMX_TRUE_EXIT_CTLS", a->true_exit, b->true_exit},
        {"IA32_VMX_TRUE_ENTRY_CTLS", a->true_entry, b->true_entry},
        {"IA32_VMX_MISC", a->misc, b->misc},
        {"IA32_VMX_EPT_VPID_CAP", a->ept_vpid, b->ept_vpid},
        {"IA32_VMX_CR0_FIXED0", a->cr0_fixed0, b->cr0_fixed0},
        {"IA32_VMX_CR0_FIXED1", a->cr0_fixed1, b->cr0_fixed1},
        {"IA32_VMX_CR4_FIXED0", a->cr4_fixed0, b->cr4_fixed0},
        {"IA32_VMX_CR4_FIXED1", a->cr4_fixed1, b->cr4_fixed1},
    };

    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        if (msrs[i].a != msrs[i].b)
            return msrs[i].name;
    }
    return NULL;
}

uint64_t vmx_host_cr0(const struct vmx_capabilities *c, uint64_t cr0) {
    return (cr0 | c->cr0_fixed0) & c->cr0_fixed1;
}

uint64_t vmx_guest_cr0(const struct vmx_capabilities *c, uint64_t cr0) {
    return (cr0 | (c->cr0_fixed0 & ~(CR0_PE | CR0_PG))) & c->cr0_fixed1;
}

uint64_t vmx_cr4(const struct vmx_capabilities *c, uint64_t cr4) {
    return (cr4 | c->cr4_fixed0) & c->cr4_fixed1;
}
