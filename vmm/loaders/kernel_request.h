/* What a loader needs to place a guest's kernel. Pure. */
#pragma once
#include <stdint.h>

struct kernel_request {
    uint8_t *ram; /* the guest's memory, from guest-physical address 0 */
    uint64_t ram_size;
    const uint8_t *file;
    uint64_t file_size;
    const uint8_t *initrd; /* a Multiboot kernel gets it as its module; NULL: none */
    uint64_t initrd_size;
    const char *kernel_name, *initrd_name; /* for a Multiboot kernel; NULL: empty */
    const char *command_line;              /* NULL: empty */
    uint64_t acpi_rsdp;                    /* for Linux: guest-physical; 0: none */
    char *reason;                          /* LOAD_REASON_SIZE bytes, for a reason with numbers */
};
