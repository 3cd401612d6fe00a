/* Guards vmm/loaders/multiboot.c: images that do not fit, wrong headers and damaged files are
 * refused.
 */
#include "tests/unit/multiboot_alone.h"

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

static void put_one(void) {
    put_elf(MEGABYTE, 1, &one);
}

static void put_flat(void) {
    put_addresses(0, MEGABYTE, MEGABYTE, 0, 0, MEGABYTE);
}

static void damaged_files_do_no_harm(void **state) {
    (void)state;
    damage(0, 52 + 32, put_one);
    damage(12, 32, put_flat);
}

int main(void) {
    const struct CMUnitTest tests[] = {
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
