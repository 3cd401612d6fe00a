/* The capability report: see report.h.
 *
 * The facts come from CPUID and, on a processor with VMX, from the capability MSRs. The report also
 * lists optional features; refusal.c reports required ones that are missing. SDM Vol. 2A, "CPUID -
 * CPU Identification"; SDM Vol. 3D, "VMX Capability Reporting Facility". */
#include "boot/report.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/speculation_read.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx_capabilities.h"
#include "boot/memory_map.h"
#include "boot/screen.h"
#include "drivers/uart.h"
#include "lib/memory.h"

#define CPU_IDS_SHOWN 16

/* A name of 12 characters that CPUID returns in three registers. */
static void copy_name(char name[13], uint32_t first, uint32_t second, uint32_t third) {
    memcpy(name, (const uint32_t[]){first, second, third}, 12);
    name[12] = 0;
}

void report_read_processor(struct processor *processor) {
    struct cpuid_result r = cpuid(CPUID_LEAF_VENDOR, 0);

    copy_name(processor->vendor, r.ebx, r.edx, r.ecx);
    processor->hypervisor[0] = 0;
    if (cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_HYPERVISOR) {
        r = cpuid(CPUID_LEAF_HYPERVISOR, 0);
        copy_name(processor->hypervisor, r.ebx, r.ecx, r.edx);
        if (!processor->hypervisor[0])
            memcpy(processor->hypervisor, "unnamed", 8);
    }
    processor->xsave = cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE;
    vmx_read_capabilities(&processor->vmx);
}

/* A control may be 1 if its bit in the upper half of the capability MSR is 1. */
#define CAN(control) ((uint64_t)(control) << 32)

static void print_vmx(const struct vmx_capabilities *vmx) {
    uint64_t pin = vmx_capability(vmx, VMX_PIN), secondary = vmx->procbased2, ept = vmx->ept_vpid;
    const struct {
        const char *title; /* not NULL: begins a line */
        uint64_t bits, bit;
        const char *name;
    } features[] = {
        {"EPT", ept, EPT_VPID_CAP_WB, "write-back"},
        {NULL, ept, EPT_VPID_CAP_WALK_4, "4 levels"},
        {NULL, ept, EPT_VPID_CAP_2M, "2 MiB pages"},
        {NULL, ept, EPT_VPID_CAP_1G, "1 GiB pages"},
        {NULL, ept, EPT_VPID_CAP_INVEPT_SINGLE, "INVEPT single"},
        {NULL, ept, EPT_VPID_CAP_INVEPT_ALL, "INVEPT all"},
        {"VPID", ept, EPT_VPID_CAP_INVVPID_ADDRESS, "INVVPID address"},
        {NULL, ept, EPT_VPID_CAP_INVVPID_SINGLE, "INVVPID single"},
        {NULL, ept, EPT_VPID_CAP_INVVPID_ALL, "INVVPID all"},
        {"Timer, NMI", pin, CAN(PIN_PREEMPTION_TIMER), "preemption timer"},
        {NULL, pin, CAN(PIN_VIRTUAL_NMIS), "virtual NMIs"},
        {NULL, pin, CAN(PIN_PROCESS_POSTED_INTERRUPTS), "posted interrupts"},
        {"Virtual", secondary, CAN(SECONDARY_UNRESTRICTED_GUEST), "unrestricted guest"},
        {NULL, secondary, CAN(SECONDARY_APIC_REGISTER_VIRTUALIZATION), "APIC registers"},
        {NULL, secondary, CAN(SECONDARY_VIRTUAL_INTERRUPT_DELIVERY), "interrupt delivery"},
        {NULL, secondary, CAN(SECONDARY_VIRTUALIZE_X2APIC_MODE), "x2APIC"},
    };

    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (features[i].title)
            screen_print("%s%-12s", i ? "\n" : "", features[i].title);
        screen_print("%s%s%s", features[i].title ? "" : ", ",
                     features[i].bits & features[i].bit ? "" : "no ", features[i].name);
    }
    screen_print("\n");
}

static const char *vmx_text(const struct vmx_capabilities *vmx) {
    if (!vmx->vmx)
        return "no";
    if (!(vmx->feature_control & FEATURE_CONTROL_LOCK))
        return "yes; IA32_FEATURE_CONTROL is unlocked, Pinwheel enables VT-x";
    return vmx->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX
               ? "yes; IA32_FEATURE_CONTROL is locked with VT-x enabled"
               : "yes; IA32_FEATURE_CONTROL is locked with VT-x disabled";
}

/* The extended model and family count only for certain families. SDM Vol. 2A, "CPUID", leaf 1. */
static void print_processor(const struct processor *processor) {
    uint32_t signature = cpuid(CPUID_LEAF_FEATURES, 0).eax;
    uint32_t family = (signature >> 8) & 15, model = (signature >> 4) & 15;

    if (family == 6 || family == 15)
        model |= ((signature >> 16) & 15) << 4;
    if (family == 15)
        family += (signature >> 20) & 255;
    screen_print("%-12s%s, family %u, model %u, stepping %u", "Processor", processor->vendor,
                 family, model, signature & 15);
    if (processor->hypervisor[0])
        screen_print(", under hypervisor %s", processor->hypervisor);
    screen_print("\n%-12s%s\n", "VT-x", vmx_text(&processor->vmx));
}

/* Whether there is a port at this place the hypervisor finds out. */
static void print_serial(const struct boot_serial *serial, const char *problem) {
    if (serial->access)
        screen_print("%-12sat 0x%lx, a %u-bit register every %u bytes, ", "Serial", serial->base,
                     8 * serial->access, serial->stride);
    else
        screen_print("%-12sport 0x%lx, ", "Serial", serial->base);
    if (serial->divisor)
        screen_print("%u baud, 8N1", serial->baud);
    else
        screen_print("with the firmware's baud rate, 8N1");
    screen_print(problem ? "; not the firmware's: %s\n" : "\n", problem);
}

void report_print(const struct processor *processor, const struct boot_info *info,
                  const char *serial_problem) {
    const struct boot_framebuffer *screen = &info->framebuffer;
    uint64_t usable = memory_map_usable(info->region, info->region_count);

    print_processor(processor);
    if (processor->vmx.vmx)
        print_vmx(&processor->vmx);
    screen_print("%-12s%u, local APIC IDs", "CPUs", info->cpu_count);
    for (uint32_t i = 0; i < info->cpu_count && i < CPU_IDS_SHOWN; i++)
        screen_print(" %u", info->cpu_apic_id[i]);
    screen_print("%s\n", info->cpu_count > CPU_IDS_SHOWN ? " ..." : "");
    screen_print("%-12s%lu MiB usable, in %u ranges\n", "Memory", usable >> 20, info->region_count);
    if (info->rsdp)
        screen_print("%-12sRSDP at 0x%lx\n", "ACPI", info->rsdp);
    else
        screen_print("%-12snone\n", "ACPI");
    if (screen->base)
        screen_print("%-12s%u x %u at 0x%lx, %u bytes a pixel\n", "Screen", screen->width,
                     screen->height, screen->base, screen->pixel_size);
    else
        screen_print("%-12snone that Pinwheel can use\n", "Screen");
    print_serial(&info->serial, serial_problem);
}

void report_print_mitigations(const struct boot_info *info) {
    struct speculation_request request = {info->mitigations_on, info->mitigations_off};
    struct speculation_processor processor;
    char names[128];

    speculation_read(&processor);
    struct speculation s = speculation_decide(&processor, &request);
    speculation_names(s.on, names, sizeof(names));
    screen_print("%-12s%s", "Mitigations", names);
    speculation_names(s.off, names, sizeof(names));
    if (s.off)
        screen_print("; off: %s", names);
    speculation_names(s.missing, names, sizeof(names));
    if (s.missing)
        screen_print("; not in this microcode: %s", names);
    screen_print("\n");
}
