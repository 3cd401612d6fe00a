/* Finding the Multiboot header and loading the image: see vmm/loaders/multiboot.h. */
#include "vmm/loaders/multiboot.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/memory.h"
#include "lib/range.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/loaders/multiboot_internal.h"

/* Multiboot 0.6.96, "The layout of Multiboot header". The addresses are valid only with flag 16. */
struct header {
    uint32_t magic, flags, checksum;
    uint32_t header_address, load_address, load_end_address, bss_end_address, entry_address;
};
_Static_assert(sizeof(struct header) == 32, "Multiboot header");

#define HEADER_MAGIC             0x1badb002u
#define HEADER_SEARCH            8192u
#define HEADER_WITHOUT_ADDRESSES 12u
#define HEADER_MUST_KNOW         0xffffu /* flags that a loader must support or refuse */
#define HEADER_SUPPORTED         0x3u    /* page-aligned modules, memory information */
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

/* The file, and the range of memory that its loaded parts occupy. */
struct loading {
    const struct multiboot_request *request;
    struct header header;
    uint64_t header_offset;
    struct multiboot_range image;
    bool entry_found;
    uint32_t entry;
};

/* Finds the header: 4-byte aligned, complete within the first 8192 bytes, with a sum of 0. */
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

/* Copies a segment from the file to memory and clears the rest of its memory_size bytes. */
static const char *load_segment(struct loading *load, uint64_t address, uint64_t memory_size,
                                uint64_t offset, uint64_t file_size) {
    const struct multiboot_request *r = load->request;

    if (!range_within(offset, file_size, r->file_size))
        return load_reason(
            r->reason,
            "the kernel file is cut off at byte %lu: a segment ends at byte %lu; copy it again",
            r->file_size, offset + file_size);
    if (file_size > memory_size)
        return load_reason(r->reason,
                           "the kernel file is damaged: a segment of %lu bytes has %lu in the file",
                           memory_size, file_size);
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

/* The "a.out kludge": one segment at the addresses in the header. */
static const char *load_by_addresses(struct loading *load) {
    const struct multiboot_request *r = load->request;
    const struct header *h = &load->header;
    uint64_t start = h->load_address;
    uint64_t before = h->header_address - start;

    if (start > h->header_address || before > load->header_offset)
        return load_reason(
            r->reason,
            "the Multiboot header at byte %lu gives wrong addresses: header 0x%x, load 0x%x",
            load->header_offset, h->header_address, h->load_address);
    uint64_t offset = load->header_offset - before;
    uint64_t file_end = start + (r->file_size - offset);
    uint64_t load_end = h->load_end_address != 0 ? h->load_end_address : file_end;
    uint64_t bss_end = h->bss_end_address != 0 ? h->bss_end_address : load_end;
    if (load_end < start || bss_end < start)
        return load_reason(
            r->reason,
            "the Multiboot header gives wrong addresses: load 0x%lx to 0x%lx, bss end 0x%lx", start,
            load_end, bss_end);
    load->entry = h->entry_address;
    load->entry_found = load->entry >= start && load->entry < bss_end;
    return load_segment(load, start, bss_end - start, offset, load_end - start);
}

/* The entry point is a virtual address: the segment that contains it gives the physical one. */
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

        if (!range_within(at, sizeof(p), r->file_size))
            return load_reason(r->reason,
                               "the kernel file is cut off at byte %lu: program header %u is at "
                               "byte %lu; copy it again",
                               r->file_size, i, at);
        memcpy(&p, r->file + at, sizeof(p));
        if (p.type != ELF_PROGRAM_LOAD || p.memory_size == 0)
            continue;
        const char *problem =
            load_segment(load, p.physical_address, p.memory_size, p.offset, p.file_size);
        if (problem)
            return problem;
        find_entry(load, &p, elf->entry);
    }
    return load->image.end == 0 ? "the ELF file has no segment to load" : NULL;
}

static const char *load_elf(struct loading *load) {
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 1, 1}; /* 32-bit, little endian */
    const struct multiboot_request *r = load->request;
    struct elf_header elf;

    if (r->file_size < sizeof(elf) || memcmp(r->file, ident, sizeof(ident)) != 0)
        return "not an ELF32 file, and no load addresses in the Multiboot header; try objcopy -O "
               "elf32-i386";
    memcpy(&elf, r->file, sizeof(elf));
    if (elf.type != ELF_TYPE_EXECUTABLE || elf.machine != ELF_MACHINE_386)
        return load_reason(r->reason,
                           "not an ELF executable for the 80386: type %u, machine %u, not 2 and 3; "
                           "try objcopy -O elf32-i386",
                           elf.type, elf.machine);
    if (elf.program_entry_size < sizeof(struct program_header))
        return load_reason(r->reason,
                           "the ELF file is damaged: its program headers have %u bytes, not 32",
                           elf.program_entry_size);
    load->entry = elf.entry;
    return load_programs(load, &elf);
}

static const char *load_image(struct loading *load) {
    char *reason = load->request->reason;

    if (!find_header(load))
        return "neither a Linux kernel nor a Multiboot file: no Multiboot header in the first 8192 "
               "bytes";
    uint32_t unsupported = load->header.flags & HEADER_MUST_KNOW & ~HEADER_SUPPORTED;
    if (unsupported)
        return load_reason(
            reason,
            "the Multiboot header requires unsupported features: flags 0x%x (0x4: a video mode)",
            unsupported);
    bool addresses = load->header.flags & HEADER_ADDRESSES;
    const char *problem = addresses ? load_by_addresses(load) : load_elf(load);
    if (problem || load->entry_found)
        return problem;
    return load_reason(reason, "the entry point 0x%x lies outside the image", load->entry);
}

static bool overlap(struct multiboot_range a, struct multiboot_range b) {
    return a.start < b.end && b.start < a.end;
}

/* Places the information and the module outside the image and below 4 GiB, because their addresses
 * have 32 bits. */
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
    if (r->module) {
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
    const char *problem = load_image(&load);

    if (!problem)
        problem = place_rest(&load, &info);
    if (!problem)
        *entry = (struct multiboot_entry){.eip = load.entry, .ebx = (uint32_t)info};
    return problem;
}
