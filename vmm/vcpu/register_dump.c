/* A vCPU's registers as text: see register_dump.h. */
#include "vmm/vcpu/register_dump.h"

#include "arch/instructions.h"
#include "drivers/console.h"
#include "lib/format.h"
#include "vmm/vcpu/vcpu.h"

#define DUMP_SIZE 1024

/* What the vCPU waits for: the highest vector in a register of its local APIC. */
static void add_highest(struct text *text, const char *bank, int vector) {
    if (vector < 0)
        text_add(text, " %s none", bank);
    else
        text_add(text, " %s 0x%x", bank, (unsigned)vector);
}

void register_dump_print(const struct vcpu *vcpu) {
    static const char *const name[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    char out[DUMP_SIZE];
    struct text text = {out, sizeof(out), 0};

    text_add(&text, "REGISTERS guest=%s vcpu=%u rip=0x%lx halted=%u\n", vcpu->vm->name, vcpu->index,
             vmcs_read(VMCS_GUEST_RIP), vcpu->state == VCPU_HALTED);
    text_add(&text, "  cs %lx rflags %lx cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx",
             vmcs_read(VMCS_GUEST_CS_SELECTOR), vmcs_read(VMCS_GUEST_RFLAGS),
             vmcs_read(VMCS_GUEST_CR0), read_cr2(), vmcs_read(VMCS_GUEST_CR3),
             vmcs_read(VMCS_GUEST_CR4), vmcs_read(VMCS_GUEST_EFER));
    for (unsigned i = 0; i < GUEST_REGISTER_COUNT; i++)
        text_add(&text, "%s%-3s %016lx", i % 4 ? " " : "\n  ", name[i],
                 i == GUEST_RSP ? vmcs_read(VMCS_GUEST_RSP) : vcpu->context.reg[i]);
    text_add(&text, "\n ");
    add_highest(&text, "irr", apic_page_highest(vcpu->apic_page, APIC_IRR));
    add_highest(&text, "isr", apic_page_highest(vcpu->apic_page, APIC_ISR));
    text_add(&text, " tpr 0x%x\n", apic_page_read(vcpu->apic_page, APIC_TPR));
    console_write(out, text.length);
}
