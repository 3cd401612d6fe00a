/* The hypervisor from its first C function, hypervisor_main() at the end of this file, to the first
 * guest.
 *
 * The boot loader has described the machine (lib/boot_info.h). Here the hypervisor takes it over:
 * its own address space, descriptor tables and stacks, all CPUs in VMX operation. Then it creates
 * the guests and runs them. Read next: vmm/host/host.h, vmm/vm/guests.h, vmm/vm/schedule.h. */
#include "arch/idt.h"
#include "arch/instructions.h"
#include "arch/panic.h"
#include "arch/vmx/vmx.h"
#include "drivers/acpi.h"
#include "drivers/console.h"
#include "drivers/ioapic.h"
#include "drivers/keyboard.h"
#include "drivers/lapic.h"
#include "drivers/pci_ports.h"
#include "drivers/power.h"
#include "drivers/tsc.h"
#include "drivers/uart.h"
#include "lib/boot_info.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/mitigations.h"
#include "vmm/host/panic.h"
#include "vmm/host/screen.h"
#include "vmm/host/stop.h"
#include "vmm/vcpu/delivery.h"
#include "vmm/vcpu/guest_cpuid.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vmcs_setup.h"
#include "vmm/vm/guests.h"
#include "vmm/vm/schedule.h"

_Noreturn void hypervisor_main(struct boot_info *info);

/* An NMI comes from another CPU: it has panicked, or it has a request for a vCPU of this CPU, or
 * work for this CPU while it is idle. */
static void handle_nmi(struct trap_frame *frame) {
    stop_if_asked();
    vmx_force_exit();
    cpu_nmi(frame);
}

/* The LAPIC timer, whose only purpose is to end a HLT; a posted-interrupt notification for a vCPU
 * that has left guest mode meanwhile, which finds it in its requests; or a device that the firmware
 * has enabled. */
static void handle_interrupt(struct trap_frame *frame) {
    (void)frame;
    lapic_eoi();
}

/* Without ACPI there is one, at the address that all PCs have in common. */
static void mask_ioapics(const struct boot_info *info) {
    struct acpi acpi = {.map = memory_map_table};
    uint32_t index = 0, offset = 0, count = 0;
    uint64_t address;

    if (info->rsdp && acpi_open(&acpi, info->rsdp)) {
        struct acpi_table madt = acpi_next_table(&acpi, "APIC", &index);
        for (; acpi_next_ioapic(&madt, &offset, &address); count++)
            ioapic_mask(memory_map_device(address, IOAPIC_SIZE));
    }
    if (!count)
        ioapic_mask(memory_map_device(IOAPIC_DEFAULT_BASE, IOAPIC_SIZE));
}

static void start_this_cpu(const struct boot_info *info) {
    idt_set_nmi(handle_nmi);
    idt_set_interrupt(handle_interrupt);
    idt_set_in_service(lapic_in_service);
    lapic_mask_8259();
    mask_ioapics(info);
    host.cpu[0] = host_cpu_create(0, info->cpu_apic_id[0]);
    host.cpu_count = 1;
    uint32_t highest = 0;
    for (uint32_t i = 0; i < info->cpu_count; i++)
        highest = info->cpu_apic_id[i] > highest ? info->cpu_apic_id[i] : highest;
    lapic_init(lapic_is_x2apic() ? NULL : memory_map_device(lapic_base(), PAGE_SIZE), highest);
    const char *problem = host_cpu_start(host.cpu[0]);
    if (problem)
        panic("the boot CPU cannot enter VMX operation: %s", problem);
}

static const char *measure_tsc(const struct boot_info *info) {
    struct acpi acpi = {.map = memory_map_table};
    struct acpi_pm_timer timer = {0, false};

    if (info->rsdp && acpi_open(&acpi, info->rsdp))
        timer = acpi_find_pm_timer(&acpi);
    return tsc_init(&timer);
}

static void find_power_switch(const struct boot_info *info) {
    struct power_methods methods = {.reset_system = info->reset_system,
                                    .firmware_cr3 = info->firmware_cr3};
    struct acpi acpi = {.map = memory_map_table};

    if (info->rsdp && acpi_open(&acpi, info->rsdp))
        acpi_find_soft_off(&acpi, &methods.acpi);
    power_init(&methods);
}

static void start_keyboard(const struct boot_info *info) {
    struct acpi acpi = {.map = memory_map_table};

    if (!info->rsdp || !acpi_open(&acpi, info->rsdp) || acpi_may_have_8042(&acpi))
        keyboard_init();
}

/* What must be there before the first guest is created. */
static void prepare_for_guests(void) {
    guest_cpuid_init(host.xcr0, tsc_frequency());
    msr_init();
    vmcs_setup_init();
    virq_init();
    run_init();
    schedule_init();
    delivery_init();
}

static void report_delivery(void) {
    const char *problem = delivery_problem();
    const char *posted_problem = delivery_posted_problem();
    uint64_t unused = host.capabilities.procbased3;

    if (problem)
        console_print("pinwheel: interrupts are delivered in software: %s\n", problem);
    else if (posted_problem || delivery_posted_doubt())
        console_print("pinwheel: interrupts are delivered by the processor, but not posted: %s\n",
                      posted_problem ? posted_problem : delivery_posted_doubt());
    else
        console_print("pinwheel: interrupts are delivered by the processor, and posted\n");
    if (unused & TERTIARY_IPI_VIRTUALIZATION)
        console_print("pinwheel: this processor's IPI virtualization is not used\n");
    if (unused & TERTIARY_APIC_TIMER_VIRTUALIZATION)
        console_print("pinwheel: this processor's APIC-timer virtualization is not used\n");
}

static _Noreturn void on_own_stack(void) {
    const char *tsc_source;

    start_this_cpu(host.boot);
    tsc_source = measure_tsc(host.boot);
    lapic_measure_timer();
    const char *problem = host_read_features();
    if (problem)
        panic("%s", problem);
    mitigations_init(host.boot);
    prepare_for_guests();
    find_power_switch(host.boot);
    start_keyboard(host.boot);
    host_start_others(host.boot, schedule_run);
    console_print("pinwheel: %u of %u CPUs in VMX operation, TSC at %lu kHz (%s), %lu MiB free\n",
                  host.cpu_count, host.boot->cpu_count, tsc_frequency() / 1000, tsc_source,
                  memory_free() >> 20);
    report_delivery();
    guests_create(host.boot);
    guests_start();
    console_in_background();
    host_release();
    schedule_run();
}

static uint64_t serial_size(const struct boot_serial *serial) {
    return BOOT_SERIAL_REGISTERS * serial->stride;
}

/* Called by vmm/entry.asm, on the stack that is part of the image. */
_Noreturn void hypervisor_main(struct boot_info *info) {
    bool ours = info->magic == BOOT_INFO_MAGIC;
    const struct boot_serial *serial = ours ? &info->serial : &UART_COM1;
    uart_init(serial, memory_before_init(serial->base, serial_size(serial)));
    panic_init();
    if (!ours) {
        console_verdict(
            "PINWHEEL panic: not started by Pinwheel's boot loader; boot BOOTX64.EFI\n");
        for (;;)
            halt();
    }
    idt_init(panic_trap);
    host_early_init();
    screen_prepare(&info->framebuffer);
    pci_silence(&pci_by_ports); /* before any memory is used */
    info = memory_init(info);
    serial = &info->serial;
    if (serial->access)
        uart_init(serial, memory_map_device(serial->base, serial_size(serial)));
    host.boot = info;
    screen_start(info);
    host.tsc_at_start = info->tsc_at_start;
    uint64_t stack = memory_alloc_stack(HOST_STACK_SIZE);
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "push %%rbp\n\t"
                     "jmp %P1"
                     :
                     : "r"(stack), "i"(on_own_stack)
                     : "memory");
    __builtin_unreachable();
}
