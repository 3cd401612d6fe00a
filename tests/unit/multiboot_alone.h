/* A Multiboot image and the guest that it is loaded into, for tests of vmm/loaders/multiboot.h. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/loaders/load_reason.h"
#include "vmm/loaders/multiboot.h"

#define MEGABYTE 0x100000u
#define RAM_SIZE (4u * MEGABYTE)
#define INFO_LOW 0x9e000u

/* A guest: RAM filled with EEH, in an allocation of its exact size for ASan, and a file. */
struct guest {
    uint8_t *ram;
    uint8_t file[16384];
    struct kernel_request request;
    struct multiboot_entry entry;
    char reason[LOAD_REASON_SIZE];
};

static struct guest g;

static inline int set_up(void **state) {
    (void)state;
    memset(&g, 0, sizeof(g));
    g.ram = malloc(RAM_SIZE);
    memset(g.ram, 0xee, RAM_SIZE);
    g.request = (struct kernel_request){.ram = g.ram,
                                        .ram_size = RAM_SIZE,
                                        .file = g.file,
                                        .file_size = 8192,
                                        .kernel_name = "kernel",
                                        .initrd_name = "initrd",
                                        .command_line = "a=1 b",
                                        .reason = g.reason};
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    free(g.ram);
    return 0;
}

static inline void put32(uint8_t *at, uint32_t value) {
    memcpy(at, &value, 4);
}

static inline uint32_t get32(uint32_t address) {
    uint32_t value;

    assert_true(address <= RAM_SIZE - 4);
    memcpy(&value, g.ram + address, 4);
    return value;
}

static inline const char *text_at(uint32_t address) {
    assert_true(address < RAM_SIZE);
    return (const char *)g.ram + address;
}

static inline void put_header(unsigned offset, uint32_t flags) {
    put32(g.file + offset, 0x1badb002);
    put32(g.file + offset + 4, flags);
    put32(g.file + offset + 8, 0u - 0x1badb002 - flags);
}

/* The a.out kludge: five addresses behind the header. */
static inline void put_addresses(unsigned offset, uint32_t header, uint32_t load, uint32_t load_end,
                                 uint32_t bss_end, uint32_t entry) {
    put_header(offset, 1u << 16 | 3);
    put32(g.file + offset + 12, header);
    put32(g.file + offset + 16, load);
    put32(g.file + offset + 20, load_end);
    put32(g.file + offset + 24, bss_end);
    put32(g.file + offset + 28, entry);
}

struct segment {
    uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags, align;
};

/* An ELF32 file with its program headers at 52 and a Multiboot header at 1024. */
static inline void put_elf(uint32_t entry, unsigned count, const struct segment *segments) {
    static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F', 1, 1, 1};

    memset(g.file, 0, sizeof(g.file));
    for (unsigned i = 2048; i < sizeof(g.file); i++) {
        g.file[i] = (uint8_t)(i * 7);
    }
    memcpy(g.file, ident, sizeof(ident));
    g.file[16] = 2; /* executable */
    g.file[18] = 3; /* 386 */
    put32(g.file + 24, entry);
    put32(g.file + 28, 52);
    g.file[42] = 32;
    g.file[44] = (uint8_t)count;
    memcpy(g.file + 52, segments, count * sizeof(*segments));
    put_header(1024, 0);
}

static const struct segment one
    __attribute__((unused)) = {1, 4096, MEGABYTE, MEGABYTE, 100, 5000, 7, 4096};

static inline void placed(void) {
    const char *problem = multiboot_place(&g.request, &g.entry);

    if (problem) {
        fail_msg("%s", problem);
    }
}

static inline void refused(const char *why) {
    const char *problem = multiboot_place(&g.request, &g.entry);

    assert_non_null(problem);
    if (!strstr(problem, why)) {
        fail_msg("refused because \"%s\", not because \"%s\"", problem, why);
    }
}

/* Changes the bytes [from, to) of the file that `make` writes, one after another: it is refused or
 * placed, without an error of the sanitizers. */
static inline void damage(unsigned from, unsigned to, void (*make)(void)) {
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

    for (unsigned at = from; at < to; at++) {
        for (unsigned i = 0; i < sizeof(values); i++) {
            make();
            g.file[at] = values[i];
            multiboot_place(&g.request, &g.entry);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
