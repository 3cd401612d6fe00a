/* A virtual machine's life: see vm.h. */
#include "vmm/vcpu/vm.h"

#include <stdarg.h>

#include "arch/msr.h"
#include "arch/panic.h"
#include "arch/vmx/ept.h"
#include "drivers/console.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "vmm/devices/pc_map.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/pc/bios.h"
#include "vmm/vcpu/policy.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vm/results.h"

struct vm *vms[BOOT_MAX_GUESTS];
uint32_t vm_count;

/* ---- making one ---- */

/* RAM from address 0; perhaps the page of the APIC, above it; nothing else. */
static const char *build_ept(struct vm *vm, bool with_apic) {
    struct paging ept = {.pages_1g = host.capabilities.ept_vpid & EPT_VPID_CAP_1G,
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

static const char *load_multiboot(struct vm *vm) {
    const struct boot_guest *boot = vm->boot;
    struct multiboot_request request = {
        .ram = vm->ram,
        .ram_size = vm->ram_size,
        .file = phys_to_virt(boot->kernel_base),
        .file_size = boot->kernel_size,
        .module = boot->initrd_size ? phys_to_virt(boot->initrd_base) : NULL,
        .module_size = boot->initrd_size,
        .kernel_name = boot->config.kernel,
        .module_name = boot->config.initrd,
        .command_line = boot->config.command_line,
        .reason = vm->reason,
    };

    return multiboot_place(&request, &vm->entry.multiboot);
}

static const char *load_linux(struct vm *vm) {
    const struct boot_guest *boot = vm->boot;
    struct linux_request request = {
        .ram = vm->ram,
        .ram_size = vm->ram_size,
        .file = phys_to_virt(boot->kernel_base),
        .file_size = boot->kernel_size,
        .initrd = boot->initrd_size ? phys_to_virt(boot->initrd_base) : NULL,
        .initrd_size = boot->initrd_size,
        .command_line = boot->config.command_line,
        .acpi_rsdp = PC_ACPI_BASE,
        .reason = vm->reason,
    };

    return linux_place(&request, &vm->entry.linux64);
}

static const char *load_kernel(struct vm *vm) {
    vm->entry.is_linux =
        linux_is_kernel(phys_to_virt(vm->boot->kernel_base), vm->boot->kernel_size);
    return vm->entry.is_linux ? load_linux(vm) : load_multiboot(vm);
}

/* vCPUs go round the CPUs, so that those of one guest share a CPU only where there are too few. */
static struct host_cpu *next_cpu(void) {
    static uint32_t next;

    return host.cpu[next++ % host.cpu_count];
}

struct vm *vm_create(uint32_t index, const struct boot_guest *boot, const char **reason) {
    struct vm *vm = memory_alloc_pages(sizeof(struct vm), NULL);
    struct routing_config routing = {
        .vcpu_count = boot->config.vcpus,
        .ioapic_version = boot->config.ioapic_version,
        .physical_address_mask = policy.physical_mask,
        .stale_rescan = boot->config.stale_rescan,
        .x2apic_offered = boot->config.x2apic,
    };

    vm->boot = boot;
    vm->config = &boot->config;
    vm->name = boot->config.name;
    vm->index = index;
    vm->trace = boot->config.trace;
    vm->ram_size = boot->config.memory;
    vm->ram_physical = memory_alloc(vm->ram_size, LARGE_PAGE_SIZE);
    if (!vm->ram_physical) {
        *reason = "there is not that much memory free in one piece";
        return NULL;
    }
    vm->ram = phys_to_virt(vm->ram_physical);
    if ((*reason = build_ept(vm, false)) || (*reason = build_ept(vm, true)) ||
        (*reason = bios_place(vm)) || (*reason = load_kernel(vm)))
        return NULL;
    vm->vcpu_count = boot->config.vcpus;
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        vm->vcpu[i] = vcpu_create(vm, i, next_cpu());
        routing.page[i] = vm->vcpu[i]->apic_page;
    }
    irq_lines_reset(vm);
    virtio_init(vm);
    vuart_reset(&vm->serial.uart);
    rtc_reset(vm);
    routing_power_on(&vm->routing, &routing, vm->trace ? &virq_effects_trace_each : &virq_effects,
                     vm);
    return vm;
}

/* ---- running and ending ---- */

void vm_start(struct vm *vm) {
    uint32_t waiting = VM_WAITING;

    if (!atomic_compare_exchange_strong(&vm->state, &waiting, VM_RUNNING))
        return;
    atomic_store(&vm->live_vcpus, vm->vcpu_count);
    console_print("pinwheel: guest %s starts: %u vCPU%s, %lu MiB, stale_rescan=%s\n", vm->name,
                  vm->vcpu_count, vm->vcpu_count == 1 ? "" : "s", vm->ram_size >> 20,
                  vm->config->stale_rescan ? "on" : "off");
    vcpu_request(vm->vcpu[0], REQUEST_START);
}

/* False if another reason came first. */
static bool begin_end(struct vm *vm, enum vm_result result, const char *how, uint32_t code) {
    uint32_t running = VM_RUNNING;

    if (!atomic_compare_exchange_strong(&vm->state, &running, VM_ENDING))
        return false;
    vm->result = result;
    vm->how = how;
    vm->code = code;
    return true;
}

static void stop_vcpus(struct vm *vm) {
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpu[i], REQUEST_STOP);
}

void vm_exit(struct vm *vm, const char *how, uint32_t code) {
    if (begin_end(vm, code == 0 ? VM_PASSED : VM_FAILED, how, code))
        stop_vcpus(vm);
}

void vm_kill(struct vm *vm, const char *fmt, ...) {
    va_list args;

    if (!begin_end(vm, VM_KILLED, "killed", 0))
        return;
    va_start(args, fmt);
    format_va(vm->reason, sizeof(vm->reason), fmt, args);
    va_end(args);
    console_print("pinwheel: guest %s is killed: %s\n", vm->name, vm->reason);
    stop_vcpus(vm);
}

void vm_end_all(const char *reason) {
    for (uint32_t i = 0; i < vm_count; i++) {
        uint32_t waiting = VM_WAITING;
        if (vms[i] && atomic_compare_exchange_strong(&vms[i]->state, &waiting, VM_ENDED))
            results_not_started(vms[i]->boot, reason);
    }
    for (uint32_t i = 0; i < vm_count; i++) {
        if (vms[i])
            vm_kill(vms[i], "%s", reason);
    }
}

void vm_vcpu_stopped(struct vm *vm) {
    if (atomic_fetch_sub(&vm->live_vcpus, 1) != 1)
        return;
    for (unsigned i = 0; i < GUEST_CONSOLES; i++)
        guest_console_flush(&vm->console[i]);
    results_of_guest(vm);
    vm_start_waiting(vm->name);
    atomic_store(&vm->state, VM_ENDED);
    host_wake(host.cpu[0]);
}

void vm_start_waiting(const char *name) {
    for (uint32_t i = 0; i < vm_count; i++) {
        if (vms[i] && text_equals(vms[i]->config->after, name ? name : ""))
            vm_start(vms[i]);
    }
}

bool vm_all_ended(void) {
    for (uint32_t i = 0; i < vm_count; i++) {
        if (vms[i] && atomic_load(&vms[i]->state) != VM_ENDED)
            return false;
    }
    return true;
}

/* ---- memory ---- */

void *vm_ram(const struct vm *vm, uint64_t address, uint64_t size) {
    if (size > vm->ram_size || address > vm->ram_size - size)
        return NULL;
    return vm->ram + address;
}

void vm_log_access(struct vm *vm, const char *what, uint64_t address) {
    uint32_t before = atomic_fetch_add(&vm->logged, 1);

    if (before < VM_LOGGED_ACCESSES)
        console_print("pinwheel: guest %s: %s at 0x%lx: there is nothing\n", vm->name, what,
                      address);
    else if (before == VM_LOGGED_ACCESSES)
        console_print("pinwheel: guest %s: more such accesses are not reported\n", vm->name);
    else
        atomic_store(&vm->logged, VM_LOGGED_ACCESSES + 1); /* never wraps */
}

void vm_log_msr(struct vm *vm, const char *what, uint32_t msr) {
    for (unsigned i = 0; i < VM_LOGGED_MSRS; i++) {
        uint64_t seen = 0;

        if (atomic_compare_exchange_strong(&vm->logged_msr[i], &seen, msr + 1ULL)) {
            console_print("pinwheel: guest %s: %s of 0x%x: no such MSR, #GP\n", vm->name, what,
                          msr);
            return;
        }
        if (seen == msr + 1ULL)
            return;
    }
}
