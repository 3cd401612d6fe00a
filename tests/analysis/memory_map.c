/* The firmware's memory map: any bytes, in descriptors of any size.
 * Assumed: a map of at most 4 KiB. Sizes stand for the others: one that is too small for a
 * descriptor, the smallest that is not, the usual one of firmware, and a larger one; the code only
 * compares them and steps by them. */
#include "boot/memory_map.h"

#include "tests/analysis/any.h"

static uint8_t map[4096];
static struct boot_region region[BOOT_MAX_REGIONS];

static void convert(size_t size, size_t descriptor_size) {
    uint32_t count;

    any_bytes(map, sizeof(map));
    memory_map_regions(map, size, descriptor_size, region, BOOT_MAX_REGIONS, &count);
    claim(count <= BOOT_MAX_REGIONS);
    memory_map_usable(region, count);
    memory_map_has_ram(region, count, any(), any());
}

int main(void) {
    /*@ widen_hints global:"all", 256; */
    convert(4096, 39);
    convert(4095, 40);
    convert(4080, 40);
    convert(4080, 48);
    convert(4096, 4096);
    convert(0, 48);
    return 0;
}
