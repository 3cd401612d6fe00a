/* Guards vmm/loaders/linux.c: the header's checks, where things go, and hostile files. */
#include "tests/unit/linux_file.h"

/* The same file, shorter; a byte too much that is read is seen by ASan. */
static void cut_to(uint64_t size) {
    uint8_t *file = malloc(size);

    memcpy(file, g.file, size);
    free(g.file);
    g.file = file;
    g.request.file = file;
    g.request.file_size = size;
}

static void the_kernel_is_where_it_prefers_to_be(void **state) {
    (void)state;
    placed();
    assert_int_equal(g.entry.rip, KERNEL + 0x200);
    assert_memory_equal(g.ram + KERNEL, g.file + SETUP_SIZE, CODE_SIZE);
    assert_int_equal(g.ram[KERNEL - 1], 0xee);
    assert_int_equal(g.ram[KERNEL + CODE_SIZE], 0xee);
    assert_int_equal(told(0x214, 4), KERNEL);
}

static void no_setup_sectors_means_four(void **state) {
    (void)state;
    put(0x1f1, 0, 1);
    put(0x1f4, (FILE_SIZE - 5 * 512) / 16, 4);
    placed();
    assert_memory_equal(g.ram + KERNEL, g.file + 5 * 512, FILE_SIZE - 5 * 512);
}

static void signatures_behind_the_kernel_are_left_out(void **state) {
    (void)state;
    put(0x1f4, 0x220 / 16, 4);
    placed();
    assert_memory_equal(g.ram + KERNEL, g.file + SETUP_SIZE, 0x220);
    assert_int_equal(g.ram[KERNEL + 0x220], 0xee);
}

static void alignment_of_a_relocatable_kernel(void **state) {
    (void)state;
    put(0x258, KERNEL + 1, 8);
    placed();
    assert_int_equal(g.entry.rip, 2 * KERNEL + 0x200);
    put(0x258, 0, 8); /* no preference */
    placed();
    assert_int_equal(g.entry.rip, KERNEL + 0x200);
    put(0x230, 0, 4);
    refused("no power of two");
    put(0x230, 3, 4);
    refused("no power of two");
    put(0x230, 1u << 31, 4);
    refused("too little memory");
}

static void a_kernel_that_cannot_move(void **state) {
    (void)state;
    put(0x234, 0, 1);
    put(0x230, 0, 4); /* no alignment, then */
    put(0x258, KERNEL + 0x10, 8);
    placed();
    assert_int_equal(g.entry.rip, KERNEL + 0x210);
    put(0x258, MEGABYTE, 8);
    placed();
    put(0x258, MEGABYTE - 1, 8);
    refused("below 1 MiB");
    put(0x258, 0, 8);
    refused("below 1 MiB");
}

static void memory_that_the_kernel_needs(void **state) {
    (void)state;
    put(0x260, RAM_SIZE - KERNEL, 4);
    placed();
    put(0x260, RAM_SIZE - KERNEL + 1, 4);
    refused("too little memory");
    put(0x260, 0xffffffff, 4);
    refused("too little memory");
    put(0x260, 0, 4); /* what is in the file counts at least */
    g.request.ram_size = KERNEL + CODE_SIZE;
    placed();
    g.request.ram_size = KERNEL + CODE_SIZE - 1;
    refused("too little memory: the guest has 2 MiB, the kernel needs 4 MiB");
    g.request.ram_size = 0;
    refused("too little memory");
}

static void preferred_addresses_that_wrap(void **state) {
    static const uint64_t far[] = {RAM_SIZE,           RAM_SIZE + 1,        1ULL << 32,
                                   UINT64_MAX - 0xfff, UINT64_MAX,          1ULL << 63,
                                   UINT64_MAX << 21,   0ULL - KERNEL - 0x10};

    (void)state;
    for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        put(0x258, far[i], 8);
        put(0x234, 1, 1);
        refused(far[i] < 1ULL << 52 ? "too little memory" : "where no memory can be");
        put(0x234, 0, 1);
        refused(far[i] < 1ULL << 52 ? "too little memory" : "where no memory can be");
    }
}

static void the_initrd_is_as_high_as_it_can_be(void **state) {
    uint8_t initrd[5000];

    (void)state;
    memset(initrd, 0x42, sizeof(initrd));
    g.request.initrd = initrd;
    g.request.initrd_size = sizeof(initrd);
    placed();
    assert_int_equal(told(0x218, 4), RAM_SIZE - 0x2000);
    assert_int_equal(told(0x21c, 4), sizeof(initrd));
    assert_memory_equal(g.ram + RAM_SIZE - 0x2000, initrd, sizeof(initrd));
    assert_int_equal(g.ram[RAM_SIZE - 0x2001], 0xee);
    assert_int_equal(g.ram[RAM_SIZE - 0x2000 + sizeof(initrd)], 0xee);
    put(0x22c, 6 * MEGABYTE - 1, 4); /* the last byte that it may have */
    placed();
    assert_int_equal(told(0x218, 4), 6 * MEGABYTE - 0x2000);
    put(0x22c, 6 * MEGABYTE + 4999, 4);
    placed();
    assert_int_equal(told(0x218, 4), 6 * MEGABYTE);
    put(0x22c, 0xffffffff, 4);
    placed();
    assert_int_equal(told(0x218, 4), RAM_SIZE - 0x2000);
    g.request.initrd_size = 0;
    placed();
    assert_int_equal(told(0x218, 8), 0);
}

static void an_initrd_that_does_not_fit(void **state) {
    uint8_t *initrd = calloc(1, RAM_SIZE);
    uint64_t behind = KERNEL + INIT_SIZE;

    (void)state;
    g.request.initrd = initrd;
    g.request.initrd_size = RAM_SIZE - behind;
    placed();
    assert_int_equal(told(0x218, 4), behind);
    g.request.initrd_size++;
    refused("the guest has 8 MiB, kernel and initial RAM disk need 10 MiB");
    g.request.initrd_size = RAM_SIZE + 1;
    refused("kernel and initial RAM disk need 12 MiB");
    g.request.initrd_size = UINT64_MAX;
    refused("kernel and initial RAM disk need 17592186044416 MiB");
    g.request.initrd_size = 1;
    put(0x22c, 0, 4);
    refused("does not fit");
    put(0x22c, (uint32_t)behind - 1, 4);
    refused("does not fit");
    put(0x22c, (uint32_t)behind, 4);
    placed();
    free(initrd);
}

static void an_initrd_that_is_cut_off(void **state) {
    static const uint8_t gzip[] = {0, 0, 0x1f, 0x8b, 8, 0, 0};

    (void)state;
    g.request.initrd = gzip;
    g.request.initrd_size = sizeof(gzip);
    refused("the initial RAM disk is cut off: its 7 bytes end within a gzip file that begins at "
            "byte 2");
    g.request.initrd_size = 2;
    placed();
}

static void what_is_no_kernel(void **state) {
    (void)state;
    assert_true(linux_is_kernel(g.file, FILE_SIZE));
    assert_true(linux_is_kernel(g.file, 0x206));
    assert_false(linux_is_kernel(g.file, 0x205));
    assert_false(linux_is_kernel(NULL, 0));
    put(0x205, 's', 1);
    assert_false(linux_is_kernel(g.file, FILE_SIZE));
    refused("no Linux kernel");
}

static void headers_that_are_wrong(void **state) {
    static const struct {
        unsigned offset, size;
        uint32_t value;
        const char *why;
    } wrong[] = {
        {0x1fe, 2, 0xaa54, "no boot sector"},
        {0x200, 1, 0xe9, "no boot sector"},
        {0x201, 1, 0x65, "too short or too long"},
        {0x201, 1, 0x8f, "too short or too long"},
        {0x206, 2, 0x20b, "older than 2.12"},
        {0x206, 2, 0, "older than 2.12"},
        {0x211, 1, 0xfe, "zImage"},
        {0x236, 2, 0xfffe, "32-bit kernel"},
        {0x1f1, 1, 255, "cut off"},
        {0x1f4, 4, CODE_SIZE / 16 + 1, "cut off"},
        {0x1f4, 4, 0xffffffff, "cut off"},
        {0x1f4, 4, 0x20, "no kernel behind"},
        {0x1f4, 4, 0, "no kernel behind"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint8_t right[4];

        memcpy(right, g.file + wrong[i].offset, 4);
        put(wrong[i].offset, wrong[i].value, wrong[i].size);
        refused(wrong[i].why);
        memcpy(g.file + wrong[i].offset, right, 4);
        placed();
    }
}

static void a_file_that_is_cut_off(void **state) {
    (void)state;
    cut_to(FILE_SIZE - 1);
    refused("promises more than there is");
    cut_to(SETUP_SIZE);
    refused("promises more than there is");
    cut_to(0x290);
    refused("promises more than there is");
    cut_to(0x28f);
    refused("ends in the header");
    cut_to(0x206);
    refused("ends in the header");
    cut_to(0x205);
    refused("no Linux kernel");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_kernel_is_where_it_prefers_to_be),
        TEST(no_setup_sectors_means_four),
        TEST(signatures_behind_the_kernel_are_left_out),
        TEST(alignment_of_a_relocatable_kernel),
        TEST(a_kernel_that_cannot_move),
        TEST(memory_that_the_kernel_needs),
        TEST(preferred_addresses_that_wrap),
        TEST(the_initrd_is_as_high_as_it_can_be),
        TEST(an_initrd_that_does_not_fit),
        TEST(an_initrd_that_is_cut_off),
        TEST(what_is_no_kernel),
        TEST(headers_that_are_wrong),
        TEST(a_file_that_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
