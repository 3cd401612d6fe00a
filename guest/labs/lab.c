/* What all labs use: see lab.h. */
#include "guest/labs/lab.h"

#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/start.h"

#define SETTLE 20000u /* PAUSEs */

static atomic_uint ipis;

void lab_begin(const char *title, uint32_t vcpus) {
    print("Lab %s\n", title);
    if (!apic_init(true)) {
        print("x2APIC mode is not offered, and this lab needs it.\n");
        guest_exit(1);
    }
    if (vcpus > 1 && cpus_start(vcpus) < vcpus) {
        print("This lab needs %u vCPUs.\n", vcpus);
        guest_exit(1);
    }
    for (uint32_t i = 1; i < vcpus; i++)
        cpu_run(i, lab_listen);
}

uint32_t lab_eoi(void) {
    uint32_t before = eoi_exits();
    apic_eoi();
    return eoi_exits() - before;
}

static void on_ipi(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&ipis, 1);
    apic_eoi();
}

uint32_t lab_self_ipis(uint8_t vector, uint32_t rounds) {
    uint32_t before = eoi_exits();

    interrupt_handle(vector, on_ipi);
    atomic_store(&ipis, 0);
    for (uint32_t i = 1; i <= rounds; i++) {
        apic_self_ipi(vector);
        if (!wait_at_least(&ipis, i)) {
            print("A self-IPI has not arrived.\n");
            guest_exit(1);
        }
    }
    return eoi_exits() - before;
}

void lab_listen(void) {
    interrupts_on();
    for (;;)
        pause();
}

void lab_settle(void) {
    spin(SETTLE);
}
