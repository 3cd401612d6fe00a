/* The machine's CPUs: see host.h. */
#include "vmm/host/host.h"

#include "arch/cpuid.h"
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/panic.h"
#include "arch/trampoline.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_capabilities.h"
#include "drivers/console.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "lib/memory.h"
#include "lib/memory_need.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/mitigations.h"
#include "vmm/host/tsc_sync.h"

#define XCR0_OFFERED   (XCR0_X87 | XCR0_SSE | XCR0_AVX)

#define IST_STACK_SIZE (8 * 1024)

/* From INIT to the first STARTUP; then how long the CPU has to report that it runs, before and
 * after the second STARTUP. It writes its caches back twice, with caches off, and a virtual
 * machine's host may not give it a CPU for a while: seconds are not too long. */
#define INIT_DELAY_US     10000
#define FIRST_STARTUP_US  10000
#define SECOND_STARTUP_US 5000000

struct host host;

/* What a CPU that was started has reported: nothing yet; that it compares its TSC with the boot
 * CPU's; that it runs; or that it cannot be used, and has printed why. CPU_TOO_LATE is the boot
 * CPU's word: it no longer waits. Each leaves CPU_SILENT by an exchange, so only one of them does.
 */
enum online { CPU_SILENT, CPU_COMPARES, CPU_ONLINE, CPU_NOT_USED, CPU_TOO_LATE };

static _Atomic uint32_t released;
static void (*run_cpu)(void); /* what each started CPU calls once it is released */

/* In the image, because the firmware's ResetSystem() runs under page tables that map nothing else.
 */
static struct host_cpu boot_cpu;

#define PAGES(size) (((size) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define STACKS      (HOST_STACK_SIZE + (IST_END - 1) * IST_STACK_SIZE)
_Static_assert(PAGES(sizeof(struct host_cpu)) + PAGES(sizeof(struct trace_ring)) + STACKS +
                       sizeof(struct vmx_region) + PAGE_SIZE <=
                   NEED_PER_CPU,
               "the last page is for the tables that map the stacks");

/* Its stacks for exceptions before memory can be allocated; one serves all. */
void host_early_init(void) {
    static _Alignas(16) uint8_t stack[IST_STACK_SIZE];

    for (unsigned i = 1; i < IST_END; i++)
        boot_cpu.cpu.ist_top[i] = (uint64_t)(stack + sizeof(stack));
    cpu_load(&boot_cpu.cpu);
}

struct host_cpu *host_cpu_create(uint32_t index, uint32_t apic_id) {
    struct host_cpu *cpu =
        index == 0 ? &boot_cpu : memory_alloc_pages(sizeof(struct host_cpu), NULL);

    cpu->cpu.index = index;
    cpu->cpu.apic_id = apic_id;
    cpu->cpu.stack_top = memory_alloc_stack(HOST_STACK_SIZE);
    for (unsigned i = 1; i < IST_END; i++)
        cpu->cpu.ist_top[i] = memory_alloc_stack(IST_STACK_SIZE);
    cpu->trace = memory_alloc_pages(sizeof(struct trace_ring), NULL);
    cpu->vmxon = memory_alloc_pages(sizeof(struct vmx_region), &cpu->vmxon_physical);
    return cpu;
}

const char *host_cpu_start(struct host_cpu *cpu) {
    cpu_load(&cpu->cpu);
    lapic_enable();
    write_cr0(CR0_HOST); /* memory_enter() has written CR4 */
    const char *problem = vmx_on(cpu->vmxon, cpu->vmxon_physical);
    cpu->cpu.in_vmx_operation = !problem;
    return problem;
}

/* The two threads of a core share its caches and buffers, so that a guest on one of them may read
 * what another guest on the other one leaves there. The boot CPU waits meanwhile. */
static bool is_one_too_many(uint32_t apic_id) {
    struct cpuid_result thread = {0};

    if (!(mitigations.on & MITIGATION_SMT) || host.boot->guest_count < 2)
        return false;
    if (cpuid_has_leaf(CPUID_LEAF_TOPOLOGY))
        thread = cpuid(CPUID_LEAF_TOPOLOGY, 0);
    if ((thread.ecx >> CPUID_B_ECX_TYPE_SHIFT & 0xff) != CPUID_B_TYPE_SMT)
        return false;
    for (uint32_t i = 0; i < host.cpu_count; i++) {
        if ((host.cpu[i]->cpu.apic_id ^ apic_id) >> (thread.eax & 31) == 0)
            return true;
    }
    return false;
}

static bool replaces_silence(struct host_cpu *cpu, uint32_t report) {
    uint32_t silent = CPU_SILENT;

    return atomic_compare_exchange_strong(&cpu->online, &silent, report);
}

/* The first C code of another CPU, on its own stack. */
static _Noreturn void host_other_main(struct cpu *cpu) {
    struct host_cpu *self = (struct host_cpu *)cpu;

    memory_enter();
    const char *problem = host_cpu_start(self);
    const char *differs = NULL;
    if (!problem) {
        struct vmx_capabilities own;
        vmx_read_capabilities(&own);
        differs = vmx_difference(&host.capabilities, &own);
    }
    if (differs)
        problem = "differs from the boot CPU's, from which the controls of vCPUs are chosen";
    if (!problem)
        problem = mitigations_apply();
    if (!problem && is_one_too_many(cpu->apic_id))
        problem = "it is the other thread of a core (mitigations = -smt uses it)";
    if (!problem)
        problem = replaces_silence(self, CPU_COMPARES)
                      ? tsc_sync_other(cpu->index, cpu->apic_id)
                      : "it started after the boot CPU had stopped waiting for it";
    if (problem) {
        console_print("pinwheel: CPU %u not used: %s%s%s\n", cpu->index, differs ? differs : "",
                      differs ? " " : "", problem);
        vmx_off();
        atomic_store(&self->online, CPU_NOT_USED);
        for (;;) /* with CR4.MCE = 1: a machine check that is sent to all CPUs would reset the
                    machine */
            halt();
    }
    atomic_store(&self->online, CPU_ONLINE);
    while (!atomic_load(&released))
        cpu_idle(&released);
    run_cpu();
    panic("CPU %u: the scheduler returned", cpu->index);
}

/* Until the CPU reports anything else than `report`, or the time has passed. */
static uint32_t wait_while(struct host_cpu *cpu, uint32_t report, uint64_t microseconds) {
    uint64_t start = rdtsc();

    while (atomic_load(&cpu->online) == report && rdtsc() - start < tsc_ticks(microseconds))
        cpu_pause();
    return atomic_load(&cpu->online);
}

/* INIT, 10 ms, STARTUP, and a second STARTUP if the CPU does not run. SDM Vol. 3A, "Typical BSP
 * Initialization Sequence". */
static bool host_start_other(struct host_cpu *cpu, uint32_t page) {
    lapic_send_init(cpu->cpu.apic_id);
    tsc_delay_us(INIT_DELAY_US);
    lapic_send_startup(cpu->cpu.apic_id, page);
    if (wait_while(cpu, CPU_SILENT, FIRST_STARTUP_US) == CPU_SILENT) {
        lapic_send_startup(cpu->cpu.apic_id, page);
        wait_while(cpu, CPU_SILENT, SECOND_STARTUP_US);
    }
    if (replaces_silence(cpu, CPU_TOO_LATE))
        return false;
    if (atomic_load(&cpu->online) == CPU_COMPARES)
        tsc_sync_boot();
    return wait_while(cpu, CPU_COMPARES, SECOND_STARTUP_US) == CPU_ONLINE;
}

void host_start_others(const struct boot_info *info, void (*run)(void)) {
    uint32_t tables = memory_trampoline_tables(info->trampoline);
    void *page = phys_to_virt(info->trampoline);

    run_cpu = run;
    tsc_sync_init();
    for (uint32_t i = 1; i < info->cpu_count; i++) {
        if (!lapic_reaches(info->cpu_apic_id[i])) {
            console_print("pinwheel: CPU with APIC ID %u not used: only x2APIC mode reaches it\n",
                          info->cpu_apic_id[i]);
            continue;
        }
        struct host_cpu *cpu = host_cpu_create(host.cpu_count, info->cpu_apic_id[i]);
        struct trampoline_arguments arguments = {
            .cr3 = tables,
            .cr4 = (uint32_t)(read_cr4() & ~CR4_VMXE),
            .stack = cpu->cpu.stack_top,
            .cpu = (uint64_t)cpu,
            .entry = (uint64_t)host_other_main,
        };
        trampoline_place(page, &arguments);
        if (host_start_other(cpu, (uint32_t)info->trampoline)) {
            host.cpu[host.cpu_count++] = cpu;
        } else if (atomic_load(&cpu->online) == CPU_TOO_LATE) {
            console_print("pinwheel: CPU with APIC ID %u did not start; not used\n",
                          info->cpu_apic_id[i]);
            /* So that it does not start late, from a page that is used for something else. If it
             * is in VMX operation already, which blocks INIT, it finds CPU_TOO_LATE and waits. */
            lapic_send_init(cpu->cpu.apic_id);
        }
    }
}

const char *host_read_features(void) {
    vmx_read_capabilities(&host.capabilities);
    if (!(cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_XSAVE))
        return "this CPU has no XSAVE";
    struct cpuid_result xstate = cpuid(CPUID_LEAF_XSTATE, 0);
    host.xcr0 = (xstate.eax | (uint64_t)xstate.edx << 32) & XCR0_OFFERED;
    xsetbv(0, host.xcr0);
    host.xsave_size = cpuid(CPUID_LEAF_XSTATE, 0).ebx; /* of what XCR0 now enables */
    return NULL;
}

void host_release(void) {
    atomic_store(&released, 1);
    for (uint32_t i = 1; i < host.cpu_count; i++)
        lapic_send_nmi(host.cpu[i]->cpu.apic_id);
}

void host_wake(struct host_cpu *cpu) {
    atomic_store(&cpu->wake, 1);
    if (atomic_load(&cpu->idle))
        lapic_send_nmi(cpu->cpu.apic_id);
}

void host_trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    what |= (uint64_t)guest << TRACE_SHIFT(guest);
    trace_add(this_host_cpu()->trace, rdtsc(), what, a, b, true);
}

void host_trace_each(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    what |= (uint64_t)guest << TRACE_SHIFT(guest);
    trace_add(this_host_cpu()->trace, rdtsc(), what, a, b, false);
}

void host_trace_last(struct trace_cursor cursor[BOOT_MAX_CPUS], uint64_t most) {
    for (uint32_t i = 0; i < host.cpu_count; i++) {
        const struct trace_ring *ring = host.cpu[i]->trace;
        cursor[i] = (struct trace_cursor){ring, trace_last(ring, most)};
    }
}
