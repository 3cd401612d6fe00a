/* The capability report: see report.h.
 *
 * Facts come from CPUID and, if it says VMX, from the capability MSRs. What is needed and missing
 * is said by refusal.c; here everything is listed, the optional as well. SDM Vol. 2A, "CPUID - CPU
 * Identification"; SDM Vol. 3D, "VMX Capability Reporting Facility". */
#include "boot/report.h"

#include "arch/control_registers.h"
#include "arch/instructions.h"
#include "arch/memory.h"
#include "arch/msr.h"
#include "arch/vmcs.h"
#include "arch/vmx_capabilities.h"
#include "boot/memory_map.h"
#include "boot/screen.h"
#include "drivers/format.h"

#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPU_IDS_SHOWN          16

void report_read_processor(struct processor *processor)
{
    struct cpuid_result r = cpuid(0, 0);

    memset(processor, 0, sizeof(*processor));
    memcpy(processor->vendor, &r.ebx, 4);
    memcpy(processor->vendor + 4, &r.edx, 4);
    memcpy(processor->vendor + 8, &r.ecx, 4);
    if (cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) {
        r = cpuid(0x40000000, 0);
        memcpy(processor->hypervisor, &r.ebx, 4);
        memcpy(processor->hypervisor + 4, &r.ecx, 4);
        memcpy(processor->hypervisor + 8, &r.edx, 4);
        if (!processor->hypervisor[0])
            memcpy(processor->hypervisor, "unnamed", 8);
    }
    processor->five_level = read_cr4() & CR4_LA57;
    vmx_read_capabilities(&processor->vmx);
}

/* A list of words, of which those count whose bit is set. */
struct feature {
    uint64_t bit;
    const char *name;
};

static void print_features(const char *title, uint64_t bits, const struct feature *feature,
                           unsigned count)
{
    const char *separator = "";
    bool all = true;

    screen_print("%-12s", title);
    for (unsigned i = 0; i < count; i++) {
        if (!(bits & feature[i].bit)) {
            all = false;
            continue;
        }
        screen_print("%s%s", separator, feature[i].name);
        separator = ", ";
    }
    if (!*separator)
        screen_print("nothing");
    separator = all ? "" : "; not: ";
    for (unsigned i = 0; i < count; i++) {
        if (bits & feature[i].bit)
            continue;
        screen_print("%s%s", separator, feature[i].name);
        separator = ", ";
    }
    screen_print("\n");
}

/* A control can be switched on if its bit in the upper half of the capability MSR is set. */
#define CAN(control) ((uint64_t)(control) << 32)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void print_vmx(const struct vmx_capabilities *vmx)
{
    static const struct feature ept[] = {
        {EPT_VPID_CAP_WB, "write-back"},
        {EPT_VPID_CAP_WALK_4, "4 levels"},
        {EPT_VPID_CAP_2M, "2 MiB pages"},
        {EPT_VPID_CAP_1G, "1 GiB pages"},
        {EPT_VPID_CAP_INVEPT_SINGLE, "INVEPT single"},
        {EPT_VPID_CAP_INVEPT_ALL, "all"},
    };
    static const struct feature vpid[] = {
        {EPT_VPID_CAP_INVVPID_ADDRESS, "INVVPID address"},
        {EPT_VPID_CAP_INVVPID_SINGLE, "single"},
        {EPT_VPID_CAP_INVVPID_ALL, "all"},
    };
    static const struct feature pin[] = {
        {CAN(PIN_PREEMPTION_TIMER), "preemption timer"},
        {CAN(PIN_VIRTUAL_NMIS), "virtual NMIs"},
        {CAN(PIN_PROCESS_POSTED_INTERRUPTS), "posted interrupts"},
    };
    static const struct feature secondary[] = {
        {CAN(SECONDARY_UNRESTRICTED_GUEST), "unrestricted guest"},
        {CAN(SECONDARY_APIC_REGISTER_VIRTUALIZATION), "APIC registers"},
        {CAN(SECONDARY_VIRTUAL_INTERRUPT_DELIVERY), "interrupt delivery"},
        {CAN(SECONDARY_VIRTUALIZE_X2APIC_MODE), "x2APIC"},
    };

    print_features("EPT", vmx->ept_vpid, ept, COUNT(ept));
    print_features("VPID", vmx->ept_vpid, vpid, COUNT(vpid));
    print_features("Timer, NMI", vmx_pin_capability(vmx), pin, COUNT(pin));
    print_features("Virtual", vmx->procbased2, secondary, COUNT(secondary));
}

static const char *feature_control_text(uint64_t control)
{
    if (!(control & FEATURE_CONTROL_LOCK))
        return "unlocked, Pinwheel switches VT-x on";
    return control & FEATURE_CONTROL_VMX_OUTSIDE_SMX ? "locked with VT-x on"
                                                     : "locked with VT-x off";
}

/* SDM Vol. 2A, "CPUID", leaf 1: the extended parts count for some families only. */
static void print_processor(const struct processor *processor)
{
    uint32_t signature = cpuid(1, 0).eax;
    uint32_t family = (signature >> 8) & 15, model = (signature >> 4) & 15;

    if (family == 6 || family == 15)
        model |= ((signature >> 16) & 15) << 4;
    if (family == 15)
        family += (signature >> 20) & 255;
    screen_print("%-12s%s, family %u, model %u, stepping %u", "Processor", processor->vendor,
                 family, model, signature & 15);
    if (processor->hypervisor[0])
        screen_print(", under hypervisor %s", processor->hypervisor);
    screen_print("\n%-12s", "VT-x");
    if (processor->vmx.vmx)
        screen_print("yes; IA32_FEATURE_CONTROL is %s\n",
                     feature_control_text(processor->vmx.feature_control));
    else
        screen_print("no\n");
}

static void print_cpus(const struct boot_info *info)
{
    screen_print("%-12s%u, local APIC IDs", "CPUs", info->cpu_count);
    for (uint32_t i = 0; i < info->cpu_count && i < CPU_IDS_SHOWN; i++)
        screen_print(" %u", info->cpu_apic_id[i]);
    screen_print("%s\n", info->cpu_count > CPU_IDS_SHOWN ? " ..." : "");
}

void report_print(const struct processor *processor, const struct boot_info *info)
{
    const struct boot_framebuffer *screen = &info->framebuffer;

    print_processor(processor);
    if (processor->vmx.vmx)
        print_vmx(&processor->vmx);
    print_cpus(info);
    screen_print("%-12s%llu MiB usable in %u ranges\n", "Memory",
                 (unsigned long long)memory_map_total(info->region, info->region_count,
                                                      BOOT_MEMORY_USABLE) >>
                     20,
                 info->region_count);
    if (info->rsdp)
        screen_print("%-12sRSDP at 0x%llx\n", "ACPI", (unsigned long long)info->rsdp);
    else
        screen_print("%-12snone\n", "ACPI");
    if (screen->base)
        screen_print("%-12s%u x %u at 0x%llx\n", "Screen", screen->width, screen->height,
                     (unsigned long long)screen->base);
    else
        screen_print("%-12snone that Pinwheel can draw on\n", "Screen");
}
