/* The modes of the processor in which the tests' guests run: see machine.h. */
#include "arch/control_registers.h"
#include "arch/msr.h"
#include "tests/machine/machine.h"

#define CODE_16 0x9b
#define CODE_32 0xc09b
#define CODE_64 0xa09b
#define DATA_16 0x93
#define DATA_32 0xc093

static void set_segments(uint64_t code, uint64_t data, uint32_t limit) {
    for (unsigned i = 0; i < 6; i++) {
        machine_set(VMCS_GUEST_ES_SELECTOR + 2 * i, i == 1 ? 0x08 : 0x10);
        machine_set(VMCS_GUEST_ES_BASE + 2 * i, 0);
        machine_set(VMCS_GUEST_ES_LIMIT + 2 * i, limit);
        machine_set(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * i, i == 1 ? code : data);
    }
}

static void set_mode(uint64_t cr0, uint64_t cr4, uint64_t efer) {
    uint64_t entry =
        machine_get(VMCS_ENTRY_CONTROLS) & ~(uint64_t)VM_ENTRY_CONTROL_IA32E_MODE_GUEST;

    machine_set(VMCS_GUEST_CR0, vmx_guest_cr0(&host.capabilities, cr0 | CR0_ET));
    machine_set(VMCS_CR0_READ_SHADOW, cr0 | CR0_ET);
    machine_set(VMCS_GUEST_CR4, vmx_cr4(&host.capabilities, cr4 | CR4_MCE));
    machine_set(VMCS_CR4_READ_SHADOW, cr4);
    machine_set(VMCS_GUEST_EFER, efer);
    machine_set(VMCS_ENTRY_CONTROLS,
                efer & EFER_LMA ? entry | VM_ENTRY_CONTROL_IA32E_MODE_GUEST : entry);
    machine_set(VMCS_GUEST_RIP, 0x1000);
    machine_set(VMCS_GUEST_RSP, 0x8000);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_IF);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

void machine_real_mode(void) {
    set_segments(CODE_16, DATA_16, 0xffff);
    for (unsigned i = 0; i < 6; i++)
        machine_set(VMCS_GUEST_ES_SELECTOR + 2 * i, 0);
    set_mode(0, 0, 0);
}

void machine_protected_mode(void) {
    set_segments(CODE_32, DATA_32, 0xffffffff);
    set_mode(CR0_PE, 0, 0);
}

/* Entry 0 of each table leads on; the last maps a page of 2 MiB. */
void machine_long_mode(struct vm *vm) {
    uint64_t *tables = (uint64_t *)(vm->ram + MACHINE_TABLES);

    tables[0] = (MACHINE_TABLES + 0x1000) | 7;
    tables[0x1000 / 8] = (MACHINE_TABLES + 0x2000) | 7;
    tables[0x2000 / 8] = 0x80 | 7;
    set_segments(CODE_64, DATA_32, 0xffffffff);
    machine_set(VMCS_GUEST_CR3, MACHINE_TABLES);
    set_mode(CR0_PE | CR0_PG | CR0_WP, CR4_PAE, EFER_LME | EFER_LMA | EFER_NXE);
}
