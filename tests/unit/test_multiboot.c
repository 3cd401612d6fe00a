/* Guards vmm/loaders/multiboot.c and multiboot_info.c: loading, and the information structure. */
#include "tests/unit/multiboot_alone.h"

static void an_elf_file_is_loaded_and_its_bss_cleared(void **state) {
    (void)state;
    put_elf(MEGABYTE + 16, 1, &one);
    placed();
    assert_int_equal(g.entry.eip, MEGABYTE + 16);
    assert_int_equal(g.entry.ebx, INFO_LOW);
    assert_memory_equal(g.ram + MEGABYTE, g.file + 4096, 100);
    assert_int_equal(g.ram[MEGABYTE - 1], 0xee);
    assert_int_equal(g.ram[MEGABYTE + 100], 0);
    assert_int_equal(g.ram[MEGABYTE + 4999], 0);
    assert_int_equal(g.ram[MEGABYTE + 5000], 0xee);
}

static void only_pt_load_segments_are_loaded(void **state) {
    const struct segment s[] = {
        {6, ~0u, ~0u, ~0u, ~0u, ~0u, 0, 0}, /* PT_PHDR with nonsense */
        {1, 4096, 0x8000, 0x8000, 16, 16, 0, 0},
        {1, 5000, 0xc0100000, 2 * MEGABYTE, 32, 64, 0, 0},
        {1, ~0u, 0, ~0u, 0, 0, 0, 0}, /* empty */
    };

    (void)state;
    put_elf(0xc0100004, 4, s);
    placed();
    assert_int_equal(g.entry.eip, 2 * MEGABYTE + 4); /* the physical address of the entry point */
    assert_memory_equal(g.ram + 0x8000, g.file + 4096, 16);
    assert_memory_equal(g.ram + 2 * MEGABYTE, g.file + 5000, 32);
}

static void addresses_in_the_header_load_a_flat_file(void **state) {
    (void)state;
    put_addresses(64, MEGABYTE + 64, MEGABYTE, MEGABYTE + 512, MEGABYTE + 1024, MEGABYTE + 128);
    g.file[511] = 0x5a;
    g.file[512] = 0x77;
    placed();
    assert_int_equal(g.entry.eip, MEGABYTE + 128);
    assert_memory_equal(g.ram + MEGABYTE, g.file, 512);
    assert_int_equal(g.ram[MEGABYTE + 512], 0);
    assert_int_equal(g.ram[MEGABYTE + 1023], 0);
    assert_int_equal(g.ram[MEGABYTE + 1024], 0xee);
}

static void without_a_load_end_the_rest_of_the_file_is_loaded(void **state) {
    (void)state;
    put_addresses(256, MEGABYTE, MEGABYTE, 0, 0, MEGABYTE + 64);
    g.file[8191] = 0x5a;
    placed();
    assert_memory_equal(g.ram + MEGABYTE, g.file + 256, 8192 - 256);
    assert_int_equal(g.ram[MEGABYTE + 8192 - 256], 0xee);
}

static void the_header_may_be_anywhere_in_the_first_8192_bytes(void **state) {
    (void)state;
    g.request.file_size = sizeof(g.file);
    put_elf(MEGABYTE, 1, &one);
    memset(g.file + 1024, 0, 12);
    refused("no Multiboot header");
    put_header(8192 - 12, 0);
    placed();
    memset(g.file + 8180, 0, 12);
    put_header(8192 - 8, 0);
    refused("no Multiboot header");
    memset(g.file + 8184, 0, 12);
    put_header(1026, 0); /* not aligned */
    refused("no Multiboot header");
}

static void a_header_with_a_wrong_checksum_is_skipped(void **state) {
    (void)state;
    put_elf(MEGABYTE, 1, &one);
    put_header(512, 0);
    g.file[520]++;
    placed();
    g.file[1032]++;
    refused("no Multiboot header");
}

static void a_header_that_is_cut_off_is_not_found(void **state) {
    (void)state;
    put_addresses(8192 - 28, MEGABYTE, MEGABYTE, 0, 0, MEGABYTE);
    refused("no Multiboot header");
    g.request.file_size = 11;
    refused("no Multiboot header");
    g.request.file = NULL;
    g.request.file_size = 0;
    refused("no Multiboot header");
}

static void required_flags_that_are_not_supported_are_refused(void **state) {
    (void)state;
    put_elf(MEGABYTE, 1, &one);
    put_header(1024, 3);
    placed();
    put_header(1024, 1u << 20); /* above 15: may be ignored */
    placed();
    put_header(1024, 0x8003);
    refused("unsupported features: flags 0x8000");
}

static void the_information_has_memory_sizes_and_a_map(void **state) {
    uint32_t info, map;

    (void)state;
    put_elf(MEGABYTE, 1, &one);
    placed();
    info = g.entry.ebx;
    assert_int_equal(get32(info), 1 << 0 | 1 << 2 | 1 << 6 | 1 << 9);
    assert_int_equal(get32(info + 4), 639);
    assert_int_equal(get32(info + 8), 3 * 1024);
    assert_int_equal(get32(info + 44), 4 * 24);
    map = get32(info + 48);
    static const uint32_t expected[4][6] = {
        {20, 0, 0, 0x9fc00, 0, 1},
        {20, 0x9fc00, 0, 0x60400, 0, 2},
        {20, MEGABYTE, 0, 3 * MEGABYTE, 0, 1},
        {20, 0xfec00000, 0, 0x1400000, 0, 2},
    };
    assert_memory_equal(g.ram + map, expected, sizeof(expected));
    assert_string_equal(text_at(get32(info + 64)), "Pinwheel");
    assert_string_equal(text_at(get32(info + 16)), "kernel a=1 b");
}

/* The request has more than RAM_SIZE; nothing there is accessed. */
static void memory_continues_behind_the_devices_below_4_gib(void **state) {
    uint32_t map;

    (void)state;
    put_elf(MEGABYTE, 1, &one);
    g.request.ram_size = 5ULL << 30;
    placed();
    assert_int_equal(get32(g.entry.ebx + 8), (0xfec00000u - MEGABYTE) / 1024);
    assert_int_equal(get32(g.entry.ebx + 44), 5 * 24);
    map = get32(g.entry.ebx + 48);
    static const uint32_t expected[3][6] = {
        {20, MEGABYTE, 0, 0xfec00000 - MEGABYTE, 0, 1},
        {20, 0xfec00000, 0, 0x1400000, 0, 2},
        {20, 0, 1, 0x40000000, 0, 1},
    };
    assert_memory_equal(g.ram + map + 48, expected, sizeof(expected));
}

static void the_module_is_on_the_first_page_behind_the_image(void **state) {
    uint8_t module[5000];
    uint32_t list, start;

    (void)state;
    memset(module, 0x42, sizeof(module));
    put_elf(MEGABYTE, 1, &one);
    g.request.initrd = module;
    g.request.initrd_size = sizeof(module);
    placed();
    assert_true(get32(g.entry.ebx) & 1 << 3);
    assert_int_equal(get32(g.entry.ebx + 20), 1);
    list = get32(g.entry.ebx + 24);
    start = get32(list);
    assert_int_equal(start, MEGABYTE + 0x2000);
    assert_int_equal(get32(list + 4), start + sizeof(module));
    assert_string_equal(text_at(get32(list + 8)), "initrd");
    assert_int_equal(get32(list + 12), 0);
    assert_memory_equal(g.ram + start, module, sizeof(module));
    assert_int_equal(g.ram[start + sizeof(module)], 0xee);
}

static void the_module_of_an_image_in_low_memory_is_at_1_mib(void **state) {
    const struct segment low = {1, 4096, 0x10000, 0x10000, 100, 100, 7, 4096};

    (void)state;
    put_elf(0x10000, 1, &low);
    g.request.initrd = g.file;
    g.request.initrd_size = 64;
    placed();
    assert_int_equal(get32(get32(g.entry.ebx + 24)), MEGABYTE);
}

static void the_information_does_not_overlap_the_image(void **state) {
    const struct segment over = {1, 4096, INFO_LOW + 0xfff, INFO_LOW + 0xfff, 100, 100, 7, 1};
    const struct segment below = {1, 4096, INFO_LOW - 4196, INFO_LOW - 4196, 100, 100, 7, 1};
    const struct segment around[] = {{1, 4096, 0x1000, 0x1000, 16, 16, 7, 1}, one};
    const struct segment downwards[] = {one, around[0]};

    (void)state;
    g.request.initrd = g.file;
    g.request.initrd_size = 64;
    put_elf(over.virtual_address, 1, &over);
    placed();
    assert_int_equal(g.entry.ebx, MEGABYTE + 0x1000); /* behind the stack */
    assert_int_equal(get32(get32(g.entry.ebx + 24)), MEGABYTE + 0x2000);
    assert_memory_equal(g.ram + over.physical_address, g.file + 4096, 100);
    put_elf(below.virtual_address, 1, &below);
    placed();
    assert_int_equal(g.entry.ebx, INFO_LOW);
    assert_memory_equal(g.ram + below.physical_address, g.file + 4096, 100);
    put_elf(0x1000, 2, around);
    placed();
    assert_int_equal(g.entry.ebx, MEGABYTE + 0x3000);
    put_elf(0x1000, 2, downwards);
    placed();
    assert_int_equal(g.entry.ebx, MEGABYTE + 0x3000);
}

static void strings_may_be_missing(void **state) {
    (void)state;
    put_elf(MEGABYTE, 1, &one);
    g.request.kernel_name = NULL;
    placed();
    assert_string_equal(text_at(get32(g.entry.ebx + 16)), "a=1 b");
    g.request.command_line = NULL;
    placed();
    assert_string_equal(text_at(get32(g.entry.ebx + 16)), "");
    g.request.kernel_name = "k";
    g.request.command_line = "";
    placed();
    assert_string_equal(text_at(get32(g.entry.ebx + 16)), "k");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_elf_file_is_loaded_and_its_bss_cleared),
        TEST(only_pt_load_segments_are_loaded),
        TEST(addresses_in_the_header_load_a_flat_file),
        TEST(without_a_load_end_the_rest_of_the_file_is_loaded),
        TEST(the_header_may_be_anywhere_in_the_first_8192_bytes),
        TEST(a_header_with_a_wrong_checksum_is_skipped),
        TEST(a_header_that_is_cut_off_is_not_found),
        TEST(required_flags_that_are_not_supported_are_refused),
        TEST(the_information_has_memory_sizes_and_a_map),
        TEST(memory_continues_behind_the_devices_below_4_gib),
        TEST(the_module_is_on_the_first_page_behind_the_image),
        TEST(the_module_of_an_image_in_low_memory_is_at_1_mib),
        TEST(the_information_does_not_overlap_the_image),
        TEST(strings_may_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
