/* Why Pinwheel does not run on a processor: see refusal.h.
 *
 * arch/vmx/vmx_controls.c knows what is needed; the words for a user are here. The lines that begin
 * with "PINWHEEL refused: " are also what scripts look for. */
#include "boot/refusal.h"

#include "arch/msr.h"
#include "lib/format.h"
#include "lib/memory.h"

#define REASONS_MAX 8

static const char bochs_advice[] =
    "  Pinwheel also runs in the emulator Bochs (cpu: model=corei7_skylake_x).\n";

/* Why there is no VMX: the first row that is for this processor. */
static const struct {
    const char *vendor, *hypervisor; /* of 12 characters; empty: none; NULL: any */
    const char *words;
} without_vmx[] = {
    {NULL, "TCGTCGTCGTCG",
     "PINWHEEL refused: QEMU without KVM (TCG) emulates no VT-x\n"
     "  On an Intel machine run QEMU with -accel kvm -cpu host, and load its kernel's module\n"
     "  kvm_intel with nested=1.\n"},
    {"AuthenticAMD", NULL,
     "PINWHEEL refused: this is an AMD processor; Pinwheel needs Intel VT-x\n"
     "  AMD-V is another architecture and is not supported.\n"},
    {"HygonGenuine", NULL,
     "PINWHEEL refused: this is a kind of AMD processor; Pinwheel needs Intel VT-x\n"
     "  AMD-V is another architecture and is not supported.\n"},
    {NULL, "",
     "PINWHEEL refused: this processor has no VT-x, or the firmware hides it\n"
     "  Look for \"Intel Virtualization Technology\" or \"VMX\" in the firmware's setup.\n"},
    {NULL, NULL,
     "PINWHEEL refused: this virtual machine has no VT-x\n"
     "  Enable nested virtualization where it is set up (KVM: kvm_intel nested=1 and\n"
     "  -cpu host; VMware, Hyper-V, VirtualBox: \"nested VT-x\" of the machine).\n"},
};

static bool matches(const char *name, const char *wanted) {
    return !wanted || (*wanted ? memcmp(name, wanted, 12) == 0 : !*name);
}

static void add_no_vmx(struct text *text, const struct processor *p) {
    unsigned i = 0;

    while (!matches(p->vendor, without_vmx[i].vendor) ||
           !matches(p->hypervisor, without_vmx[i].hypervisor))
        i++;
    text_add(text, "%s%s", without_vmx[i].words, bochs_advice);
}

static bool is_locked_off(const struct vmx_capabilities *vmx) {
    return (vmx->feature_control & FEATURE_CONTROL_LOCK) &&
           !(vmx->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX);
}

static void add_what_is_missing(struct text *text, const struct processor *p) {
    struct vmx_missing missing[REASONS_MAX];
    unsigned count = vmx_missing(&p->vmx, missing, REASONS_MAX);
    bool locked_off = is_locked_off(&p->vmx);

    for (unsigned i = 0; i < count && i < REASONS_MAX; i++)
        text_add(text, "PINWHEEL refused: this processor lacks \"%s\": %s\n", missing[i].name,
                 missing[i].meaning);
    if (count > REASONS_MAX)
        text_add(text, "  and %u more\n", count - REASONS_MAX);
    if (locked_off)
        text_add(text, "  Enable \"Intel Virtualization Technology\" or \"VMX\" in the firmware's "
                       "setup.\n");
    if (count <= (locked_off ? 1u : 0u))
        return;
    text_add(text, "%s%s",
             p->hypervisor[0]
                 ? "  This machine is virtual: what it offers its hypervisor decides (KVM: -cpu "
                   "host).\n"
                 : "  Virtual-interrupt delivery and what goes with it came with Ivy Bridge-EP and "
                   "Haswell\n  for servers; many desktop processors never had it.\n",
             bochs_advice);
}

bool refusal_text(const struct processor *p, char *out, size_t size) {
    struct text text = {.out = out, .size = size};

    out[0] = 0;
    if (!p->vmx.vmx)
        add_no_vmx(&text, p);
    else
        add_what_is_missing(&text, p);
    if (p->five_level)
        text_add(&text,
                 "PINWHEEL refused: the firmware runs with 5-level paging\n"
                 "  Switch it off in the firmware's setup (\"5-Level Paging\", \"LA57\").\n");
    return text.length > 0;
}
