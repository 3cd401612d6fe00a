/* Shared by linux.c and linux_params.c: the layout of low memory, the header, and where the kernel
 * goes. Addresses are guest-physical. Pure. Read next: linux_params.c. */
#pragma once
#include <stddef.h>

#include "vmm/loaders/linux.h"

/* Below 640 KiB: the kernel writes nothing there before it has read all of this. */
#define LINUX_ZERO_PAGE         0x10000ULL
#define LINUX_GDT               0x11000ULL
#define LINUX_PAGE_TABLES       0x12000ULL /* 6 pages */
#define LINUX_STACK_TOP         0x20000ULL /* only for the first instructions */
#define LINUX_COMMAND_LINE      0x20000ULL
#define LINUX_COMMAND_LINE_ROOM 0x10000ULL
#define LINUX_HIGH              0x100000ULL /* 1 MiB: kernel and initial RAM disk are at or above */

/* boot.rst, "The Real-Mode Kernel Header", version 2.12. It has the same offset in the file and in
 * the zero page. */
#define LINUX_HEADER_OFFSET 0x1f1u
#define LINUX_HEADER_LIMIT  0x290u /* other members of the zero page follow */

struct linux_header {
    uint8_t setup_sects;
    uint16_t root_flags;
    uint32_t syssize;
    uint16_t ram_size, vid_mode, root_dev, boot_flag;
    uint8_t jump, jump_distance; /* a short jump over the rest of the header: gives its size */
    uint32_t signature;
    uint16_t version;
    uint32_t realmode_switch;
    uint16_t start_sys_seg, kernel_version;
    uint8_t type_of_loader, loadflags;
    uint16_t setup_move_size;
    uint32_t code32_start;
    uint32_t ramdisk_image, ramdisk_size;
    uint32_t bootsect_kludge;
    uint16_t heap_end_ptr;
    uint8_t ext_loader_ver, ext_loader_type;
    uint32_t cmd_line_ptr;
    uint32_t initrd_addr_max;
    uint32_t kernel_alignment;
    uint8_t relocatable_kernel, min_alignment;
    uint16_t xloadflags;
    uint32_t cmdline_size;
    uint32_t hardware_subarch;
    uint64_t hardware_subarch_data;
    uint32_t payload_offset, payload_length;
    uint64_t setup_data;
    uint64_t pref_address;
    uint32_t init_size;
    uint32_t handover_offset;
    uint8_t later[LINUX_HEADER_LIMIT - 0x268]; /* of later versions */
} __attribute__((packed));

#define LINUX_HEADER_AT(member, offset)                                                            \
    _Static_assert(LINUX_HEADER_OFFSET + offsetof(struct linux_header, member) == (offset),        \
                   "Linux x86 boot protocol: " #member)
LINUX_HEADER_AT(jump, 0x200);
LINUX_HEADER_AT(signature, 0x202);
LINUX_HEADER_AT(type_of_loader, 0x210);
LINUX_HEADER_AT(ramdisk_image, 0x218);
LINUX_HEADER_AT(cmd_line_ptr, 0x228);
LINUX_HEADER_AT(xloadflags, 0x236);
LINUX_HEADER_AT(setup_data, 0x250);
LINUX_HEADER_AT(init_size, 0x260);
LINUX_HEADER_AT(later, 0x268);
_Static_assert(LINUX_HEADER_OFFSET + sizeof(struct linux_header) == LINUX_HEADER_LIMIT,
               "Linux x86 boot protocol: room for the header");

#define LINUX_LOADED_HIGH (1u << 0) /* loadflags: a bzImage */

/* What is being loaded. */
struct linux_loading {
    const struct kernel_request *request;
    struct linux_header header;      /* a copy; what this version does not have is 0 */
    uint64_t code_offset, code_size; /* the protected-mode kernel in the file */
    uint64_t kernel, kernel_end;     /* the memory that it uses before it manages memory itself */
    uint64_t initrd;                 /* 0: none */
    uint64_t command_line_length;
};

/* Write to low memory: the zero page and the command line; the page tables and the GDT, and where
 * they are to *entry. The guest must have at least 1 MiB of memory, and command_line_length must be
 * less than LINUX_COMMAND_LINE_ROOM. */
void linux_write_params(const struct linux_loading *load);
void linux_write_tables(uint8_t *ram, struct linux_entry *entry);
