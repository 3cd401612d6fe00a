/* Lab 03: priorities, TPR and PPR.
 *
 * A vector's priority is the vector itself; its class is bits 7:4. The processor delivers a vector
 * if its class is above that of the PPR, and the PPR is the greater of TPR (what the system asks
 * for) and of the highest vector in service. All of this happens in the virtual-APIC page, without
 * the hypervisor.
 *
 * Read on: SDM Vol. 3A, "Interrupt, Task, and Processor Priority"; Vol. 3C, "PPR Virtualization".
 */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/start.h"

#define TPR 0x50

static char order[64];
static uint32_t length;

static void write_down(char c) {
    if (length < sizeof(order) - 1)
        order[length++] = c;
    order[length] = 0;
}

static void write_begin(uint8_t vector) {
    write_down("0123456789abcdef"[vector >> 4]);
    write_down("0123456789abcdef"[vector & 15]);
    write_down('[');
}

/* Writes down "51[", and "]" at the end: what is inside the brackets has interrupted it. */
static void handle(uint8_t vector) {
    write_begin(vector);
    apic_eoi();
    write_down(']');
}

/* Sends itself one interrupt of its own class and one of a higher class, and lets them come. */
static void handle_and_send(uint8_t vector) {
    write_begin(vector);
    print("03.3  PPR in the handler of vector 52: %x\n", apic_read(APIC_PPR));
    apic_self_ipi(0x53);
    apic_self_ipi(0x61);
    lab_let_in();
    write_down(']');
    apic_eoi();
}

static void let_them_come(void) {
    interrupts_on();
    lab_settle();
    interrupts_off();
}

void guest_main(void) {
    lab_begin("03: priorities, TPR and PPR", 1);
    for (uint32_t vector = 0x31; vector < 0x80; vector++)
        interrupt_handle((uint8_t)vector, handle);

    length = 0;
    uint32_t before = vm_exits();
    apic_self_ipi(0x31);
    apic_self_ipi(0x52);
    apic_self_ipi(0x53);
    apic_self_ipi(0x71);
    apic_write(APIC_TPR, TPR);
    let_them_come();
    uint32_t exits = vm_exits() - before - 1;
    print("03.1  Delivered while the TPR is %x: %s\n", TPR, order);

    length = 0;
    before = vm_exits();
    apic_write(APIC_TPR, 0);
    let_them_come();
    exits += vm_exits() - before - 1;
    print("03.2  Delivered when the TPR is 0: %s\n", order);

    interrupt_handle(0x52, handle_and_send);
    length = 0;
    apic_self_ipi(0x52);
    let_them_come();
    print("03.4  Vector 52 sends 53 and 61 in its handler: %s\n", order);
    print("03.5  Exits of all steps of 03.1 and 03.2: %u\n", exits);
}
