/* The instructions of VMX, VM entries and exits: see machine.h. SDM Vol. 3C, "VM Entries", "VM
 * Exits"; Vol. 3D, "VMX Instruction Reference". */
#include <inttypes.h>
#include <string.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/panic.h"
#include "arch/vmx/entry_check.h"
#include "arch/vmx/exit_reason.h"
#include "tests/machine/machine.h"

#define NO_CPU           (-1)
#define UNDEFINED        0xa5a5a5a5a5a5a5a5ULL

#define KIND_READ_ONLY   1 /* bits 11:10 of an encoding */

#define ERROR_LAUNCHED   4 /* VMLAUNCH with non-clear VMCS */
#define ERROR_UNLAUNCHED 5 /* VMRESUME with non-launched VMCS */

/* ---- fields ---- */

static struct machine_vmcs *current(const char *instruction) {
    struct machine_vmcs *vmcs = machine.current[machine.now];

    if (!vmcs)
        machine_fail("%s without a current VMCS", instruction);
    return vmcs;
}

static unsigned kind(uint64_t field) {
    return field >> 10 & 3;
}

/* Whether the field exists: some do only if the processor has the control that uses them. */
static bool exists(uint64_t field) {
    uint32_t may_be_1 = (uint32_t)(host.capabilities.procbased2 >> 32);

    if (field == VMCS_GUEST_INTERRUPT_STATUS ||
        (field >= VMCS_EOI_EXIT_BITMAP0 && field <= VMCS_EOI_EXIT_BITMAP3))
        return may_be_1 & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY;
    if (field == VMCS_POSTED_VECTOR || field == VMCS_POSTED_DESCRIPTOR)
        return host.capabilities.true_pinbased >> 32 & PIN_PROCESS_POSTED_INTERRUPTS;
    if (field == VMCS_APIC_ACCESS_ADDRESS)
        return may_be_1 & SECONDARY_VIRTUALIZE_APIC_ACCESSES;
    return true;
}

/* SDM Vol. 3D, "Field Encoding in VMCS". */
static uint64_t *place(struct machine_vmcs *vmcs, uint64_t field) {
    unsigned width = field >> 13 & 3, index = field >> 1 & 0x3f;

    if (field >> 15 || (field & 0x1381))
        machine_fail("the VMCS has no field 0x%" PRIx64, field);
    return &vmcs->field[width << 8 | kind(field) << 6 | index];
}

static uint64_t mask(uint64_t field) {
    static const uint64_t masks[] = {0xffff, UINT64_MAX, 0xffffffff, UINT64_MAX};

    return masks[field >> 13 & 3];
}

uint64_t machine_vmcs_read(uint64_t field) {
    machine_step();
    if (!exists(field))
        machine_fail("VMREAD of the field 0x%" PRIx64 ", which this processor lacks", field);
    return *place(current("VMREAD"), field);
}

void machine_vmcs_write(uint64_t field, uint64_t value) {
    machine_step();
    if (!exists(field))
        machine_fail("VMWRITE to the field 0x%" PRIx64 ", which this processor lacks", field);
    if (kind(field) == KIND_READ_ONLY)
        machine_fail("VMWRITE to the read-only field 0x%" PRIx64, field);
    *place(current("VMWRITE"), field) = value & mask(field);
    machine_record(MACHINE_VMWRITE, field, value & mask(field));
}

uint64_t machine_get(uint64_t field) {
    return *place(current("a test"), field);
}

void machine_set(uint64_t field, uint64_t value) {
    *place(current("a test"), field) = value & mask(field);
}

/* ---- VMCSs ---- */

/* Before the first VMCLEAR the launch state is undefined, and until they are written the fields. */
static void make_vmcs(struct machine_vmcs *vmcs, uint64_t physical) {
    vmcs->physical = physical;
    vmcs->launched = true;
    vmcs->active = NO_CPU;
    for (unsigned i = 0; i < MACHINE_VMCS_FIELDS; i++)
        vmcs->field[i] = UNDEFINED & mask((uint64_t)i >> 8 << 13);
}

static struct machine_vmcs *find_vmcs(uint64_t physical) {
    const struct vmx_region *region = machine_memory(physical);

    if (!region || physical % sizeof(*region))
        machine_fail("there is no VMCS at 0x%" PRIx64, physical);
    if (region->revision != (host.capabilities.basic & VMX_BASIC_REVISION_MASK))
        machine_fail("the VMCS at 0x%" PRIx64 " has another revision", physical);
    for (unsigned i = 0; i < MACHINE_VMCSS; i++) {
        struct machine_vmcs *vmcs = &machine.vmcs[i];
        if (!vmcs->physical)
            make_vmcs(vmcs, physical);
        if (vmcs->physical == physical)
            return vmcs;
    }
    machine_fail("more than %d VMCSs", MACHINE_VMCSS);
}

static void check_active(const struct machine_vmcs *vmcs) {
    if (vmcs->active != NO_CPU && vmcs->active != (int)machine.now)
        machine_fail("the VMCS is active on CPU %d and used on CPU %u", vmcs->active, machine.now);
}

void machine_vmcs_clear(uint64_t physical) {
    struct machine_vmcs *vmcs = find_vmcs(physical);

    machine_step();
    machine_record(MACHINE_VMCLEAR, physical, 0);
    check_active(vmcs);
    vmcs->launched = false;
    vmcs->active = NO_CPU;
    if (machine.current[machine.now] == vmcs)
        machine.current[machine.now] = NULL;
    machine_step(); /* a late NMI */
}

void machine_vmcs_load(uint64_t physical) {
    struct machine_vmcs *vmcs = find_vmcs(physical);

    machine_step();
    machine_record(MACHINE_VMPTRLD, physical, 0);
    check_active(vmcs);
    vmcs->active = (int)machine.now;
    machine.current[machine.now] = vmcs;
}

void machine_invept(uint64_t type, uint64_t ept_pointer) {
    machine_step();
    if (type != INVEPT_SINGLE_CONTEXT && type != INVEPT_ALL_CONTEXTS)
        machine_fail("INVEPT of type %" PRIu64, type);
    machine_record(MACHINE_INVEPT, ept_pointer, type);
}

void machine_invvpid(uint64_t type, uint16_t vpid) {
    machine_step();
    if (type != INVVPID_SINGLE_CONTEXT && type != INVVPID_ALL_CONTEXTS)
        machine_fail("INVVPID of type %" PRIu64, type);
    if (type == INVVPID_SINGLE_CONTEXT && !vpid)
        machine_fail("INVVPID of VPID 0");
    machine_record(MACHINE_INVVPID, vpid, type);
}

const char *vmx_error(void) {
    return vm_instruction_error_name((uint32_t)machine_get(VMCS_INSTRUCTION_ERROR));
}

void vmx_off(void) {
    machine_record(MACHINE_VMXOFF, machine.now, 0);
}

uint64_t vmx_exit_address(void) {
    return 0xffffffff80001234ULL;
}

/* ---- NMIs ---- */

void machine_nmi(unsigned cpu) {
    if (!machine.cpu[cpu].cpu.entry_armed)
        return;
    if (!machine.current[cpu])
        machine_fail("an NMI's handler writes the timer without a current VMCS");
    *place(machine.current[cpu], VMCS_PREEMPTION_TIMER) = 0;
    machine.nmi_pending[cpu] = true; /* if it is in guest mode */
}

/* ---- interrupts ---- */

/* SDM Vol. 3C, "Posted-Interrupt Processing", its steps 3 to 6. */
static void process_posted_interrupts(void) {
    struct inbox *descriptor = machine_memory(machine_get(VMCS_POSTED_DESCRIPTOR));
    struct apic_page *page = machine_memory(machine_get(VMCS_VIRTUAL_APIC_ADDRESS));
    uint64_t status = machine_get(VMCS_GUEST_INTERRUPT_STATUS);

    machine.interrupt[machine.now] = 0;
    atomic_fetch_and(&descriptor->requests, ~1u);
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t bit = 1ULL << vector % 64;
        if (!(atomic_fetch_and(&descriptor->pir[vector / 64], ~bit) & bit))
            continue;
        apic_page_add(page, APIC_IRR, (uint8_t)vector);
        if (vector > (status & 0xff))
            status = (status & ~0xffULL) | vector;
    }
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, status);
}

/* In guest mode; without "acknowledge interrupt on exit" the interrupt stays in the local APIC. */
static void accept_interrupt(void) {
    uint8_t vector = machine.interrupt[machine.now];

    if (!vector || machine.exited)
        return;
    if ((machine_get(VMCS_PIN_BASED_CONTROLS) & PIN_PROCESS_POSTED_INTERRUPTS) &&
        machine_get(VMCS_POSTED_VECTOR) == vector) {
        process_posted_interrupts();
        return;
    }
    machine_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0, 0);
    if (machine_get(VMCS_EXIT_CONTROLS) & VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT) {
        machine.in_service[machine.now] = vector;
        machine.interrupt[machine.now] = 0;
        machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, INTERRUPTION_VALID | vector);
    }
}

void machine_interrupt(unsigned cpu, uint8_t vector) {
    machine.interrupt[cpu] = vector;
    if (machine.in_guest && cpu == machine.now)
        accept_interrupt();
}

void nmi_unblock(void) {
    machine_record(MACHINE_UNBLOCK, 0, 0);
}

/* ---- VM entries and exits ---- */

void machine_exit(uint32_t reason, uint64_t qualification, uint64_t length) {
    machine_set(VMCS_EXIT_REASON, reason);
    machine_set(VMCS_EXIT_QUALIFICATION, qualification);
    machine_set(VMCS_EXIT_INSTRUCTION_LENGTH, length);
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, 0);
    machine_set(VMCS_EXIT_INTERRUPTION_ERROR_CODE, 0);
    machine_set(VMCS_IDT_VECTORING_INFORMATION, 0);
    machine_set(VMCS_IDT_VECTORING_ERROR_CODE, 0);
    machine.exited = true;
}

static void check_entry(void) {
    struct vmcs_image image;
    struct entry_violation violation;

    for (unsigned i = 0; i < VMCS_IMAGE_WORDS; i++)
        ((uint64_t *)&image)[i] = machine_get(vmcs_fields[i].encoding);
    if (entry_check(&image, &host.capabilities, &violation, 1))
        machine_fail("the VM entry fails: %s is 0x%" PRIx64 ": %s (SDM, \"%s\")", violation.field,
                     violation.value, violation.rule, violation.section);
}

static bool entry_fails(const struct machine_vmcs *vmcs, bool launched) {
    uint32_t error = machine.entry_error;

    if (!error && launched != vmcs->launched)
        error = launched ? ERROR_UNLAUNCHED : ERROR_LAUNCHED;
    if (error)
        machine_set(VMCS_INSTRUCTION_ERROR, error);
    return error != 0;
}

/* The injected event is delivered. */
static void deliver_injected(void) {
    uint64_t event = machine_get(VMCS_ENTRY_INTERRUPTION_INFORMATION);
    uint64_t blocking = machine_get(VMCS_GUEST_INTERRUPTIBILITY);

    if (!(event & INTERRUPTION_VALID))
        return;
    blocking &= ~(uint64_t)INTERRUPTIBILITY_SHADOW;
    if ((event & INTERRUPTION_TYPE) == INTERRUPTION_NMI)
        blocking |= INTERRUPTIBILITY_NMI;
    if ((event & INTERRUPTION_TYPE) == INTERRUPTION_EXTERNAL ||
        (event & INTERRUPTION_TYPE) == INTERRUPTION_NMI)
        machine_set(VMCS_GUEST_RFLAGS, machine_get(VMCS_GUEST_RFLAGS) & ~RFLAGS_IF);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY, blocking);
}

/* Exits before the guest's first instruction, the one of the highest priority; false: none. SDM
 * Vol. 3C, "Other Causes of VM Exits", "Window Exiting". */
static bool exits_at_once(void) {
    uint64_t primary = machine_get(VMCS_PRIMARY_CONTROLS);
    uint64_t blocking = machine_get(VMCS_GUEST_INTERRUPTIBILITY);

    if (machine_get(VMCS_PREEMPTION_TIMER) == 0) {
        machine_exit(EXIT_REASON_PREEMPTION_TIMER, 0, 0);
    } else if ((primary & PRIMARY_NMI_WINDOW_EXITING) &&
               !(blocking & (INTERRUPTIBILITY_NMI | INTERRUPTIBILITY_SHADOW))) {
        machine_exit(EXIT_REASON_NMI_WINDOW, 0, 0);
    } else if ((primary & PRIMARY_INTERRUPT_WINDOW_EXITING) &&
               (machine_get(VMCS_GUEST_RFLAGS) & RFLAGS_IF) &&
               !(blocking & INTERRUPTIBILITY_SHADOW)) {
        machine_exit(EXIT_REASON_INTERRUPT_WINDOW, 0, 0);
    }
    return machine.exited;
}

/* With "save VMX-preemption timer value" an exit saves what is left of it after the time in guest
 * mode. SDM Vol. 3C, "VMX-Preemption Timer". */
static void save_timer(uint64_t entered_at) {
    unsigned shift = (unsigned)(host.capabilities.misc & VMX_MISC_PREEMPTION_SHIFT_MASK);
    uint64_t passed = (machine.tsc >> shift) - (entered_at >> shift);
    uint64_t timer = machine_get(VMCS_PREEMPTION_TIMER);

    if (machine_get(VMCS_EXIT_CONTROLS) & VM_EXIT_CONTROL_SAVE_PREEMPTION_TIMER)
        machine_set(VMCS_PREEMPTION_TIMER, timer > passed ? timer - passed : 0);
}

static void exit_by_nmi(void) {
    machine_exit(EXIT_REASON_EXCEPTION_OR_NMI, 0, 0);
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION,
                INTERRUPTION_VALID | INTERRUPTION_NMI | VECTOR_NMI);
}

bool vmx_enter(struct vmx_context *context, bool launched) {
    struct machine_vmcs *vmcs = current(launched ? "VMRESUME" : "VMLAUNCH");
    uint64_t entered_at = machine.tsc;

    machine_step();
    if (entry_fails(vmcs, launched))
        return false;
    machine_set(VMCS_HOST_RSP, 0xffffc00000001000ULL);
    check_entry();
    machine_record(MACHINE_ENTER, machine_get(VMCS_PREEMPTION_TIMER),
                   machine_get(VMCS_ENTRY_INTERRUPTION_INFORMATION));
    vmcs->launched = true;
    machine.exited = false;
    machine.nmi_pending[machine.now] = false; /* one before the entry has run its handler */
    if (machine.deliver && (machine_get(VMCS_ENTRY_INTERRUPTION_INFORMATION) & INTERRUPTION_VALID))
        machine.deliver(context);
    if (!machine.exited)
        deliver_injected();
    if (!machine.exited && !exits_at_once())
        accept_interrupt();
    if (!machine.exited) {
        if (!machine.guest)
            machine_fail("the guest runs, but nothing plays it");
        machine.in_guest = true;
        machine.guest(context);
        machine.in_guest = false;
    }
    if (!machine.exited && machine.nmi_pending[machine.now])
        exit_by_nmi();
    if (!machine.exited)
        machine_fail("the guest runs for ever");
    save_timer(entered_at);
    machine_set(VMCS_ENTRY_INTERRUPTION_INFORMATION,
                machine_get(VMCS_ENTRY_INTERRUPTION_INFORMATION) & ~(uint64_t)INTERRUPTION_VALID);
    return true;
}
