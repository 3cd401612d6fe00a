/* A guest of 8 MiB and a small kernel file, for test_linux.c and test_linux_params.c. Offsets are
 * written as numbers: they are those of the boot protocol. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/loaders/linux.h"
#include "vmm/loaders/load_reason.h"

#define MEGABYTE   0x100000u
#define RAM_SIZE   (8u * MEGABYTE)
#define SETUP_SIZE (3u * 512)
#define CODE_SIZE  4096u
#define FILE_SIZE  (SETUP_SIZE + CODE_SIZE)
#define KERNEL     (2u * MEGABYTE)
#define INIT_SIZE  MEGABYTE

/* A guest: RAM filled with EEH and a kernel file, in allocations of their exact sizes for ASan. */
struct guest {
    uint8_t *ram, *file;
    struct kernel_request request;
    struct linux_entry entry;
    char reason[LOAD_REASON_SIZE];
};

static struct guest g;

static inline void put(unsigned offset, uint64_t value, unsigned size) {
    memcpy(g.file + offset, &value, size);
}

static inline uint64_t get(uint64_t address, unsigned size) {
    uint64_t value = 0;

    assert_true(address <= RAM_SIZE - size);
    memcpy(&value, g.ram + address, size);
    return value;
}

/* The member of the zero page at this offset. */
static inline uint64_t told(unsigned offset, unsigned size) {
    return get(g.entry.rsi + offset, size);
}

/* A relocatable 64-bit bzImage of protocol 2.15. */
static inline int set_up(void **state) {
    (void)state;
    g.ram = malloc(RAM_SIZE);
    g.file = malloc(FILE_SIZE);
    memset(g.ram, 0xee, RAM_SIZE);
    for (unsigned i = 0; i < FILE_SIZE; i++)
        g.file[i] = (uint8_t)(i * 7 + (i >> 8));
    memset(g.file + 0x1f1, 0, 0x290 - 0x1f1);
    put(0x1f1, 2, 1); /* setup_sects: without the boot sector */
    put(0x1f4, CODE_SIZE / 16, 4);
    put(0x1fe, 0xaa55, 2);
    put(0x200, 0x6aeb, 2); /* a jump to 26CH */
    memcpy(g.file + 0x202, "HdrS", 4);
    put(0x206, 0x20f, 2);
    put(0x211, 1, 1); /* LOADED_HIGH */
    put(0x22c, 0x7fffffff, 4);
    put(0x230, 2 * MEGABYTE, 4);
    put(0x234, 1, 1);
    put(0x236, 1, 2); /* XLF_KERNEL_64 */
    put(0x238, 100, 4);
    put(0x258, KERNEL, 8);
    put(0x260, INIT_SIZE, 4);
    put(0x268, 0x12345678, 4); /* kernel_info_offset, which version 2.12 does not have */
    g.request = (struct kernel_request){.ram = g.ram,
                                        .ram_size = RAM_SIZE,
                                        .file = g.file,
                                        .file_size = FILE_SIZE,
                                        .command_line = "console=ttyS0",
                                        .acpi_rsdp = 0xe0010,
                                        .reason = g.reason};
    memset(&g.entry, 0, sizeof(g.entry));
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    free(g.ram);
    free(g.file);
    return 0;
}

static inline void placed(void) {
    const char *problem = linux_place(&g.request, &g.entry);

    if (problem)
        fail_msg("%s", problem);
}

static inline void refused(const char *why) {
    const char *problem = linux_place(&g.request, &g.entry);

    assert_non_null(problem);
    if (!strstr(problem, why))
        fail_msg("refused because \"%s\", not because \"%s\"", problem, why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
