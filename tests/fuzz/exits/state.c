/* What a guest changes without an exit: see exits.h. Each change leaves a state that a processor
 * can be in: SDM Vol. 3A, "Mode Switching"; Vol. 3C, "Checks on the Guest State Area". */
#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/entry_check.h"
#include "tests/fuzz/exits/exits.h"

#define LARGE_PAGE 0x87ULL
#define RFLAGS_ANY 0x3c7fd5ULL /* without VM and the reserved bits */

static uint64_t get(uint64_t field) {
    return machine_get(field);
}

unsigned state_cpl(void) {
    return (unsigned)(get(VMCS_GUEST_SS_ACCESS_RIGHTS) & ACCESS_RIGHTS_DPL) >>
           ACCESS_RIGHTS_DPL_SHIFT;
}

bool state_steps(void) {
    return (get(VMCS_GUEST_RFLAGS) & RFLAGS_TF) && !(get(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);
}

/* ---- code ---- */

static void put(uint64_t address, uint8_t byte) {
    if (address < guest->ram_size)
        guest->ram[address] = byte;
}

/* An instruction at RIP: a prefix or two, an opcode that is likely to be emulated, any operands. */
static void put_code(void) {
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x64, 0x65, 0x48};
    static const uint8_t opcodes[] = {0x89, 0x8b, 0x88, 0x8a, 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad,
                                      0xa6, 0xa7, 0xae, 0xaf, 0xc6, 0xc7, 0x01, 0x03, 0x09, 0x23,
                                      0x31, 0x39, 0x80, 0x81, 0x83, 0xf6, 0xf7, 0x84, 0x85, 0x86,
                                      0x87, 0xff, 0xfe, 0xa0, 0xa1, 0xa3, 0xd1, 0xd3, 0x8f, 0x50};
    static const uint8_t opcodes_0f[] = {0xb6, 0xb7, 0xbe, 0xbf, 0xa3, 0xab, 0xba, 0xb0,
                                         0xb1, 0xc0, 0xc1, 0x10, 0x11, 0x6f, 0x7f, 0x01,
                                         0x90, 0x44, 0xae, 0xc7, 0xc3, 0x38, 0x3a};
    uint64_t at = get(VMCS_GUEST_RIP) + get(VMCS_GUEST_CS_BASE);
    uint8_t choice = input_byte();

    for (unsigned i = 0; i < (choice & 3u); i++)
        put(at++, prefixes[input_below(sizeof(prefixes))]);
    if (choice & 4)
        put(at++, 0x40 | (input_byte() & 15)); /* REX in 64-bit mode */
    if (choice & 8)
        put(at++, 0x0f);
    if (choice & 16)
        put(at++, input_byte());
    else if (choice & 8)
        put(at++, opcodes_0f[input_below(sizeof(opcodes_0f))]);
    else
        put(at++, opcodes[input_below(sizeof(opcodes))]);
    for (unsigned i = 0; i < 1 + (choice >> 6) * 2u; i++)
        put(at++, input_byte());
}

static void jump(void) {
    uint64_t to = input_flag() ? 0xff0 + input_below(32) : input_address();
    bool is_64bit = get(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L;

    if (input_below(8) == 0)
        to = is_64bit ? input_number() << 17 >> 17 : (uint32_t)input_number();
    machine_set(VMCS_GUEST_RIP, to);
}

/* ---- registers ---- */

static void set_flags(void) {
    uint64_t kept = get(VMCS_GUEST_RFLAGS) & RFLAGS_VM;

    machine_set(VMCS_GUEST_RFLAGS, kept | RFLAGS_ONE | (input_number() & RFLAGS_ANY));
    machine_set(VMCS_GUEST_INTERRUPTIBILITY,
                get(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)INTERRUPTIBILITY_SHADOW);
}

static void enter_shadow(void) {
    uint64_t state = get(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)INTERRUPTIBILITY_SHADOW;
    bool sti = input_flag() && (get(VMCS_GUEST_RFLAGS) & RFLAGS_IF);

    machine_set(VMCS_GUEST_INTERRUPTIBILITY,
                state | (sti ? INTERRUPTIBILITY_STI : INTERRUPTIBILITY_MOV_SS));
}

static void set_interrupt_flag(void) {
    machine_set(VMCS_GUEST_RFLAGS, get(VMCS_GUEST_RFLAGS) | RFLAGS_IF);
}

static void iret(void) {
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

static uint64_t canonical(uint64_t address) {
    return (uint64_t)((int64_t)(address << 16) >> 16);
}

/* Registers that the processor lets a guest write. */
static void set_system_register(void) {
    static const uint64_t msrs[] = {MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_CSTAR,
                                    MSR_IA32_KERNEL_GS_BASE, MSR_IA32_TSC_AUX};
    uint64_t value = input_number();

    switch (input_below(12)) {
    case 0:
        machine_set(VMCS_GUEST_CR3, value & host_physical_mask());
        break;
    case 1:
        machine_set(VMCS_GUEST_DR7, (uint32_t)value | 0x400);
        break;
    case 2:
        machine_set(VMCS_GUEST_GDTR_BASE, canonical(value));
        machine_set(VMCS_GUEST_IDTR_BASE, canonical(value));
        machine_set(VMCS_GUEST_IDTR_LIMIT, value & 0xffff);
        break;
    case 3:
        machine_set(VMCS_GUEST_SYSENTER_EIP, canonical(value));
        machine_set(VMCS_GUEST_SYSENTER_ESP, canonical(value));
        break;
    case 4:
        if (!(get(VMCS_GUEST_RFLAGS) & RFLAGS_VM))
            machine_set(VMCS_GUEST_FS_BASE, canonical(value));
        break;
    case 5:
        machine.cr2 = value;
        break;
    case 6:
        machine.dr[value & 3] = value;
        break;
    case 7:
        machine.dr6 = (value & 0xe00f) | DR6_RESET;
        break;
    case 8:
        machine.x87 = machine.sse = machine.avx = value;
        break;
    default:
        *machine_msr((uint32_t)msrs[input_below(5)]) = canonical(value);
        break;
    }
}

/* CR3 of PAE paging is loaded together with the PDPTEs. */
static void check_pae(uint64_t old_cr3) {
    bool pae = (get(VMCS_GUEST_CR0) & CR0_PG) && (get(VMCS_GUEST_CR4) & CR4_PAE) &&
               !(get(VMCS_GUEST_EFER) & EFER_LMA);

    if (pae && !mode_load_pdptes(get(VMCS_GUEST_CR3)))
        machine_set(VMCS_GUEST_CR3, old_cr3);
}

static void set_register(void) {
    unsigned number = input_below(GUEST_REGISTER_COUNT);
    uint64_t value = input_number();

    if (number == GUEST_RSP)
        machine_set(VMCS_GUEST_RSP, value);
    else
        self->context.reg[number] = value;
}

static void write_memory(void) {
    uint64_t address = input_address(), value = input_number();

    for (unsigned i = 0; i < 8; i++)
        put(address + i, (uint8_t)(value >> 8 * i));
}

static void pass_time(void) {
    machine.tsc += 1ULL << input_below(24);
}

void state_change(void) {
    uint64_t cr3 = get(VMCS_GUEST_CR3);
    uint8_t vector;

    switch (input_below(20)) {
    case 0:
        mode_enter_any();
        break;
    case 1:
        mode_load_segment();
        break;
    case 2:
        mode_load_task_register();
        break;
    case 3:
        set_flags();
        break;
    case 4:
        enter_shadow();
        break;
    case 5:
        iret();
        break;
    case 6:
        set_system_register();
        check_pae(cr3);
        break;
    case 7:
        write_memory();
        break;
    case 8:
        jump();
        break;
    case 9:
        pass_time();
        break;
    case 10:
        interrupt_deliver();
        break;
    case 11:
        interrupt_tpr(input_byte());
        break;
    case 12:
        set_interrupt_flag();
        interrupt_deliver();
        break;
    case 13:
        vector = input_byte();
        if (cause_may_send_self_ipi())
            interrupt_self(vector < 16 ? 16 : vector);
        break;
    case 14:
    case 15:
        put_code();
        break;
    default:
        set_register();
        break;
    }
}

void state_begin(void) {
    uint64_t *tables = (uint64_t *)(guest->ram + LONG_TABLES);

    machine_real_mode();
    tables[0] = (LONG_TABLES + 0x1000) | 7;
    tables[0x1000 / 8] = (LONG_TABLES + 0x2000) | 7;
    tables[0x2000 / 8] = LARGE_PAGE;
    tables[0x2000 / 8 + 1] = SMALL_TABLE | 7;
    for (uint64_t i = 0; i < 32; i++)
        ((uint64_t *)(guest->ram + SMALL_TABLE))[i] = (i * 37 % 256) << 12 | 7;
    ((uint64_t *)(guest->ram + PAE_TABLE))[0] = (LONG_TABLES + 0x2000) | 1;
    ((uint64_t *)(guest->ram + TABLE_32))[0] = LARGE_PAGE;
}

void state_check(void) {
    struct vmcs_image image;
    struct entry_violation violation;

    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++)
        ((uint64_t *)&image)[i] = get(vmcs_fields[i].encoding);
    image.entry_interruption_information = 0;
    if (entry_check(&image, &host.capabilities, &violation, 1))
        machine_fail("the fuzzer is wrong: a processor cannot have %s = 0x%lx: %s", violation.field,
                     violation.value, violation.rule);
}
