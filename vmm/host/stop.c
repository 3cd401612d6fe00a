/* Stopping the machine's CPUs: see stop.h. */
#include "vmm/host/stop.h"

#include <stdatomic.h>

#include "arch/instructions.h"
#include "arch/vmx/vmx.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "vmm/host/host.h"

#define STOP_US 100000

static _Atomic uint32_t asked;
static _Atomic uint32_t stopped; /* CPUs */

static _Noreturn void stop(void) {
    vmx_off();
    atomic_fetch_add(&stopped, 1);
    for (;;)
        halt();
}

/* A CPU in SMM, or one whose NMIs are blocked by the bug that is to be reported, may be late. */
uint32_t stop_others(void) {
    uint32_t others = 0;

    if (atomic_exchange(&asked, 1))
        stop();
    for (uint32_t i = 0; i < host.cpu_count; i++) {
        if (host.cpu[i]->cpu.self && host.cpu[i] != this_host_cpu()) {
            lapic_send_nmi(host.cpu[i]->cpu.apic_id);
            others++;
        }
    }
    uint64_t start = rdtsc();
    while (atomic_load(&stopped) < others && rdtsc() - start < tsc_ticks(STOP_US))
        cpu_pause();
    return others - atomic_load(&stopped);
}

void stop_if_asked(void) {
    if (atomic_load_explicit(&asked, memory_order_relaxed))
        stop();
}
