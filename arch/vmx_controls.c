/* The one list of VMX controls that Pinwheel wants: see arch/vmx_controls.h.
 *
 * "Acknowledge interrupt on exit" stays off. Virtual-interrupt delivery asks only for
 * external-interrupt exiting, and posted interrupts, which would ask for both, are not used. Off
 * means that a physical interrupt that ends a guest's turn stays pending in the local APIC and
 * comes through the host's own IDT as soon as the host opens a window: one way in, one EOI. The
 * host must open that window before it enters again, or the same interrupt ends that entry, too.
 * "Save VMX-preemption timer value" stays off as well: the timer is armed from the TSC every time.
 */
#include "arch/vmx_controls.h"

#include <stddef.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmcs.h"

enum word { PIN, PRIMARY, SECONDARY, EXIT, ENTRY, WORD_COUNT };
enum need { NEED_SET, NEED_CLEAR, NEED_XAPIC, NEED_X2APIC };

struct control {
    enum word word;
    enum need need;
    uint32_t bit;
    const char *name, *meaning;
};

static const struct control controls[] = {
    {PIN, NEED_SET, PIN_EXTERNAL_INTERRUPT_EXITING, "external-interrupt exiting",
     "interrupts of the machine belong to the hypervisor"},
    {PIN, NEED_SET, PIN_NMI_EXITING, "NMI exiting",
     "an NMI is how one CPU calls another out of its guest"},
    {PIN, NEED_SET, PIN_VIRTUAL_NMIS, "virtual NMIs",
     "the guest's NMI blocking is kept apart from the machine's"},
    {PIN, NEED_SET, PIN_PREEMPTION_TIMER, "VMX-preemption timer",
     "it keeps the guests' time and shares a CPU among them"},
    {PRIMARY, NEED_SET, PRIMARY_HLT_EXITING, "HLT exiting", "an idle guest gives its CPU back"},
    {PRIMARY, NEED_SET, PRIMARY_MWAIT_EXITING, "MWAIT exiting", "guests are not offered MWAIT"},
    {PRIMARY, NEED_SET, PRIMARY_MONITOR_EXITING, "MONITOR exiting",
     "guests are not offered MONITOR"},
    {PRIMARY, NEED_SET, PRIMARY_RDPMC_EXITING, "RDPMC exiting",
     "the performance counters stay the hypervisor's"},
    {PRIMARY, NEED_SET, PRIMARY_USE_TPR_SHADOW, "use TPR shadow",
     "the virtual local APIC is built on it"},
    {PRIMARY, NEED_SET, PRIMARY_USE_IO_BITMAPS, "use I/O bitmaps",
     "guests reach only the ports they are given"},
    {PRIMARY, NEED_SET, PRIMARY_USE_MSR_BITMAPS, "use MSR bitmaps",
     "guests reach only the MSRs they are given"},
    {PRIMARY, NEED_SET, PRIMARY_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls",
     "EPT and the virtual local APIC are among them"},
    {PRIMARY, NEED_CLEAR, PRIMARY_INVLPG_EXITING, "INVLPG without exiting",
     "with EPT a guest owns its page tables"},
    {PRIMARY, NEED_CLEAR, PRIMARY_CR3_LOAD_EXITING, "CR3 load without exiting",
     "with EPT a guest owns its page tables"},
    {PRIMARY, NEED_CLEAR, PRIMARY_CR3_STORE_EXITING, "CR3 store without exiting",
     "with EPT a guest owns its page tables"},
    {SECONDARY, NEED_SET, SECONDARY_ENABLE_EPT, "enable EPT",
     "extended page tables give each guest its memory"},
    {SECONDARY, NEED_SET, SECONDARY_ENABLE_VPID, "enable VPID",
     "an exit does not have to flush the TLB"},
    {SECONDARY, NEED_SET, SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest",
     "guests start without paging, other CPUs in real mode"},
    {SECONDARY, NEED_SET, SECONDARY_WBINVD_EXITING, "WBINVD exiting",
     "a guest must not empty the caches of all"},
    {SECONDARY, NEED_SET, SECONDARY_APIC_REGISTER_VIRTUALIZATION, "APIC-register virtualization",
     "reads of the local APIC do not exit"},
    {SECONDARY, NEED_SET, SECONDARY_VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery",
     "interrupts reach guests, and EOIs are retired, without exits"},
    {SECONDARY, NEED_XAPIC, SECONDARY_VIRTUALIZE_APIC_ACCESSES, "virtualize APIC accesses",
     "the local APIC in memory, as guests start with it"},
    {SECONDARY, NEED_X2APIC, SECONDARY_VIRTUALIZE_X2APIC_MODE, "virtualize x2APIC mode",
     "the local APIC in MSRs, as guests may switch to it"},
    {EXIT, NEED_SET, EXIT_HOST_ADDRESS_SPACE_SIZE, "host address-space size",
     "the hypervisor runs in 64-bit mode"},
    {EXIT, NEED_SET, EXIT_SAVE_DEBUG_CONTROLS, "save debug controls", "DR7 is the guest's own"},
    {EXIT, NEED_SET, EXIT_SAVE_PAT, "save IA32_PAT", "the guest has a PAT of its own"},
    {EXIT, NEED_SET, EXIT_LOAD_PAT, "load IA32_PAT on exits", "the guest has a PAT of its own"},
    {EXIT, NEED_SET, EXIT_SAVE_EFER, "save IA32_EFER", "the guest has an EFER of its own"},
    {EXIT, NEED_SET, EXIT_LOAD_EFER, "load IA32_EFER on exits", "the guest has an EFER of its own"},
    {EXIT, NEED_CLEAR, EXIT_ACKNOWLEDGE_INTERRUPT, "exits without acknowledging",
     "the host takes an interrupt through its own IDT"},
    {ENTRY, NEED_SET, ENTRY_LOAD_DEBUG_CONTROLS, "load debug controls", "DR7 is the guest's own"},
    {ENTRY, NEED_SET, ENTRY_LOAD_PAT, "load IA32_PAT on entries", "the guest has a PAT of its own"},
    {ENTRY, NEED_SET, ENTRY_LOAD_EFER, "load IA32_EFER on entries",
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

static bool has_true_controls(const struct vmx_capabilities *capabilities)
{
    return (capabilities->basic & VMX_BASIC_TRUE_CONTROLS) != 0;
}

uint64_t vmx_pin_capability(const struct vmx_capabilities *c)
{
    return has_true_controls(c) ? c->true_pinbased : c->pinbased;
}

uint64_t vmx_primary_capability(const struct vmx_capabilities *c)
{
    return has_true_controls(c) ? c->true_procbased : c->procbased;
}

uint64_t vmx_exit_capability(const struct vmx_capabilities *c)
{
    return has_true_controls(c) ? c->true_exit : c->exit;
}

uint64_t vmx_entry_capability(const struct vmx_capabilities *c)
{
    return has_true_controls(c) ? c->true_entry : c->entry;
}

static void read_words(const struct vmx_capabilities *c, uint64_t word[WORD_COUNT])
{
    word[PIN] = vmx_pin_capability(c);
    word[PRIMARY] = vmx_primary_capability(c);
    word[SECONDARY] = c->procbased2;
    word[EXIT] = vmx_exit_capability(c);
    word[ENTRY] = vmx_entry_capability(c);
}

/* Whether the processor lets the control have the value that the list wants. A control that only
 * one APIC mode sets must be clearable for the other: hardware forbids both at once. */
static bool allowed(const struct control *control, uint64_t word)
{
    bool may_be_set = ((word >> 32) & control->bit) != 0;
    bool may_be_clear = (word & control->bit) == 0;

    switch (control->need) {
    case NEED_SET:
        return may_be_set;
    case NEED_CLEAR:
        return may_be_clear;
    case NEED_XAPIC:
    case NEED_X2APIC:
        return may_be_set && may_be_clear;
    }
    return false;
}

struct report {
    struct vmx_missing *out;
    unsigned max;
    unsigned count;
};

static void add(struct report *report, const char *name, const char *meaning)
{
    if (report->count < report->max) {
        report->out[report->count] = (struct vmx_missing){name, meaning};
    }
    report->count++;
}

static void check_vmx(const struct vmx_capabilities *c, struct report *report)
{
    bool is_locked = (c->feature_control & FEATURE_CONTROL_LOCK) != 0;

    if (!c->vmx) {
        add(report, "VMX", "this processor has no Intel VT-x");
    } else if (is_locked && (c->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX) == 0) {
        add(report, "VMX outside SMX",
            "the firmware has locked VT-x off: switch it on in the firmware's setup");
    }
}

static void check_basic(const struct vmx_capabilities *c, struct report *report)
{
    uint64_t type = (c->basic >> VMX_BASIC_MEMORY_TYPE_SHIFT) & VMX_BASIC_MEMORY_TYPE_MASK;

    if ((c->basic & VMX_BASIC_32BIT_ADDRESSES) != 0) {
        add(report, "VMX regions above 4 GiB", "the VMCS may lie anywhere in memory");
    }
    if (type != MEMORY_TYPE_WB) {
        add(report, "VMX regions of type WB", "the VMCS lies in ordinary memory");
    }
}

unsigned vmx_missing(const struct vmx_capabilities *c, struct vmx_missing *out, unsigned max)
{
    struct report report = {.out = out, .max = max};
    uint64_t word[WORD_COUNT];

    check_vmx(c, &report);
    if (!c->vmx) {
        return report.count;
    }
    check_basic(c, &report);
    read_words(c, word);
    for (unsigned i = 0; i < CONTROL_COUNT; i++) {
        if (!allowed(&controls[i], word[controls[i].word])) {
            add(&report, controls[i].name, controls[i].meaning);
        }
    }
    for (unsigned i = 0; i < ABILITY_COUNT; i++) {
        if ((c->ept_vpid & abilities[i].bit) == 0) {
            add(&report, abilities[i].name, abilities[i].meaning);
        }
    }
    return report.count;
}

static bool wanted(const struct control *control, enum vmx_apic_mode mode)
{
    switch (control->need) {
    case NEED_SET:
        return true;
    case NEED_XAPIC:
        return mode == VMX_APIC_XAPIC;
    case NEED_X2APIC:
        return mode == VMX_APIC_X2APIC;
    case NEED_CLEAR:
        break;
    }
    return false;
}

/* Instructions that CPUID promises the guest, and that raise #UD unless their control is set. */
static uint32_t optional_secondary(const struct vmx_capabilities *c)
{
    uint32_t bits = 0;

    if (c->rdtscp) {
        bits |= SECONDARY_ENABLE_RDTSCP;
    }
    if (c->invpcid) {
        bits |= SECONDARY_ENABLE_INVPCID;
    }
    return bits & (uint32_t)(c->procbased2 >> 32);
}

bool vmx_choose_controls(const struct vmx_capabilities *c, enum vmx_apic_mode mode,
                         struct vmx_controls *out)
{
    uint64_t capability[WORD_COUNT];
    uint32_t word[WORD_COUNT];

    *out = (struct vmx_controls){0};
    if (vmx_missing(c, NULL, 0) != 0) {
        return false;
    }
    read_words(c, capability);
    for (unsigned i = 0; i < WORD_COUNT; i++) {
        word[i] = (uint32_t)capability[i];
    }
    for (unsigned i = 0; i < CONTROL_COUNT; i++) {
        if (wanted(&controls[i], mode)) {
            word[controls[i].word] |= controls[i].bit;
        }
    }
    out->pin = word[PIN];
    out->primary = word[PRIMARY];
    out->secondary = word[SECONDARY] | optional_secondary(c);
    out->exit = word[EXIT];
    out->entry = word[ENTRY];
    return true;
}

uint64_t vmx_host_cr0(const struct vmx_capabilities *c, uint64_t cr0)
{
    return (cr0 | c->cr0_fixed0) & c->cr0_fixed1;
}

uint64_t vmx_guest_cr0(const struct vmx_capabilities *c, uint64_t cr0)
{
    return (cr0 | (c->cr0_fixed0 & ~(CR0_PE | CR0_PG))) & c->cr0_fixed1;
}

uint64_t vmx_cr4(const struct vmx_capabilities *c, uint64_t cr4)
{
    return (cr4 | c->cr4_fixed0) & c->cr4_fixed1;
}
