/* Guards vmm/loaders/multiboot.c and multiboot_elf.c: what kernels rely on beside the letter of the
 * specification, and that hostile segments cost no more than their file and the guest's memory. */
#include "tests/unit/multiboot_alone.h"

/* ---- the work is bounded ---- */

#define COUNT 30u /* their headers fit between the ELF header and the Multiboot header */

/* Loading would write more than the guest has memory, over and over. */
static void segments_that_overlap_are_refused(void **state) {
    static struct segment s[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        s[i] = (struct segment){1, 4096, MEGABYTE, MEGABYTE, 0, RAM_SIZE - MEGABYTE, 7, 1};
    put_elf(MEGABYTE, COUNT, s);
    refused("its segments overlap");
}

/* They fill the memory, all but what the rest needs, and none twice. */
static void segments_side_by_side_are_loaded(void **state) {
    static struct segment s[COUNT];
    const uint32_t size = 0x18000;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t at = MEGABYTE + i * size;
        s[i] = (struct segment){1, 5000, at, at, 16, size, 7, 1};
    }
    put_elf(MEGABYTE, COUNT, s);
    placed();
    assert_memory_equal(g.ram + MEGABYTE + (COUNT - 1) * size, g.file + 5000, 16);
}

static void an_image_over_the_acpi_tables_is_refused(void **state) {
    static const struct {
        uint32_t address, size;
        bool refused;
    } cases[] = {
        {0xe0000, 100, true},     {0xa0000, 1, true},           {0xfffff, 1, true},
        {0x9ffff, 2, true},       {0x1000, RAM_SIZE / 2, true}, {0x90000, 0x70001, true},
        {0x90000, 0xd000, false}, {0x9f000, 0x1000, false},     {MEGABYTE, 4096, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct segment s = one;

        s.virtual_address = s.physical_address = cases[i].address;
        s.memory_size = cases[i].size;
        s.file_size = 1;
        put_elf(cases[i].address, 1, &s);
        memset(g.ram + 0xa0000, 0xee, 0x60000);
        if (!cases[i].refused) {
            placed();
            continue;
        }
        refused("meets 0xa0000 to 0xfffff");
        for (unsigned at = 0xa0000; at < MEGABYTE; at++)
            assert_int_equal(g.ram[at], 0xee);
    }
    put_addresses(64, 0xe0000, 0xe0000, 0xe0000 + 512, 0, 0xe0000);
    refused("meets 0xa0000 to 0xfffff");
}

/* ---- the entry point ---- */

/* xv6 and JOS: linked to high addresses, with the physical address of the entry point. */
static void an_entry_point_may_be_a_physical_address(void **state) {
    const struct segment high[] = {
        {1, 4096, 0x80100000, MEGABYTE, 100, 5000, 7, 4096},
        {1, 5000, 0x80102000, MEGABYTE + 0x2000, 100, 100, 7, 4096},
    };

    (void)state;
    put_elf(MEGABYTE + 0x2004, 2, high);
    placed();
    assert_int_equal(g.entry.eip, MEGABYTE + 0x2004);
    put_elf(0x80102004, 2, high);
    placed();
    assert_int_equal(g.entry.eip, MEGABYTE + 0x2004);
    put_elf(MEGABYTE + 5000, 2, high);
    refused("the entry point 0x101388 lies outside");
    put_elf(0x80102064, 2, high);
    refused("the entry point 0x80102064 lies outside");
}

/* By the System V ABI it is a virtual address: that of a later segment, too, counts first. */
static void a_virtual_address_comes_before_a_physical_one(void **state) {
    const struct segment crossed[] = {
        {1, 4096, 2 * MEGABYTE, MEGABYTE, 100, 100, 7, 4096},
        {1, 5000, MEGABYTE, 2 * MEGABYTE, 100, 100, 7, 4096},
    };

    (void)state;
    put_elf(MEGABYTE + 4, 2, crossed);
    placed();
    assert_int_equal(g.entry.eip, 2 * MEGABYTE + 4);
}

/* ---- ELF64 ---- */

struct segment64 {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size, align;
};

static void put64(uint8_t *at, uint64_t value) {
    memcpy(at, &value, 8);
}

static void put_elf64(uint64_t entry, unsigned count, const struct segment64 *segments) {
    static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    put_elf(0, 0, &one);
    memcpy(g.file, ident, sizeof(ident));
    g.file[18] = 62; /* x86-64 */
    put64(g.file + 24, entry);
    put64(g.file + 32, 64);
    g.file[42] = 0;
    g.file[54] = sizeof(*segments);
    g.file[56] = (uint8_t)count;
    memcpy(g.file + 64, segments, count * sizeof(*segments));
}

static const struct segment64 high64 = {1, 7, 4096, 0xffffffff80100000, MEGABYTE, 100, 5000, 4096};

static void an_elf64_file_is_loaded(void **state) {
    (void)state;
    put_elf64(0xffffffff80100010, 1, &high64);
    placed();
    assert_int_equal(g.entry.eip, MEGABYTE + 16);
    assert_memory_equal(g.ram + MEGABYTE, g.file + 4096, 100);
    assert_int_equal(g.ram[MEGABYTE + 100], 0);
    assert_int_equal(g.ram[MEGABYTE + 4999], 0);
    assert_int_equal(g.ram[MEGABYTE + 5000], 0xee);
    put_elf64(MEGABYTE + 16, 1, &high64);
    placed();
    assert_int_equal(g.entry.eip, MEGABYTE + 16);
}

static void wrong_elf64_files_are_refused(void **state) {
    struct segment64 s = high64;

    (void)state;
    put_elf64(MEGABYTE - 1, 1, &high64);
    refused("the entry point 0xfffff lies outside");
    put_elf64(MEGABYTE, 1, &high64);
    g.file[18] = 183; /* AArch64 */
    refused("not an ELF executable for x86-64: type 2, machine 183, not 2 and 62");
    put_elf64(MEGABYTE, 1, &high64);
    g.file[54] = 55;
    refused("its program headers have 55 bytes, not 56");
    put_elf64(MEGABYTE, 1, &high64);
    put64(g.file + 32, ~0ULL);
    refused("program header 0 is at byte 18446744073709551615;");
    put_elf64(MEGABYTE, 1, &high64);
    put64(g.file + 32, ~0ULL - 100); /* the second one's offset wraps */
    g.file[56] = 2;
    refused("cut off at byte 8192");
    s.physical_address = ~0ULL;
    put_elf64(MEGABYTE, 1, &s);
    refused("the image needs");
    s = high64;
    s.offset = ~0ULL;
    put_elf64(MEGABYTE, 1, &s);
    refused("cut off at byte 8192: a segment");
    s = high64;
    s.memory_size = ~0ULL;
    put_elf64(MEGABYTE, 1, &s);
    refused("the image needs");
    put_header(48, 0);
    g.request.file_size = 60; /* cut off within the ELF64 header */
    refused("not an ELF file");
}

static void put_high64(void) {
    put_elf64(MEGABYTE, 1, &high64);
}

static void damaged_elf64_files_do_no_harm(void **state) {
    (void)state;
    damage(0, 64 + 56, put_high64);
}

/* ---- what a kernel asks for and does not need ---- */

static void a_video_mode_is_not_set_and_the_user_is_warned(void **state) {
    (void)state;
    put_elf(MEGABYTE, 1, &one);
    placed();
    assert_null(g.entry.warning);
    put_header(1024, 4);
    placed();
    assert_non_null(strstr(g.entry.warning, "a video mode (Multiboot flag 2)"));
    assert_int_equal(get32(g.entry.ebx) & 0x1800, 0); /* no VBE, no framebuffer information */
    put_header(1024, 0xc);
    refused("unsupported features: flags 0x8");
    put_addresses(64, MEGABYTE + 64, MEGABYTE, 0, 0, MEGABYTE);
    put_header(64, 1u << 16 | 4); /* 1 MiB is the header's address, and so on */
    placed();
    assert_non_null(g.entry.warning);
}

static bool is_free(uint32_t start, uint32_t end, const struct segment *s) {
    return end <= s->physical_address || start >= s->physical_address + s->memory_size;
}

/* Kernels push before they have a stack of their own. */
static void the_stack_pointer_is_in_free_memory(void **state) {
    static const struct {
        uint32_t address, size;
    } images[] = {{MEGABYTE, 5000},  {0x1000, 0x9c000}, {0x1000, 0x9c001},
                  {0x9dfff, 1},      {0x9e000, 1},      {0x9efff, 1},
                  {0x9f000, 0x1000}, {0x1000, 0x9f000}, {2 * MEGABYTE, 4096}};
    uint8_t module[5000];

    (void)state;
    memset(module, 0x42, sizeof(module));
    g.request.initrd = module;
    g.request.initrd_size = sizeof(module);
    for (unsigned i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        struct segment s = one;

        s.virtual_address = s.physical_address = images[i].address;
        s.memory_size = images[i].size;
        s.file_size = 1;
        put_elf(images[i].address, 1, &s);
        placed();
        uint32_t esp = g.entry.esp, start = get32(get32(g.entry.ebx + 24));
        assert_int_equal(esp & 0xfff, 0);
        assert_true(esp >= 0x2000 && esp <= RAM_SIZE);
        assert_true(esp <= 0x9f000 || esp >= MEGABYTE + 4096);
        assert_true(is_free(esp - 4096, esp, &s)); /* the stack, and the information */
        assert_true(is_free(g.entry.ebx, g.entry.ebx + 4096, &s));
        assert_true(g.entry.ebx >= esp || g.entry.ebx + 4096 <= esp - 4096);
        assert_true(start >= esp || start + sizeof(module) <= esp - 4096);
        assert_memory_equal(g.ram + start, module, sizeof(module));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(segments_that_overlap_are_refused),
        TEST(segments_side_by_side_are_loaded),
        TEST(an_image_over_the_acpi_tables_is_refused),
        TEST(an_entry_point_may_be_a_physical_address),
        TEST(a_virtual_address_comes_before_a_physical_one),
        TEST(an_elf64_file_is_loaded),
        TEST(wrong_elf64_files_are_refused),
        TEST(damaged_elf64_files_do_no_harm),
        TEST(a_video_mode_is_not_set_and_the_user_is_warned),
        TEST(the_stack_pointer_is_in_free_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
