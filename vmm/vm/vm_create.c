/* Creating a virtual machine: see vm_create.h. */
#include "vmm/vm/vm_create.h"

#include "arch/vmx/ept.h"
#include "drivers/console.h"
#include "drivers/tsc.h"
#include "lib/memory_need.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/mitigations.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/vcpu/delivery.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vm.h"
#include "vmm/vm/pc_wiring.h"

/* Maps RAM from guest-physical address 0 and, if `with_apic`, the APIC-access page. */
static const char *vm_build_ept(struct vm *vm, bool with_apic) {
    struct paging ept = {.pages_1g = host.capabilities.ept_vpid & EPT_VPID_CAP_1G,
                         .pages_4k = mitigations.on & MITIGATION_EPT_4K,
                         .table_flags = EPT_ALL,
                         .alloc_table = memory_alloc_table,
                         .table = memory_table};
    const char *problem = paging_init(&ept);

    if (!problem)
        problem = paging_map(&ept, 0, vm->ram_physical, vm->ram_size, EPT_ALL | EPT_WB);
    if (!problem && with_apic)
        problem = paging_map(&ept, APIC_DEFAULT_BASE, virq_apic_access_page(), PAGE_SIZE,
                             EPT_READ | EPT_WRITE | EPT_WB);
    vm->ept_pointer[with_apic] = ept_pointer(&ept);
    return problem;
}

static const char *vm_allocate_memory(struct vm *vm) {
    vm->ram_size = vm->config->memory;
    vm->ram_physical = memory_alloc(vm->ram_size, LARGE_PAGE_SIZE);
    if (!vm->ram_physical)
        return load_reason(vm->reason,
                           "its %lu MiB are not free in one piece (%lu MiB are free in all); "
                           "set its memory lower",
                           vm->ram_size >> 20, memory_free() >> 20);
    vm->ram = phys_to_virt(vm->ram_physical);
    const char *problem = vm_build_ept(vm, false);
    return problem ? problem : vm_build_ept(vm, true);
}

static const char *vm_choose_delivery(struct vm *vm) {
    const char *problem = delivery_problem();
    const char *posted_problem = delivery_posted_problem();

    if (vm->config->delivery == BOOT_DELIVERY_VID && problem)
        return load_reason(vm->reason, "delivery = vid: %s; use delivery = auto", problem);
    if (vm->config->delivery == BOOT_DELIVERY_POSTED && posted_problem)
        return load_reason(vm->reason, "delivery = posted: %s; use delivery = auto",
                           posted_problem);
    vm->software = problem || vm->config->delivery == BOOT_DELIVERY_SOFTWARE;
    /* With `trace = on` each acceptance has to be in the trace. */
    vm->posted = !posted_problem && !vm->trace &&
                 (vm->config->delivery == BOOT_DELIVERY_POSTED ||
                  (vm->config->delivery == BOOT_DELIVERY_AUTO && !delivery_posted_doubt()));
    return NULL;
}

static const char *vm_power_on_pc(struct vm *vm) {
    const struct boot_guest *boot = vm->boot;
    struct pc_config config = {
        .effects = &pc_wiring,
        .context = vm,
        .tsc_hz = tsc_frequency(),
        .ram = vm->ram,
        .ram_size = vm->ram_size,
        .vcpu_count = vm->config->vcpus,
        .ioapic_version = (uint8_t)vm->config->ioapic_version,
        .disk = boot->disk_size ? phys_to_virt(boot->disk_base) : NULL,
        .disk_size = boot->disk_size,
        .time = host.boot->time * PC_TIME_HZ,
        .time_tsc = host.boot->time_tsc,
    };

    return pc_power_on(&vm->pc, &config);
}

static const char *vm_load_kernel(struct vm *vm) {
    const struct boot_guest *boot = vm->boot;
    struct kernel_request request = {
        .ram = vm->ram,
        .ram_size = vm->ram_size,
        .file = phys_to_virt(boot->kernel_base),
        .file_size = boot->kernel_size,
        .initrd = boot->initrd_size ? phys_to_virt(boot->initrd_base) : NULL,
        .initrd_size = boot->initrd_size,
        .kernel_name = boot->config.kernel,
        .initrd_name = boot->config.initrd,
        .command_line = boot->config.command_line,
        .acpi_rsdp = PC_ACPI_BASE,
        .reason = vm->reason,
    };
    const char *problem = kernel_place(&request, &vm->entry);

    if (!problem && kernel_warning(&vm->entry))
        console_print("pinwheel: guest %s: %s\n", vm->name, kernel_warning(&vm->entry));
    return problem;
}

/* Round robin: vCPUs of one guest share a CPU only if there are more vCPUs than CPUs. */
static struct host_cpu *vm_next_cpu(void) {
    static uint32_t next;

    return host.cpu[next++ % host.cpu_count];
}

static void vm_create_vcpus(struct vm *vm) {
    struct routing_config routing = {
        .vcpu_count = vm->config->vcpus,
        .ioapic_version = vm->config->ioapic_version,
        .physical_address_mask = host_physical_mask(),
        .stale_rescan = vm->config->stale_rescan,
        .x2apic_offered = vm->config->x2apic,
    };

    vm->vcpu_count = vm->config->vcpus;
    vcpu_allocate_routed(vm);
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        vm->vcpu[i] = vcpu_create(vm, i, vm_next_cpu());
        routing.page[i] = vm->vcpu[i]->apic_page;
    }
    routing_power_on(&vm->routing, &routing, virq_effects_of(vm), vm);
}

#define PAGES(size) (((size) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
/* An EPT: the root, one for all, four for 1 GiB each, one for the APIC-access page. */
#define EPT_TABLES 7
_Static_assert(PAGES(sizeof(struct vm)) + 2 * EPT_TABLES * PAGE_SIZE + 2 * PAGE_SIZE <=
                   NEED_PER_GUEST,
               "a guest; the vCPUs' parts of the routing end in two pages");
_Static_assert(2 * PAGE_SIZE <= NEED_PER_2_MIB, "a table in each EPT");
_Static_assert(PAGES(sizeof(struct vcpu)) + sizeof(struct vmx_region) + 3 * PAGE_SIZE +
                       sizeof(struct routing_vcpu) + sizeof(struct routing_counters) <=
                   NEED_PER_VCPU,
               "a vCPU; two pages for its XSAVE area");
_Static_assert(PAGES(sizeof(struct trace_ring)) <= NEED_TRACE_RING, "a copy of a trace");

struct vm *vm_create(uint32_t index, const struct boot_guest *boot, const char **reason) {
    /* In this order: a kernel that is linked to low memory may overwrite the BIOS data area. */
    static const char *(*const step[])(struct vm *) = {vm_choose_delivery, vm_allocate_memory,
                                                       vm_power_on_pc, vm_load_kernel};
    struct vm *vm = memory_alloc_pages(sizeof(struct vm), NULL);

    vm->boot = boot;
    vm->config = &boot->config;
    vm->name = boot->config.name;
    vm->index = index;
    vm->trace = boot->config.trace;
    for (unsigned i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
        *reason = step[i](vm);
        if (*reason)
            return NULL;
    }
    vm_create_vcpus(vm);
    if (vm->config->story || vm->trace)
        vm->kept = memory_alloc_pages(
            vm_trace_rings(vm, host.cpu_count) * sizeof(struct trace_ring), NULL);
    return vm;
}
