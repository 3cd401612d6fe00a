/* Why Pinwheel does not run on a processor: see refusal.h.
 *
 * arch/vmx_controls.c knows what is needed; the words for a user are here. The lines that begin
 * with "PINWHEEL refused: " are also what scripts look for. */
#include "boot/refusal.h"

#include "arch/memory.h"
#include "arch/msr.h"
#include "drivers/format.h"

#define REASONS_MAX 8

struct output {
    char *text;
    size_t size, used;
};

static void say(struct output *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct output *out, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    out->used += (size_t)format_va(out->text + out->used, out->size - out->used, fmt, args);
    va_end(args);
    if (out->used > out->size - 1)
        out->used = out->size - 1;
}

static bool is(const char *name, const char *other)
{
    return memcmp(name, other, 12) == 0;
}

static const char bochs_advice[] =
    "  Pinwheel also runs in the emulator Bochs (cpu: model=corei7_skylake_x).\n";

static void say_no_vmx(struct output *out, const struct processor *p)
{
    if (is(p->hypervisor, "TCGTCGTCGTCG")) {
        say(out, "PINWHEEL refused: QEMU without KVM (TCG) emulates no VT-x\n"
                 "  On an Intel machine run QEMU with -accel kvm -cpu host, and load its kernel's "
                 "module\n"
                 "  kvm_intel with nested=1.\n");
    } else if (is(p->vendor, "AuthenticAMD") || is(p->vendor, "HygonGenuine")) {
        say(out, "PINWHEEL refused: this is an AMD processor; Pinwheel needs Intel VT-x\n"
                 "  AMD-V is another architecture and is not supported.\n");
    } else if (p->hypervisor[0]) {
        say(out, "PINWHEEL refused: this virtual machine has no VT-x\n"
                 "  Enable nested virtualization where it is set up (KVM: kvm_intel nested=1 and\n"
                 "  -cpu host; VMware, Hyper-V, VirtualBox: \"nested VT-x\" of the machine).\n");
    } else {
        say(out,
            "PINWHEEL refused: this processor has no VT-x, or the firmware hides it\n"
            "  Look for \"Intel Virtualization Technology\" or \"VMX\" in the firmware's setup.\n");
    }
    say(out, bochs_advice);
}

static bool is_locked_off(const struct vmx_capabilities *vmx)
{
    return (vmx->feature_control & FEATURE_CONTROL_LOCK) &&
           !(vmx->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX);
}

static void say_what_is_missing(struct output *out, const struct processor *p)
{
    struct vmx_missing missing[REASONS_MAX];
    unsigned count = vmx_missing(&p->vmx, missing, REASONS_MAX);
    bool locked_off = is_locked_off(&p->vmx);

    for (unsigned i = 0; i < count && i < REASONS_MAX; i++)
        say(out, "PINWHEEL refused: this processor lacks \"%s\": %s\n", missing[i].name,
            missing[i].meaning);
    if (count > REASONS_MAX)
        say(out, "  and %u more\n", count - REASONS_MAX);
    if (locked_off)
        say(out,
            "  Enable \"Intel Virtualization Technology\" or \"VMX\" in the firmware's setup.\n");
    if (count <= (locked_off ? 1u : 0u))
        return;
    if (p->hypervisor[0])
        say(out,
            "  This machine is virtual: what it offers its hypervisor decides (KVM: -cpu host).\n");
    else
        say(out, "  Virtual-interrupt delivery and what goes with it came with Ivy Bridge-EP and "
                 "Haswell\n"
                 "  for servers; many desktop processors never had it.\n");
    say(out, bochs_advice);
}

bool refusal_text(const struct processor *p, char *text, size_t size)
{
    struct output out = {.text = text, .size = size};

    text[0] = 0;
    if (!p->vmx.vmx)
        say_no_vmx(&out, p);
    else
        say_what_is_missing(&out, p);
    if (p->five_level)
        say(&out, "PINWHEEL refused: the firmware runs with 5-level paging\n"
                  "  Switch it off in the firmware's setup (\"5-Level Paging\", \"LA57\").\n");
    return out.used > 0;
}
