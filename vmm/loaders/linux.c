/* Checking the header of a bzImage and placing the kernel: see vmm/loaders/linux.h. */
#include "vmm/loaders/linux.h"

#include "lib/memory.h"
#include "lib/range.h"
#include "vmm/devices/pc_map.h"
#include "vmm/loaders/initrd.h"
#include "vmm/loaders/linux_internal.h"
#include "vmm/loaders/load_copy.h"
#include "vmm/loaders/load_reason.h"

#define SIGNATURE        0x53726448u /* "HdrS" */
#define SIGNATURE_OFFSET 0x202u
#define SECTOR           512u
#define PARAGRAPH        16ULL
#define SETUP_SECTORS    4u /* if the header has 0 */
#define BOOT_FLAG        0xaa55u
#define JUMP_SHORT       0xebu
#define VERSION_NEEDED   0x020cu
#define VERSION_END      0x268u /* where the header of version 2.12 ends */
#define XLF_KERNEL_64    (1u << 0)
#define ENTRY_64         0x200u
#define PAGE             0x1000ULL
#define ADDRESSES        (1ULL << 52) /* the most that a processor has */

bool linux_is_kernel(const uint8_t *file, uint64_t size) {
    uint32_t signature;

    if (!range_within(SIGNATURE_OFFSET, sizeof(signature), size))
        return false;
    memcpy(&signature, file + SIGNATURE_OFFSET, sizeof(signature));
    return signature == SIGNATURE;
}

/* ---- the header ---- */

/* Copies the header and clears the members that this kernel's version does not have. */
static const char *read_header(struct linux_loading *load) {
    const struct kernel_request *r = load->request;
    struct linux_header *h = &load->header;

    if (!linux_is_kernel(r->file, r->file_size))
        return "not a Linux kernel: the file has no bzImage header";
    if (!load_read(r, LINUX_HEADER_OFFSET, (uint8_t *)h, sizeof(*h)))
        return load_reason(
            r->reason, "the kernel file is cut off at byte %lu, within its header; copy it again",
            r->file_size);
    uint32_t end = SIGNATURE_OFFSET + h->jump_distance;
    if (h->boot_flag != BOOT_FLAG || h->jump != JUMP_SHORT)
        return load_reason(
            r->reason, "the kernel file is damaged: boot flag 0x%x, jump 0x%x, not 0xaa55 and 0xeb",
            h->boot_flag, h->jump);
    if (h->version < VERSION_NEEDED)
        return load_reason(
            r->reason,
            "the kernel is too old: boot protocol %u.%02u, not 2.12 or later (Linux 3.8)",
            h->version >> 8, h->version & 0xff);
    if (end < VERSION_END || end > LINUX_HEADER_LIMIT)
        return load_reason(
            r->reason, "the kernel file is damaged: its header ends at 0x%x, not 0x268 to 0x290",
            end);
    memset((uint8_t *)h + (end - LINUX_HEADER_OFFSET), 0, LINUX_HEADER_LIMIT - end);
    return NULL;
}

static const char *check_header(struct linux_loading *load) {
    const struct kernel_request *r = load->request;
    const struct linux_header *h = &load->header;

    if (!(h->loadflags & LINUX_LOADED_HIGH))
        return "the kernel is a zImage; build a bzImage";
    if (!(h->xloadflags & XLF_KERNEL_64))
        return "the kernel is a 32-bit kernel; use a 64-bit one";
    load->code_offset = ((h->setup_sects ? h->setup_sects : SETUP_SECTORS) + 1) * SECTOR;
    load->code_size = h->syssize * PARAGRAPH;
    /* The size is in paragraphs: the file may end within the last one. */
    if (load->code_offset < r->file_size && load->code_size > r->file_size - load->code_offset &&
        load->code_size - (r->file_size - load->code_offset) < PARAGRAPH)
        load->code_size = r->file_size - load->code_offset;
    if (!range_within(load->code_offset, load->code_size, r->file_size))
        return load_reason(
            r->reason,
            "the kernel file is cut off at byte %lu: its code ends at byte %lu; copy it again",
            r->file_size, load->code_offset + load->code_size);
    if (load->code_size <= ENTRY_64)
        return load_reason(
            r->reason, "the kernel file is damaged: %lu bytes of code have no 64-bit entry point",
            load->code_size);
    return NULL;
}

/* ---- addresses ---- */

static const char *check_memory(struct linux_loading *load) {
    const struct kernel_request *r = load->request;

    if (r->ram_size <= PC_VIRTIO_BASE)
        return NULL;
    return load_reason(
        r->reason, "too much memory: the guest has %lu MiB; set its memory to %luM or less",
        r->ram_size / LOAD_MIB, PC_VIRTIO_BASE / LOAD_MEMORY_UNIT * (LOAD_MEMORY_UNIT / LOAD_MIB));
}

/* At the preferred address, rounded up to the alignment. A relocatable kernel could be loaded
 * lower, but Linux then moves itself up to the preferred address, so nothing would be gained. */
static const char *place_kernel(struct linux_loading *load) {
    const struct linux_header *h = &load->header;
    char *reason = load->request->reason;
    uint64_t align = h->relocatable_kernel ? h->kernel_alignment : 1;
    uint64_t size = h->init_size > load->code_size ? h->init_size : load->code_size;
    uint64_t at = h->pref_address;

    if (align == 0 || (align & (align - 1)) != 0)
        return load_reason(
            reason, "the kernel file is damaged: alignment 0x%lx is not a power of two", align);
    if (at < LINUX_HIGH && h->relocatable_kernel)
        at = LINUX_HIGH;
    if (at < LINUX_HIGH)
        return load_reason(
            reason,
            "the kernel must be loaded at 0x%lx, below 1 MiB; build it with CONFIG_RELOCATABLE",
            at);
    if (at >= ADDRESSES)
        return load_reason(
            reason, "the kernel file is damaged: its address 0x%lx has more than 52 bits", at);
    load->kernel = range_round_up(at, align);
    load->kernel_end = load->kernel + size;
    return NULL;
}

/* The initial RAM disk goes as high as memory and the kernel's limit permit. */
static const char *place_initrd(struct linux_loading *load) {
    const struct kernel_request *r = load->request;
    uint64_t size = r->initrd ? r->initrd_size : 0, limit = load->header.initrd_addr_max + 1ULL;

    if (load->kernel_end > r->ram_size || size > r->ram_size - load->kernel_end)
        return load_too_little_memory(
            r->reason, r->ram_size, size ? "kernel and initial RAM disk need" : "the kernel needs",
            range_round_up(load->kernel_end, PAGE), size);
    if (size == 0)
        return NULL;
    uint64_t end = limit < r->ram_size ? limit : r->ram_size;
    if (size > end || range_round_down(end - size, PAGE) < load->kernel_end)
        return load_reason(
            r->reason,
            "the initial RAM disk does not fit: %lu bytes between 0x%lx and 0x%lx; use a "
            "smaller one",
            size, load->kernel_end, end);
    load->initrd = range_round_down(end - size, PAGE);
    return NULL;
}

static const char *check_initrd(struct linux_loading *load) {
    const struct kernel_request *r = load->request;

    if (load->initrd == 0)
        return NULL;
    struct initrd_finding found = initrd_check(r->initrd, r->initrd_size);
    if (!found.cut_off)
        return NULL;
    return load_cut_off_initrd(r->reason, found.cut_off, found.start, r->initrd_size);
}

/* The length of the text, or limit + 1 if it is longer than `limit`. */
static uint64_t length_up_to(const char *text, uint64_t limit) {
    uint64_t length = 0;

    while (text && length <= limit && text[length] != 0)
        length++;
    return length;
}

static const char *check_command_line(struct linux_loading *load) {
    const struct kernel_request *r = load->request;
    uint64_t longest = load->header.cmdline_size;

    if (longest > LINUX_COMMAND_LINE_ROOM - 1)
        longest = LINUX_COMMAND_LINE_ROOM - 1;
    load->command_line_length = length_up_to(r->command_line, longest);
    if (load->command_line_length <= longest)
        return NULL;
    return load_reason(
        r->reason, "the command line is longer than the kernel's limit of %lu bytes; shorten it",
        longest);
}

/* ---- loading ---- */

/* The first step that fails gives the reason. */
static const char *check(struct linux_loading *load) {
    static const char *(*const steps[])(struct linux_loading *) = {
        read_header,  check_memory, check_header,      place_kernel,
        place_initrd, check_initrd, check_command_line};
    const char *problem = NULL;

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) && !problem; i++)
        problem = steps[i](load);
    return problem;
}

const char *linux_place(const struct kernel_request *request, struct linux_entry *entry) {
    struct linux_loading load = {.request = request};
    const char *problem = check(&load);

    if (problem)
        return problem;
    load_file(request, load.kernel, load.code_offset, load.code_size);
    if (load.initrd != 0)
        load_initrd(request, load.initrd);
    linux_write_params(&load);
    linux_write_tables(request->ram, entry);
    entry->rip = load.kernel + ENTRY_64;
    entry->rsp = LINUX_STACK_TOP;
    entry->rsi = LINUX_ZERO_PAGE;
    return NULL;
}
