/* The host's IDT: see idt.h. */
#include "arch/idt.h"

#include "arch/segments.h"

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM Vol. 3A, \"64-Bit IDT Gate Descriptors\"");

/* idt_traps.asm: the 256 entry points, 16 bytes apart. */
extern const char trap_entries[];

#define TRAP_ENTRY_SIZE    16

#define FIRST_INTERRUPT    32 /* lower vectors are exceptions */
#define FIRST_LEGAL_VECTOR 16 /* of an interrupt that a device sends */

static struct gate table[256];
static trap_handler *fatal_handler;
static trap_handler *nmi_handler;
static trap_handler *interrupt_handler;
static bool (*is_in_service)(uint8_t vector);

/* The index in the IST of the stack for a vector; 0: the current stack. */
static uint8_t stack_of(unsigned vector) {
    switch (vector) {
    case VECTOR_NMI:
        return IST_NMI;
    case VECTOR_DF:
        return IST_DOUBLE_FAULT;
    case VECTOR_MC:
        return IST_MACHINE_CHECK;
    case VECTOR_PF:
        return IST_PAGE_FAULT;
    default:
        return 0;
    }
}

void idt_init(trap_handler *fatal) {
    fatal_handler = fatal;
    for (unsigned v = 0; v < 256; v++) {
        uint64_t entry = (uint64_t)trap_entries + v * TRAP_ENTRY_SIZE;
        table[v] = (struct gate){
            .offset_low = (uint16_t)entry,
            .selector = SELECTOR_CODE,
            .ist = stack_of(v),
            .type = 0x8e, /* present, interrupt gate */
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
}

void idt_load(void) {
    struct table_register idtr = {sizeof(table) - 1, (uint64_t)table};
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

uint64_t idt_base(void) {
    return (uint64_t)table;
}

void idt_set_nmi(trap_handler *handler) {
    nmi_handler = handler;
}

void idt_set_interrupt(trap_handler *handler) {
    interrupt_handler = handler;
}

void idt_set_in_service(bool (*in_service)(uint8_t vector)) {
    is_in_service = in_service;
}

/* Vectors 16 to 31 are legal for interrupts, and a device that the firmware left active may use
 * one. Where the exception has an error code, the entry point expects one: such a vector is not
 * meant. */
static bool is_interrupt(const struct trap_frame *frame) {
    const uint64_t with_error_code =
        1ULL << VECTOR_AC | 1ULL << VECTOR_CP | 1ULL << 29 | 1ULL << 30;

    if (frame->vector >= FIRST_INTERRUPT)
        return true;
    return frame->vector >= FIRST_LEGAL_VECTOR && !(with_error_code >> frame->vector & 1) &&
           is_in_service && is_in_service((uint8_t)frame->vector);
}

/* Called by idt_traps.asm only. */
void trap_dispatch(struct trap_frame *frame);
void trap_dispatch(struct trap_frame *frame) {
    if (frame->vector == VECTOR_NMI && nmi_handler) {
        nmi_handler(frame);
    } else if (frame->vector == VECTOR_SPURIOUS) {
        /* It gets no EOI. SDM Vol. 3A, "Spurious Interrupt". */
    } else if (is_interrupt(frame) && interrupt_handler) {
        interrupt_handler(frame);
    } else {
        fatal_handler(frame);
    }
}

const char *exception_name(uint64_t vector) {
    static const char *const name[] = {"#DE divide error",
                                       "#DB debug",
                                       "NMI",
                                       "#BP breakpoint",
                                       "#OF overflow",
                                       "#BR bound range exceeded",
                                       "#UD invalid opcode",
                                       "#NM device not available",
                                       "#DF double fault",
                                       "coprocessor segment overrun",
                                       "#TS invalid TSS",
                                       "#NP segment not present",
                                       "#SS stack-segment fault",
                                       "#GP general protection",
                                       "#PF page fault",
                                       "reserved exception",
                                       "#MF x87 floating-point error",
                                       "#AC alignment check",
                                       "#MC machine check",
                                       "#XM SIMD floating-point exception",
                                       "#VE virtualization exception",
                                       "#CP control protection"};
    if (vector < sizeof(name) / sizeof(name[0]))
        return name[vector];
    return vector < 32 ? "reserved exception" : "unexpected interrupt";
}
