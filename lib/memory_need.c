/* The hypervisor's own memory: see memory_need.h. */
#include "lib/memory_need.h"

#define TABLE_SIZE (4 * NEED_KIB)
#define GIB        (1ULL << 30)

/* The boot loader's and the hypervisor's page tables: both have a table for each GiB up to the end
 * of RAM, and at least for four; the hypervisor's also for each end of a region. */
static uint64_t need_of_tables(const struct boot_info *info) {
    uint64_t end = 4 * GIB;

    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->region[i];
        if (region->kind < BOOT_MEMORY_MMIO && region->base + region->size > end)
            end = region->base + region->size;
    }
    return (2 * (end / GIB + 1) + 2 * info->region_count) * TABLE_SIZE;
}

static uint64_t need_of_guest(const struct guest_config *guest, uint32_t cpus) {
    uint64_t need =
        NEED_PER_GUEST + guest->vcpus * NEED_PER_VCPU + (guest->memory >> 21) * NEED_PER_2_MIB;

    if (guest->story || guest->trace)
        need += (guest->vcpus + 1 < cpus ? guest->vcpus + 1 : cpus) * NEED_TRACE_RING;
    return need;
}

uint64_t memory_need(const struct boot_info *info) {
    uint64_t need = NEED_FIXED + need_of_tables(info) + info->cpu_count * NEED_PER_CPU;

    for (uint32_t i = 0; i < info->guest_count; i++)
        need += need_of_guest(&info->guest[i].config, info->cpu_count);
    return need;
}
