/* Fuzzes the parsers of untrusted bytes: MMIO instructions, page tables, Multiboot files, Linux
 * kernels, initial RAM disks, the configuration file; and what firmware says: ACPI tables, the
 * memory map, the graphics mode; and a keyboard. The first byte of the input selects one. */
#include <stdlib.h>
#include <string.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "boot/config.h"
#include "boot/graphics.h"
#include "boot/memory_map.h"
#include "boot/menu.h"
#include "drivers/acpi.h"
#include "drivers/scan_codes.h"
#include "tests/fuzz/fuzz.h"
#include "vmm/emulate/guest_walk.h"
#include "vmm/emulate/mmio_operate.h"
#include "vmm/emulate/mmio_vector.h"
#include "vmm/loaders/initrd.h"
#include "vmm/loaders/linux.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/loaders/multiboot.h"

#define RAM_SIZE (4u << 20)

static void mmio_vector(const struct mmio_instruction *i) {
    struct mmio_vector memory = {{1, 2, 3, 4}}, registers[16] = {{{5}}};

    if (i->size < 4 || i->size > 32 || (i->size & (i->size - 1)) || i->source > 15 || i->half > 1)
        abort();
    if (i->store)
        mmio_vector_stored(i, &registers[i->reg]);
    else
        mmio_vector_load(i, &memory, &registers[i->source], &registers[i->reg]);
}

static void mmio(const uint8_t *data, size_t size, enum mmio_mode mode) {
    struct mmio_instruction i;
    uint64_t registers[16] = {1, 2, 3, 4}, flags = RFLAGS_ONE;

    if (mmio_decode(data, size, mode, &i))
        return;
    if (i.length < (i.string ? 1 : 2) || i.length > 15 || i.length > size || i.reg > 15 ||
        i.operation > MMIO_NOTHING || i.string > MMIO_SCAS || i.segment > 5 ||
        i.base > MMIO_IMMEDIATE || i.index > MMIO_NO_REGISTER || i.scale > 3 || i.condition > 15 ||
        !(i.address_size == 2 || i.address_size == 4 || i.address_size == 8))
        abort();
    mmio_operand_offset(&i, registers, ~0ULL);
    if (i.operation == MMIO_VECTOR) {
        mmio_vector(&i);
        return;
    }
    if (!(i.size == 1 || i.size == 2 || i.size == 4 || i.size == 8))
        abort();
    if (i.operation < MMIO_MOVE)
        mmio_operate(&i, 0x8000000080008080, registers, &flags);
    else if (i.store)
        mmio_stored(&i, registers);
    else
        mmio_load(&i, ~0ULL, registers);
    if (i.string) {
        flags = mmio_compared(&i, ~0ULL, 1, flags);
        mmio_string_step(&i, registers, flags);
    }
    if (flags & ~(uint64_t)(RFLAGS_ONE | RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF |
                            RFLAGS_OF))
        abort();
}

/* Page tables with any contents: RAM is the data, of which only the flags may change. */
static void walk(const uint8_t *data, size_t size) {
    struct guest_paging paging = {.ram = malloc(size), .ram_size = size};
    uint64_t word[4], physical;
    uint32_t code;

    if (!paging.ram || size < sizeof(word)) {
        free(paging.ram);
        return;
    }
    memcpy(paging.ram, data, size);
    memcpy(word, data, sizeof(word));
    paging.cr0 = word[0] & (CR0_PG | CR0_WP);
    paging.cr4 = word[0] >> 8 & (CR4_PAE | CR4_PSE | CR4_LA57);
    paging.efer = word[0] >> 16 & EFER_LMA;
    paging.cr3 = word[2];
    memcpy(paging.pdpte, word, sizeof(word));
    if (guest_walk_data(&paging, word[1], (uint32_t)word[3] & 6, word[3] & 1, &physical, &code) ==
            GUEST_WALK_FOUND &&
        guest_walk(&paging, word[1]) != physical)
        abort();
    for (size_t i = 0; i < size; i++) {
        if ((paging.ram[i] ^ data[i]) & ~0x60)
            abort();
    }
    free(paging.ram);
}

static void multiboot(const uint8_t *data, size_t size) {
    static uint8_t ram[RAM_SIZE];
    uint8_t *file = malloc(size ? size : 1);
    struct multiboot_entry entry;
    char reason[LOAD_REASON_SIZE];

    if (!file)
        return;
    if (size)
        memcpy(file, data, size);
    struct kernel_request request = {.ram = ram,
                                     .ram_size = RAM_SIZE,
                                     .file = file,
                                     .file_size = size,
                                     .kernel_name = "k",
                                     .initrd_name = "",
                                     .command_line = "c",
                                     .reason = reason};
    if (!multiboot_place(&request, &entry) && (entry.eip >= RAM_SIZE || entry.ebx >= RAM_SIZE))
        abort();
    free(file);
}

/* Sizes, then the header from offset 1F1H on. */
struct linux_input {
    uint32_t ram_size, file_size, initrd_size;
    char command_line[8];
    uint8_t header[0x290 - 0x1f1];
};

static void linux_kernel(const uint8_t *data, size_t size) {
    struct linux_input in = {.ram_size = RAM_SIZE, .file_size = 4096};
    struct linux_entry entry;
    char reason[LOAD_REASON_SIZE];

    memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
    in.ram_size %= RAM_SIZE + 1;
    in.file_size %= 8192;
    in.initrd_size %= 2 * RAM_SIZE;
    in.command_line[sizeof(in.command_line) - 1] = 0;
    uint8_t *ram = malloc(in.ram_size), *initrd = calloc(1, in.initrd_size);
    uint8_t *file = calloc(1, in.file_size);
    if (!ram || !initrd || !file)
        abort();
    if (in.file_size > 0x1f1)
        memcpy(file + 0x1f1, in.header,
               in.file_size < 0x290 ? in.file_size - 0x1f1 : sizeof(in.header));
    struct kernel_request request = {.ram = ram,
                                     .ram_size = in.ram_size,
                                     .file = file,
                                     .file_size = in.file_size,
                                     .initrd = initrd,
                                     .initrd_size = in.initrd_size,
                                     .command_line = in.command_line,
                                     .reason = reason};
    if (!linux_place(&request, &entry)) {
        uint32_t at, length;

        memcpy(&at, ram + entry.rsi + 0x218, 4);
        memcpy(&length, ram + entry.rsi + 0x21c, 4);
        if (length != in.initrd_size || at > in.ram_size || length > in.ram_size - at ||
            entry.rip < 0x100000 || entry.rip >= in.ram_size || (at && at < entry.rip))
            abort();
    }
    free(ram);
    free(initrd);
    free(file);
}

/* The file up to a part that is unknown or cut off must be complete. */
static void initrd(const uint8_t *data, size_t size) {
    uint8_t *file = malloc(size ? size : 1);

    if (!file)
        abort();
    memcpy(file, data, size);
    struct initrd_finding found = initrd_check(file, size);
    uint64_t whole = found.cut_off ? found.start : found.unknown;
    if (whole > size || found.unknown > size || (found.cut_off && found.start == size))
        abort();
    file = realloc(file, whole ? whole : 1);
    if (!file)
        abort();
    found = initrd_check(file, whole);
    if (found.cut_off || found.unknown != whole)
        abort();
    free(file);
}

static void config(const uint8_t *data, size_t size) {
    static struct config config;
    static struct boot_guest guest[BOOT_MAX_GUESTS];

    config_parse(&config, CONFIG_FILE_NAME, guest, (const char *)data, size);
    if (config.guest_count > BOOT_MAX_GUESTS ||
        config_check(&config, 64u << 20) > config.guest_count)
        abort();
    for (uint32_t i = 0; i < config.guest_count; i++) {
        const struct guest_config *c = &guest[i].config;
        if (!guest[i].problem[0] && (c->vcpus < 1 || c->vcpus > BOOT_MAX_VCPUS || !c->kernel[0] ||
                                     !c->memory || c->memory % CONFIG_MEMORY_UNIT))
            abort();
    }
}

#define MENU_KEYS 32

/* Whatever the file says, the selected entry exists and the text has whole lines of one length. */
static void menu(const uint8_t *data, size_t size) {
    static struct menu menu;
    static char text[MENU_TEXT_SIZE];

    menu_parse(&menu, (const char *)data, size);
    for (size_t i = 0; i < size && i < MENU_KEYS; i++) {
        size_t length = menu_text(&menu, text);
        if (menu.count > MENU_ENTRIES || length >= sizeof(text) || length % MENU_LINE_SIZE)
            abort();
        if (menu_press(&menu, (enum menu_key)(data[i] % 4), (char)data[i]) && menu.count &&
            menu.selected >= menu.count)
            abort();
        menu_tick(&menu);
    }
}

/* ---- ACPI: memory is the input; checksums are corrected, or all tables would be refused ---- */

static uint8_t memory[4096];

static void fix_checksum(uint8_t *table, uint64_t size, unsigned checksum) {
    uint8_t sum = 0;

    for (uint64_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + table[i]);
    table[checksum] = (uint8_t)(table[checksum] - sum);
}

static const void *map(uint64_t phys, uint64_t size) {
    if (size > sizeof(memory) || phys > sizeof(memory) - size)
        return NULL;
    if (phys == 0 && size >= 20) {
        memcpy(memory, "RSD PTR ", 8);
        fix_checksum(memory, 20, 8);
        if (size >= 36)
            fix_checksum(memory, 36, 32);
    } else if (size >= 36) {
        fix_checksum(memory + phys, size, 9);
    }
    return memory + phys;
}

/* The driver accesses eight registers where the table says, each within its distance. */
static void serial(const struct acpi *acpi) {
    const char *problem;
    struct boot_serial serial = acpi_find_serial(acpi, &problem);
    uint64_t end = serial.access ? 1ULL << 46 : UINT16_MAX + 1;

    if (serial.base && (problem || serial.base > end - BOOT_SERIAL_REGISTERS * serial.stride ||
                        serial.stride < serial.access || !serial.stride || serial.stride > 8 ||
                        (serial.access && serial.base % serial.access)))
        abort();
}

static void acpi(const uint8_t *data, size_t size) {
    struct acpi acpi = {.map = map};
    struct acpi_soft_off off;
    uint32_t index = 0, offset = 0, id, cpus = 0;

    memset(memory, 0, sizeof(memory));
    memcpy(memory, data, size < sizeof(memory) ? size : sizeof(memory));
    if (!acpi_open(&acpi, 0))
        return;
    acpi_find_soft_off(&acpi, &off);
    acpi_find_pm_timer(&acpi);
    acpi_may_have_8042(&acpi);
    serial(&acpi);
    struct acpi_table madt = acpi_next_table(&acpi, "APIC", &index);
    while (acpi_next_cpu(&madt, &offset, &id)) {
        if (++cpus > sizeof(memory))
            abort();
    }
}

/* ---- the memory map ---- */

#define REGIONS 24

/* A descriptor, so that most inputs are pages and overlap. */
struct short_descriptor {
    uint8_t type, attribute, pages, shift;
    uint32_t start;
};

static void check_regions(const struct boot_region *region, uint32_t count) {
    uint64_t end = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (region[i].base < end || !region[i].size || region[i].size % 4096 ||
            region[i].base % 4096 || region[i].kind > BOOT_MEMORY_RESERVED ||
            (region[i].kind == BOOT_MEMORY_USABLE && region[i].base < MEMORY_MAP_FIRST_USABLE) ||
            (i && region[i].base == end && region[i].kind == region[i - 1].kind))
            abort();
        end = region[i].base + region[i].size;
    }
}

/* As it is, with descriptors of any size, and as short descriptors. */
static void memory_map(const uint8_t *data, size_t size) {
    struct boot_region region[REGIONS];
    struct efi_memory_descriptor *map = malloc(size ? size : 1);
    struct efi_memory_descriptor unpacked[REGIONS];
    size_t entries = size / sizeof(struct short_descriptor);
    uint32_t count = 0;

    if (!map)
        abort();
    memcpy(map, data, size);
    memory_map_regions(map, size, size ? data[0] : 0, region, REGIONS, &count);
    if (count > REGIONS)
        abort();
    check_regions(region, count);
    free(map);
    entries = entries < REGIONS ? entries : REGIONS;
    for (size_t i = 0; i < entries; i++) {
        struct short_descriptor in;

        memcpy(&in, data + i * sizeof(in), sizeof(in));
        unpacked[i] =
            (struct efi_memory_descriptor){.type = in.type % 20u,
                                           .physical_start = (uint64_t)in.start << in.shift % 40,
                                           .number_of_pages = in.pages,
                                           .attribute = in.attribute};
    }
    memory_map_regions(unpacked, entries * sizeof(unpacked[0]), sizeof(unpacked[0]), region,
                       REGIONS, &count);
    check_regions(region, count);
}

static void graphics(const uint8_t *data, size_t size) {
    struct graphics_mode mode = {0};
    struct boot_framebuffer f;

    memcpy(&mode, data, size < sizeof(mode) ? size : sizeof(mode));
    if (!graphics_framebuffer(&mode, &f))
        return;
    uint32_t bits = f.red | f.green | f.blue;
    uint64_t pixels = (uint64_t)f.pixels_per_line * f.height;
    if (f.pixel_size < 1 || f.pixel_size > 4 || (f.pixel_size < 4 && bits >> 8 * f.pixel_size) ||
        !f.red || !f.green || !f.blue || f.width > f.pixels_per_line ||
        pixels > f.size / f.pixel_size)
        abort();
}

static void keyboard(const uint8_t *data, size_t size) {
    struct scan_codes codes = {0};
    char text[SCAN_CODES_TEXT];

    for (size_t i = 0; i < size; i++) {
        unsigned length = scan_codes_read(&codes, data[i], text);

        if (length > sizeof(text))
            abort();
        for (unsigned c = 0; c < length; c++) {
            if (text[c] <= 0)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size)
        return 0;
    switch (data[0] % 8) {
    case 0:
    case 1:
    case 2:
        mmio(data + 1, size - 1, (enum mmio_mode)(data[0] % 8));
        walk(data + 1, size - 1);
        break;
    case 3:
        multiboot(data + 1, size - 1);
        break;
    case 4:
        linux_kernel(data + 1, size - 1);
        break;
    case 5:
        acpi(data + 1, size - 1);
        memory_map(data + 1, size - 1);
        graphics(data + 1, size - 1);
        keyboard(data + 1, size - 1);
        break;
    case 7:
        initrd(data + 1, size - 1);
        break;
    default:
        config(data + 1, size - 1);
        menu(data + 1, size - 1);
        break;
    }
    return 0;
}
