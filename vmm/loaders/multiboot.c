/* Finding the Multiboot header and loading the image: see vmm/loaders/multiboot.h. */
#include "vmm/loaders/multiboot.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/range.h"
#include "vmm/loaders/load_copy.h"
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
#define HEADER_VIDEO             0x4u
#define HEADER_ADDRESSES         (1u << 16)

/* Finds the header: 4-byte aligned, complete within the first 8192 bytes, with a sum of 0. */
static bool find_header(const struct kernel_request *r, struct header *h, uint64_t *offset) {
    uint64_t end = r->file_size < HEADER_SEARCH ? r->file_size : HEADER_SEARCH;

    for (uint64_t at = 0; range_within(at, HEADER_WITHOUT_ADDRESSES, end); at += 4) {
        *h = (struct header){0};
        load_read(r, at, (uint8_t *)h, HEADER_WITHOUT_ADDRESSES);
        if (h->magic != HEADER_MAGIC || h->magic + h->flags + h->checksum != 0)
            continue;
        *offset = at;
        if ((h->flags & HEADER_ADDRESSES) == 0)
            return true;
        if (range_within(at, sizeof(*h), end))
            return load_read(r, at, (uint8_t *)h, sizeof(*h));
    }
    return false;
}

/* A0000H to FFFFFH: where a PC has its screen and its BIOS, and a guest its ACPI tables. */
static bool meets_low_devices(uint64_t address, uint64_t size) {
    return address < MULTIBOOT_HIGH && address + size > MULTIBOOT_LOW_END;
}

const char *multiboot_load_segment(struct multiboot_loading *load,
                                   const struct multiboot_segment *s) {
    const struct kernel_request *r = load->request;

    if (!range_within(s->offset, s->file_size, r->file_size))
        return load_reason(
            r->reason,
            "the kernel file is cut off at byte %lu: a segment ends at byte %lu; copy it again",
            r->file_size, s->offset + s->file_size);
    if (s->file_size > s->memory_size)
        return load_reason(r->reason,
                           "the kernel file is damaged: a segment of %lu bytes has %lu in the file",
                           s->memory_size, s->file_size);
    if (!range_within(s->address, s->memory_size, r->ram_size))
        return load_too_little_memory(r->reason, r->ram_size, "the image needs", s->address,
                                      s->memory_size);
    if (meets_low_devices(s->address, s->memory_size))
        return load_reason(
            r->reason,
            "a segment at 0x%lx to 0x%lx meets 0xa0000 to 0xfffff, where a PC has no "
            "memory; link it to 1 MiB or higher",
            s->address, s->address + s->memory_size - 1);
    /* Each fits; if all do not, some overlap. So the time is bounded by the size of memory. */
    if (s->memory_size > r->ram_size - load->segment_bytes)
        return "the kernel file is damaged: its segments overlap";
    load->segment_bytes += s->memory_size;
    load_file(r, s->address, s->offset, s->file_size);
    load_zeros(r, s->address + s->file_size, s->memory_size - s->file_size);
    if (load->image.end == 0 || s->address < load->image.start)
        load->image.start = s->address;
    if (s->address + s->memory_size > load->image.end)
        load->image.end = s->address + s->memory_size;
    return NULL;
}

/* The "a.out kludge": one segment at the addresses in the header. */
static const char *load_by_addresses(struct multiboot_loading *load, const struct header *h,
                                     uint64_t header_offset) {
    const struct kernel_request *r = load->request;
    uint64_t start = h->load_address;
    uint64_t before = h->header_address - start;

    if (start > h->header_address || before > header_offset)
        return load_reason(
            r->reason,
            "the Multiboot header at byte %lu gives wrong addresses: header 0x%x, load 0x%x",
            header_offset, h->header_address, h->load_address);
    uint64_t offset = header_offset - before;
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
    struct multiboot_segment segment = {start, bss_end - start, offset, load_end - start};
    return multiboot_load_segment(load, &segment);
}

/* *warning: NULL, or what the kernel asks for and does not get, in words. */
static const char *load_image(struct multiboot_loading *load, const char **warning) {
    const struct kernel_request *r = load->request;
    struct header h;
    uint64_t header_offset;

    if (!find_header(r, &h, &header_offset))
        return "neither a Linux kernel nor a Multiboot 1 file: no Multiboot header in the first "
               "8192 "
               "bytes";
    uint32_t unsupported = h.flags & HEADER_MUST_KNOW & ~HEADER_SUPPORTED;
    if (unsupported & ~HEADER_VIDEO)
        return load_reason(r->reason,
                           "the Multiboot header requires unsupported features: flags 0x%x",
                           unsupported & ~HEADER_VIDEO);
    *warning = unsupported ? "the kernel asks for a video mode (Multiboot flag 2) and gets none: "
                             "only text at 0xb8000 is shown"
                           : NULL;
    const char *problem = h.flags & HEADER_ADDRESSES ? load_by_addresses(load, &h, header_offset)
                                                     : multiboot_load_elf(load);
    if (problem || (load->entry_found && load->entry <= UINT32_MAX))
        return problem;
    return load_reason(r->reason, "the entry point 0x%lx lies outside the image", load->entry);
}

static bool overlap(struct multiboot_range a, struct multiboot_range b) {
    return a.start < b.end && b.start < a.end;
}

/* Places the stack and the information, which are `rest` in this order, and the module outside the
 * image and below 4 GiB, because their addresses have 32 bits. */
static const char *place_rest(const struct multiboot_loading *load, struct multiboot_range *rest) {
    const struct kernel_request *r = load->request;
    const uint64_t size = MULTIBOOT_INFO_LOW + MULTIBOOT_PAGE - MULTIBOOT_STACK_LOW;
    struct multiboot_range module = {0, 0};
    uint64_t reachable = r->ram_size < 1ULL << 32 ? r->ram_size : 1ULL << 32;
    uint64_t next = range_round_up(
        load->image.end > MULTIBOOT_HIGH ? load->image.end : MULTIBOOT_HIGH, MULTIBOOT_PAGE);

    *rest = (struct multiboot_range){MULTIBOOT_STACK_LOW, MULTIBOOT_STACK_LOW + size};
    if (overlap(*rest, load->image)) {
        *rest = (struct multiboot_range){next, next + size};
        next += size;
    }
    if (size > reachable || rest->start > reachable - size)
        return load_too_little_memory(r->reason, r->ram_size,
                                      "image and Multiboot information need", rest->start, size);
    if (r->initrd) {
        if (!range_within(next, r->initrd_size, reachable))
            return load_too_little_memory(r->reason, r->ram_size, "image and module need", next,
                                          r->initrd_size);
        module = (struct multiboot_range){next, next + r->initrd_size};
        load_initrd(r, next);
    }
    return multiboot_write_info(r, rest->start + size - MULTIBOOT_PAGE, module);
}

const char *multiboot_place(const struct kernel_request *request, struct multiboot_entry *entry) {
    struct multiboot_loading load = {.request = request};
    struct multiboot_range rest;
    const char *warning = NULL;
    const char *problem = load_image(&load, &warning);

    if (!problem)
        problem = place_rest(&load, &rest);
    if (!problem)
        *entry = (struct multiboot_entry){.eip = (uint32_t)load.entry,
                                          .ebx = (uint32_t)(rest.end - MULTIBOOT_PAGE),
                                          .esp = (uint32_t)(rest.end - MULTIBOOT_PAGE),
                                          .warning = warning};
    return problem;
}
