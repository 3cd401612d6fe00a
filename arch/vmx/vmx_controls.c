/* The one list of VMX controls that Pinwheel uses: see arch/vmx/vmx_controls.h.
 *
 * "Acknowledge interrupt on exit" is 0. Virtual-interrupt delivery requires only external-interrupt
 * exiting; posted interrupts, which require both controls, are not used. With 0, a physical
 * interrupt that causes a VM exit stays pending in the local APIC and is delivered through the
 * host's IDT as soon as the host enables interrupts: there is one way in and one EOI. The host must
 * enable them before the next VM entry, or the same interrupt causes a VM exit again. "Save
 * VMX-preemption timer value" is 0 too: the timer is computed from the TSC before each entry. */
#include "arch/vmx/vmx_controls.h"

#include <stddef.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/vmcs.h"

enum need { SET, CLEAR, XAPIC, X2APIC };

struct control {
    enum vmx_word word;
    enum need need;
    uint32_t bit;
    const char *name, *meaning;
};

static const struct control controls[] = {
    {VMX_PIN, SET, PIN_EXTERNAL_INTERRUPT_EXITING, "external-interrupt exiting",
     "the machine's interrupts belong to the hypervisor"},
    {VMX_PIN, SET, PIN_NMI_EXITING, "NMI exiting", "an NMI kicks another CPU out of guest mode"},
    {VMX_PIN, SET, PIN_VIRTUAL_NMIS, "virtual NMIs",
     "a guest's NMI blocking is separate from the machine's"},
    {VMX_PIN, SET, PIN_PREEMPTION_TIMER, "VMX-preemption timer",
     "guests' timers and time slices depend on it"},
    {VMX_PRIMARY, SET, PRIMARY_USE_TSC_OFFSETTING, "use TSC offsetting",
     "a guest may set its TSC without changing the machine's"},
    {VMX_PRIMARY, SET, PRIMARY_HLT_EXITING, "HLT exiting", "an idle guest releases its CPU"},
    {VMX_PRIMARY, SET, PRIMARY_MWAIT_EXITING, "MWAIT exiting", "guests are not offered MWAIT"},
    {VMX_PRIMARY, SET, PRIMARY_MONITOR_EXITING, "MONITOR exiting",
     "guests are not offered MONITOR"},
    {VMX_PRIMARY, SET, PRIMARY_RDPMC_EXITING, "RDPMC exiting",
     "guests are not offered performance counters"},
    {VMX_PRIMARY, SET, PRIMARY_USE_TPR_SHADOW, "use TPR shadow",
     "the virtual local APIC is built on it"},
    {VMX_PRIMARY, SET, PRIMARY_USE_IO_BITMAPS, "use I/O bitmaps",
     "a guest reaches only the ports that it is given"},
    {VMX_PRIMARY, SET, PRIMARY_USE_MSR_BITMAPS, "use MSR bitmaps",
     "a guest reaches only the MSRs that it is given"},
    {VMX_PRIMARY, SET, PRIMARY_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls",
     "EPT and the virtual local APIC are among them"},
    {VMX_PRIMARY, CLEAR, PRIMARY_INVLPG_EXITING, "INVLPG without exiting",
     "with EPT a guest manages its page tables itself"},
    {VMX_PRIMARY, CLEAR, PRIMARY_CR3_LOAD_EXITING, "CR3 load without exiting",
     "with EPT a guest manages its page tables itself"},
    {VMX_PRIMARY, CLEAR, PRIMARY_CR3_STORE_EXITING, "CR3 store without exiting",
     "with EPT a guest manages its page tables itself"},
    {VMX_SECONDARY, SET, SECONDARY_ENABLE_EPT, "enable EPT",
     "extended page tables confine a guest to its memory"},
    {VMX_SECONDARY, SET, SECONDARY_ENABLE_VPID, "enable VPID", "VM exits do not flush the TLB"},
    {VMX_SECONDARY, SET, SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest",
     "guests start without paging, and their other CPUs in real mode"},
    {VMX_SECONDARY, SET, SECONDARY_WBINVD_EXITING, "WBINVD exiting",
     "a guest must not flush the caches of the whole machine"},
    {VMX_SECONDARY, SET, SECONDARY_APIC_REGISTER_VIRTUALIZATION, "APIC-register virtualization",
     "reads of the local APIC cause no VM exit"},
    {VMX_SECONDARY, SET, SECONDARY_VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery",
     "interrupts are delivered and EOIs are retired without VM exits"},
    {VMX_SECONDARY, XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES, "virtualize APIC accesses",
     "guests start in xAPIC mode"},
    {VMX_SECONDARY, X2APIC, SECONDARY_VIRTUALIZE_X2APIC_MODE, "virtualize x2APIC mode",
     "guests may switch to x2APIC mode"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, "host address-space size",
     "the hypervisor runs in 64-bit mode"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_DEBUG_CONTROLS, "save debug controls",
     "a guest has its own DR7"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_PAT, "save IA32_PAT", "a guest has its own PAT"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_LOAD_PAT, "load IA32_PAT on exits", "a guest has its own PAT"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_EFER, "save IA32_EFER", "a guest has its own EFER"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_LOAD_EFER, "load IA32_EFER on exits",
     "a guest has its own EFER"},
    {VMX_EXIT, CLEAR, VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT, "exits without acknowledging",
     "the host receives interrupts through its own IDT"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_DEBUG_CONTROLS, "load debug controls",
     "a guest has its own DR7"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_PAT, "load IA32_PAT on entries",
     "a guest has its own PAT"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_EFER, "load IA32_EFER on entries",
     "a guest has its own EFER"},
};

#define CONTROL_COUNT (sizeof(controls) / sizeof(controls[0]))

/* The capabilities of EPT and VPID that are needed. */
static const struct {
    uint64_t bit;
    const char *name, *meaning;
} abilities[] = {
    {EPT_VPID_CAP_WALK_4, "EPT page walk of length 4", "Pinwheel builds tables of four levels"},
    {EPT_VPID_CAP_WB, "EPT paging structures of type WB", "uncached tables would be very slow"},
    {EPT_VPID_CAP_2M, "EPT pages of 2 MiB", "guest memory is mapped with them"},
    {EPT_VPID_CAP_INVEPT, "INVEPT", "needed after a change of the tables"},
    {EPT_VPID_CAP_INVEPT_SINGLE, "single-context INVEPT", "needed after a change of the tables"},
    {EPT_VPID_CAP_INVVPID, "INVVPID", "needed when a VPID is used for another vCPU"},
    {EPT_VPID_CAP_INVVPID_SINGLE, "single-context INVVPID",
     "needed when a VPID is used for another vCPU"},
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

/* Whether the processor allows the value that the list needs. A control that only one APIC mode
 * sets must be allowed to be 0 for the other: the processor forbids both at once. */
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

static void add(struct report *report, const char *name, const char *meaning) {
    if (report->count < report->max)
        report->out[report->count] = (struct vmx_missing){name, meaning};
    report->count++;
}

static void check_vmx(const struct vmx_capabilities *c, struct report *report) {
    bool is_locked = (c->feature_control & FEATURE_CONTROL_LOCK) != 0;

    if (!c->vmx) {
        add(report, "VMX", "this processor has no Intel VT-x");
    } else if (is_locked && (c->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX) == 0) {
        add(report, "VMX outside SMX",
            "the firmware has disabled VT-x and locked it: enable it in the firmware's setup");
    }
}

static void check_basic(const struct vmx_capabilities *c, struct report *report) {
    uint64_t type = (c->basic >> VMX_BASIC_MEMORY_TYPE_SHIFT) & VMX_BASIC_MEMORY_TYPE_MASK;

    if ((c->basic & VMX_BASIC_32BIT_ADDRESSES) != 0)
        add(report, "VMX regions above 4 GiB", "a VMCS may lie anywhere in memory");
    if (type != MEMORY_TYPE_WB)
        add(report, "VMX regions of type WB", "a VMCS lies in ordinary memory");
}

unsigned vmx_missing(const struct vmx_capabilities *c, struct vmx_missing *out, unsigned max) {
    struct report report = {.out = out, .max = max};

    check_vmx(c, &report);
    if (!c->vmx)
        return report.count;
    check_basic(c, &report);
    for (unsigned i = 0; i < CONTROL_COUNT; i++)
        if (!allowed(&controls[i], vmx_capability(c, controls[i].word)))
            add(&report, controls[i].name, controls[i].meaning);
    for (unsigned i = 0; i < ABILITY_COUNT; i++)
        if ((c->ept_vpid & abilities[i].bit) == 0)
            add(&report, abilities[i].name, abilities[i].meaning);
    return report.count;
}

static bool wanted(const struct control *control, enum vmx_apic_mode mode) {
    return control->need == SET || (control->need == XAPIC && mode == VMX_APIC_XAPIC) ||
           (control->need == X2APIC && mode == VMX_APIC_X2APIC);
}

/* Controls without which instructions that the guest's CPUID offers would raise #UD; and the one
 * that ends the turn of a vCPU that spins while others wait for its CPU. */
static uint32_t optional_secondary(const struct vmx_capabilities *c, bool shares_cpu) {
    uint32_t bits = (c->rdtscp ? SECONDARY_ENABLE_RDTSCP : 0) |
                    (c->invpcid ? SECONDARY_ENABLE_INVPCID : 0) |
                    (shares_cpu ? SECONDARY_PAUSE_LOOP_EXITING : 0);

    return bits & (uint32_t)(c->procbased2 >> 32);
}

bool vmx_choose_controls(const struct vmx_capabilities *c, enum vmx_apic_mode mode, bool shares_cpu,
                         struct vmx_controls *out) {
    uint32_t word[VMX_WORD_COUNT];

    *out = (struct vmx_controls){0};
    if (vmx_missing(c, NULL, 0) != 0)
        return false;
    for (unsigned i = 0; i < VMX_WORD_COUNT; i++)
        word[i] = (uint32_t)vmx_capability(c, (enum vmx_word)i);
    for (unsigned i = 0; i < CONTROL_COUNT; i++)
        if (wanted(&controls[i], mode))
            word[controls[i].word] |= controls[i].bit;
    *out =
        (struct vmx_controls){.pin = word[VMX_PIN],
                              .primary = word[VMX_PRIMARY],
                              .secondary = word[VMX_SECONDARY] | optional_secondary(c, shares_cpu),
                              .exit = word[VMX_EXIT],
                              .entry = word[VMX_ENTRY]};
    return true;
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
