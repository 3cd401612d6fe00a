/* Fuzzes the exits: a guest with up to three vCPUs on two CPUs does anything that a processor lets
 * it do, while other CPUs act, on the machine of tests/machine/. vmm/vcpu, vmm/pc and all below are
 * the production code; tests/fuzz/exits/ has the guest.
 *
 * What must hold: no finding of the sanitizers; no panic, no deadlock; the processor accepts each
 * VM entry; the invariants at each entry; each exit, turn and end is bounded; a vCPU is runnable,
 * halted or waits for a SIPI, or the guest has ended with a reason; another guest on the same CPU
 * finds its registers as it left them. */
#include <string.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/exit_reason.h"
#include "tests/fuzz/exits/exits.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/virq.h"

#define CPUS       2
#define RAM_SIZE   (MACHINE_TABLES + 0x8000)
#define MOST_TURNS 64
#define SLICE      (MACHINE_HZ / 100)

struct vm *guest, *victim;
struct vcpu *self;

/* ---- the victim ---- */

#define VICTIM_VALUE 0x123456789abcULL

static bool victim_ran;

static void victim_set(void) {
    for (unsigned i = 0; i < GUEST_REGISTER_COUNT; i++)
        self->context.reg[i] = VICTIM_VALUE + i;
    machine.cr2 = machine.x87 = machine.sse = machine.avx = VICTIM_VALUE;
    machine.dr[0] = machine.dr[3] = VICTIM_VALUE;
    *machine_msr(MSR_IA32_STAR) = *machine_msr(MSR_IA32_LSTAR) = VICTIM_VALUE;
    *machine_msr(MSR_IA32_KERNEL_GS_BASE) = *machine_msr(MSR_IA32_TSC_AUX) = VICTIM_VALUE;
    machine_set(VMCS_GUEST_CR3, 0x5000);
}

static bool victim_is_intact(void) {
    for (unsigned i = 0; i < GUEST_REGISTER_COUNT; i++)
        if (i != GUEST_RSP && self->context.reg[i] != VICTIM_VALUE + i)
            return false;
    return machine.cr2 == VICTIM_VALUE && machine.x87 == VICTIM_VALUE &&
           machine.dr[0] == VICTIM_VALUE && machine.dr[3] == VICTIM_VALUE &&
           *machine_msr(MSR_IA32_STAR) == VICTIM_VALUE &&
           *machine_msr(MSR_IA32_LSTAR) == VICTIM_VALUE &&
           *machine_msr(MSR_IA32_KERNEL_GS_BASE) == VICTIM_VALUE &&
           *machine_msr(MSR_IA32_TSC_AUX) == VICTIM_VALUE && machine.xcr0 == XCR0_X87 &&
           machine_get(VMCS_GUEST_CR3) == 0x5000 && !self->event && !self->nmi_pending;
}

static void play_victim(struct vmx_context *context) {
    (void)context;
    if (victim_ran && !victim_is_intact())
        machine_fail("the victim's registers have changed");
    victim_set();
    victim_ran = true;
    machine_exit(EXIT_REASON_PAUSE, 0, 2);
}

/* ---- the guest ---- */

static void play_guest(struct vmx_context *context) {
    (void)context;
    check_entry();
    while (!machine.exited && !machine.nmi_pending[machine.now]) {
        uint8_t choice = input_byte();

        if (choice & 1)
            state_change();
        else if (choice & 2 || !input_left())
            cause_exit();
        else if (choice & 4)
            others_act();
        else
            others_act_later();
    }
    if (!machine.exited)
        cause_kick();
    check_exit();
}

/* ---- turns ---- */

static bool wants_to_run(const struct vcpu *vcpu) {
    return vcpu->state != VCPU_ENDED &&
           (vcpu->state == VCPU_RUNNABLE || vcpu->timer_next <= machine.tsc ||
            atomic_load(vcpu->requests));
}

static void take_turn(struct vcpu *vcpu) {
    bool is_victim = vcpu->vm == victim;

    self = vcpu;
    machine.guest = is_victim ? play_victim : play_guest;
    machine.deliver = is_victim ? NULL : cause_exit_of_delivery;
    machine_load(vcpu);
    vcpu->slice_end = machine.tsc + SLICE;
    check_bounds();
    run_turn(vcpu);
    check_turn(vcpu);
}

/* The guest was ended from outside, or ends itself: each of its vCPUs ends in its next turn. */
static void end_guest(void) {
    machine.meanwhile = NULL;
    machine_run_on(MACHINE_CPUS - 1);
    vm_exit(guest, "exit", 0);
    for (uint32_t i = 0; i < guest->vcpu_count; i++) {
        if (guest->vcpu[i]->state != VCPU_ENDED)
            take_turn(guest->vcpu[i]);
        if (guest->vcpu[i]->state != VCPU_ENDED)
            machine_fail("vCPU %u does not end", i);
    }
}

/* vCPU 0 enters a kernel in 64-bit mode as Linux expects it, or as Multiboot has it. */
static void start_kernel(bool is_linux) {
    guest->entry.is_linux = is_linux;
    if (is_linux)
        guest->entry.linux64 = (struct linux_entry){
            .code_selector = 0x10, .data_selector = 0x18, .cr3 = MACHINE_TABLES, .rip = 0x1000};
    else
        guest->entry.multiboot = (struct multiboot_entry){.eip = 0x1000, .esp = 0x8000};
    vcpu_request(guest->vcpu[0], REQUEST_START);
}

static void start(uint8_t choice) {
    struct guest_config config = machine_guest();

    machine_reset();
    machine_start(CPUS);
    config.memory = RAM_SIZE;
    victim = machine_vm(1, &config);
    config.vcpus = 1 + choice % 3;
    config.x2apic = choice % 8 != 7;
    config.trace = choice & 8;
    config.ioapic_version = choice & 16 ? 0x11 : 0x20;
    guest = machine_vm(0, &config);
    checks_begin();
    machine.tsc_step = 20;
    victim_ran = false;
    for (uint32_t i = guest->vcpu_count; i-- > 0;) {
        self = guest->vcpu[i];
        machine_load(self);
        state_begin();
        if (choice & 32)
            virq_firmware_defaults(self);
        self->state = i && choice & 128 ? VCPU_WAIT_FOR_SIPI : VCPU_RUNNABLE;
        atomic_store(&self->awake, 1);
        atomic_store(self->requests, REQUEST_INTERRUPTS); /* the first scan */
    }
    if (choice & 4)
        start_kernel(choice & 64);
    machine_load(victim->vcpu[0]);
    machine_real_mode();
    victim->vcpu[0]->state = VCPU_RUNNABLE;
    atomic_store(&victim->vcpu[0]->awake, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input_begin(data, size);
    start(input_byte());
    for (unsigned turns = 0; input_left() && turns < MOST_TURNS; turns++) {
        uint8_t choice = input_byte();
        struct vcpu *vcpu = guest->vcpu[choice % guest->vcpu_count];

        if (choice >= 0xe0)
            vcpu = victim->vcpu[0];
        if (wants_to_run(vcpu)) {
            take_turn(vcpu);
        } else {
            machine.tsc += 1ULL << (choice >> 3);
            others_act();
        }
    }
    end_guest();
    take_turn(victim->vcpu[0]);
    machine_reset();
    return 0;
}
