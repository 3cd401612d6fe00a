/* Exits, with everything that the processor reports of them: see exits.h. SDM Vol. 3C, "VM Exits";
 * the fields by reason are in "Recording VM-Exit Information and Updating VM-Entry Control Fields".
 */
#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/exit_reason.h"
#include "tests/fuzz/exits/exits.h"
#include "vmm/devices/pc_map.h"
#include "vmm/vcpu/exits.h"
#include "vmm/vcpu/virq.h"

static uint64_t get(uint64_t field) {
    return machine_get(field);
}

void leave(uint32_t reason, uint64_t qualification, uint64_t length) {
    bool shadow = get(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_SHADOW;

    machine_set(VMCS_GUEST_PENDING_DEBUG, shadow && state_steps() ? PENDING_DEBUG_BS : 0);
    state_check();
    machine_exit(reason, qualification, length);
}

static void leave_instruction(uint32_t reason, uint64_t qualification) {
    leave(reason, qualification, 1 + input_below(15));
}

/* A trap-like exit: the instruction has been completed. */
static void leave_after(uint32_t reason, uint64_t qualification) {
    machine_set(VMCS_GUEST_INTERRUPTIBILITY,
                get(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)INTERRUPTIBILITY_SHADOW);
    machine_set(VMCS_GUEST_PENDING_DEBUG, state_steps() ? PENDING_DEBUG_BS : 0);
    state_check();
    machine_exit(reason, qualification, 0);
}

static bool has_apic_page(void) {
    return get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUALIZE_APIC_ACCESSES;
}

static bool is_kernel(void) {
    return state_cpl() == 0;
}

/* ---- instructions ---- */

/* Those of any privilege level come first. */
static void plain(void) {
    static const uint8_t reasons[] = {
        EXIT_REASON_CPUID,     EXIT_REASON_VMCALL,   EXIT_REASON_PAUSE,    EXIT_REASON_SEAMCALL,
        EXIT_REASON_TDCALL,    EXIT_REASON_HLT,      EXIT_REASON_INVD,     EXIT_REASON_RDPMC,
        EXIT_REASON_VMCLEAR,   EXIT_REASON_VMLAUNCH, EXIT_REASON_VMPTRLD,  EXIT_REASON_VMPTRST,
        EXIT_REASON_VMREAD,    EXIT_REASON_VMRESUME, EXIT_REASON_VMWRITE,  EXIT_REASON_VMXOFF,
        EXIT_REASON_VMXON,     EXIT_REASON_MWAIT,    EXIT_REASON_MONITOR,  EXIT_REASON_INVEPT,
        EXIT_REASON_INVVPID,   EXIT_REASON_WBINVD,   EXIT_REASON_ENCLS,    EXIT_REASON_GETSEC,
        EXIT_REASON_XSAVES,    EXIT_REASON_XRSTORS,  EXIT_REASON_PCONFIG,  EXIT_REASON_UMWAIT,
        EXIT_REASON_LOADIWKEY, EXIT_REASON_ENCLV,    EXIT_REASON_RDMSRLIST};
    uint32_t reason = reasons[input_below(is_kernel() ? sizeof(reasons) : 5)];

    if (reason == EXIT_REASON_CPUID) {
        self->context.reg[GUEST_RAX] = input_below(16) | (input_byte() & 1u) << 31;
        self->context.reg[GUEST_RCX] = input_number();
    }
    if (reason == EXIT_REASON_VMCALL && input_flag()) {
        self->context.reg[GUEST_RAX] = HYPERCALL_SEND_IPIS;
        self->context.reg[GUEST_RBX] = input_byte();
        self->context.reg[GUEST_RDX] = input_byte() & 3;
        self->context.reg[GUEST_RSI] = input_byte() | (input_byte() & 7u) << 8;
    }
    leave_instruction(reason, 0);
}

static void hlt(void) {
    if (is_kernel())
        leave_instruction(EXIT_REASON_HLT, 0);
}

static void control_register(void) {
    unsigned number = input_flag() ? 4 : 0, source = input_below(GUEST_REGISTER_COUNT);
    uint64_t owned = ~get(number ? VMCS_CR4_MASK : VMCS_CR0_MASK);
    uint64_t real = get(number ? VMCS_GUEST_CR4 : VMCS_GUEST_CR0);
    uint64_t shadow = get(number ? VMCS_CR4_READ_SHADOW : VMCS_CR0_READ_SHADOW);
    uint64_t value = ((real & owned) | (shadow & ~owned)) ^ input_number();

    if (!is_kernel())
        return;
    if (source == GUEST_RSP)
        machine_set(VMCS_GUEST_RSP, value);
    else
        self->context.reg[source] = value;
    leave_instruction(EXIT_REASON_CONTROL_REGISTER,
                      number | (uint64_t)source << CR_EXIT_REGISTER_SHIFT);
}

static void xsetbv_exit(void) {
    if (!is_kernel())
        return;
    self->context.reg[GUEST_RCX] = input_below(8) ? 0 : input_number();
    self->context.reg[GUEST_RAX] = input_below(4) ? input_below(8) : input_number();
    self->context.reg[GUEST_RDX] = input_below(8) ? 0 : input_number();
    leave_instruction(EXIT_REASON_XSETBV, 0);
}

/* ---- MSRs ---- */

static bool msr_exits(uint32_t msr, bool write) {
    const uint8_t *bitmap = machine_memory(get(VMCS_MSR_BITMAP));
    uint32_t low = msr & 0x1fff, bit = (write ? 2048 : 0) * 8 + low;

    if (msr >= 0xc0000000)
        bit += 1024 * 8;
    return (msr & 0x3fffe000) || bitmap[bit / 8] >> (bit & 7) & 1;
}

bool cause_may_send_self_ipi(void) {
    bool x2apic = get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUALIZE_X2APIC_MODE;

    return has_apic_page() || (x2apic && !msr_exits(MSR_X2APIC_SELF_IPI, true));
}

static uint32_t pick_msr(void) {
    static const uint32_t msrs[] = {
        MSR_IA32_TSC,          MSR_IA32_TSC_ADJUST,   MSR_IA32_PLATFORM_ID, MSR_IA32_APIC_BASE,
        MSR_IA32_BIOS_SIGN_ID, MSR_IA32_MCG_CAP,      MSR_IA32_MCG_STATUS,  MSR_IA32_MISC_ENABLE,
        MSR_IA32_DEBUGCTL,     MSR_IA32_TSC_DEADLINE, MSR_IA32_MTRRCAP,     MSR_IA32_MTRR_DEF_TYPE,
        MSR_IA32_EFER,         MSR_IA32_PRED_CMD,     MSR_IA32_SPEC_CTRL,   MSR_IA32_VMX_BASIC,
        MSR_IA32_PAT};
    uint8_t choice = input_byte();

    if (choice < 0x60)
        return msrs[choice % (sizeof(msrs) / sizeof(msrs[0]))];
    if (choice < 0xb0)
        return MSR_X2APIC_BASE + (choice & 0x3f);
    if (choice < 0xd0)
        return MSR_IA32_MTRR_PHYSBASE0 + (input_byte() & 0x7f);
    return (uint32_t)input_number();
}

static uint64_t pick_msr_value(uint32_t msr) {
    static const uint64_t bases[] = {APIC_DEFAULT_BASE | APIC_BASE_ENABLE,
                                     APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC,
                                     APIC_DEFAULT_BASE,
                                     0xfe000000 | APIC_BASE_ENABLE,
                                     0x3000 | APIC_BASE_ENABLE,
                                     IOAPIC_DEFAULT_BASE | APIC_BASE_ENABLE};

    if (msr == MSR_IA32_APIC_BASE && input_below(8))
        return bases[input_below(16) ? input_below(3) : input_below(6)] |
               (self->index ? 0 : APIC_BASE_BSP);
    if (msr == MSR_IA32_EFER && input_below(4))
        return (get(VMCS_GUEST_EFER) & EFER_LMA) | (input_byte() & 1) |
               (input_byte() & 1) * EFER_LME | (input_byte() & 1) * EFER_NXE;
    if (msr == MSR_IA32_TSC_DEADLINE && input_flag())
        return machine.tsc + self->timer.tsc_offset + input_number() % 100000;
    return input_number();
}

static void rdmsr_exit(void) {
    uint32_t msr = pick_msr();

    if (!is_kernel() || !msr_exits(msr, false))
        return;
    self->context.reg[GUEST_RCX] = msr | (uint64_t)input_byte() << 32;
    leave_instruction(EXIT_REASON_RDMSR, 0);
}

static void wrmsr_exit(void) {
    uint32_t msr = pick_msr();
    uint64_t value = pick_msr_value(msr);

    if (!is_kernel() || !msr_exits(msr, true))
        return;
    self->context.reg[GUEST_RCX] = msr | (uint64_t)input_byte() << 32;
    self->context.reg[GUEST_RAX] = (uint32_t)value | (uint64_t)input_byte() << 32;
    self->context.reg[GUEST_RDX] = value >> 32;
    leave_instruction(EXIT_REASON_WRMSR, 0);
}

/* ---- ports ---- */

static uint16_t pick_port(void) {
    static const uint16_t ports[] = {0x20,  0x21,  0xa0,  0xa1,  0x40,   0x41,   0x42,  0x43,
                                     0x60,  0x61,  0x64,  0x70,  0x71,   0x80,   0x92,  0x505,
                                     0xe0,  0xe9,  0x510, 0x511, 0x2000, 0x2005, 0x603, 0x605,
                                     0x608, 0xcf8, 0xcfc, 0x3d4, 0x3d5,  0x4d0};
    uint8_t choice = input_byte();

    if (choice < 0x60)
        return ports[choice % (sizeof(ports) / sizeof(ports[0]))];
    if (choice < 0xc0)
        return (uint16_t)(PC_UART_PORT + (choice & 7));
    if (choice < 0xe0)
        return (uint16_t)(0x600 + (choice & 15));
    return (uint16_t)input_number();
}

static void io(void) {
    static const uint8_t sizes[] = {0, 0, 1, 3};
    bool is_64bit = get(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L;
    uint64_t port = pick_port();
    uint8_t choice = input_byte();
    uint64_t qualification = sizes[choice & 3] | port << IO_EXIT_PORT_SHIFT;

    if (choice & 4)
        qualification |= IO_EXIT_IN;
    if (choice & 8) {
        qualification |= IO_EXIT_STRING | (choice & 16 ? IO_EXIT_REP : 0);
        if (choice & 32)
            self->context.reg[choice & 4 ? GUEST_RDI : GUEST_RSI] = input_address();
        if (choice & 64)
            self->context.reg[GUEST_RCX] = input_byte();
    }
    leave_instruction(EXIT_REASON_IO, qualification);
    machine_set(VMCS_EXIT_INSTRUCTION_INFORMATION,
                (uint64_t)input_below(is_64bit ? 3 : 2) << 7 | (uint64_t)input_below(6) << 15);
}

/* ---- memory ---- */

/* Where there is no memory. */
static void ept_violation(void) {
    uint64_t address = input_below(4) ? input_address() : input_number() & host_physical_mask();
    uint8_t choice = input_byte();
    uint64_t q = EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED;

    if (address < guest->ram_size || (has_apic_page() && address >> 12 == APIC_DEFAULT_BASE >> 12))
        return;
    if ((choice & 15) == 0)
        q = (choice >> 4 & 3) << 7; /* of a page table; of no linear address */
    q |= choice & 0x40 ? EPT_VIOLATION_WRITE : 1;
    if (choice >= 0xf8)
        q |= EPT_VIOLATION_FETCH;
    leave(EXIT_REASON_EPT_VIOLATION, q, 0);
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, address);
    if ((choice & 0x3f) == 0x3f)
        cause_during_delivery();
}

static void apic_access(void) {
    uint8_t choice = input_byte();
    uint64_t offset = choice & 1 ? (uint64_t)(input_byte() & 0x3f) << 4 : input_number() & 0xfff;
    uint64_t type = choice >> 3 ? choice >> 1 & 1 : (uint64_t)(choice >> 1 & 15);

    if (!has_apic_page())
        return;
    leave(EXIT_REASON_APIC_ACCESS, offset | type << APIC_ACCESS_TYPE_SHIFT, 0);
    if (type == 3)
        cause_during_delivery();
}

/* The register has the value already. */
static void apic_write(void) {
    static const uint16_t offsets[] = {APIC_ID,
                                       APIC_LDR,
                                       APIC_DFR,
                                       APIC_SVR,
                                       APIC_ESR,
                                       APIC_ICR_LOW,
                                       APIC_ICR_LOW,
                                       APIC_LVT_TIMER,
                                       APIC_LVT_THERMAL,
                                       APIC_LVT_LINT0,
                                       APIC_LVT_LINT1,
                                       APIC_LVT_ERROR,
                                       APIC_SVR,
                                       APIC_LVT_PERFORMANCE,
                                       APIC_TIMER_INITIAL,
                                       APIC_TIMER_DIVIDE};
    uint32_t offset = offsets[input_below(sizeof(offsets) / sizeof(offsets[0]))];
    uint64_t value = input_number();

    if (!has_apic_page())
        return;
    if (offset == APIC_ICR_LOW)
        apic_page_write(self->apic_page, APIC_ICR_HIGH, (uint32_t)input_below(8) << 24);
    if (offset >= APIC_ICR_LOW && input_below(4)) /* a vector, delivery mode and so on */
        value = (input_byte() & 0x7fu) | (input_byte() & 0xcfu) << 8 | input_byte() % 16u << 16;
    apic_page_write(self->apic_page, offset, (uint32_t)value);
    leave_after(EXIT_REASON_APIC_WRITE, offset);
}

/* The processor performs an EOI, if the local APIC is where it looks for it. */
static void eoi(void) {
    uint8_t vector;

    if (!has_apic_page() && !(get(VMCS_SECONDARY_CONTROLS) & SECONDARY_VIRTUALIZE_X2APIC_MODE))
        return;
    if (interrupt_eoi(&vector))
        leave_after(EXIT_REASON_VIRTUALIZED_EOI, vector);
}

static void run_until_timer(void) {
    machine.tsc += get(VMCS_PREEMPTION_TIMER) << (host.capabilities.misc & 31);
    leave(EXIT_REASON_PREEMPTION_TIMER, 0, 0);
}

void cause_exit(void) {
    static void (*const causes[])(void) = {
        cause_exception,
        cause_external_interrupt,
        cause_task_switch,
        plain,
        plain,
        hlt,
        control_register,
        xsetbv_exit,
        rdmsr_exit,
        wrmsr_exit,
        wrmsr_exit,
        io,
        io,
        ept_violation,
        ept_violation,
        ept_violation,
        apic_access,
        apic_write,
        apic_write,
        eoi,
        eoi,
        run_until_timer,
    };

    if (!input_left()) {
        run_until_timer();
        return;
    }
    uint8_t choice = input_byte();
    if (choice == 0xff && input_flag())
        cause_triple_fault();
    else
        causes[choice % (sizeof(causes) / sizeof(causes[0]))]();
}
