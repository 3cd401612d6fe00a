/* What a Linux kernel finds in low memory: the zero page with the memory map, the command line,
 * page tables and a GDT. Linux, Documentation/arch/x86/zero-page.rst. See vmm/loaders/linux.h. */
#include "lib/memory.h"
#include "vmm/devices/pc_map.h"
#include "vmm/loaders/linux_internal.h"

/* A range in the format of the BIOS function E820H. */
struct e820_entry {
    uint64_t base, size;
    uint32_t type;
} __attribute__((packed));

#define E820_RAM      1u
#define E820_RESERVED 2u
#define E820_ROOM     128u

struct zero_page {
    uint8_t screen_and_more[0x70]; /* all zero: no screen */
    uint64_t acpi_rsdp_addr;
    uint8_t unused1[0x1e8 - 0x78];
    uint8_t e820_entries;
    uint8_t unused2[LINUX_HEADER_OFFSET - 0x1e9];
    struct linux_header header;
    uint8_t unused3[0x2d0 - LINUX_HEADER_LIMIT];
    struct e820_entry e820[E820_ROOM];
    uint8_t unused4[0x1000 - 0xcd0];
} __attribute__((packed));
_Static_assert(offsetof(struct zero_page, acpi_rsdp_addr) == 0x70, "Linux zero page");
_Static_assert(offsetof(struct zero_page, e820_entries) == 0x1e8, "Linux zero page");
_Static_assert(offsetof(struct zero_page, header) == 0x1f1, "Linux zero page");
_Static_assert(offsetof(struct zero_page, e820) == 0x2d0, "Linux zero page");
_Static_assert(sizeof(struct zero_page) == 0x1000, "Linux zero page");

#define LOADER_UNDEFINED 0xffu
#define VIDEO_NORMAL     0xffffu

static void put_memory(struct zero_page *zero, uint64_t ram_size) {
    const struct e820_entry map[] = {
        {0, PC_EBDA_BASE, E820_RAM},
        {PC_EBDA_BASE, PC_EBDA_SIZE, E820_RESERVED},
        {PC_ACPI_BASE, PC_ACPI_SIZE, E820_RESERVED},
        {LINUX_HIGH, ram_size - LINUX_HIGH, E820_RAM},
    };

    memcpy(zero->e820, map, sizeof(map));
    zero->e820_entries = sizeof(map) / sizeof(map[0]);
}

void linux_write_params(const struct linux_loading *load) {
    const struct kernel_request *r = load->request;
    struct zero_page *zero = (struct zero_page *)(r->ram + LINUX_ZERO_PAGE); /* packed */
    struct linux_header *h = &zero->header;

    memset(zero, 0, sizeof(*zero));
    zero->acpi_rsdp_addr = r->acpi_rsdp;
    put_memory(zero, r->ram_size);
    *h = load->header;
    h->vid_mode = VIDEO_NORMAL;
    h->type_of_loader = LOADER_UNDEFINED;
    h->ext_loader_ver = h->ext_loader_type = 0;
    h->loadflags = LINUX_LOADED_HIGH; /* no heap for real-mode code */
    h->heap_end_ptr = 0;
    h->code32_start = (uint32_t)load->kernel;
    h->ramdisk_image = (uint32_t)load->initrd;
    h->ramdisk_size = load->initrd != 0 ? (uint32_t)r->initrd_size : 0;
    h->cmd_line_ptr = LINUX_COMMAND_LINE;
    h->hardware_subarch = 0;
    h->hardware_subarch_data = 0;
    h->setup_data = 0;
    if (load->command_line_length != 0)
        memcpy(r->ram + LINUX_COMMAND_LINE, r->command_line, load->command_line_length);
    r->ram[LINUX_COMMAND_LINE + load->command_line_length] = 0;
}

/* ---- for the processor ---- */

#define ENTRIES          512u
#define TABLE_SIZE       0x1000ULL
#define ENTRY_TABLE      0x3ULL  /* present, writable */
#define ENTRY_LARGE_PAGE 0x83ULL /* the same, 2 MiB */
#define GIGABYTES        4u
#define LARGE_PAGE_SHIFT 21

/* The selectors of the boot protocol, and SDM Vol. 3A, "Segment Descriptors": flat, accessed. */
#define BOOT_CS  0x10u
#define BOOT_DS  0x18u
#define GDT_CODE 0x00af9b000000ffffULL
#define GDT_DATA 0x00cf93000000ffffULL

/* Identity-maps the first 4 GiB. SDM Vol. 3A, "4-Level Paging". */
static void write_page_tables(uint8_t *ram) {
    const uint64_t pdpt = LINUX_PAGE_TABLES + TABLE_SIZE;
    const uint64_t directory = pdpt + TABLE_SIZE;
    uint64_t *top = (uint64_t *)(void *)(ram + LINUX_PAGE_TABLES);

    memset(top, 0, 2 * TABLE_SIZE);
    top[0] = pdpt | ENTRY_TABLE;
    for (unsigned i = 0; i < GIGABYTES; i++)
        top[ENTRIES + i] = (directory + i * TABLE_SIZE) | ENTRY_TABLE;
    for (uint64_t i = 0; i < GIGABYTES * ENTRIES; i++)
        top[2 * ENTRIES + i] = i << LARGE_PAGE_SHIFT | ENTRY_LARGE_PAGE;
}

void linux_write_tables(uint8_t *ram, struct linux_entry *entry) {
    const uint64_t gdt[] = {0, 0, GDT_CODE, GDT_DATA};

    memcpy(ram + LINUX_GDT, gdt, sizeof(gdt));
    write_page_tables(ram);
    entry->gdt_base = LINUX_GDT;
    entry->gdt_limit = sizeof(gdt) - 1;
    entry->code_selector = BOOT_CS;
    entry->data_selector = BOOT_DS;
    entry->cr3 = LINUX_PAGE_TABLES;
}
