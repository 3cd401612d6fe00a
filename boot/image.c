/* Loading the hypervisor's image: see image.h. */
#include "boot/image.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/paging.h"
#include "boot/firmware.h"
#include "lib/elf.h"
#include "lib/memory.h"
#include "lib/range.h"

#define IMAGE_ALIGN    PAGING_2M
#define LOW_END        (4ULL << 30) /* always identity-mapped */
#define IDENTITY_END   (1ULL << 46) /* nothing above is identity-mapped */
#define TRAMPOLINE_END 0x100000ULL  /* a start-up IPI can only name a page below 1 MiB */

/* boot/image.asm */
extern const uint8_t hypervisor_image[] __attribute__((visibility("hidden")));
extern const uint8_t hypervisor_image_end[] __attribute__((visibility("hidden")));

static const struct elf64_header *const header = (const void *)hypervisor_image;

/* ---- the image ------------------------------------------------------------------------------- */

static const struct elf64_program *program(unsigned index) {
    return (const struct elf64_program *)(hypervisor_image + header->program_offset) + index;
}

static bool is_elf64(uint64_t file_size) {
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1}; /* 64 bits, little endian */

    return file_size >= sizeof(*header) && memcmp(header->ident, ident, sizeof(ident)) == 0 &&
           header->machine == ELF_MACHINE_X86_64 &&
           header->program_entry_size == sizeof(struct elf64_program) &&
           range_within(header->program_offset,
                        header->program_count * sizeof(struct elf64_program), file_size);
}

/* The range of virtual addresses that the segments span; false if the image cannot be loaded. */
static bool image_span(uint64_t *start, uint64_t *end) {
    uint64_t file_size = (uint64_t)(hypervisor_image_end - hypervisor_image);

    if (!is_elf64(file_size))
        return false;
    *start = UINT64_MAX;
    *end = 0;
    for (unsigned i = 0; i < header->program_count; i++) {
        const struct elf64_program *p = program(i);

        if (p->type != ELF_PROGRAM_LOAD || p->memory_size == 0)
            continue;
        if (p->virtual_address % PAGING_4K || p->memory_size < p->file_size ||
            !range_within(p->offset, p->file_size, file_size) ||
            p->memory_size > UINT64_MAX - p->virtual_address)
            return false;
        if (p->virtual_address < *start)
            *start = p->virtual_address;
        if (p->virtual_address + p->memory_size > *end)
            *end = p->virtual_address + p->memory_size;
    }
    return *start < *end && *start % IMAGE_ALIGN == 0;
}

static uint64_t segment_flags(const struct elf64_program *p) {
    return (p->flags & ELF_PROGRAM_WRITABLE ? PAGING_WRITABLE : 0) |
           (p->flags & ELF_PROGRAM_EXECUTABLE ? 0 : PAGING_NX);
}

static const char *place_segments(struct boot_info *info, struct paging *paging) {
    uint64_t start, end;

    if (!image_span(&start, &end))
        return "the hypervisor inside BOOTX64.EFI is damaged";
    info->image_size = range_round_up(end - start, PAGING_4K);
    uint64_t room = (uint64_t)firmware_alloc(info->image_size + IMAGE_ALIGN, 0);
    if (!room)
        return "there is not enough memory for the hypervisor";
    info->image_base = range_round_up(room, IMAGE_ALIGN);
    for (unsigned i = 0; i < header->program_count; i++) {
        const struct elf64_program *p = program(i);
        uint64_t base = info->image_base + (p->virtual_address - start);
        uint64_t size = range_round_up(p->memory_size, PAGING_4K);

        if (p->type != ELF_PROGRAM_LOAD || p->memory_size == 0)
            continue;
        memcpy((void *)base, hypervisor_image + p->offset, p->file_size);
        const char *problem = paging_map(paging, p->virtual_address, base, size, segment_flags(p));
        if (problem)
            return problem;
    }
    return NULL;
}

/* ---- page tables ----------------------------------------------------------------------------- */

static uint64_t *alloc_table(uint64_t *phys) {
    uint64_t *table = firmware_alloc(PAGING_4K, 0);

    *phys = (uint64_t)table;
    return table;
}

static uint64_t *table_at(uint64_t phys) {
    return (uint64_t *)phys;
}

/* Below 4 GiB in pages of 2 MiB, because the memory type changes there between RAM and devices;
 * above, up to the end of RAM, in the largest pages. */
static const char *map_identity(const struct boot_info *info, struct paging *paging) {
    const char *problem = paging_map(paging, 0, 0, LOW_END, PAGING_WRITABLE);
    uint64_t end = LOW_END;

    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->region[i];

        if (region->kind < BOOT_MEMORY_MMIO && region->base + region->size > end)
            end = region->base + region->size;
    }
    end = range_round_up(end, PAGING_1G);
    if (end > IDENTITY_END)
        end = IDENTITY_END;
    if (problem || end == LOW_END)
        return problem;
    paging->pages_1g = cpuid_has_1g_pages();
    return paging_map(paging, LOW_END, LOW_END, end - LOW_END, PAGING_WRITABLE);
}

/* The firmware may have allocated or freed memory since the regions were read, but where RAM ends
 * does not change. */
const char *image_load(struct boot_info *info) {
    struct paging paging = {.alloc_table = alloc_table, .table = table_at};

    info->trampoline = (uint64_t)firmware_alloc(PAGING_4K, TRAMPOLINE_END);
    if (!info->trampoline)
        return "there is no free page below 1 MiB for starting CPUs";
    const char *problem = paging_init(&paging);
    if (!problem)
        problem = map_identity(info, &paging);
    if (problem)
        return problem;
    info->firmware_cr3 = paging.root;
    if (read_cr4() & CR4_LA57)
        problem = paging_add_level_5(&paging, &info->firmware_cr3);
    if (problem)
        return problem;
    return place_segments(info, &paging);
}

uint64_t image_entry(void) {
    return header->entry;
}
