/* Exits that concern events: exceptions, their delivery, task switches. See exits.h. SDM Vol. 3C,
 * "Information for VM Exits Due to Vectored Events" and "Information for VM Exits During Event
 * Delivery". */
#include "arch/control_registers.h"
#include "arch/idt.h"
#include "arch/vmx/exit_reason.h"
#include "tests/fuzz/exits/exits.h"

#define WITH_CODE (1u << VECTOR_DF | 0x1fu << VECTOR_TS | 1u << VECTOR_AC)

static uint64_t get(uint64_t field) {
    return machine_get(field);
}

static uint32_t with_code(uint32_t info) {
    uint32_t vector = info & INTERRUPTION_VECTOR;
    bool has = (info & INTERRUPTION_TYPE) == INTERRUPTION_HARDWARE_EXCEPTION && vector < 32 &&
               (WITH_CODE >> vector & 1) && (get(VMCS_GUEST_CR0) & CR0_PE);

    return has ? info | INTERRUPTION_ERROR_CODE : info;
}

void cause_during_delivery(void) {
    static const uint32_t types[] = {
        INTERRUPTION_SOFTWARE_INTERRUPT, INTERRUPTION_SOFTWARE_EXCEPTION,
        INTERRUPTION_HARDWARE_EXCEPTION, 5u << INTERRUPTION_TYPE_SHIFT};
    uint32_t type = types[input_below(4)], vector = input_byte();

    if (type == INTERRUPTION_SOFTWARE_EXCEPTION)
        vector = 3 + (vector & 1); /* #BP, #OF */
    else if (type == INTERRUPTION_HARDWARE_EXCEPTION)
        vector &= 15;
    else if (type != INTERRUPTION_SOFTWARE_INTERRUPT)
        vector = VECTOR_DB;
    if (type == INTERRUPTION_HARDWARE_EXCEPTION && vector == VECTOR_NMI)
        vector = VECTOR_UD;
    machine_set(VMCS_IDT_VECTORING_INFORMATION,
                with_code(INTERRUPTION_VALID | type | vector) | (input_byte() & 1) << 12);
    machine_set(VMCS_IDT_VECTORING_ERROR_CODE, input_number() & 0x7fff);
    machine_set(VMCS_EXIT_INSTRUCTION_LENGTH, 1 + input_below(15));
    machine_set(VMCS_GUEST_PENDING_DEBUG, 0);
    machine_set(VMCS_GUEST_INTERRUPTIBILITY,
                get(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)INTERRUPTIBILITY_SHADOW);
}

static void set_exception(uint32_t info) {
    machine_set(VMCS_EXIT_INTERRUPTION_INFORMATION, with_code(INTERRUPTION_VALID | info));
    machine_set(VMCS_EXIT_INTERRUPTION_ERROR_CODE, 0);
}

void cause_exception(void) {
    uint64_t qualification = input_number() & 0x1e80f;
    uint8_t choice = input_byte();

    leave(EXIT_REASON_EXCEPTION_OR_NMI, choice & 1 ? qualification : 0, 1);
    if (choice & 1) {
        machine_set(VMCS_GUEST_PENDING_DEBUG, 0); /* it is in the qualification */
        set_exception(INTERRUPTION_HARDWARE_EXCEPTION | VECTOR_DB);
    } else if (choice & 2) {
        set_exception(5u << INTERRUPTION_TYPE_SHIFT | VECTOR_DB); /* INT1 */
    } else if (state_cpl() == 3) {
        set_exception(INTERRUPTION_HARDWARE_EXCEPTION | VECTOR_AC |
                      (choice & 4 ? INTERRUPTION_NMI_UNBLOCKED : 0));
        if (choice & 4)
            machine_set(VMCS_GUEST_INTERRUPTIBILITY, 0);
    } else {
        set_exception(INTERRUPTION_NMI | VECTOR_NMI); /* a kick */
    }
    if ((choice & 3) != 2 && choice & 8)
        cause_during_delivery();
}

void cause_kick(void) {
    leave(EXIT_REASON_EXCEPTION_OR_NMI, 0, 0);
    set_exception(INTERRUPTION_NMI | VECTOR_NMI);
}

void cause_external_interrupt(void) {
    leave(EXIT_REASON_EXTERNAL_INTERRUPT, 0, 0);
}

void cause_triple_fault(void) {
    leave(EXIT_REASON_TRIPLE_FAULT, 0, 0);
}

void cause_task_switch(void) {
    if (!(get(VMCS_GUEST_CR0) & CR0_PE) || (get(VMCS_GUEST_EFER) & EFER_LMA))
        return;
    leave(EXIT_REASON_TASK_SWITCH, input_number() & 0xc000ffff, 1 + input_below(15));
    if (input_flag())
        cause_during_delivery();
}
/* SDM Vol. 3C, "Information for VM Exits During Event Delivery". */
void cause_exit_of_delivery(struct vmx_context *context) {
    uint32_t info = (uint32_t)get(VMCS_ENTRY_INTERRUPTION_INFORMATION);
    uint64_t code = get(VMCS_ENTRY_EXCEPTION_ERROR_CODE);
    uint64_t length = get(VMCS_ENTRY_INSTRUCTION_LENGTH);
    uint8_t choice = input_byte();

    (void)context;
    check_bounds();
    if (choice % 4)
        return;
    machine_set(VMCS_GUEST_INTERRUPTIBILITY,
                get(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)INTERRUPTIBILITY_SHADOW);
    if ((info & INTERRUPTION_TYPE) == INTERRUPTION_NMI)
        machine_set(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI);
    if (choice < 0x08) {
        leave(EXIT_REASON_EPT_VIOLATION, EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_WRITE, length);
        machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, guest->ram_size);
    } else if (choice < 0x10) {
        leave(EXIT_REASON_TASK_SWITCH, 3u << 30, length);
    } else if (choice < 0x90) {
        leave(EXIT_REASON_EXCEPTION_OR_NMI, 0, length);
        set_exception(state_cpl() == 3 && choice & 8 ? INTERRUPTION_HARDWARE_EXCEPTION | VECTOR_AC
                                                     : INTERRUPTION_NMI | VECTOR_NMI);
    } else {
        leave(EXIT_REASON_EXTERNAL_INTERRUPT, 0, length);
    }
    machine_set(VMCS_IDT_VECTORING_INFORMATION, info);
    machine_set(VMCS_IDT_VECTORING_ERROR_CODE, code);
}
