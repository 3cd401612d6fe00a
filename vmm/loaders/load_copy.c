/* Copies to the guest's memory: see load_copy.h. */
#include "vmm/loaders/load_copy.h"

#include <stddef.h>

#include "lib/memory.h"
#include "lib/range.h"

bool load_read(const struct kernel_request *r, uint64_t offset, uint8_t *to, uint64_t size) {
    if (!range_within(offset, size, r->file_size))
        return false;
    memcpy(to, r->file + offset, size);
    return true;
}

bool load_file(const struct kernel_request *r, uint64_t address, uint64_t offset, uint64_t size) {
    if (!range_within(offset, size, r->file_size) || !range_within(address, size, r->ram_size))
        return false;
    memcpy(r->ram + address, r->file + offset, size);
    return true;
}

bool load_initrd(const struct kernel_request *r, uint64_t address) {
    if (r->initrd == NULL)
        return true;
    if (!range_within(address, r->initrd_size, r->ram_size))
        return false;
    memcpy(r->ram + address, r->initrd, r->initrd_size);
    return true;
}

bool load_zeros(const struct kernel_request *r, uint64_t address, uint64_t size) {
    if (!range_within(address, size, r->ram_size))
        return false;
    memset(r->ram + address, 0, size);
    return true;
}
