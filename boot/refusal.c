/* Why Pinwheel does not run on a processor: see refusal.h.
 *
 * arch/vmx/vmx_controls.c decides what is missing; the texts for a user are here. Scripts search
 * for the lines that begin with "PINWHEEL refused: ". */
#include "boot/refusal.h"

#include "arch/msr.h"
#include "lib/format.h"
#include "lib/memory.h"

#define REASONS_MAX 8

static const char bochs_advice[] =
    "  Pinwheel also runs in the emulator Bochs (cpu: model=corei7_skylake_x).\n";

/* Why there is no VMX: the first row that matches the processor. */
static const struct {
    const char *vendor, *hypervisor; /* 12 characters; empty: none; NULL: any */
    const char *words;
} without_vmx[] = {
    {NULL, "TCGTCGTCGTCG",
     "PINWHEEL refused: QEMU without KVM (TCG) does not emulate VT-x\n"
     "  On an Intel machine, run QEMU with -accel kvm -cpu host and load the kernel module\n"
     "  kvm_intel with nested=1.\n"},
    {"AuthenticAMD", NULL,
     "PINWHEEL refused: this is an AMD processor; Pinwheel needs Intel VT-x\n"
     "  AMD-V is a different architecture and is not supported.\n"},
    {"HygonGenuine", NULL,
     "PINWHEEL refused: this is a derivative of an AMD processor; Pinwheel needs Intel VT-x\n"
     "  AMD-V is a different architecture and is not supported.\n"},
    {NULL, "",
     "PINWHEEL refused: this processor has no VT-x, or the firmware hides it\n"
     "  Enable \"Intel Virtualization Technology\" or \"VMX\" in the firmware's setup.\n"},
    {NULL, NULL,
     "PINWHEEL refused: this virtual machine has no VT-x\n"
     "  Enable nested virtualization on the host (KVM: kvm_intel nested=1 and -cpu host;\n"
     "  VMware, Hyper-V, VirtualBox: \"nested VT-x\" in the settings of this machine).\n"},
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
        text_add(text, "PINWHEEL refused: this processor lacks \"%s\", needed %s\n",
                 missing[i].name, missing[i].purpose);
    if (count > REASONS_MAX)
        text_add(text, "  and %u more\n", count - REASONS_MAX);
    if (locked_off)
        text_add(text, "  Enable \"Intel Virtualization Technology\" or \"VMX\" in the firmware's "
                       "setup.\n");
    if (count <= (locked_off ? 1u : 0u))
        return;
    text_add(
        text, "%s%s",
        p->hypervisor[0]
            ? "  This machine is virtual: its host decides which features it has (KVM: -cpu "
              "host).\n"
            : "  Intel processors have had EPT and \"unrestricted guest\" since Westmere (2010).\n",
        bochs_advice);
}

bool refusal_text(const struct processor *p, char *out, size_t size) {
    struct text text = {.out = out, .size = size};

    out[0] = 0;
    if (!p->vmx.vmx)
        add_no_vmx(&text, p);
    else
        add_what_is_missing(&text, p);
    if (p->vmx.vmx && !p->xsave)
        text_add(&text,
                 "PINWHEEL refused: this processor lacks \"XSAVE\", needed to give each guest its "
                 "own registers\n");
    return text.length > 0;
}
