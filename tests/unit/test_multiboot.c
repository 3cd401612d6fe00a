/* Guards vmm/loaders/multiboot.c and multiboot_info.c: loading, the information structure, and
 * hostile files. */
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

static void strings_that_are_too_long_are_refused(void **state) {
    static char text[20000];

    (void)state;
    put_elf(MEGABYTE, 1, &one);
    memset(text, 'x', sizeof(text) - 1);
    g.request.command_line = text;
    refused("do not fit into 4096 bytes");
    assert_int_equal(g.ram[INFO_LOW + 4096], 0xee);
    for (unsigned length = 3800; length < 4096; length++) { /* each length around the limit */
        text[length] = 0;
        if (!multiboot_place(&g.request, &g.entry)) {
            uint32_t at = get32(g.entry.ebx + 16);
            assert_int_equal(strlen(text_at(at)), 7 + length);
            assert_true(at + 7 + length + 1 <= INFO_LOW + 4096);
        }
        assert_int_equal(g.ram[INFO_LOW + 4096], 0xee);
        text[length] = 'x';
    }
}

static void a_string_without_a_terminator_is_refused(void **state) {
    char *text = malloc(4097);

    (void)state;
    memset(text, 'x', 4097);
    put_elf(MEGABYTE, 1, &one);
    g.request.kernel_name = text;
    refused("do not fit into 4096 bytes");
    free(text);
}

static void parts_outside_memory_or_file_are_refused(void **state) {
    struct segment s = one;

    (void)state;
    s.physical_address = RAM_SIZE - 4999;
    put_elf(MEGABYTE, 1, &s);
    refused("too little memory: the guest has 4 MiB, the image needs 6 MiB; set its memory to 6M");
    s.physical_address = ~0u;
    put_elf(MEGABYTE, 1, &s);
    refused("the image needs 4098 MiB");
    s = one;
    s.memory_size = ~0u;
    put_elf(MEGABYTE, 1, &s);
    refused("the image needs 4098 MiB");
    s = one;
    s.offset = 8192 - 99;
    put_elf(MEGABYTE, 1, &s);
    refused("cut off at byte 8192: a segment ends at byte 8193;");
    s.offset = ~0u;
    put_elf(MEGABYTE, 1, &s);
    refused("cut off at byte 8192: a segment ends at byte 4294967395;"); /* no wrap */
    s = one;
    s.memory_size = 99;
    put_elf(MEGABYTE, 1, &s);
    refused("a segment of 99 bytes has 100 in the file");
}

static void an_image_that_ends_exactly_with_memory_fits(void **state) {
    struct segment s = one;

    (void)state;
    s.virtual_address = s.physical_address = RAM_SIZE - 5000;
    put_elf(RAM_SIZE - 5000, 1, &s);
    placed();
    assert_int_equal(g.ram[RAM_SIZE - 1], 0);
}

static void wrong_elf_headers_are_refused(void **state) {
    (void)state;
    put_elf(MEGABYTE + 5000, 1, &one);
    refused("the entry point 0x101388 lies outside");
    put_elf(MEGABYTE - 1, 1, &one);
    refused("the entry point 0xfffff lies outside");
    put_elf(MEGABYTE, 0, &one);
    refused("no segment to load");
    put_elf(MEGABYTE, 1, &one);
    put32(g.file + 28, 8192 - 31);
    refused("cut off at byte 8192: program header 0 is at byte 8161;");
    put32(g.file + 28, ~0u);
    refused("cut off at byte 8192: program header 0 is at byte 4294967295;");
    put_elf(MEGABYTE, 1, &one);
    g.file[42] = 31;
    refused("its program headers have 31 bytes, not 32");
    put_elf(MEGABYTE, 1, &one);
    g.file[44] = g.file[45] = 0xff; /* 65535 program headers */
    refused("program header 254 is at byte 8180;");
    put_elf(MEGABYTE, 1, &one);
    g.file[18] = 62; /* x86-64 */
    refused("type 2, machine 62, not 2 and 3");
    put_elf(MEGABYTE, 1, &one);
    g.file[16] = 3; /* shared object */
    refused("type 3, machine 3, not 2 and 3");
    put_elf(MEGABYTE, 1, &one);
    g.file[4] = 2; /* 64-bit */
    refused("not an ELF executable for x86-64: type 2, machine 3, not 2 and 62");
    g.file[4] = 3;
    refused("not an ELF file");
    memset(g.file, 0, sizeof(g.file));
    put_header(0, 0);
    g.request.file_size = 40;
    refused("not an ELF file");
}

static void wrong_header_addresses_are_refused(void **state) {
    (void)state;
    put_addresses(64, MEGABYTE, MEGABYTE + 1, 0, 0, MEGABYTE + 1);
    refused("header at byte 64 gives wrong addresses: header 0x100000, load 0x100001");
    put_addresses(64, MEGABYTE + 65, MEGABYTE, 0, 0, MEGABYTE);
    refused("header at byte 64 gives wrong addresses: header 0x100041, load 0x100000");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE - 1, 0, MEGABYTE);
    refused("load 0x100000 to 0xfffff,");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE + 8192, 0, MEGABYTE);
    refused("cut off at byte 8192: a segment ends at byte 8256;");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE + 64, MEGABYTE - 1, MEGABYTE);
    refused("bss end 0xfffff");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE + 64, MEGABYTE + 63, MEGABYTE);
    refused("a segment of 63 bytes has 64 in the file");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE + 64, ~0u, MEGABYTE);
    refused("too little memory: the guest has 4 MiB, the image needs");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE + 64, 0, MEGABYTE + 64);
    refused("entry point");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE + 64, 0, MEGABYTE - 1);
    refused("entry point");
    put_addresses(64, MEGABYTE, MEGABYTE, MEGABYTE, 0, MEGABYTE);
    refused("entry point");
    put_addresses(64, ~0u, ~0u, 0, 0, ~0u);
    refused("too little memory: the guest has 4 MiB, the image needs");
}

static void information_and_module_need_memory(void **state) {
    struct segment s = one;

    (void)state;
    g.request.initrd = g.file;
    put_elf(MEGABYTE, 1, &one);
    g.request.initrd_size = RAM_SIZE - (MEGABYTE + 0x2000);
    g.request.initrd = calloc(1, g.request.initrd_size + 1);
    placed();
    g.request.initrd_size++;
    refused("image and module need 6 MiB");
    g.request.initrd_size = ~0ULL;
    refused("image and module need 17592186044416 MiB");
    free((void *)(uintptr_t)g.request.initrd);
    g.request.initrd = NULL;
    s.virtual_address = s.physical_address = 0x1000;
    put_elf(0x1000, 1, &s);
    g.request.ram_size = INFO_LOW + 4095;
    refused("image and Multiboot information need 2 MiB");
    s.virtual_address = s.physical_address = MEGABYTE;
    s.memory_size = RAM_SIZE - MEGABYTE;
    put_elf(MEGABYTE, 1, &s);
    g.request.ram_size = RAM_SIZE;
    placed();
    struct segment both[] = {s, {1, 4096, 0x1000, 0x1000, 100, 100, 7, 4096}};
    put_elf(MEGABYTE, 2, both);
    refused("image and Multiboot information need 6 MiB");
}

/* Changes one byte after another: refused or placed, without an error of the sanitizers. */
static void damaged_files_do_no_harm(void **state) {
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

    (void)state;
    for (unsigned at = 0; at < 52 + 32; at++) {
        for (unsigned i = 0; i < sizeof(values); i++) {
            put_elf(MEGABYTE, 1, &one);
            g.file[at] = values[i];
            multiboot_place(&g.request, &g.entry);
        }
    }
    for (unsigned at = 12; at < 32; at++) {
        for (unsigned i = 0; i < sizeof(values); i++) {
            put_addresses(0, MEGABYTE, MEGABYTE, 0, 0, MEGABYTE);
            g.file[at] = values[i];
            multiboot_place(&g.request, &g.entry);
        }
    }
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
        TEST(strings_that_are_too_long_are_refused),
        TEST(a_string_without_a_terminator_is_refused),
        TEST(parts_outside_memory_or_file_are_refused),
        TEST(an_image_that_ends_exactly_with_memory_fits),
        TEST(wrong_elf_headers_are_refused),
        TEST(wrong_header_addresses_are_refused),
        TEST(information_and_module_need_memory),
        TEST(damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
