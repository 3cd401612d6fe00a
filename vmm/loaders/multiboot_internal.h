/* Shared by multiboot.c, multiboot_elf.c and multiboot_info.c: the layout of memory, and the
 * segments of an image. Addresses are guest-physical. Pure. */
#pragma once
#include <stdbool.h>

#include "vmm/loaders/multiboot.h"

#define MULTIBOOT_PAGE      0x1000ULL
#define MULTIBOOT_LOW_END   0xa0000ULL  /* 640 KiB: the end of low memory */
#define MULTIBOOT_HIGH      0x100000ULL /* 1 MiB: memory continues here */
#define MULTIBOOT_STACK_LOW 0x9d000ULL  /* one page, and then the page of the information */
#define MULTIBOOT_INFO_LOW  0x9e000ULL

/* A range of addresses; empty if end <= start. */
struct multiboot_range {
    uint64_t start, end;
};

/* The file, and the range of memory that its loaded parts occupy. */
struct multiboot_loading {
    const struct kernel_request *request;
    struct multiboot_range image;
    uint64_t segment_bytes; /* of memory, in all segments loaded so far */
    uint64_t entry;
    bool entry_found; /* the entry point lies in a segment; `entry` is its physical address */
};

struct multiboot_segment {
    uint64_t address, memory_size;
    uint64_t offset, file_size; /* in the file */
};

/* Copies a segment from the file to memory and clears the rest of its memory_size bytes. All
 * segments together write no more bytes than the guest has memory. Returns NULL, or what is wrong
 * in words. */
const char *multiboot_load_segment(struct multiboot_loading *load,
                                   const struct multiboot_segment *segment);

/* Loads the segments of an ELF file, and finds its entry point. The same result. */
const char *multiboot_load_elf(struct multiboot_loading *load);

/* Writes the information to the page at `address`, which must be free and in RAM. module: ignored
 * if the request has none. Returns NULL, or what is wrong in words. */
const char *multiboot_write_info(const struct kernel_request *request, uint64_t address,
                                 struct multiboot_range module);
