/* The trials of virtual-interrupt delivery and of posted interrupts at start-up: see delivery.h.
 *
 * The guest is in real-address mode, with one page of memory. A vector is in service and its
 * EOI-exit bit is set. The guest's first instruction writes the EOI register, its second is HLT. If
 * the write does not exit, HLT does. SDM Vol. 3C, "EOI Virtualization".
 *
 * Then twice a guest that only halts, with a notification pending when it is entered. The first
 * finds an empty PIR and must change nothing; the second finds a vector, which must be moved to the
 * IRR. SDM Vol. 3C, "Posted-Interrupt Processing". */
#include "vmm/vcpu/delivery.h"

#include "arch/idt.h"
#include "arch/msr.h"
#include "arch/vmx/ept.h"
#include "arch/vmx/vmx_controls.h"
#include "drivers/lapic.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/stop.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/posted.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vcpu_start.h"
#include "vmm/vcpu/vmcs_setup.h"

#define TRIAL_VECTOR     0x51u
#define TRIAL_VPID       (1 + BOOT_MAX_GUESTS * BOOT_MAX_VCPUS) /* no vCPU has it */
#define STATUS_SVI_SHIFT 8

/* NMIs and interrupts of the machine exit before the guest's instruction; more of them than this
 * would be a defect. */
#define ENTRIES_MAX 1000u
/* How often to set the VMX-preemption timer: it may expire before the guest's first instruction
 * where something else shares the CPU with us, under another hypervisor or in SMM. */
#define TIMES_MAX 16u
/* How often to look for an interrupt that this CPU has sent to itself, which takes a few cycles. */
#define ARRIVAL_MAX 1000000u

/* The CLI does nothing, since IF is 0 after the entry: Bochs keeps a pending interrupt waiting
 * until IF is written. */
static const uint8_t trial_code[] = {0x0f,           0x30, /* WRMSR, with ECX = IA32_X2APIC_EOI */
                                     0xf4 /* HLT */,       /* here the second guest starts: */
                                     0xfa /* CLI */, 0x90 /* NOP */, 0xf4 /* HLT */};
#define TRIAL_POSTED_OFFSET 3

struct finding {
    bool found;
    char words[128];
};
static struct finding problem, posted_problem, posted_doubt;

static void find(struct finding *finding, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void find(struct finding *finding, const char *fmt, ...) {
    struct text text = {.out = finding->words, .size = sizeof(finding->words)};
    va_list args;

    va_start(args, fmt);
    text_add_va(&text, fmt, args);
    va_end(args);
    finding->found = true;
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

static void set_up(struct vcpu *vcpu, uint64_t ept, uint16_t offset) {
    vmcs_clear(vcpu->vmcs_physical);
    vmcs_load(vcpu->vmcs_physical);
    vcpu->launched = false;
    vmcs_set_up_without_vm(vcpu, VMX_APIC_X2APIC, TRIAL_VPID);
    vcpu_enter_real_mode(vcpu, 0, offset);
    vmcs_write(VMCS_EPT_POINTER, ept);
    vmcs_write(VMCS_MSR_BITMAP, msr_bitmap(VMX_APIC_X2APIC));
    vmcs_write(VMCS_VIRTUAL_APIC_ADDRESS, vcpu->apic_page_physical);
    vmcs_write(VMCS_TPR_THRESHOLD, 0);
    for (unsigned i = 0; i < 4; i++)
        vmcs_write(VMCS_EOI_EXIT_BITMAP0 + 2 * i,
                   i == TRIAL_VECTOR / 64 ? 1ULL << (TRIAL_VECTOR % 64) : 0);
    vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, 0);
    invept(INVEPT_SINGLE_CONTEXT, ept);
    invvpid(INVVPID_SINGLE_CONTEXT, TRIAL_VPID);
}

/* Returns the reason of the first exit that the guest causes; EXIT_REASON_COUNT: the entry failed.
 */
static uint32_t run(struct vcpu *vcpu) {
    unsigned times = 1;

    vmcs_write(VMCS_PREEMPTION_TIMER, VMX_TIMER_MAX);
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        if (!vmx_enter(&vcpu->context, vcpu->launched))
            return EXIT_REASON_COUNT;
        vcpu->launched = true;
        uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);
        if (reason == EXIT_REASON_EXTERNAL_INTERRUPT) {
            posted_exit();
        } else if (reason == EXIT_REASON_EXCEPTION_OR_NMI &&
                   (vmcs_read(VMCS_EXIT_INTERRUPTION_INFORMATION) & INTERRUPTION_TYPE) ==
                       INTERRUPTION_NMI) {
            nmi_unblock();
            stop_if_asked();
        } else if (reason == EXIT_REASON_PREEMPTION_TIMER && times++ < TIMES_MAX) {
            vmcs_write(VMCS_PREEMPTION_TIMER, VMX_TIMER_MAX);
        } else {
            return reason;
        }
    }
    return EXIT_REASON_EXTERNAL_INTERRUPT;
}

static void find_exit(struct finding *finding, const char *what, uint32_t reason) {
    find(finding, "a trial of %s ended with %s\"%s\"", what,
         reason == EXIT_REASON_COUNT ? "" : "the VM exit ",
         reason == EXIT_REASON_COUNT ? vmx_error() : exit_reason_name(reason));
}

static void try_delivery(struct vcpu *vcpu, uint64_t ept) {
    set_up(vcpu, ept, 0);
    vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, (uint64_t)TRIAL_VECTOR << STATUS_SVI_SHIFT);
    apic_page_add(vcpu->apic_page, APIC_ISR, TRIAL_VECTOR);
    vcpu->context.reg[GUEST_RCX] = MSR_X2APIC_EOI;
    vcpu->context.reg[GUEST_RAX] = vcpu->context.reg[GUEST_RDX] = 0;
    uint32_t reason = run(vcpu);
    apic_page_remove(vcpu->apic_page, APIC_ISR, TRIAL_VECTOR);
    if (reason == EXIT_REASON_VIRTUALIZED_EOI && vmcs_read(VMCS_EXIT_QUALIFICATION) == TRIAL_VECTOR)
        return;
    if (reason == EXIT_REASON_HLT)
        find(&problem,
             "an EOI causes no VM exit on this machine, although its EOI-exit bit is set");
    else
        find_exit(&problem, "virtual-interrupt delivery", reason);
}

/* ---- posted interrupts ---- */

/* The notification waits in this CPU's local APIC until the entry, since interrupts are off. */
static uint32_t run_notified(struct vcpu *vcpu, uint64_t ept, uint64_t inbox) {
    struct vmx_controls controls;

    set_up(vcpu, ept, TRIAL_POSTED_OFFSET);
    vmx_choose_controls(&host.capabilities, VMX_APIC_X2APIC, true, false, &controls);
    vmcs_write(VMCS_PIN_BASED_CONTROLS, controls.pin);
    vmcs_write(VMCS_EXIT_CONTROLS, controls.exit);
    vmcs_write(VMCS_POSTED_VECTOR, VECTOR_POSTED);
    vmcs_write(VMCS_POSTED_DESCRIPTOR, inbox);
    lapic_send_fixed(vcpu->host->cpu.apic_id, VECTOR_POSTED);
    for (unsigned i = 0; i < ARRIVAL_MAX && !lapic_requested(VECTOR_POSTED); i++)
        cpu_pause();
    uint32_t reason = run(vcpu);
    interrupts_accept(); /* should it be pending still */
    return reason;
}

static void try_posted(struct vcpu *vcpu, uint64_t ept) {
    const char *missing = vmx_posted_missing(&host.capabilities);
    uint64_t physical;

    if (missing) {
        find(&posted_problem, "this processor lacks \"%s\"", missing);
        return;
    }
    struct inbox *inbox = memory_alloc_pages(sizeof(*inbox), &physical);
    uint32_t reason = run_notified(vcpu, ept, physical);
    uint64_t status = vmcs_read(VMCS_GUEST_INTERRUPT_STATUS);
    if (reason == EXIT_REASON_HLT && status)
        find(&posted_doubt, "a notification without an interrupt requests vector %lu", status);
    inbox_post_edge(inbox, TRIAL_VECTOR);
    atomic_store(&inbox->requests, REQUEST_POSTED);
    reason = run_notified(vcpu, ept, physical);
    if (reason != EXIT_REASON_HLT)
        find_exit(&posted_problem, "posted interrupts", reason);
    else if (vmcs_read(VMCS_GUEST_INTERRUPT_STATUS) != TRIAL_VECTOR || !inbox_is_empty(inbox) ||
             atomic_load(&inbox->requests) ||
             !apic_page_has(vcpu->apic_page, APIC_IRR, TRIAL_VECTOR))
        find(&posted_problem, "a notification does not request the posted interrupt");
}

/* ---- both ---- */

void delivery_init(void) {
    const char *missing = vmx_delivery_missing(&host.capabilities);

    problem.found = posted_problem.found = posted_doubt.found = false;
    if (missing) {
        find(&problem, "this processor lacks \"%s\"", missing);
        return;
    }
    struct vcpu *vcpu = memory_alloc_pages(sizeof(*vcpu), NULL);
    struct vmx_region *vmcs = memory_alloc_pages(sizeof(*vmcs), &vcpu->vmcs_physical);
    vmcs->revision = (uint32_t)(host.capabilities.basic & VMX_BASIC_REVISION_MASK);
    vcpu->host = this_host_cpu();
    vcpu->apic_page = memory_alloc_pages(sizeof(*vcpu->apic_page), &vcpu->apic_page_physical);
    uint64_t ept = create_memory();
    if (!ept) {
        find(&problem, "there is no memory to try virtual-interrupt delivery");
        return;
    }
    try_delivery(vcpu, ept);
    if (!problem.found)
        try_posted(vcpu, ept);
    vmcs_clear(vcpu->vmcs_physical);
}

static const char *words(const struct finding *finding) {
    return finding->found ? finding->words : NULL;
}

const char *delivery_problem(void) {
    return words(&problem);
}

const char *delivery_posted_problem(void) {
    return words(problem.found ? &problem : &posted_problem);
}

const char *delivery_posted_doubt(void) {
    return words(&posted_doubt);
}
