/* Loading the hypervisor: see load.h.
 *
 * The image is an ELF64 file of our own build, linked at the top of the address space. It gets one
 * piece of physical memory; its segments are mapped there with their own rights, beside an identity
 * map in which the loader finishes its work.
 * ELF-64 Object File Format, version 1.5; UEFI 2.10, "EFI_BOOT_SERVICES.ExitBootServices()". */
#include "boot/load.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/paging.h"
#include "boot/firmware.h"
#include "boot/memory_map.h"
#include "lib/memory.h"

#define IMAGE_ALIGN    PAGING_2M
#define LOW_END        (4ULL << 30) /* identity-mapped always */
#define IDENTITY_END   (1ULL << 46) /* nothing above is identity-mapped */
#define TRAMPOLINE_END 0x100000ULL  /* SDM: a start-up IPI reaches pages below 1 MiB */
#define EXIT_ATTEMPTS  8

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_offset, section_offset;
    uint32_t flags;
    uint16_t header_size, program_size, program_count;
    uint16_t section_size, section_count, section_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF-64");

struct elf_program {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, align;
};
_Static_assert(sizeof(struct elf_program) == 56, "ELF-64");

#define ELF_MACHINE_X86_64 62
#define ELF_LOAD           1
#define ELF_EXECUTE        1u
#define ELF_WRITE          2u

/* boot/image.asm */
extern const uint8_t hypervisor_image[] __attribute__((visibility("hidden")));
extern const uint8_t hypervisor_image_end[] __attribute__((visibility("hidden")));

static const struct elf_header *const header = (const void *)hypervisor_image;
static UINTN map_key; /* tells the firmware that we know its latest memory map */

/* ---- the image ------------------------------------------------------------------------------- */

static const struct elf_program *program(unsigned index) {
    return (const struct elf_program *)(hypervisor_image + header->program_offset) + index;
}

/* The addresses that the segments span; false if this is no image that can be loaded. */
static bool image_span(uint64_t *start, uint64_t *end) {
    uint64_t file_size = (uint64_t)(hypervisor_image_end - hypervisor_image);

    if (file_size < sizeof(*header) ||
        memcmp(header->ident,
               "\x7f"
               "ELF\x02\x01",
               6) != 0 ||
        header->machine != ELF_MACHINE_X86_64 ||
        header->program_size != sizeof(struct elf_program) || header->program_offset > file_size ||
        header->program_count > (file_size - header->program_offset) / sizeof(struct elf_program))
        return false;
    *start = UINT64_MAX;
    *end = 0;
    for (unsigned i = 0; i < header->program_count; i++) {
        const struct elf_program *p = program(i);

        if (p->type != ELF_LOAD || p->memory_size == 0)
            continue;
        if (p->address % PAGING_4K || p->memory_size < p->file_size || p->offset > file_size ||
            p->file_size > file_size - p->offset || p->memory_size > UINT64_MAX - p->address)
            return false;
        if (p->address < *start)
            *start = p->address;
        if (p->address + p->memory_size > *end)
            *end = p->address + p->memory_size;
    }
    return *start < *end && *start % IMAGE_ALIGN == 0;
}

static uint64_t segment_flags(const struct elf_program *p) {
    return (p->flags & ELF_WRITE ? PAGING_WRITABLE : 0) | (p->flags & ELF_EXECUTE ? 0 : PAGING_NX);
}

static const char *load_image(struct boot_info *info, struct paging *paging) {
    uint64_t start, end;

    if (!image_span(&start, &end))
        return "the hypervisor inside BOOTX64.EFI is damaged";
    info->image_size = (end - start + PAGING_4K - 1) & ~(PAGING_4K - 1);
    uint64_t room = (uint64_t)firmware_alloc(info->image_size + IMAGE_ALIGN, 0);
    if (!room)
        return "there is not enough memory for the hypervisor";
    info->image_base = (room + IMAGE_ALIGN - 1) & ~(IMAGE_ALIGN - 1);
    for (unsigned i = 0; i < header->program_count; i++) {
        const struct elf_program *p = program(i);
        uint64_t base = info->image_base + (p->address - start);
        uint64_t size = (p->memory_size + PAGING_4K - 1) & ~(PAGING_4K - 1);

        if (p->type != ELF_LOAD || p->memory_size == 0)
            continue;
        memcpy((void *)base, hypervisor_image + p->offset, p->file_size);
        const char *problem = paging_map(paging, p->address, base, size, segment_flags(p));
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

/* Below 4 GiB in pages of 2 MiB, since memory types change there; above, up to the end of all that
 * is memory, in the largest pages. */
static const char *map_identity(const struct boot_info *info, struct paging *paging) {
    const char *problem = paging_map(paging, 0, 0, LOW_END, PAGING_WRITABLE);
    uint64_t end = LOW_END;

    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->region[i];

        if (region->kind < BOOT_MEMORY_MMIO && region->base + region->size > end)
            end = region->base + region->size;
    }
    end = (end + PAGING_1G - 1) & ~(PAGING_1G - 1);
    if (end > IDENTITY_END)
        end = IDENTITY_END;
    if (problem || end == LOW_END)
        return problem;
    paging->pages_1g = cpuid_has_1g_pages();
    return paging_map(paging, LOW_END, LOW_END, end - LOW_END, PAGING_WRITABLE);
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* The library's buffer is not given back: that would change the map. */
const char *memory_map_read(struct boot_info *info) {
    UINTN count, size;
    UINT32 version;
    const EFI_MEMORY_DESCRIPTOR *map = LibMemoryMap(&count, &map_key, &size, &version);

    if (!map)
        return "the firmware does not tell its memory map";
    if (!memory_map_regions(map, count * size, size, info->region, BOOT_MAX_REGIONS,
                            &info->region_count))
        return "the firmware's memory map is malformed or has too many ranges";
    return NULL;
}

/* Who has which memory may have changed since the regions were read; what is memory has not. */
const char *load_prepare(struct boot_info *info) {
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
    return load_image(info, &paging);
}

/* An event after the map was read makes another try necessary. After the first only the services
 * for memory may be called. */
const char *load_start(struct boot_info *info) {
    unsigned attempts = 0;

    do {
        const char *problem = memory_map_read(info);
        if (problem)
            return problem;
        if (attempts++ == EXIT_ATTEMPTS)
            return "the firmware refuses to exit its boot services";
    } while (EFI_ERROR(BS->ExitBootServices(firmware_image, map_key)));
    interrupts_off();
    wrmsr(MSR_IA32_EFER, rdmsr(MSR_IA32_EFER) | EFER_NXE);
    __asm__ volatile("mov %0, %%cr3\n\t"
                     "cld\n\t"
                     "jmp *%1"
                     :
                     : "r"(info->firmware_cr3), "r"(header->entry), "D"(info)
                     : "memory");
    __builtin_unreachable();
}
