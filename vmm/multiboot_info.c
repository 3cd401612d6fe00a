/* The Multiboot information structure, with the strings and tables that it points to. Multiboot
 * 0.6.96, "Boot information format". See vmm/multiboot.h. */
#include <stdbool.h>
#include <stddef.h>

#include "arch/memory.h"
#include "vmm/multiboot_internal.h"

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

struct module {
    uint32_t start, end, string, reserved;
};

/* `size` does not count itself. */
struct map_entry {
    uint32_t size;
    uint32_t base_low, base_high;
    uint32_t length_low, length_high;
    uint32_t type;
};
_Static_assert(sizeof(struct map_entry) == 24, "Multiboot memory map entry");

#define MAP_AVAILABLE 1u
#define MAP_RESERVED  2u
#define MAP_MAX       5u

/* The I/O APIC, the local APIC and what else a PC has below 4 GiB. */
#define DEVICES_START 0xfec00000ULL
#define DEVICES_END   0x100000000ULL

/* One page, filled from its beginning. */
struct page {
    uint8_t *bytes;
    uint64_t address;
    uint64_t used;
    bool full;
};

static void put(struct page *page, const void *data, uint64_t size)
{
    if (page->full || size > MULTIBOOT_PAGE - page->used) {
        page->full = true;
        return;
    }
    memcpy(page->bytes + page->used, data, size);
    page->used += size;
}

/* The guest-physical address of what is put next, 4-byte aligned. */
static uint32_t next_address(struct page *page)
{
    page->used = (page->used + 3) & ~3ULL; /* the page's size is a multiple, too */
    return (uint32_t)(page->address + page->used);
}

static uint32_t put_table(struct page *page, const void *data, uint64_t size)
{
    uint32_t address = next_address(page);

    put(page, data, size);
    return address;
}

/* Its length; one that is longer than a page does not fit anyhow, however long it is. */
static uint64_t length_of(const char *text)
{
    uint64_t length = 0;

    while (text != NULL && length <= MULTIBOOT_PAGE && text[length] != 0) {
        length++;
    }
    return length;
}

/* The two as one string, with a blank between if there are two. NULL counts as empty. */
static uint32_t put_text(struct page *page, const char *first, const char *second)
{
    uint64_t first_length = length_of(first), second_length = length_of(second);
    uint32_t address = next_address(page);

    if (first_length != 0) {
        put(page, first, first_length);
    }
    if (first_length != 0 && second_length != 0) {
        put(page, " ", 1);
    }
    if (second_length != 0) {
        put(page, second, second_length);
    }
    put(page, "", 1);
    return address;
}

struct map {
    struct map_entry entry[MAP_MAX];
    unsigned count;
};

/* Adds [start, end) if there is any of it. */
static void add_range(struct map *map, uint64_t start, uint64_t end, uint32_t type)
{
    if (start >= end) {
        return;
    }
    map->entry[map->count++] = (struct map_entry){
        .size = sizeof(struct map_entry) - sizeof(uint32_t),
        .base_low = (uint32_t)start,
        .base_high = (uint32_t)(start >> 32),
        .length_low = (uint32_t)(end - start),
        .length_high = (uint32_t)((end - start) >> 32),
        .type = type,
    };
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct map memory_map(uint64_t ram_size)
{
    struct map map = {.count = 0};

    add_range(&map, 0, least(ram_size, MULTIBOOT_LOW_END), MAP_AVAILABLE);
    add_range(&map, MULTIBOOT_LOW_END, MULTIBOOT_HIGH, MAP_RESERVED);
    add_range(&map, MULTIBOOT_HIGH, least(ram_size, DEVICES_START), MAP_AVAILABLE);
    add_range(&map, DEVICES_START, DEVICES_END, MAP_RESERVED);
    add_range(&map, DEVICES_END, ram_size, MAP_AVAILABLE);
    return map;
}

static void set_memory(struct info *info, struct page *page, uint64_t ram_size)
{
    struct map map = memory_map(ram_size);
    uint64_t upper_end = least(ram_size, DEVICES_START);

    info->flags |= INFO_MEMORY | INFO_MEMORY_MAP;
    info->mem_lower = (uint32_t)(least(ram_size, MULTIBOOT_LOW_END) / 1024);
    if (upper_end > MULTIBOOT_HIGH) {
        info->mem_upper = (uint32_t)((upper_end - MULTIBOOT_HIGH) / 1024);
    }
    info->map_length = (uint32_t)(map.count * sizeof(struct map_entry));
    info->map_address = put_table(page, map.entry, info->map_length);
}

static void set_module(struct info *info, struct page *page, const char *name,
                       struct multiboot_range range)
{
    struct module module = {.start = (uint32_t)range.start, .end = (uint32_t)range.end};

    module.string = put_text(page, name, NULL);
    info->flags |= INFO_MODULES;
    info->modules_count = 1;
    info->modules_address = put_table(page, &module, sizeof(module));
}

const char *multiboot_write_info(const struct multiboot_request *request, uint64_t address,
                                 struct multiboot_range module)
{
    struct page page = {.bytes = request->ram + address, .address = address};
    struct info info = {.flags = INFO_COMMAND_LINE | INFO_LOADER_NAME};

    put_table(&page, &info, sizeof(info));
    set_memory(&info, &page, request->ram_size);
    if (request->module != NULL) {
        set_module(&info, &page, request->module_name, module);
    }
    info.boot_loader_name = put_text(&page, "Pinwheel", NULL);
    info.command_line = put_text(&page, request->kernel_name, request->command_line);
    if (page.full) {
        return "the command line and the names do not fit into one page";
    }
    memcpy(page.bytes, &info, sizeof(info));
    return NULL;
}
