/* Guards vmm/loaders/linux_params.c: the zero page, the command line, and the state at entry. */
#include "tests/unit/linux_file.h"

static void the_entry_state_is_that_of_the_boot_protocol(void **state) {
    (void)state;
    placed();
    assert_int_equal(g.entry.code_selector, 0x10);
    assert_int_equal(g.entry.data_selector, 0x18);
    assert_int_equal(g.entry.gdt_limit, 31);
    assert_int_equal(get(g.entry.gdt_base, 8), 0);
    assert_true(get(g.entry.gdt_base + 16, 8) == 0x00af9b000000ffff);
    assert_true(get(g.entry.gdt_base + 24, 8) == 0x00cf93000000ffff);
    assert_int_equal(g.entry.rsp % 16, 0);
    assert_true(g.entry.rsp > g.entry.cr3 + 6 * 4096 || g.entry.rsp <= g.entry.gdt_base);
}

static void the_first_4_gib_are_identity_mapped(void **state) {
    (void)state;
    placed();
    assert_int_equal(g.entry.cr3 % 4096, 0);
    assert_int_equal(get(g.entry.cr3, 8) & 0xfff, 3);
    uint64_t pdpt = get(g.entry.cr3, 8) & ~0xfffULL;
    for (uint64_t at = 0; at < 1ULL << 32; at += 2 * MEGABYTE) {
        uint64_t entry = get(pdpt + (at >> 30) * 8, 8);
        assert_int_equal(entry & 0xfff, 3);
        assert_true(get((entry & ~0xfffULL) + ((at >> 21) & 511) * 8, 8) == (at | 0x83));
    }
    for (unsigned i = 1; i < 512; i++)
        assert_int_equal(get(g.entry.cr3 + 8 * i, 8), 0);
    for (unsigned i = 4; i < 512; i++)
        assert_int_equal(get(pdpt + 8 * i, 8), 0);
}

/* The loader overwrites the members that the protocol leaves to it and keeps the others. */
static void the_zero_page_has_the_header_with_the_loaders_values(void **state) {
    (void)state;
    put(0x1f2, 1, 2);
    put(0x1fa, 0x1234, 2);
    put(0x211, 0xff, 1);
    put(0x210, 0x77, 1);
    for (unsigned i = 0x218; i < 0x22c; i++)
        g.file[i] = 0x99;
    put(0x23c, UINT64_MAX, 4);
    put(0x240, UINT64_MAX, 8);
    put(0x250, UINT64_MAX, 8);
    placed();
    assert_int_equal(told(0x1f1, 1), 2);
    assert_int_equal(told(0x1f2, 2), 1);
    assert_int_equal(told(0x1fa, 2), 0xffff);
    assert_int_equal(told(0x206, 2), 0x20f);
    assert_int_equal(told(0x210, 1), 0xff);
    assert_int_equal(told(0x211, 1), 1);
    assert_int_equal(told(0x218, 8), 0); /* no initial RAM disk */
    assert_int_equal(told(0x224, 4), 0);
    assert_int_equal(told(0x23c, 4), 0);
    assert_int_equal(told(0x240, 8), 0);
    assert_int_equal(told(0x250, 8), 0);
    assert_int_equal(told(0x258, 8), KERNEL);
    assert_int_equal(told(0x268, 4), 0x12345678); /* of a later version: kept */
    assert_int_equal(told(0x26c, 4), 0);
    assert_int_equal(told(0x070, 8), 0xe0010);
    for (unsigned i = 0; i < 0x1f1; i++) /* no sentinel, no screen */
        assert_true((i >= 0x70 && i < 0x78) || i == 0x1e8 || told(i, 1) == 0);
}

static void members_that_version_2_12_does_not_have_are_zero(void **state) {
    (void)state;
    put(0x201, 0x66, 1);
    put(0x206, 0x20c, 2);
    placed();
    assert_int_equal(told(0x264, 4), 0);
    assert_int_equal(told(0x268, 4), 0); /* code, not header */
}

static void the_memory_map_has_low_memory_bios_and_ram(void **state) {
    static const uint64_t expected[][2] = {
        {0, 0x9fc00}, {0x9fc00, 0x400}, {0xe0000, 0x20000}, {MEGABYTE, 0xc0000000ULL - MEGABYTE}};
    static const uint32_t type[] = {1, 2, 2, 1};

    (void)state;
    g.request.ram_size = 0xc0000000; /* more than is allocated; nothing there is accessed */
    placed();
    assert_int_equal(told(0x1e8, 1), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(told(0x2d0 + 20 * i, 8) == expected[i][0]);
        assert_true(told(0x2d8 + 20 * i, 8) == expected[i][1]);
        assert_int_equal(told(0x2e0 + 20 * i, 4), type[i]);
    }
    assert_int_equal(told(0x2d0 + 20 * 4, 8), 0);
    g.request.ram_size = 0xfeb00001;
    refused("too much memory: the guest has 4075 MiB; set its memory to 4074M or less");
}

static void a_command_line_up_to_the_kernels_limit_is_copied(void **state) {
    char line[102] = "";

    (void)state;
    placed();
    assert_string_equal((char *)g.ram + told(0x228, 4), "console=ttyS0");
    g.request.command_line = NULL;
    placed();
    assert_string_equal((char *)g.ram + told(0x228, 4), "");
    memset(line, 'x', 100);
    g.request.command_line = line;
    placed();
    assert_string_equal((char *)g.ram + told(0x228, 4), line);
    line[100] = 'x';
    refused("limit of 100 bytes;");
    put(0x238, 0, 4);
    refused("limit of 0 bytes;");
    g.request.command_line = "";
    placed();
}

static void a_command_line_without_a_terminator_is_refused(void **state) {
    char *line = malloc(0x10000);

    (void)state;
    memset(line, 'x', 0x10000);
    g.request.command_line = line;
    put(0x238, 0xffffffff, 4);
    refused("limit of 65535 bytes;");
    line[0xffff] = 0;
    placed();
    assert_int_equal(strlen((char *)g.ram + told(0x228, 4)), 0xffff);
    assert_int_equal(g.ram[told(0x228, 4) + 0x10000], 0xee);
    free(line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_entry_state_is_that_of_the_boot_protocol),
        TEST(the_first_4_gib_are_identity_mapped),
        TEST(the_zero_page_has_the_header_with_the_loaders_values),
        TEST(members_that_version_2_12_does_not_have_are_zero),
        TEST(the_memory_map_has_low_memory_bios_and_ram),
        TEST(a_command_line_up_to_the_kernels_limit_is_copied),
        TEST(a_command_line_without_a_terminator_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
