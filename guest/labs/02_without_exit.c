/* Lab 02: an interrupt without an exit, and the same with three.
 *
 * An interrupt has three steps: it is sent, it is delivered, and its handler writes the EOI. With
 * virtual-interrupt delivery (VID) the processor takes all three in the guest, on the virtual-APIC
 * page. A hypervisor without VID has to take part in each of them. The configuration file boots
 * this guest twice, with `delivery = vid` and with `delivery = software`.
 *
 * Read on: "Delivery in software" in docs/interrupts.md. SDM Vol. 3C, "Virtual-Interrupt Delivery",
 * "EOI Virtualization" and "Self-IPI Virtualization". */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/start.h"

#define ROUNDS 100
#define VECTOR 0x51

static volatile uint32_t handled;

static void on_interrupt(uint8_t vector) {
    (void)vector;
    handled++; /* no EOI: that is measured by itself */
}

void guest_main(void) {
    uint32_t first = command_line_number("first", 1); /* the number of the first answer */
    uint32_t send = 0, deliver = 0, eoi = 0;

    lab_begin("02: an interrupt without an exit, and the same with three", 1);
    const char *who = command_line_has("software") ? "The hypervisor" : "The processor";
    interrupt_handle(VECTOR, on_interrupt);

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t at_start = vm_exits();
        apic_self_ipi(VECTOR); /* interrupts are off: it waits in the IRR */
        uint32_t sent = vm_exits();
        lab_let_in(); /* it is delivered, and the handler runs */
        uint32_t delivered = vm_exits();
        apic_eoi();
        uint32_t ended = vm_exits();

        send += sent - at_start - 1; /* each VMCALL counts itself */
        deliver += delivered - sent - 1;
        eoi += ended - delivered - 1;
    }
    print("%s has delivered: %u\n", who, handled);
    print("02.%u  %s delivers. Exits of sending %u self-IPIs: %u\n", first, who, ROUNDS, send);
    print("02.%u  %s delivers. Exits of delivering them: %u\n", first + 1, who, deliver);
    print("02.%u  %s delivers. Exits of their EOIs: %u\n", first + 2, who, eoi);
}
