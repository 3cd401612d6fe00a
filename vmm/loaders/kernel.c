/* One of the two loaders: see vmm/loaders/kernel.h. */
#include "vmm/loaders/kernel.h"

#include <stddef.h>

#include "vmm/devices/pc_map.h"

static const char *place_multiboot(const struct kernel_request *r, struct kernel_entry *entry) {
    struct multiboot_request request = {
        .ram = r->ram,
        .ram_size = r->ram_size,
        .file = r->file,
        .file_size = r->file_size,
        .module = r->initrd,
        .module_size = r->initrd_size,
        .kernel_name = r->kernel_name,
        .module_name = r->initrd_name,
        .command_line = r->command_line,
        .reason = r->reason,
    };
    const char *problem = multiboot_place(&request, &entry->multiboot);

    if (!problem)
        entry->warning = entry->multiboot.warning;
    return problem;
}

static const char *place_linux(const struct kernel_request *r, struct kernel_entry *entry) {
    struct linux_request request = {
        .ram = r->ram,
        .ram_size = r->ram_size,
        .file = r->file,
        .file_size = r->file_size,
        .initrd = r->initrd,
        .initrd_size = r->initrd_size,
        .command_line = r->command_line,
        .acpi_rsdp = PC_ACPI_BASE,
        .reason = r->reason,
    };

    return linux_place(&request, &entry->linux64);
}

const char *kernel_place(const struct kernel_request *request, struct kernel_entry *entry) {
    *entry = (struct kernel_entry){.is_linux = linux_is_kernel(request->file, request->file_size)};
    return entry->is_linux ? place_linux(request, entry) : place_multiboot(request, entry);
}
