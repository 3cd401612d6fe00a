/* The vCPUs of this guest: see cpus.h. */
#include "guest/lib/cpus.h"

#include <stddef.h>

#include "arch/msr.h"
#include "guest/lib/apic.h"
#include "guest/lib/instructions.h"
#include "lib/memory.h"

#define CPUID_1_EDX_HTT (1u << 28) /* EBX[23:16] is valid */
#define WAIT_PAUSES     256u       /* between two looks at IF: pause() */
#define INIT_PAUSES     100000u    /* between INIT and SIPI: 10 ms in the SDM's example */
#define SIPI_PAUSES     2000u      /* between the two SIPIs: 200 us in the SDM's example */

extern const char trampoline[], trampoline_end[]; /* trampoline.asm */

/* Weak: those of CPUS_ROOM() replace them. cpu_max, not a constant that the compiler knows, and the
 * stacks are for start.asm, too. */
#define WEAK __attribute__((weak))
WEAK uint32_t cpu_max = CPU_MAX;
WEAK struct cpu cpus[CPU_MAX];
extern const uint32_t cpu_stack_size;
extern char cpu_stacks[];
const uint32_t cpu_stack_size = CPU_STACK_SIZE;
WEAK _Alignas(16) char cpu_stacks[CPU_MAX * CPU_STACK_SIZE];
uint32_t wait_bound = WAIT_BOUND_DEFAULT;
uint32_t cpu_id_shift;

void cpu_init(void) {
    struct cpu *cpu = &cpus[cpuid(1, 0).ebx >> 24 >> cpu_id_shift]; /* start.asm checked it */
    cpu->self = cpu;
    cpu->index = (uint32_t)(cpu - cpus);
    wrmsr(MSR_IA32_GS_BASE, (uintptr_t)cpu);
}

static uint32_t count_started(void) {
    uint32_t count = 1; /* the first vCPU */
    for (uint32_t i = 0; i < cpu_max; i++)
        count += atomic_load(&cpus[i].started);
    return count;
}

static uint32_t count_from_cpuid(void) {
    struct cpuid leaf = cpuid(1, 0);
    return leaf.edx & CPUID_1_EDX_HTT ? leaf.ebx >> 16 & 0xff : 1;
}

static void broadcast(enum apic_delivery_mode mode, uint8_t vector) {
    apic_send(0, (uint32_t)(APIC_ICR_OTHERS | APIC_ICR_ASSERT) | (uint32_t)mode << 8 | vector);
}

uint32_t cpus_start(uint32_t wanted) {
    if (!wanted)
        wanted = count_from_cpuid();
    if (wanted > cpu_max)
        wanted = cpu_max;
    if (count_started() >= wanted)
        return count_started();

    memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
    broadcast(APIC_DELIVERY_INIT, 0);
    spin(INIT_PAUSES);
    broadcast(APIC_DELIVERY_SIPI, TRAMPOLINE >> 12);
    spin(SIPI_PAUSES);
    broadcast(APIC_DELIVERY_SIPI, TRAMPOLINE >> 12);
    for (uint32_t i = 0; i < wait_bound && count_started() < wanted; i++)
        pause();
    return count_started();
}

bool cpu_run(uint32_t index, void (*function)(void)) {
    void (*idle)(void) = NULL;
    return atomic_compare_exchange_strong(&cpus[index].work, &idle, function);
}

bool cpu_wait(uint32_t index) {
    for (uint32_t i = 0; i < wait_bound; i++) {
        if (!atomic_load(&cpus[index].work))
            return true;
        pause();
    }
    return false;
}

bool cpu_call(uint32_t index, void (*function)(void)) {
    if (index != cpu_self()->index)
        return cpu_run(index, function) && cpu_wait(index);
    function();
    return true;
}

_Noreturn void cpu_serve(void) {
    struct cpu *cpu = cpu_self();
    apic_enable();
    atomic_store(&cpu->started, true);
    for (;;) {
        void (*function)(void) = atomic_load(&cpu->work);
        if (function) {
            function();
            atomic_store(&cpu->work, NULL);
        }
        atomic_fetch_add_explicit(&cpu->turns, 1, memory_order_relaxed);
        pause();
    }
}

bool wait_at_least(atomic_uint *counter, uint32_t value) {
    for (uint32_t i = 0; i < wait_bound; i += WAIT_PAUSES) {
        for (uint32_t j = 0; j < WAIT_PAUSES; j++) {
            if (atomic_load(counter) >= value)
                return true;
            pause_only();
        }
        pause();
    }
    return false;
}

void halt_until(const volatile uint32_t *counter, uint32_t value) {
    interrupts_off();
    while (*counter < value) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

void spin(uint32_t rounds) {
    for (uint32_t i = 0; i < rounds; i++)
        pause_only();
}
