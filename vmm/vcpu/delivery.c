/* The trial of virtual-interrupt delivery at start-up: see delivery.h.
 *
 * The guest is in real-address mode, with one page of memory. A vector is in service and its
 * EOI-exit bit is set. The guest's first instruction writes the EOI register, its second is HLT. If
 * the write does not exit, HLT does. SDM Vol. 3C, "EOI Virtualization". */
#include "vmm/vcpu/delivery.h"

#include "arch/msr.h"
#include "arch/vmx/ept.h"
#include "arch/vmx/vmx_controls.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/stop.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vcpu_start.h"
#include "vmm/vcpu/vmcs_setup.h"

#define TRIAL_VECTOR     0x51u
#define TRIAL_VPID       (1 + BOOT_MAX_GUESTS * BOOT_MAX_VCPUS) /* no vCPU has it */
#define STATUS_SVI_SHIFT 8

/* NMIs and interrupts of the machine exit before the guest's instruction; more of them than this
 * would be a defect. */
#define ENTRIES_MAX 1000u

static const uint8_t trial_code[] = {0x0f, 0x30, /* WRMSR, with ECX = IA32_X2APIC_EOI */
                                     0xf4 /* HLT */};

static char problem_words[128];
static const char *problem;

static void set_problem(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void set_problem(const char *fmt, ...) {
    struct text text = {.out = problem_words, .size = sizeof(problem_words)};
    va_list args;

    va_start(args, fmt);
    text_add_va(&text, fmt, args);
    va_end(args);
    problem = problem_words;
}

/* Returns the EPT pointer of an address space with the code at address 0; 0: no memory. */
static uint64_t create_memory(void) {
    uint64_t physical;
    uint8_t *code = memory_alloc_pages(PAGE_SIZE, &physical);
    struct paging ept = {
        .table_flags = EPT_ALL, .alloc_table = memory_alloc_table, .table = memory_table};

    memcpy(code, trial_code, sizeof(trial_code));
    if (paging_init(&ept) || paging_map(&ept, 0, physical, PAGE_SIZE, EPT_ALL | EPT_WB))
        return 0;
    return ept_pointer(&ept);
}

static void set_up(struct vcpu *vcpu, uint64_t ept) {
    vmcs_clear(vcpu->vmcs_physical);
    vmcs_load(vcpu->vmcs_physical);
    vmcs_set_up_without_vm(vcpu, VMX_APIC_X2APIC, TRIAL_VPID);
    vcpu_enter_real_mode(vcpu, 0, 0);
    vmcs_write(VMCS_EPT_POINTER, ept);
    vmcs_write(VMCS_MSR_BITMAP, msr_bitmap(VMX_APIC_X2APIC));
    vmcs_write(VMCS_VIRTUAL_APIC_ADDRESS, vcpu->apic_page_physical);
    vmcs_write(VMCS_TPR_THRESHOLD, 0);
    for (unsigned i = 0; i < 4; i++)
        vmcs_write(VMCS_EOI_EXIT_BITMAP0 + 2 * i,
                   i == TRIAL_VECTOR / 64 ? 1ULL << (TRIAL_VECTOR % 64) : 0);
    vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, (uint64_t)TRIAL_VECTOR << STATUS_SVI_SHIFT);
    vmcs_write(VMCS_PREEMPTION_TIMER, UINT32_MAX);
    apic_page_add(vcpu->apic_page, APIC_ISR, TRIAL_VECTOR);
    vcpu->context.reg[GUEST_RCX] = MSR_X2APIC_EOI;
    vcpu->context.reg[GUEST_RAX] = vcpu->context.reg[GUEST_RDX] = 0;
    invept(INVEPT_SINGLE_CONTEXT, ept);
    invvpid(INVVPID_SINGLE_CONTEXT, TRIAL_VPID);
}

/* Returns the reason of the first exit that the guest causes; EXIT_REASON_COUNT: the entry failed.
 */
static uint32_t run(struct vcpu *vcpu) {
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        if (!vmx_enter(&vcpu->context, vcpu->launched))
            return EXIT_REASON_COUNT;
        vcpu->launched = true;
        uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);
        if (reason == EXIT_REASON_EXTERNAL_INTERRUPT) {
            interrupts_accept();
        } else if (reason == EXIT_REASON_EXCEPTION_OR_NMI &&
                   (vmcs_read(VMCS_EXIT_INTERRUPTION_INFORMATION) & INTERRUPTION_TYPE) ==
                       INTERRUPTION_NMI) {
            nmi_unblock();
            stop_if_asked();
        } else {
            return reason;
        }
    }
    return EXIT_REASON_EXTERNAL_INTERRUPT;
}

static void judge(uint32_t reason) {
    if (reason == EXIT_REASON_VIRTUALIZED_EOI && vmcs_read(VMCS_EXIT_QUALIFICATION) == TRIAL_VECTOR)
        return;
    if (reason == EXIT_REASON_HLT)
        set_problem("an EOI causes no VM exit on this machine, although its EOI-exit bit is set");
    else if (reason == EXIT_REASON_COUNT)
        set_problem("a trial of virtual-interrupt delivery ended with \"%s\"", vmx_error());
    else
        set_problem("a trial of virtual-interrupt delivery ended with the VM exit \"%s\"",
                    exit_reason_name(reason));
}

void delivery_init(void) {
    const char *missing = vmx_delivery_missing(&host.capabilities);

    problem = NULL;
    if (missing) {
        set_problem("this processor lacks \"%s\"", missing);
        return;
    }
    struct vcpu *vcpu = memory_alloc_pages(sizeof(*vcpu), NULL);
    struct vmx_region *vmcs = memory_alloc_pages(sizeof(*vmcs), &vcpu->vmcs_physical);
    vmcs->revision = (uint32_t)(host.capabilities.basic & VMX_BASIC_REVISION_MASK);
    vcpu->host = this_host_cpu();
    vcpu->apic_page = memory_alloc_pages(sizeof(*vcpu->apic_page), &vcpu->apic_page_physical);
    uint64_t ept = create_memory();
    if (!ept) {
        set_problem("there is no memory to try virtual-interrupt delivery");
        return;
    }
    set_up(vcpu, ept);
    judge(run(vcpu));
    vmcs_clear(vcpu->vmcs_physical);
}

const char *delivery_problem(void) {
    return problem;
}
