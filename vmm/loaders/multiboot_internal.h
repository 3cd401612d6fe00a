/* Shared by multiboot.c and multiboot_info.c: the layout of memory. Addresses are guest-physical.
 * Pure. */
#pragma once
#include "vmm/loaders/multiboot.h"

#define MULTIBOOT_PAGE     0x1000ULL
#define MULTIBOOT_LOW_END  0xa0000ULL  /* 640 KiB: the end of low memory */
#define MULTIBOOT_HIGH     0x100000ULL /* 1 MiB: memory continues here */
#define MULTIBOOT_INFO_LOW 0x9e000ULL

/* A range of addresses; empty if end <= start. */
struct multiboot_range {
    uint64_t start, end;
};

/* Writes the information to the page at `address`, which must be free and in RAM. module: ignored
 * if the request has none. Returns NULL, or what is wrong in words. */
const char *multiboot_write_info(const struct multiboot_request *request, uint64_t address,
                                 struct multiboot_range module);
