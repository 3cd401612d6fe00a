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

#define XCR0_OFFERED   (XCR0_X87 | XCR0_SSE | XCR0_AVX)

#define IST_STACK_SIZE (8 * 1024)

/* From INIT to the first STARTUP; then how long the CPU has to report that it runs, before and
 * after the second STARTUP. */
#define INIT_DELAY_US     10000
#define FIRST_STARTUP_US  1000
#define SECOND_STARTUP_US 100000

struct host host;

/* What a CPU that was started has reported: nothing yet; that it runs; or that it cannot be used,
 * and has printed why. */
enum online { CPU_SILENT, CPU_ONLINE, CPU_NOT_USED };

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

struct host_cpu *host_cpu_create(uint32_t index, uint32_t apic_id) {
    struct host_cpu *cpu =
        index == 0 ? &boot_cpu : memory_alloc_pages(sizeof(struct host_cpu), NULL);

    cpu->cpu.index = index;
    cpu->cpu.apic_id = apic_id;
    cpu->cpu.stack_top = memory_alloc_stack(HOST_STACK_SIZE);
    for (unsigned i = 1; i < IST_END; i++)
        cpu->cpu.ist_top[i] = memory_alloc_stack(IST_STACK_SIZE);
    cpu->trace = memory_alloc_pages(sizeof(struct trace_ring), NULL);
    return cpu;
}

const char *host_cpu_start(struct host_cpu *cpu) {
    uint64_t physical;
    struct vmx_region *region;

    cpu_load(&cpu->cpu);
    lapic_enable();
    /* Whatever the firmware has left: SSE and XSAVE enabled for the guests' registers, machine
     * checks enabled, caches enabled, no exceptions by floating-point instructions. */
    write_cr0((read_cr0() | CR0_MP | CR0_NE | CR0_WP) & ~(CR0_TS | CR0_EM | CR0_CD | CR0_NW));
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_MCE);
    region = memory_alloc_pages(sizeof(struct vmx_region), &physical);
    return vmx_on(region, physical);
}

/* The controls of all vCPUs are chosen from the boot CPU's capabilities. */
static bool is_like_boot_cpu(void) {
    const struct vmx_capabilities *boot = &host.capabilities;
    struct vmx_capabilities own;

    vmx_read_capabilities(&own);
    return own.basic == boot->basic && own.pinbased == boot->pinbased &&
           own.procbased == boot->procbased && own.procbased2 == boot->procbased2 &&
           own.exit == boot->exit && own.entry == boot->entry &&
           own.true_pinbased == boot->true_pinbased && own.true_procbased == boot->true_procbased &&
           own.true_exit == boot->true_exit && own.true_entry == boot->true_entry &&
           own.misc == boot->misc && own.ept_vpid == boot->ept_vpid &&
           own.cr0_fixed0 == boot->cr0_fixed0 && own.cr0_fixed1 == boot->cr0_fixed1 &&
           own.cr4_fixed0 == boot->cr4_fixed0 && own.cr4_fixed1 == boot->cr4_fixed1;
}

/* The first C code of another CPU, on its own stack. */
static _Noreturn void host_other_main(struct cpu *cpu) {
    struct host_cpu *self = (struct host_cpu *)cpu;

    memory_enter();
    const char *problem = host_cpu_start(self);
    if (!problem && !is_like_boot_cpu())
        problem = "its VMX capabilities differ from those of the boot CPU";
    if (!problem)
        problem = mitigations_apply();
    if (problem) {
        console_print("pinwheel: CPU %u not used: %s\n", cpu->index, problem);
        atomic_store(&self->online, CPU_NOT_USED);
        for (;;)
            halt();
    }
    atomic_store(&self->online, CPU_ONLINE);
    while (!atomic_load(&released))
        cpu_idle(&released);
    run_cpu();
    panic("CPU %u: the scheduler returned", cpu->index);
}

/* INIT, 10 ms, STARTUP, and a second STARTUP if the CPU does not run. SDM Vol. 3A, "Typical BSP
 * Initialization Sequence". */
static bool host_start_other(struct host_cpu *cpu, uint32_t page) {
    lapic_send_init(cpu->cpu.apic_id);
    tsc_delay_us(INIT_DELAY_US);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        lapic_send_startup(cpu->cpu.apic_id, page);
        uint64_t start = rdtsc();
        uint64_t wait = tsc_ticks(attempt ? SECOND_STARTUP_US : FIRST_STARTUP_US);
        while (rdtsc() - start < wait) {
            if (atomic_load(&cpu->online) != CPU_SILENT)
                return atomic_load(&cpu->online) == CPU_ONLINE;
            cpu_pause();
        }
    }
    return atomic_load(&cpu->online) == CPU_ONLINE;
}

void host_start_others(const struct boot_info *info, void (*run)(void)) {
    uint32_t tables = memory_trampoline_tables(info->trampoline);
    void *page = phys_to_virt(info->trampoline);

    run_cpu = run;
    for (uint32_t i = 1; i < info->cpu_count; i++) {
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
        } else {
            if (atomic_load(&cpu->online) == CPU_SILENT)
                console_print("pinwheel: CPU with APIC ID %u did not start; not used\n",
                              info->cpu_apic_id[i]);
            /* So that it does not start late, from a page that is used for something else. */
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
