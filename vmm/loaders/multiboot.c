/* Finding the Multiboot header and loading the image: see vmm/loaders/multiboot.h. */
#include "vmm/loaders/multiboot.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/memory.h"
#include "lib/range.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/loaders/multiboot_internal.h"

/* Multiboot 0.6.96, "The layout of Multiboot header". The addresses count only with flag 16. */
struct header {
    uint32_t magic, flags, checksum;
    uint32_t header_address, load_address, load_end_address, bss_end_address, entry_address;
};
_Static_assert(sizeof(struct header) == 32, "Multiboot header");

#define HEADER_MAGIC             0x1badb002u
#define HEADER_SEARCH            8192u
#define HEADER_WITHOUT_ADDRESSES 12u
#define HEADER_MUST_KNOW         0xffffu /* flags that a loader must understand or refuse */
#define HEADER_UNDERSTOOD        0x3u    /* page-aligned modules, memory information */
#define HEADER_ADDRESSES         (1u << 16)

/* System V ABI, "ELF Header" and "Program Header", the 32-bit ones. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, program_offset, section_offset, flags;
    uint16_t header_size, program_entry_size, program_count;
    uint16_t section_entry_size, section_count, section_names;
};
_Static_assert(sizeof(struct elf_header) == 52, "ELF32 header");

struct program_header {
    uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags, align;
};
_Static_assert(sizeof(struct program_header) == 32, "ELF32 program header");

#define ELF_TYPE_EXECUTABLE 2
#define ELF_MACHINE_386     3
#define ELF_PROGRAM_LOAD    1

/* What is being loaded, and the range of memory that it has taken so far. */
struct loading {
    const struct multiboot_request *request;
    struct header header;
    uint64_t header_offset;
    struct multiboot_range image;
    bool entry_found;
    uint32_t entry;
};

/* Looks for the header: 4-byte aligned, whole within the first 8192 bytes, its sum 0. */
static bool find_header(struct loading *load) {
    const struct multiboot_request *r = load->request;
    uint64_t end = r->file_size < HEADER_SEARCH ? r->file_size : HEADER_SEARCH;

    for (uint64_t at = 0; range_within(at, HEADER_WITHOUT_ADDRESSES, end); at += 4) {
        struct header *h = &load->header;

        *h = (struct header){0};
        memcpy(h, r->file + at, HEADER_WITHOUT_ADDRESSES);
        if (h->magic != HEADER_MAGIC || h->magic + h->flags + h->checksum != 0)
            continue;
        load->header_offset = at;
        if ((h->flags & HEADER_ADDRESSES) == 0)
            return true;
        if (range_within(at, sizeof(*h), end)) {
            memcpy(h, r->file + at, sizeof(*h));
            return true;
        }
    }
    return false;
}

/* Copies a part of the file to memory and clears what follows it up to memory_size. */
static const char *load_segment(struct loading *load, uint64_t address, uint64_t memory_size,
                                uint64_t offset, uint64_t file_size) {
    const struct multiboot_request *r = load->request;

    if (!range_within(offset, file_size, r->file_size))
        return "a part of the image lies outside the file";
    if (file_size > memory_size)
        return "a part of the image is larger in the file than in memory";
    if (!range_within(address, memory_size, r->ram_size))
        return load_too_little_memory(r->reason, r->ram_size, "the image needs", address,
                                      memory_size);
    memcpy(r->ram + address, r->file + offset, file_size);
    memset(r->ram + address + file_size, 0, memory_size - file_size);
    if (load->image.end == 0 || address < load->image.start)
        load->image.start = address;
    if (address + memory_size > load->image.end)
        load->image.end = address + memory_size;
    return NULL;
}

/* The "a.out kludge": one segment, placed by the addresses in the header. */
static const char *load_by_addresses(struct loading *load) {
    const struct header *h = &load->header;
    uint64_t start = h->load_address;
    uint64_t before = h->header_address - start;

    if (start > h->header_address || before > load->header_offset)
        return "the Multiboot header's load address does not fit its place in the file";
    uint64_t offset = load->header_offset - before;
    uint64_t halted_end = start + (load->request->file_size - offset);
    uint64_t load_end = h->load_end_address != 0 ? h->load_end_address : halted_end;
    uint64_t bss_end = h->bss_end_address != 0 ? h->bss_end_address : load_end;
    if (load_end < start || bss_end < start)
        return "the Multiboot header's load end or bss end lies before its load address";
    load->entry = h->entry_address;
    load->entry_found = load->entry >= start && load->entry < bss_end;
    return load_segment(load, start, bss_end - start, offset, load_end - start);
}

/* The entry is a virtual address: the segment that holds it says where that is. */
static void find_entry(struct loading *load, const struct program_header *p, uint32_t entry) {
    if (!load->entry_found && entry >= p->virtual_address &&
        entry - p->virtual_address < p->memory_size) {
        load->entry = p->physical_address + (entry - p->virtual_address);
        load->entry_found = true;
    }
}

static const char *load_programs(struct loading *load, const struct elf_header *elf) {
    const struct multiboot_request *r = load->request;

    for (unsigned i = 0; i < elf->program_count; i++) {
        uint64_t at = elf->program_offset + (uint64_t)i * elf->program_entry_size;
        struct program_header p;
        const char *error;

        if (!range_within(at, sizeof(p), r->file_size))
            return "the ELF program headers lie outside the file";
        memcpy(&p, r->file + at, sizeof(p));
        if (p.type != ELF_PROGRAM_LOAD || p.memory_size == 0)
            continue;
        error = load_segment(load, p.physical_address, p.memory_size, p.offset, p.file_size);
        if (error != NULL)
            return error;
        find_entry(load, &p, elf->entry);
    }
    return load->image.end == 0 ? "the ELF file has nothing to load" : NULL;
}

static const char *load_elf(struct loading *load) {
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 1, 1}; /* 32-bit, little endian */
    struct elf_header elf;

    if (load->request->file_size < sizeof(elf) ||
        memcmp(load->request->file, ident, sizeof(ident)) != 0)
        return "neither an ELF32 file nor addresses in the Multiboot header";
    memcpy(&elf, load->request->file, sizeof(elf));
    if (elf.type != ELF_TYPE_EXECUTABLE || elf.machine != ELF_MACHINE_386)
        return "not an executable for the 386: a 64-bit kernel needs a 32-bit ELF wrapper";
    if (elf.program_entry_size < sizeof(struct program_header))
        return "the ELF program headers are too short";
    return load_programs(load, &elf);
}

static const char *load_image(struct loading *load) {
    if (!find_header(load))
        return "neither a Linux kernel nor a Multiboot file: no Multiboot header in the first 8192 "
               "bytes";
    if ((load->header.flags & HEADER_MUST_KNOW & ~HEADER_UNDERSTOOD) != 0)
        return "the Multiboot header asks for something that is not offered (a video mode?)";
    bool addresses = (load->header.flags & HEADER_ADDRESSES) != 0;
    const char *error = addresses ? load_by_addresses(load) : load_elf(load);
    if (error == NULL && !load->entry_found)
        error = "the entry point lies outside the image";
    return error;
}

static bool overlap(struct multiboot_range a, struct multiboot_range b) {
    return a.start < b.end && b.start < a.end;
}

/* Puts the information and the module where the image is not. Both must be below 4 GiB, since they
 * are given as 32-bit addresses. */
static const char *place_rest(const struct loading *load, uint64_t *info) {
    const struct multiboot_request *r = load->request;
    struct multiboot_range low = {MULTIBOOT_INFO_LOW, MULTIBOOT_INFO_LOW + MULTIBOOT_PAGE};
    struct multiboot_range module = {0, 0};
    uint64_t reachable = r->ram_size < 1ULL << 32 ? r->ram_size : 1ULL << 32;
    uint64_t next = range_round_up(
        load->image.end > MULTIBOOT_HIGH ? load->image.end : MULTIBOOT_HIGH, MULTIBOOT_PAGE);

    *info = low.start;
    if (overlap(low, load->image)) {
        *info = next;
        next += MULTIBOOT_PAGE;
    }
    if (!range_within(*info, MULTIBOOT_PAGE, reachable))
        return load_too_little_memory(
            r->reason, r->ram_size, "image and Multiboot information need", *info, MULTIBOOT_PAGE);
    if (r->module != NULL) {
        if (!range_within(next, r->module_size, reachable))
            return load_too_little_memory(r->reason, r->ram_size, "image and module need", next,
                                          r->module_size);
        module = (struct multiboot_range){next, next + r->module_size};
        memcpy(r->ram + next, r->module, r->module_size);
    }
    return multiboot_write_info(r, *info, module);
}

const char *multiboot_place(const struct multiboot_request *request,
                            struct multiboot_entry *entry) {
    struct loading load = {.request = request};
    uint64_t info = 0;
    const char *error = load_image(&load);

    if (error == NULL)
        error = place_rest(&load, &info);
    if (error == NULL)
        *entry = (struct multiboot_entry){.eip = load.entry, .ebx = (uint32_t)info};
    return error;
}
