/* The one list of VMX controls that Pinwheel wants: see arch/vmx/vmx_controls.h.
 *
 * "Acknowledge interrupt on exit" stays off. Virtual-interrupt delivery asks only for
 * external-interrupt exiting, and posted interrupts, which would ask for both, are not used. Off
 * means that a physical interrupt that ends a guest's turn stays pending in the local APIC and
 * comes through the host's own IDT as soon as the host opens a window: one way in, one EOI. The
 * host must open that window before it enters again, or the same interrupt ends that entry, too.
 * "Save VMX-preemption timer value" stays off as well: the timer is armed from the TSC every time.
 */
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
     "interrupts of the machine belong to the hypervisor"},
    {VMX_PIN, SET, PIN_NMI_EXITING, "NMI exiting",
     "an NMI is how one CPU calls another out of its guest"},
    {VMX_PIN, SET, PIN_VIRTUAL_NMIS, "virtual NMIs",
     "the guest's NMI blocking is kept apart from the machine's"},
    {VMX_PIN, SET, PIN_PREEMPTION_TIMER, "VMX-preemption timer",
     "it keeps the guests' time and shares a CPU among them"},
    {VMX_PRIMARY, SET, PRIMARY_USE_TSC_OFFSETTING, "use TSC offsetting",
     "a guest may set its TSC, and the machine's stays"},
    {VMX_PRIMARY, SET, PRIMARY_HLT_EXITING, "HLT exiting", "an idle guest gives its CPU back"},
    {VMX_PRIMARY, SET, PRIMARY_MWAIT_EXITING, "MWAIT exiting", "guests are not offered MWAIT"},
    {VMX_PRIMARY, SET, PRIMARY_MONITOR_EXITING, "MONITOR exiting",
     "guests are not offered MONITOR"},
    {VMX_PRIMARY, SET, PRIMARY_RDPMC_EXITING, "RDPMC exiting",
     "the performance counters stay the hypervisor's"},
    {VMX_PRIMARY, SET, PRIMARY_USE_TPR_SHADOW, "use TPR shadow",
     "the virtual local APIC is built on it"},
    {VMX_PRIMARY, SET, PRIMARY_USE_IO_BITMAPS, "use I/O bitmaps",
     "guests reach only the ports they are given"},
    {VMX_PRIMARY, SET, PRIMARY_USE_MSR_BITMAPS, "use MSR bitmaps",
     "guests reach only the MSRs they are given"},
    {VMX_PRIMARY, SET, PRIMARY_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls",
     "EPT and the virtual local APIC are among them"},
    {VMX_PRIMARY, CLEAR, PRIMARY_INVLPG_EXITING, "INVLPG without exiting",
     "with EPT a guest owns its page tables"},
    {VMX_PRIMARY, CLEAR, PRIMARY_CR3_LOAD_EXITING, "CR3 load without exiting",
     "with EPT a guest owns its page tables"},
    {VMX_PRIMARY, CLEAR, PRIMARY_CR3_STORE_EXITING, "CR3 store without exiting",
     "with EPT a guest owns its page tables"},
    {VMX_SECONDARY, SET, SECONDARY_ENABLE_EPT, "enable EPT",
     "extended page tables give each guest its memory"},
    {VMX_SECONDARY, SET, SECONDARY_ENABLE_VPID, "enable VPID",
     "an exit does not have to flush the TLB"},
    {VMX_SECONDARY, SET, SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest",
     "guests start without paging, other CPUs in real mode"},
    {VMX_SECONDARY, SET, SECONDARY_WBINVD_EXITING, "WBINVD exiting",
     "a guest must not empty the caches of all"},
    {VMX_SECONDARY, SET, SECONDARY_APIC_REGISTER_VIRTUALIZATION, "APIC-register virtualization",
     "reads of the local APIC do not exit"},
    {VMX_SECONDARY, SET, SECONDARY_VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery",
     "interrupts reach guests, and EOIs are retired, without exits"},
    {VMX_SECONDARY, XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES, "virtualize APIC accesses",
     "the local APIC in memory, as guests start with it"},
    {VMX_SECONDARY, X2APIC, SECONDARY_VIRTUALIZE_X2APIC_MODE, "virtualize x2APIC mode",
     "the local APIC in MSRs, as guests may switch to it"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, "host address-space size",
     "the hypervisor runs in 64-bit mode"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_DEBUG_CONTROLS, "save debug controls",
     "DR7 is the guest's own"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_PAT, "save IA32_PAT", "the guest has a PAT of its own"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_LOAD_PAT, "load IA32_PAT on exits",
     "the guest has a PAT of its own"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_SAVE_EFER, "save IA32_EFER",
     "the guest has an EFER of its own"},
    {VMX_EXIT, SET, VM_EXIT_CONTROL_LOAD_EFER, "load IA32_EFER on exits",
     "the guest has an EFER of its own"},
    {VMX_EXIT, CLEAR, VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT, "exits without acknowledging",
     "the host takes an interrupt through its own IDT"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_DEBUG_CONTROLS, "load debug controls",
     "DR7 is the guest's own"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_PAT, "load IA32_PAT on entries",
     "the guest has a PAT of its own"},
    {VMX_ENTRY, SET, VM_ENTRY_CONTROL_LOAD_EFER, "load IA32_EFER on entries",
     "the guest has an EFER of its own"},
};

#define CONTROL_COUNT (sizeof(controls) / sizeof(controls[0]))

/* What EPT and VPID must be able to do beyond being there. */
static const struct {
    uint64_t bit;
    const char *name, *meaning;
} abilities[] = {
    {EPT_VPID_CAP_WALK_4, "EPT page walk of length 4", "the tables that Pinwheel builds"},
    {EPT_VPID_CAP_WB, "EPT paging structures of type WB", "uncached tables would be very slow"},
    {EPT_VPID_CAP_2M, "EPT pages of 2 MiB", "guest memory is mapped with them"},
    {EPT_VPID_CAP_INVEPT, "INVEPT", "needed after a change of the tables"},
    {EPT_VPID_CAP_INVEPT_SINGLE, "single-context INVEPT", "needed after a change of the tables"},
    {EPT_VPID_CAP_INVVPID, "INVVPID", "needed when a VPID gets a new owner"},
    {EPT_VPID_CAP_INVVPID_SINGLE, "single-context INVVPID", "needed when a VPID gets a new owner"},
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

/* Whether the processor lets the control have the value that the list wants. A control that only
 * one APIC mode sets must be clearable for the other: hardware forbids both at once. */
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
            "the firmware has locked VT-x off: switch it on in the firmware's setup");
    }
}

static void check_basic(const struct vmx_capabilities *c, struct report *report) {
    uint64_t type = (c->basic >> VMX_BASIC_MEMORY_TYPE_SHIFT) & VMX_BASIC_MEMORY_TYPE_MASK;

    if ((c->basic & VMX_BASIC_32BIT_ADDRESSES) != 0)
        add(report, "VMX regions above 4 GiB", "the VMCS may lie anywhere in memory");
    if (type != MEMORY_TYPE_WB)
        add(report, "VMX regions of type WB", "the VMCS lies in ordinary memory");
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

/* Instructions that CPUID promises the guest, and that raise #UD unless their control is set; and
 * what saves turns of a CPU that several vCPUs share. */
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
