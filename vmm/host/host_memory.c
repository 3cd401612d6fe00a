/* The machine's memory: see host_memory.h. */
#include "vmm/host/host_memory.h"

#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/paging.h"
#include "arch/panic.h"
#include "lib/memory.h"

/* linker.ld */
extern const char image_start[], image_text[], image_rodata[], image_data[], image_symbols[],
    image_end[];

/* What a CPU that is starting can address, and the boot loader's page tables map in any case. */
#define LOW_END (1ULL << 32)

static struct boot_region free_region[BOOT_MAX_REGIONS];
static unsigned free_count;
static struct paging paging;
static uint64_t root; /* for CR3: of level 4, or of level 5 if CR4.LA57 = 1 */
static uint64_t next_stack = STACKS_BASE;

/* Where physical memory is mapped: at its own address under the boot loader's page tables, in the
 * direct map under ours. */
static uint64_t map_base;

static void memory_clear(uint64_t physical, uint64_t size) {
    uint64_t *to = (uint64_t *)(map_base + physical);
    uint64_t count = size / 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0) : "memory");
}

static uint64_t memory_alloc_below(uint64_t size, uint64_t align, uint64_t limit) {
    if (!size || size > limit)
        return 0;
    size = (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    for (unsigned i = 0; i < free_count; i++) {
        struct boot_region *r = &free_region[i];
        uint64_t base = (r->base + align - 1) & ~(align - 1);
        uint64_t end = r->base + r->size;

        if (base < r->base || base >= end || end - base < size || base + size > limit)
            continue;
        if (base != r->base) {
            /* The piece before the aligned start stays free, if there is room to record it. */
            if (free_count < BOOT_MAX_REGIONS)
                free_region[free_count++] =
                    (struct boot_region){.base = r->base, .size = base - r->base};
        }
        r->base = base + size;
        r->size = end - r->base;
        memory_clear(base, size);
        return base;
    }
    return 0;
}

uint64_t memory_alloc(uint64_t size, uint64_t align) {
    return memory_alloc_below(size, align, UINT64_MAX);
}

uint64_t memory_alloc_low(uint64_t size, uint64_t align) {
    return memory_alloc_below(size, align, LOW_END);
}

void *memory_alloc_pages(uint64_t size, uint64_t *physical) {
    uint64_t base = memory_alloc(size, PAGE_SIZE);

    if (!base)
        panic("out of memory: %lu bytes are not free in one piece (%lu bytes are free in all)",
              size, memory_free());
    if (physical)
        *physical = base;
    return (void *)(map_base + base);
}

uint64_t memory_free(void) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < free_count; i++)
        sum += free_region[i].size;
    return sum;
}

uint64_t *memory_alloc_table(uint64_t *physical) {
    *physical = memory_alloc(PAGE_SIZE, PAGE_SIZE);
    return *physical ? memory_table(*physical) : NULL;
}

uint64_t *memory_table(uint64_t physical) {
    return (uint64_t *)(map_base + physical);
}

static void memory_map(uint64_t virtual, uint64_t physical, uint64_t size, uint64_t flags) {
    const char *problem = paging_map(&paging, virtual, physical, size, flags);

    if (problem)
        panic("mapping %lu bytes at 0x%lx: %s", size, virtual, problem);
}

static void memory_map_image(const struct boot_info *info, const char *from, const char *to,
                             uint64_t flags) {
    if (from != to)
        memory_map((uint64_t)from, info->image_base + (uint64_t)(from - image_start),
                   (uint64_t)(to - from), flags);
}

/* Memory is mapped write-back; where the firmware needs another type, the MTRRs say so. Memory that
 * the firmware reports as reserved stays unmapped until the ACPI parser requests it. */
static void memory_map_everything(const struct boot_info *info) {
    for (unsigned i = 0; i < info->region_count; i++) {
        const struct boot_region *r = &info->region[i];
        if (r->kind != BOOT_MEMORY_MMIO && r->kind != BOOT_MEMORY_RESERVED)
            memory_map(DIRECT_MAP_BASE + r->base, r->base, r->size, PAGING_WRITABLE | PAGING_NX);
    }
    memory_map_image(info, image_text, image_rodata, 0);
    memory_map_image(info, image_rodata, image_data, PAGING_NX);
    memory_map_image(info, image_data, image_symbols, PAGING_WRITABLE | PAGING_NX);
    memory_map_image(info, image_symbols, image_end, PAGING_NX);
}

/* Sets the PAT, with caches and TLB emptied of what they hold under the old types. No page that is
 * in use changes its type, unless the firmware has changed the PAT's lower entries. SDM Vol. 3A,
 * "Programming the PAT" and "MTRR Considerations in MP Systems". */
static void memory_set_types(void) {
    uint64_t cr0 = read_cr0();

    write_cr0((cr0 | CR0_CD) & ~CR0_NW);
    wbinvd();
    write_cr3(read_cr3());
    wrmsr(MSR_IA32_PAT, PAT_HOST);
    wbinvd();
    write_cr0(cr0 & ~(CR0_CD | CR0_NW));
}

/* Loads CR3 last: with global pages disabled, this flushes the whole TLB. */
void memory_enter(void) {
    write_cr4((read_cr4() & CR4_KEPT) | CR4_HOST);
    if (rdmsr(MSR_IA32_PAT) != PAT_HOST)
        memory_set_types();
    write_cr3(root);
}

void *memory_before_init(uint64_t physical, uint64_t size) {
    return physical < LOW_END && size <= LOW_END - physical ? (void *)physical : NULL;
}

struct boot_info *memory_init(struct boot_info *info) {
    for (unsigned i = 0; i < info->region_count; i++) {
        if (info->region[i].kind == BOOT_MEMORY_USABLE)
            free_region[free_count++] = info->region[i];
    }
    paging.alloc_table = memory_alloc_table;
    paging.table = memory_table;
    paging.pages_1g = cpuid_has_1g_pages();
    if (paging_init(&paging))
        panic("out of memory for page tables");
    memory_map_everything(info);
    root = paging.root;
    if ((read_cr4() & CR4_LA57) && paging_add_level_5(&paging, &root))
        panic("out of memory for page tables");
    wrmsr(MSR_IA32_EFER, rdmsr(MSR_IA32_EFER) | EFER_NXE);
    write_cr0(read_cr0() | CR0_WP);
    memory_enter();
    map_base = DIRECT_MAP_BASE;
    return phys_to_virt((uint64_t)info);
}

/* A page that is mapped for the first time needs no flush: the TLB does not cache non-present
 * entries.
 */
static void *memory_map_on_demand(uint64_t physical, uint64_t size, uint64_t flags) {
    uint64_t first = physical & ~(PAGE_SIZE - 1);
    uint64_t last = (physical + size - 1) & ~(PAGE_SIZE - 1);

    for (uint64_t page = first; page <= last; page += PAGE_SIZE) {
        struct paging_page there;
        if (!paging_lookup(&paging, DIRECT_MAP_BASE + page, &there) &&
            paging_map(&paging, DIRECT_MAP_BASE + page, page, PAGE_SIZE, flags))
            return NULL;
    }
    return phys_to_virt(physical);
}

#define TABLE_SIZE_MAX   (16ULL << 20) /* no ACPI table is larger */
#define PHYSICAL_END_MAX (1ULL << 46)  /* the direct map has room for so much */

void *memory_map_write_combining(uint64_t physical, uint64_t size) {
    uint64_t first = physical & ~(PAGE_SIZE - 1);
    uint64_t end = (physical + size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

    if (!size || size > PHYSICAL_END_MAX || physical > PHYSICAL_END_MAX - size ||
        paging_map(&paging, DIRECT_MAP_BASE + first, first, end - first,
                   PAGING_WRITABLE | PAGING_WRITE_COMBINING | PAGING_NX))
        return NULL;
    return phys_to_virt(physical);
}

void *memory_map_device(uint64_t physical, uint64_t size) {
    void *address =
        memory_map_on_demand(physical, size, PAGING_WRITABLE | PAGING_UNCACHED | PAGING_NX);

    if (!address)
        panic("cannot map device registers at 0x%lx", physical);
    return address;
}

const void *memory_map_table(uint64_t physical, uint64_t size) {
    if (!size || size > TABLE_SIZE_MAX || physical >= PHYSICAL_END_MAX)
        return NULL;
    return memory_map_on_demand(physical, size, PAGING_NX);
}

uint64_t memory_alloc_stack(uint64_t size) {
    uint64_t physical;

    size = (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    memory_alloc_pages(size, &physical);
    uint64_t base = next_stack + PAGE_SIZE;
    memory_map(base, physical, size, PAGING_WRITABLE | PAGING_NX);
    next_stack = base + size;
    return base + size;
}

uint32_t memory_trampoline_tables(uint64_t trampoline) {
    uint64_t top = memory_alloc_low(2 * PAGE_SIZE, PAGE_SIZE);
    struct paging low = paging;

    if (!top)
        panic("no page below 4 GiB for starting the other CPUs");
    low.root = top;
    memcpy(phys_to_virt(top), phys_to_virt(paging.root), PAGE_SIZE);
    if (paging_map(&low, trampoline, trampoline, PAGE_SIZE, 0))
        panic("cannot map the trampoline's page at 0x%lx", trampoline);
    if (root == paging.root)
        return (uint32_t)top;
    uint64_t level_5 = top + PAGE_SIZE;
    memcpy(phys_to_virt(level_5), phys_to_virt(root), PAGE_SIZE);
    *memory_table(level_5) = (*memory_table(level_5) & (PAGE_SIZE - 1)) | top;
    return (uint32_t)level_5;
}

uint64_t memory_root(void) {
    return root;
}
