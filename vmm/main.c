/* The hypervisor, from its first line of C to the first guest: read it top to bottom.
 *
 * The boot loader has told us about the machine (boot_info.h). Here the machine becomes ours: own
 * address space, tables and stacks, all CPUs in VMX operation; then the guests are made and run. */
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/panic.h"
#include "arch/vmx/vmx.h"
#include "arch/vmx/vmx_capabilities.h"
#include "drivers/acpi.h"
#include "drivers/console.h"
#include "drivers/lapic.h"
#include "drivers/power.h"
#include "drivers/tsc.h"
#include "lib/boot_info.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/panic.h"
#include "vmm/host/screen.h"
#include "vmm/vcpu/policy.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vm.h"
#include "vmm/vm/results.h"

_Noreturn void hypervisor_main(struct boot_info *info);

/* The CPUs' tables exist, and the NMI handler may be called. */
static void handle_nmi(struct trap_frame *frame) {
    panic_stop_if_asked();
    vmx_force_exit();
    cpu_nmi(frame);
}

/* The timer has woken this CPU, which was all; or a device of the firmware's days has something to
 * say that nobody waits for. */
static void handle_interrupt(struct trap_frame *frame) {
    (void)frame;
    lapic_eoi();
}

static void start_this_cpu(const struct boot_info *info) {
    idt_init(panic_trap);
    idt_set_nmi(handle_nmi);
    idt_set_interrupt(handle_interrupt);
    lapic_mask_8259();
    host.cpu[0] = host_cpu_create(0, info->cpu_apic_id[0]);
    host.cpu_count = 1;
    if (!lapic_is_x2apic())
        lapic_init(memory_map_device(lapic_base()));
    else
        lapic_init(NULL);
    const char *problem = host_cpu_start(host.cpu[0]);
    if (problem)
        panic("VMX cannot be switched on on the boot CPU: %s", problem);
}

static void find_power_switch(const struct boot_info *info) {
    struct power_methods methods = {.reset_system = info->reset_system,
                                    .firmware_cr3 = info->firmware_cr3};
    struct acpi acpi = {.map = memory_map_table};

    if (info->rsdp && acpi_open(&acpi, info->rsdp))
        acpi_find_soft_off(&acpi, &methods.acpi);
    power_init(&methods);
}

static void create_guests(const struct boot_info *info) {
    for (uint32_t i = 0; i < info->guest_count; i++) {
        const struct boot_guest *guest = &info->guest[i];
        const char *reason = guest->problem;

        if (!guest->problem[0])
            vms[i] = vm_create(i, guest, &reason);
        if (!vms[i])
            results_not_started(guest, reason);
    }
    vm_count = info->guest_count;
    for (uint32_t i = 0; i < vm_count && vm_count > 1; i++) {
        for (unsigned j = 0; j < GUEST_CONSOLES && vms[i]; j++)
            vms[i]->console[j].prefix = vms[i]->name;
    }
}

/* Guests that wait for one that was never started would wait for ever. */
static void start_guests(void) {
    vm_start_waiting(NULL);
    for (uint32_t i = 0; i < vm_count; i++) {
        if (!vms[i])
            vm_start_waiting(host_guest_name(i));
    }
}

static const struct boot_info *boot;

const char *host_guest_name(uint32_t index) {
    return boot->guest[index].config.name;
}

uint64_t host_time(void) {
    return boot->time * 1000000000 +
           tsc_scale(rdtsc() - boot->time_tsc, tsc_frequency(), 1000000000);
}

/* Still on the image's first stack: memory is being mapped. */
static _Noreturn void on_own_stack(void) {
    const char *tsc_source;

    start_this_cpu(boot);
    tsc_source = tsc_init();
    lapic_measure_timer();
    vmx_read_capabilities(&host.capabilities);
    const char *problem = policy_init();
    if (problem)
        panic("%s", problem);
    run_init();
    virq_init();
    find_power_switch(boot);
    host_start_others(boot);
    console_print("pinwheel: %u of %u CPUs in VMX operation, TSC at %lu kHz (%s), %lu MiB free\n",
                  host.cpu_count, boot->cpu_count, tsc_frequency() / 1000, tsc_source,
                  memory_free() >> 20);
    create_guests(boot);
    start_guests();
    host_release();
    host_run();
}

_Noreturn void hypervisor_main(struct boot_info *info) {
    console_init();
    panic_init();
    if (info->magic != BOOT_INFO_MAGIC) {
        console_print("PINWHEEL panic: started without its boot loader\n");
        for (;;)
            halt();
    }
    screen_prepare(&info->framebuffer);
    info = memory_init(info);
    boot = info;
    screen_start(info);
    host.tsc_at_start = info->tsc_at_start;
    uint64_t stack = memory_alloc_stack(16 * 1024);
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "push %%rbp\n\t"
                     "jmp *%1"
                     :
                     : "r"(stack), "r"(on_own_stack)
                     : "memory");
    __builtin_unreachable();
}
