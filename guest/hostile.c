/* Guests that misbehave on purpose: the hypervisor must react as a machine would, or kill this
 * guest with a reason. The hypervisor and the other guests must not be affected.
 *
 * Command line: case=NAME, a row of the table near the end; case=all runs all cases that a guest
 * survives; exits=N for exit_storm (default 20000). xapic or x2apic selects the APIC mode (default:
 * x2APIC if CPUID offers it). A case that must end the guest reports a failed test if the guest
 * continues. The rule under test is default deny: an unknown MSR raises #GP; an unknown port or
 * address reads all ones and ignores writes. Look at the lines `pinwheel: guest ... is killed` and
 * GUEST. Other machines may differ. */
#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define NO_MEMORY      0xc0000000ULL /* mapped by the page tables, without memory or a device */
#define UNKNOWN_PORT   0x1234
#define LAST_PORTS     0xfff8 /* their bits are in the last byte of the processor's I/O bitmap */
#define VECTOR         0x51
#define PIN            11
#define SPURIOUS_EOIS  10000
#define STORM_PROGRESS 20000u   /* PAUSEs to execute while a line is stuck active */
#define STORM_BOUND    5000000u /* interrupts after which the guest counts as starved */
#define STORM_EXITS    20000u
#define SETTLE         20000u

static atomic_uint handled;

static void count(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&handled, 1);
    apic_eoi();
}

static void report_raises(void (*attempt)(uint64_t), uint64_t argument, int vector,
                          const char *what) {
    uint64_t error_code = 0;
    int raised = expect_exception(attempt, argument, &error_code);
    report(raised == vector && error_code == 0, "%s 0x%lx raises exception %d", what, argument,
           vector);
    if (raised != vector && raised != NO_EXCEPTION)
        print("# it raised %d\n", raised);
}

/* Reports that interrupts still work, and that none is pending that was not sent. */
static void report_apic_works(const char *after) {
    uint32_t before = handled;
    interrupt_handle(VECTOR, count);
    interrupts_on();
    apic_self_ipi(VECTOR);
    bool arrived = wait_at_least(&handled, before + 1);
    spin(SETTLE);
    interrupts_off();
    report(arrived && handled == before + 1 && apic_is_idle(),
           "after %s a self-IPI is handled once, and nothing else is pending", after);
}

/* ---- cases that end the guest ---- */

static void triple_fault(void) {
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) empty = {0, 0};
    __asm__ volatile("lidt %0\n\tint3" ::"m"(empty));
    report(false, "a triple fault ends the guest");
}

static void wild_jump(void) {
    ((void (*)(void))NO_MEMORY)();
    report(false, "executing code outside memory ends the guest");
}

/* ---- memory and ports ---- */

static void wild_access(void) {
    report(*(volatile uint8_t *)NO_MEMORY == UINT8_MAX, "an 8-bit read outside memory is all ones");
    report(*(volatile uint16_t *)(NO_MEMORY + 2) == UINT16_MAX, "a 16-bit read too");
    report(*(volatile uint32_t *)(NO_MEMORY + 4) == UINT32_MAX, "a 32-bit read too");
    report(*(volatile uint64_t *)(NO_MEMORY + 8) == UINT64_MAX, "a 64-bit read too");
    *(volatile uint8_t *)NO_MEMORY = 0;
    *(volatile uint16_t *)(NO_MEMORY + 2) = 0;
    *(volatile uint32_t *)(NO_MEMORY + 4) = 0;
    *(volatile uint64_t *)(NO_MEMORY + 8) = 0;
    report(*(volatile uint64_t *)NO_MEMORY == UINT64_MAX &&
               *(volatile uint64_t *)(NO_MEMORY + 8) == UINT64_MAX,
           "writes outside memory have no effect");
}

static void unknown_port(void) {
    report(inb(UNKNOWN_PORT) == UINT8_MAX, "an 8-bit read of an unknown port is all ones");
    report(inw(UNKNOWN_PORT) == UINT16_MAX, "a 16-bit read too");
    report(inl(UNKNOWN_PORT) == UINT32_MAX, "a 32-bit read too");
    outb(UNKNOWN_PORT, 0);
    outl(UNKNOWN_PORT, 0);
    report(inl(UNKNOWN_PORT) == UINT32_MAX, "writes to an unknown port have no effect");
    for (uint32_t port = LAST_PORTS; port <= 0xfffc; port++)
        report(inw((uint16_t)port) == UINT16_MAX && inl((uint16_t)port) == UINT32_MAX,
               "reads of port 0x%x too", port);
}

/* ---- registers and instructions ---- */

static void try_rdmsr(uint64_t msr) {
    rdmsr((uint32_t)msr);
}

static void try_wrmsr(uint64_t msr) {
    wrmsr((uint32_t)msr, 0);
}

static void unknown_msr(void) {
    static const uint32_t unknown[] = {0,
                                       0x1234,
                                       0x1fff,
                                       0x2000,
                                       0xbfffffff,
                                       0xc0001fff,
                                       0xc0002000,
                                       UINT32_MAX,
                                       MSR_IA32_VMX_BASIC,
                                       MSR_X2APIC_LAST};
    for (uint32_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        report_raises(try_rdmsr, unknown[i], VECTOR_GP, "RDMSR");
        report_raises(try_wrmsr, unknown[i], VECTOR_GP, "WRMSR");
    }
    if (apic_x2apic_mode) {
        report_raises(try_rdmsr, MSR_X2APIC_EOI, VECTOR_GP, "RDMSR of write-only MSR");
        report_raises(try_wrmsr, MSR_X2APIC_ID, VECTOR_GP, "WRMSR of read-only MSR");
    } else {
        report_raises(try_rdmsr, MSR_X2APIC_ID, VECTOR_GP, "in xAPIC mode RDMSR");
        report_raises(try_wrmsr, MSR_X2APIC_EOI, VECTOR_GP, "in xAPIC mode WRMSR");
    }
}

/* One function for each instruction, because each has an exit reason of its own. */
#define VMX_ATTEMPT(name, ...)                                                                     \
    static void try_##name(uint64_t operand) {                                                     \
        uint64_t memory[2] = {operand, operand};                                                   \
        __asm__ volatile(__VA_ARGS__ : "+m"(memory) : "r"(operand) : "memory", "cc");              \
    }
VMX_ATTEMPT(vmxon, "vmxon %0")
VMX_ATTEMPT(vmxoff, "vmxoff")
VMX_ATTEMPT(vmclear, "vmclear %0")
VMX_ATTEMPT(vmptrld, "vmptrld %0")
VMX_ATTEMPT(vmptrst, "vmptrst %0")
VMX_ATTEMPT(vmread, "vmread %1, %0")
VMX_ATTEMPT(vmwrite, "vmwrite %0, %1")
VMX_ATTEMPT(vmlaunch, "vmlaunch")
VMX_ATTEMPT(vmresume, "vmresume")
VMX_ATTEMPT(invept, "invept %0, %1")
VMX_ATTEMPT(invvpid, "invvpid %0, %1")
VMX_ATTEMPT(vmfunc, "vmfunc")
VMX_ATTEMPT(invpcid, "invpcid %0, %1") /* CPUID does not offer it */

static void vmx_instruction(void) {
    static const struct {
        const char *name;
        void (*attempt)(uint64_t);
    } instructions[] = {
        {"VMXON", try_vmxon},     {"VMXOFF", try_vmxoff},     {"VMCLEAR", try_vmclear},
        {"VMPTRLD", try_vmptrld}, {"VMPTRST", try_vmptrst},   {"VMREAD", try_vmread},
        {"VMWRITE", try_vmwrite}, {"VMLAUNCH", try_vmlaunch}, {"VMRESUME", try_vmresume},
        {"INVEPT", try_invept},   {"INVVPID", try_invvpid},   {"VMFUNC", try_vmfunc},
        {"INVPCID", try_invpcid},
    };
    for (uint32_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++)
        report_raises(instructions[i].attempt, 0, VECTOR_UD, instructions[i].name);
}

static void try_cr0(uint64_t value) {
    write_cr0(value);
}

static void try_cr4(uint64_t value) {
    write_cr4(value);
}

static void try_cr8(uint64_t value) {
    write_cr8(value);
}

static void try_efer(uint64_t value) {
    wrmsr(MSR_IA32_EFER, value);
}

static void cr4_reserved(void) {
    uint64_t cr0 = read_cr0(), cr4 = read_cr4(), efer = rdmsr(MSR_IA32_EFER);
    report_raises(try_cr4, cr4 | 1ULL << 15, VECTOR_GP, "CR4 with reserved bit 15:");
    report_raises(try_cr4, cr4 | 1ULL << 63, VECTOR_GP, "CR4 with reserved bit 63:");
    report_raises(try_cr4, cr4 | CR4_VMXE, VECTOR_GP, "CR4 with VMXE, which is not offered:");
    report_raises(try_cr4, cr4 & ~CR4_PAE, VECTOR_GP, "CR4 without PAE in 64-bit mode:");
    report_raises(try_cr0, cr0 | 1ULL << 32, VECTOR_GP, "CR0 with reserved bit 32:");
    report_raises(try_cr0, cr0 & ~CR0_PE, VECTOR_GP, "CR0 with PG and without PE:");
    report_raises(try_cr0, cr0 | CR0_NW, VECTOR_GP, "CR0 with NW and without CD:");
    report_raises(try_cr8, 0x10, VECTOR_GP, "CR8 with reserved bits:");
    report_raises(try_efer, efer | 1ULL << 1, VECTOR_GP, "EFER with reserved bit 1:");
    report_raises(try_efer, efer & ~EFER_LME, VECTOR_GP, "EFER without LME while paging:");
    report(read_cr0() == cr0 && read_cr4() == cr4 && rdmsr(MSR_IA32_EFER) == efer,
           "CR0, CR4 and EFER are unchanged");
}

/* ---- interrupt controllers ---- */

static void try_icr(uint64_t value) {
    wrmsr(MSR_X2APIC_ICR, value);
}

static void bad_icr(void) {
    uint32_t self = cpu_self()->index;
    apic_errors();
    apic_send_ipi(self, 5);
    report(apic_errors() & APIC_ESR_SEND_ILLEGAL_VECTOR,
           "an IPI with vector 5 sets \"send illegal vector\" in the ESR");
    apic_self_ipi(15);
    report(apic_errors() & APIC_ESR_SEND_ILLEGAL_VECTOR,
           "a self-IPI with vector 15 sets \"send illegal vector\" in the ESR");
    report(apic_errors() == 0, "the next read of the ESR is 0");
    for (uint32_t mode = 0; mode < 8; mode++) {
        if (mode == APIC_DELIVERY_NMI || mode == APIC_DELIVERY_SMI)
            continue;
        apic_send(0xee, (uint32_t)APIC_ICR_ASSERT | mode << 8 | VECTOR);
    }
    apic_send(self, 3u << 8 | VECTOR); /* reserved delivery mode */
    if (apic_x2apic_mode)
        report_raises(try_icr, 1ULL << 20, VECTOR_GP, "ICR with a reserved bit:");
    apic_errors();
    report_apic_works("invalid IPIs");
}

static void spurious_eoi(void) {
    for (uint32_t i = 0; i < SPURIOUS_EOIS; i++)
        apic_eoi();
    report(apic_vectors_empty(APIC_ISR), "%d EOIs with an empty ISR change nothing", SPURIOUS_EOIS);
    report_apic_works("spurious EOIs");
}

static bool ioapic_entries_are(uint32_t low_half) {
    for (uint8_t pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        if (ioapic_read_entry(pin) != (low_half | pin))
            return false;
    }
    return true;
}

static void ioapic_wrong_sizes(void) {
    volatile char *base = (volatile char *)IOAPIC_DEFAULT_BASE;
    ioapic_select(IOAPIC_REG_ENTRY);
    for (uint32_t offset = 0; offset <= 0x20; offset++) {
        (void)*(volatile uint8_t *)(base + offset);
        (void)*(volatile uint16_t *)(base + offset);
        (void)*(volatile uint64_t *)(base + offset);
    }
    for (uint32_t offset = IOAPIC_DATA; offset < 0x20; offset++) {
        *(volatile uint8_t *)(base + offset) = 0xaa;
        *(volatile uint16_t *)(base + offset) = 0xaaaa;
    }
    for (uint32_t offset = IOAPIC_DATA + 1; offset < 0xff8; offset += 17)
        *(volatile uint32_t *)(base + offset) = 0xaaaaaaaa;
}

static void ioapic_odd_access(void) {
    uint32_t version = ioapic_read(IOAPIC_REG_VERSION);
    for (uint8_t pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        ioapic_write_entry(pin, RTE_MASKED | pin);
    ioapic_wrong_sizes();
    report(ioapic_entries_are(RTE_MASKED), "accesses of wrong size or alignment change no entry");

    uint32_t unknown = 0;
    for (uint32_t index = 0; index < 256; index++) {
        bool known = index <= IOAPIC_REG_ARBITRATION ||
                     (index >= IOAPIC_REG_ENTRY && index < IOAPIC_REG_ENTRY + 2 * IOAPIC_PIN_COUNT);
        if (known)
            continue;
        ioapic_write((uint8_t)index, 0xaaaaaaaa);
        uint32_t value = ioapic_read((uint8_t)index);
        unknown += value != 0 && value != UINT32_MAX;
    }
    report(unknown == 0, "registers that do not exist read 0 or all ones");
    ioapic_write(IOAPIC_REG_VERSION, ~version);
    report(ioapic_read(IOAPIC_REG_VERSION) == version, "the version register cannot be written");
    report(ioapic_entries_are(RTE_MASKED), "these accesses change no entry");
}

static atomic_uint storm_interrupts;

static void storm_handler(uint8_t vector) {
    (void)vector;
    if (atomic_fetch_add(&storm_interrupts, 1) == STORM_BOUND)
        line_set(PIN, 0);
    apic_eoi();
}

/* A line that no handler drops: it interrupts again after each EOI. */
static void storm(void) {
    atomic_store(&storm_interrupts, 0);
    interrupt_handle(VECTOR, storm_handler);
    ioapic_write_entry(PIN, rte_level(VECTOR, (uint8_t)cpu_self()->index));
    interrupts_on();
    line_set(PIN, 1);
    spin(STORM_PROGRESS);
    line_set(PIN, 0);
    uint32_t taken = storm_interrupts;
    spin(SETTLE);
    interrupts_off();
    ioapic_mask(PIN);
    print("# %u interrupts while the guest executed PAUSE %u times\n", taken, STORM_PROGRESS);
    report(taken > 1 && taken < STORM_BOUND,
           "a stuck line interrupts, and the guest still makes progress");
    report_apic_works("the storm");
}

/* Causes VM exits by unknown MSRs and unknown addresses: a load for the guests beside it. */
static void exit_storm(void) {
    uint32_t refused = 0;
    uint64_t error_code;

    const uint32_t exits = command_line_number("exits", STORM_EXITS);

    for (uint32_t i = 0; i < exits; i++) {
        refused += expect_exception(try_rdmsr, 0x1234 + i % 512, &error_code) == VECTOR_GP;
        *(volatile uint32_t *)(NO_MEMORY + i % 4096 / 4 * 4) = i;
    }
    report(refused == exits, "each of %u accesses to an unknown MSR raises #GP", exits);
}

/* Halts with interrupts disabled, so nothing can wake it. The line before it imitates the
 * hypervisor's result and must not be taken for it. */
static void halted(void) {
    print("PINWHEEL done guests=1 passed=1 failed=0\n");
    interrupts_off();
    halt_forever();
}

/* ---- the table ---- */

static const struct {
    const char *name;
    void (*run)(void);
    bool ends_guest;
} cases[] = {
    {"triple_fault", triple_fault, true},
    {"wild_jump", wild_jump, true},
    {"halted", halted, true},
    {"wild_access", wild_access, false},
    {"unknown_port", unknown_port, false},
    {"unknown_msr", unknown_msr, false},
    {"vmx_instruction", vmx_instruction, false},
    {"cr4_reserved", cr4_reserved, false},
    {"bad_icr", bad_icr, false},
    {"spurious_eoi", spurious_eoi, false},
    {"ioapic_odd_access", ioapic_odd_access, false},
    {"storm", storm, false},
    {"exit_storm", exit_storm, false},
};

void guest_main(void) {
    apic_init_by_command_line();
    bool all = command_line_is("case", "all"), found = false;
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!command_line_is("case", cases[i].name) && !(all && !cases[i].ends_guest))
            continue;
        found = true;
        print("# case %s\n", cases[i].name);
        cases[i].run();
    }
    if (!found)
        report(false, "the command line has case=NAME with a known name");
    report_done();
}
