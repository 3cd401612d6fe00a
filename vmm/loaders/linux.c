/* Checking a bzImage's header and placing the kernel: see vmm/loaders/linux.h. */
#include "vmm/loaders/linux.h"

#include "lib/memory.h"
#include "lib/range.h"
#include "vmm/devices/pc_map.h"
#include "vmm/loaders/initrd.h"
#include "vmm/loaders/linux_internal.h"
#include "vmm/loaders/load_reason.h"

#define SIGNATURE        0x53726448u /* "HdrS" */
#define SIGNATURE_OFFSET 0x202u
#define SECTOR           512u
#define BOOT_FLAG        0xaa55u
#define JUMP_SHORT       0xebu
#define VERSION_NEEDED   0x020cu
#define VERSION_END      0x268u /* where the header of 2.12 ends */
#define XLF_KERNEL_64    (1u << 0)
#define ENTRY_64         0x200u
#define PAGE             0x1000ULL
#define ADDRESSES        (1ULL << 52) /* no processor has more */

bool linux_is_kernel(const uint8_t *file, uint64_t size) {
    uint32_t signature;

    if (!range_within(SIGNATURE_OFFSET, sizeof(signature), size))
        return false;
    memcpy(&signature, file + SIGNATURE_OFFSET, sizeof(signature));
    return signature == SIGNATURE;
}

/* Copies the header, as far as it says that it goes. */
static const char *read_header(struct linux_loading *load) {
    const struct linux_request *r = load->request;
    struct linux_header *h = &load->header;

    if (!linux_is_kernel(r->file, r->file_size))
        return "no Linux kernel: there is no header in the file";
    if (!range_within(LINUX_HEADER_OFFSET, sizeof(*h), r->file_size))
        return "the kernel file is cut off: it ends in the header";
    memcpy(h, r->file + LINUX_HEADER_OFFSET, sizeof(*h));
    uint32_t end = SIGNATURE_OFFSET + h->jump_distance;
    if (h->boot_flag != BOOT_FLAG || h->jump != JUMP_SHORT)
        return "the kernel file is damaged: its boot sector is no boot sector";
    if (h->version < VERSION_NEEDED)
        return "the kernel is too old: its boot protocol is older than 2.12 (Linux 3.8)";
    if (end < VERSION_END || end > LINUX_HEADER_LIMIT)
        return "the kernel file is damaged: its header is too short or too long";
    memset((uint8_t *)h + (end - LINUX_HEADER_OFFSET), 0, LINUX_HEADER_LIMIT - end);
    return NULL;
}

static const char *check_header(struct linux_loading *load) {
    const struct linux_header *h = &load->header;

    if ((h->loadflags & LINUX_LOADED_HIGH) == 0)
        return "the kernel is a zImage: only bzImages can be started";
    if ((h->xloadflags & XLF_KERNEL_64) == 0)
        return "this is a 32-bit kernel: only 64-bit ones can be started";
    load->code_offset = ((h->setup_sects ? h->setup_sects : 4u) + 1) * SECTOR;
    load->code_size = h->syssize * 16ULL;
    if (!range_within(load->code_offset, load->code_size, load->request->file_size))
        return "the kernel file is cut off: its header promises more than there is";
    if (load->code_size <= ENTRY_64)
        return "the kernel file is damaged: there is no kernel behind its header";
    return NULL;
}

/* At the preferred address, or on the next alignment from it. A relocatable kernel could be loaded
 * lower, but Linux moves itself up to the preferred address to run, so that would gain nothing. */
static const char *place_kernel(struct linux_loading *load) {
    const struct linux_header *h = &load->header;
    uint64_t align = h->relocatable_kernel ? h->kernel_alignment : 1;
    uint64_t size = h->init_size > load->code_size ? h->init_size : load->code_size;
    uint64_t at = h->pref_address;

    if (align == 0 || (align & (align - 1)) != 0)
        return "the kernel file is damaged: the alignment it asks for is no power of two";
    if (at < LINUX_HIGH && h->relocatable_kernel)
        at = LINUX_HIGH;
    if (at < LINUX_HIGH)
        return "the kernel has to be below 1 MiB, where a PC has other things";
    if (at >= ADDRESSES)
        return "the kernel file is damaged: it wants to be where no memory can be";
    load->kernel = range_round_up(at, align);
    load->kernel_end = load->kernel + size;
    return NULL;
}

/* The initial RAM disk goes as high as memory and the kernel's reach allow. */
static const char *place_initrd(struct linux_loading *load) {
    const struct linux_request *r = load->request;
    uint64_t size = r->initrd == NULL ? 0 : r->initrd_size,
             end = load->header.initrd_addr_max + 1ULL;

    if (load->kernel_end > r->ram_size || size > r->ram_size - load->kernel_end)
        return load_too_little_memory(
            r->reason, r->ram_size, size ? "kernel and initial RAM disk need" : "the kernel needs",
            range_round_up(load->kernel_end, PAGE), size);
    if (size == 0)
        return NULL;
    if (end > r->ram_size)
        end = r->ram_size;
    if (size > end || range_round_down(end - size, PAGE) < load->kernel_end)
        return "the initial RAM disk does not fit between the kernel and the end of what it "
               "reaches";
    load->initrd = range_round_down(end - size, PAGE);
    return NULL;
}

static const char *check_initrd(const struct linux_loading *load) {
    const struct linux_request *r = load->request;

    if (load->initrd == 0)
        return NULL;
    struct initrd_finding found = initrd_look(r->initrd, r->initrd_size);
    return found.cut_off == NULL
               ? NULL
               : load_cut_off_initrd(r->reason, found.cut_off, found.start, r->initrd_size);
}

/* Counts the command line up to `limit`; longer is limit + 1. */
static uint64_t length_up_to(const char *text, uint64_t limit) {
    uint64_t length = 0;

    while (text != NULL && length <= limit && text[length] != 0)
        length++;
    return length;
}

static const char *decide(struct linux_loading *load) {
    const char *error = read_header(load);

    if (error == NULL && load->request->ram_size > PC_VIRTIO_BASE)
        error = "the guest has more memory than there is room for below its devices";
    if (error == NULL)
        error = check_header(load);
    if (error == NULL)
        error = place_kernel(load);
    if (error == NULL)
        error = place_initrd(load);
    if (error == NULL)
        error = check_initrd(load);
    return error;
}

const char *linux_place(const struct linux_request *request, struct linux_entry *entry) {
    struct linux_loading load = {.request = request};
    const char *error = decide(&load);

    if (error != NULL)
        return error;
    uint64_t longest = load.header.cmdline_size;
    if (longest > LINUX_COMMAND_LINE_ROOM - 1)
        longest = LINUX_COMMAND_LINE_ROOM - 1;
    uint64_t length = length_up_to(request->command_line, longest);
    if (length > longest)
        return "the command line is longer than this kernel takes";
    memcpy(request->ram + load.kernel, request->file + load.code_offset, load.code_size);
    if (load.initrd != 0)
        memcpy(request->ram + load.initrd, request->initrd, request->initrd_size);
    linux_write_params(&load, length);
    linux_write_tables(request->ram, entry);
    entry->rip = load.kernel + ENTRY_64;
    entry->rsp = LINUX_STACK_TOP;
    entry->rsi = LINUX_ZERO_PAGE;
    return NULL;
}
