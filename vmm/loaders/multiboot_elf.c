/* Loading the ELF file of a Multiboot image: see vmm/loaders/multiboot.h.
 *
 * Multiboot 0.6.96 knows ELF32 only. The kernel of an ELF64 file is entered in the same way, in
 * 32-bit protected mode, as GRUB does it: such kernels begin with 32-bit code. System V ABI, "ELF
 * Header" and "Program Header". */
#include "lib/elf.h"
#include "lib/memory.h"
#include "vmm/loaders/load_copy.h"
#include "vmm/loaders/load_reason.h"
#include "vmm/loaders/multiboot_internal.h"

struct elf32_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, program_offset, section_offset, flags;
    uint16_t header_size, program_entry_size, program_count;
    uint16_t section_entry_size, section_count, section_names;
};
_Static_assert(sizeof(struct elf32_header) == 52, "ELF32 header");

struct elf32_program {
    uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags, align;
};
_Static_assert(sizeof(struct elf32_program) == 32, "ELF32 program header");

#define ELF_CLASS 4 /* in ident: 1: 32 bits, 2: 64 bits */

/* What the loader needs of both kinds of file. */
struct elf {
    bool is_64;
    uint16_t type, machine;
    uint64_t entry, program_offset;
    unsigned program_entry_size, program_count;
};

/* False: neither an ELF32 nor an ELF64 file, little endian. */
static bool read_header(const struct kernel_request *r, struct elf *elf) {
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    struct elf32_header h32;
    struct elf64_header h64;

    if (!load_read(r, 0, (uint8_t *)&h32, sizeof(h32)) ||
        memcmp(h32.ident, magic, sizeof(magic)) != 0 || h32.ident[ELF_CLASS + 1] != 1)
        return false;
    *elf = (struct elf){.is_64 = h32.ident[ELF_CLASS] == 2,
                        .type = h32.type,
                        .machine = h32.machine,
                        .entry = h32.entry,
                        .program_offset = h32.program_offset,
                        .program_entry_size = h32.program_entry_size,
                        .program_count = h32.program_count};
    if (!elf->is_64)
        return h32.ident[ELF_CLASS] == 1;
    if (!load_read(r, 0, (uint8_t *)&h64, sizeof(h64)))
        return false;
    elf->entry = h64.entry;
    elf->program_offset = h64.program_offset;
    elf->program_entry_size = h64.program_entry_size;
    elf->program_count = h64.program_count;
    return true;
}

static unsigned program_size(const struct elf *elf) {
    return elf->is_64 ? sizeof(struct elf64_program) : sizeof(struct elf32_program);
}

/* Reads the program header at an offset of the file; false if the file ends within it. */
static bool read_program(const struct kernel_request *r, const struct elf *elf, uint64_t at,
                         struct elf64_program *p) {
    struct elf32_program p32;

    if (elf->is_64)
        return load_read(r, at, (uint8_t *)p, sizeof(*p));
    if (!load_read(r, at, (uint8_t *)&p32, sizeof(p32)))
        return false;
    *p = (struct elf64_program){
        p32.type,      p32.flags,       p32.offset, p32.virtual_address, p32.physical_address,
        p32.file_size, p32.memory_size, p32.align};
    return true;
}

/* The entry point is a virtual address by the System V ABI. Kernels that are linked to high
 * addresses and start without paging have its physical address there instead (xv6). The first
 * segment with that virtual address counts; without one, the first with that physical address. */
static void find_entry(struct multiboot_loading *load, const struct elf *elf,
                       const struct elf64_program *p, bool *by_virtual) {
    uint64_t in_virtual = elf->entry - p->virtual_address;

    if (*by_virtual)
        return;
    if (in_virtual < p->memory_size) {
        load->entry = p->physical_address + in_virtual;
        *by_virtual = load->entry_found = true;
    } else if (elf->entry - p->physical_address < p->memory_size) {
        load->entry_found = true; /* `entry` is this address already */
    }
}

/* The program headers have at least 32 bytes each and are in the file: their number is bounded by
 * its size. */
static const char *load_programs(struct multiboot_loading *load, const struct elf *elf) {
    const struct kernel_request *r = load->request;
    bool by_virtual = false;

    for (unsigned i = 0; i < elf->program_count; i++) {
        uint64_t at = elf->program_offset + (uint64_t)i * elf->program_entry_size;
        struct elf64_program p = {0};

        if (at < elf->program_offset || !read_program(r, elf, at, &p))
            return load_reason(r->reason,
                               "the kernel file is cut off at byte %lu: program header %u is at "
                               "byte %lu; copy it again",
                               r->file_size, i, at);
        if (p.type != ELF_PROGRAM_LOAD || p.memory_size == 0)
            continue;
        struct multiboot_segment segment = {p.physical_address, p.memory_size, p.offset,
                                            p.file_size};
        const char *problem = multiboot_load_segment(load, &segment);
        if (problem)
            return problem;
        find_entry(load, elf, &p, &by_virtual);
    }
    return load->image.end == 0 ? "the ELF file has no segment to load" : NULL;
}

const char *multiboot_load_elf(struct multiboot_loading *load) {
    const struct kernel_request *r = load->request;
    struct elf elf;

    if (!read_header(r, &elf))
        return "not an ELF file, and no load addresses in the Multiboot header";
    if (elf.type != ELF_TYPE_EXECUTABLE ||
        elf.machine != (elf.is_64 ? ELF_MACHINE_X86_64 : ELF_MACHINE_386))
        return load_reason(r->reason,
                           "not an ELF executable for %s: type %u, machine %u, not 2 and %u",
                           elf.is_64 ? "x86-64" : "the 80386", elf.type, elf.machine,
                           elf.is_64 ? ELF_MACHINE_X86_64 : ELF_MACHINE_386);
    if (elf.program_entry_size < program_size(&elf))
        return load_reason(r->reason,
                           "the ELF file is damaged: its program headers have %u bytes, not %u",
                           elf.program_entry_size, program_size(&elf));
    load->entry = elf.entry;
    return load_programs(load, &elf);
}
