/* One of the two loaders: see vmm/loaders/kernel.h. */
#include "vmm/loaders/kernel.h"

const char *kernel_place(const struct kernel_request *request, struct kernel_entry *entry) {
    *entry = (struct kernel_entry){.is_linux = linux_is_kernel(request->file, request->file_size)};
    if (entry->is_linux)
        return linux_place(request, &entry->linux64);
    return multiboot_place(request, &entry->multiboot);
}

const char *kernel_warning(const struct kernel_entry *entry) {
    return entry->multiboot.warning;
}
