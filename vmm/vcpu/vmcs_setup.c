/* The part of a vCPU's VMCS that is written once, and the check of a VMCS: see vmcs_setup.h. */
#include "vmm/vcpu/vmcs_setup.h"

#include "arch/control_registers.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/panic.h"
#include "arch/segments.h"
#include "arch/vmx/entry_check.h"
#include "drivers/console.h"
#include "lib/memory.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/vcpu/control_regs.h"
#include "vmm/vcpu/vcpu_start.h"
#include "vmm/vcpu/virq.h"

/* #DB and #AC: the delivery of one can raise it again, for ever, with no instruction in between
 * (CVE-2015-8104, CVE-2015-5307). #MC concerns the host. */
#define INTERCEPTED_EXCEPTIONS (1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC)

/* The physical address of two pages: an access to any port exits. A third page is like them: for
 * the last ports Bochs 2.7 also reads the byte behind the bitmap. In the page that followed it, the
 * APIC-access page, it took that for an access of the guest, which was killed. */
#define IO_BITMAP_PAGES 3
static uint64_t io_bitmap;

void vmcs_setup_init(void) {
    uint8_t *bitmap = memory_alloc_pages(IO_BITMAP_PAGES * PAGE_SIZE, &io_bitmap);

    memset(bitmap, 0xff, IO_BITMAP_PAGES * PAGE_SIZE);
}

static void set_host_state(const struct vcpu *vcpu) {
    const struct cpu *cpu = &vcpu->host->cpu;

    vmcs_write(VMCS_HOST_CR0, read_cr0());
    vmcs_write(VMCS_HOST_CR3, memory_root());
    vmcs_write(VMCS_HOST_CR4, read_cr4());
    vmcs_write(VMCS_HOST_CS_SELECTOR, SELECTOR_CODE);
    vmcs_write(VMCS_HOST_SS_SELECTOR, SELECTOR_DATA);
    vmcs_write(VMCS_HOST_DS_SELECTOR, SELECTOR_DATA);
    vmcs_write(VMCS_HOST_ES_SELECTOR, SELECTOR_DATA);
    vmcs_write(VMCS_HOST_FS_SELECTOR, 0);
    vmcs_write(VMCS_HOST_GS_SELECTOR, 0);
    vmcs_write(VMCS_HOST_TR_SELECTOR, SELECTOR_TSS);
    vmcs_write(VMCS_HOST_FS_BASE, 0);
    vmcs_write(VMCS_HOST_GS_BASE, (uint64_t)cpu);
    vmcs_write(VMCS_HOST_TR_BASE, (uint64_t)&cpu->segments.tss);
    vmcs_write(VMCS_HOST_GDTR_BASE, (uint64_t)cpu->segments.gdt);
    vmcs_write(VMCS_HOST_IDTR_BASE, idt_base());
    vmcs_write(VMCS_HOST_SYSENTER_CS, 0);
    vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
    vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
    vmcs_write(VMCS_HOST_EFER, rdmsr(MSR_IA32_EFER));
    vmcs_write(VMCS_HOST_PAT, rdmsr(MSR_IA32_PAT));
    vmcs_write(VMCS_HOST_RIP, vmx_exit_address());
}

static void set_controls(struct vcpu *vcpu, enum vmx_apic_mode mode, uint16_t vpid) {
    if (!vmx_choose_controls(&host.capabilities, mode, vcpu->vm && vcpu->vm->posted,
                             vcpu_shares_cpu(vcpu), &vcpu->controls))
        panic("the VMX controls that the boot loader checked are no longer available");
    vmcs_write(VMCS_PIN_BASED_CONTROLS, vcpu->controls.pin);
    vmcs_write(VMCS_PRIMARY_CONTROLS, vcpu->controls.primary);
    vmcs_write(VMCS_SECONDARY_CONTROLS, vcpu->controls.secondary);
    vmcs_write(VMCS_EXIT_CONTROLS, vcpu->controls.exit);
    vmcs_write(VMCS_ENTRY_CONTROLS, vcpu->controls.entry);
    if (vcpu->controls.secondary & SECONDARY_PAUSE_LOOP_EXITING) {
        vmcs_write(VMCS_PLE_GAP, VMX_PLE_GAP);
        vmcs_write(VMCS_PLE_WINDOW, VMX_PLE_WINDOW);
    }
    if (vcpu->controls.secondary & SECONDARY_ENCLS_EXITING)
        vmcs_write(VMCS_ENCLS_EXITING_BITMAP, UINT64_MAX);
    if (vcpu->controls.secondary & SECONDARY_ENCLV_EXITING)
        vmcs_write(VMCS_ENCLV_EXITING_BITMAP, UINT64_MAX);
    vmcs_write(VMCS_EXCEPTION_BITMAP, INTERCEPTED_EXCEPTIONS);
    vmcs_write(VMCS_PAGE_FAULT_ERROR_MASK, 0);
    vmcs_write(VMCS_PAGE_FAULT_ERROR_MATCH, 0);
    vmcs_write(VMCS_CR3_TARGET_COUNT, 0);
    vmcs_write(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmcs_write(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmcs_write(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
    vmcs_write(VMCS_ENTRY_INTERRUPTION_INFORMATION, 0);
    vmcs_write(VMCS_ENTRY_EXCEPTION_ERROR_CODE, 0);
    vmcs_write(VMCS_ENTRY_INSTRUCTION_LENGTH, 0);
    vmcs_write(VMCS_TSC_OFFSET, 0);
    vmcs_write(VMCS_IO_BITMAP_A, io_bitmap);
    vmcs_write(VMCS_IO_BITMAP_B, io_bitmap + PAGE_SIZE);
    vmcs_write(VMCS_VPID, vpid);
    vmcs_write(VMCS_LINK_POINTER, UINT64_MAX);
}

void vmcs_set_up_without_vm(struct vcpu *vcpu, enum vmx_apic_mode mode, uint16_t vpid) {
    set_controls(vcpu, mode, vpid);
    set_host_state(vcpu);
    control_regs_set_masks();
    vmcs_write(VMCS_GUEST_PAT, PAT_RESET);
    vmcs_write(VMCS_GUEST_DEBUGCTL, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_CS, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_ESP, 0);
    vmcs_write(VMCS_GUEST_SYSENTER_EIP, 0);
    vmcs_write(VMCS_GUEST_PDPTE0, 0);
    vmcs_write(VMCS_GUEST_PDPTE1, 0);
    vmcs_write(VMCS_GUEST_PDPTE2, 0);
    vmcs_write(VMCS_GUEST_PDPTE3, 0);
    control_regs_set_cr0(CR0_CD | CR0_NW); /* INIT keeps these two */
    vcpu_reset(vcpu);
}

void vmcs_set_up(struct vcpu *vcpu) {
    vmcs_set_up_without_vm(vcpu, virq_apic_mode(vcpu), vcpu_vpid(vcpu));
    virq_set_up(vcpu);
    /* The TLB may hold translations for these identifiers, from a hypervisor before Pinwheel. */
    for (unsigned i = 0; i < 2; i++)
        invept(INVEPT_SINGLE_CONTEXT, vcpu->vm->ept_pointer[i]);
    invvpid(INVVPID_SINGLE_CONTEXT, vcpu_vpid(vcpu));
}

#define VIOLATIONS_SHOWN 4

/* Without "virtualize APIC accesses", or without posted interrupts, the processor may not have the
 * field. */
static uint64_t read_field(const struct vcpu *vcpu, uint32_t encoding) {
    bool is_posted = encoding == VMCS_POSTED_VECTOR || encoding == VMCS_POSTED_DESCRIPTOR;
    bool lacks = (vcpu->software && encoding == VMCS_APIC_ACCESS_ADDRESS) ||
                 (!vcpu->vm->posted && is_posted);

    return lacks ? 0 : vmcs_read(encoding);
}

bool vmcs_check(struct vcpu *vcpu, bool failed) {
    static struct vmcs_image image; /* too large for a stack; guarded by the lock */
    static struct spinlock lock;
    struct entry_violation violation[VIOLATIONS_SHOWN];

    spin_lock(&lock);
    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++)
        ((uint64_t *)&image)[i] = read_field(vcpu, vmcs_fields[i].encoding);
    unsigned count = entry_check(&image, &host.capabilities, violation, VIOLATIONS_SHOWN);
    spin_unlock(&lock);

    for (unsigned i = 0; i < count && i < VIOLATIONS_SHOWN; i++)
        console_print("pinwheel: guest %s vCPU %u: no VM entry: %s (0x%x) is 0x%lx: %s (SDM, "
                      "\"%s\")\n",
                      vcpu->vm->name, vcpu->index, violation[i].field, violation[i].encoding,
                      violation[i].value, violation[i].rule, violation[i].section);
    if (count)
        vm_kill(vcpu->vm, "vCPU %u: its state is not valid for a VM entry: %s: %s", vcpu->index,
                violation[0].field, violation[0].rule);
    else if (failed)
        vm_kill(vcpu->vm,
                "vCPU %u: the VM entry failed (%s); Pinwheel's own checks found nothing wrong",
                vcpu->index, exit_reason_name((uint32_t)vmcs_read(VMCS_EXIT_REASON)));
    return count == 0 && !failed;
}
