/* The Multiboot information structure, with the strings and tables that it points to: see
 * vmm/loaders/multiboot.h. Multiboot 0.6.96, "Boot information format". */
#include <stdbool.h>
#include <stddef.h>

#include "lib/memory.h"
#include "vmm/devices/pc_map.h"
#include "vmm/loaders/multiboot_internal.h"

struct info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper; /* KiB from 0, KiB from 1 MiB */
    uint32_t boot_device;
    uint32_t command_line;
    uint32_t modules_count, modules_address;
    uint32_t symbols[4];
    uint32_t map_length, map_address;
    uint32_t drives_length, drives_address;
    uint32_t config_table;
    uint32_t boot_loader_name;
    uint32_t apm_table;
    uint32_t video[6];
};
_Static_assert(sizeof(struct info) == 96, "Multiboot information");
_Static_assert(offsetof(struct info, map_length) == 44, "Multiboot information");
_Static_assert(offsetof(struct info, boot_loader_name) == 64, "Multiboot information");

#define INFO_MEMORY       (1u << 0)
#define INFO_COMMAND_LINE (1u << 2)
#define INFO_MODULES      (1u << 3)
#define INFO_MEMORY_MAP   (1u << 6)
#define INFO_LOADER_NAME  (1u << 9)

/* `size` is that of the other members. */
struct map_entry {
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct map_entry) == 24, "Multiboot memory map entry");

#define MAP_AVAILABLE 1u
#define MAP_RESERVED  2u

/* The I/O APIC, the local APIC and other devices below 4 GiB. */
#define DEVICES_START 0xfec00000ULL
#define DEVICES_END   0x100000000ULL

/* One page, filled from its start. */
struct page {
    uint8_t *bytes;
    uint64_t address;
    uint64_t used;
    bool full;
};

/* size: less than a page. */
static void put(struct page *page, const void *data, uint64_t size) {
    if (page->full || page->used > MULTIBOOT_PAGE - size) {
        page->full = true;
        return;
    }
    memcpy(page->bytes + page->used, data, size);
    page->used += size;
}

/* The guest-physical address of the next item, 4-byte aligned. */
static uint32_t next_address(struct page *page) {
    page->used = (page->used + 3) & ~3ULL; /* the page size is a multiple of 4 */
    return (uint32_t)(page->address + page->used);
}

static void put_string(struct page *page, const char *text) {
    for (; text && *text && !page->full; text++)
        put(page, text, 1);
}

/* Both as one string, separated by a blank if neither is empty. NULL: empty. */
static uint32_t put_text(struct page *page, const char *first, const char *second) {
    uint32_t address = next_address(page);

    put_string(page, first);
    if (first && *first && second && *second)
        put(page, " ", 1);
    put_string(page, second);
    put(page, "", 1);
    return address;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* The memory map of a PC, with the RAM cut to the size of the guest's. */
static void put_map(struct info *info, struct page *page, uint64_t ram_size) {
    static const struct {
        uint64_t start, end;
        uint32_t type;
    } layout[] = {
        {0, PC_EBDA_BASE, MAP_AVAILABLE},
        {PC_EBDA_BASE, MULTIBOOT_HIGH, MAP_RESERVED},
        {MULTIBOOT_HIGH, DEVICES_START, MAP_AVAILABLE},
        {DEVICES_START, DEVICES_END, MAP_RESERVED},
        {DEVICES_END, UINT64_MAX, MAP_AVAILABLE},
    };

    info->map_address = next_address(page);
    for (unsigned i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
        bool is_ram = layout[i].type == MAP_AVAILABLE;
        uint64_t start = layout[i].start;
        uint64_t end = is_ram ? least(layout[i].end, ram_size) : layout[i].end;
        struct map_entry entry = {sizeof(entry) - sizeof(entry.size), start, end - start,
                                  layout[i].type};

        if (start >= end)
            continue;
        put(page, &entry, sizeof(entry));
        info->map_length += (uint32_t)sizeof(entry);
    }
}

static void put_module(struct info *info, struct page *page, const char *name,
                       struct multiboot_range range) {
    /* Start, end, name, and a reserved word. */
    uint32_t module[4] = {(uint32_t)range.start, (uint32_t)range.end, put_text(page, name, NULL)};

    info->flags |= INFO_MODULES;
    info->modules_count = 1;
    info->modules_address = next_address(page);
    put(page, module, sizeof(module));
}

const char *multiboot_write_info(const struct kernel_request *request, uint64_t address,
                                 struct multiboot_range module) {
    struct page page = {.bytes = request->ram + address, .address = address};
    struct info info = {
        .flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MEMORY_MAP | INFO_LOADER_NAME,
        .mem_lower = (uint32_t)(least(request->ram_size, PC_EBDA_BASE) / 1024),
    };

    if (request->ram_size > MULTIBOOT_HIGH)
        info.mem_upper =
            (uint32_t)((least(request->ram_size, DEVICES_START) - MULTIBOOT_HIGH) / 1024);
    put(&page, &info, sizeof(info)); /* reserves its place; written below */
    put_map(&info, &page, request->ram_size);
    if (request->initrd)
        put_module(&info, &page, request->initrd_name, module);
    info.boot_loader_name = put_text(&page, "Pinwheel", NULL);
    info.command_line = put_text(&page, request->kernel_name, request->command_line);
    if (page.full)
        return "the command line and the file names do not fit into 4096 bytes; shorten them";
    memcpy(page.bytes, &info, sizeof(info));
    return NULL;
}
