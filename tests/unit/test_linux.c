/* Guards vmm/loaders/linux.c: the checks of the header, the addresses of kernel and initial RAM
 * disk, and hostile files. */
#include "tests/unit/linux_file.h"

/* Truncates the file, in a new allocation, so that ASan detects a read past its end. */
static void cut_to(uint64_t size) {
    uint8_t *file = malloc(size);

    memcpy(file, g.file, size);
    free(g.file);
    g.file = file;
    g.request.file = file;
    g.request.file_size = size;
}

static void the_kernel_is_loaded_at_its_preferred_address(void **state) {
    (void)state;
    placed();
    assert_int_equal(g.entry.rip, KERNEL + 0x200);
    assert_memory_equal(g.ram + KERNEL, g.file + SETUP_SIZE, CODE_SIZE);
    assert_int_equal(g.ram[KERNEL - 1], 0xee);
    assert_int_equal(g.ram[KERNEL + CODE_SIZE], 0xee);
    assert_int_equal(told(0x214, 4), KERNEL);
}

static void zero_setup_sectors_mean_four(void **state) {
    (void)state;
    put(0x1f1, 0, 1);
    put(0x1f4, (FILE_SIZE - 5 * 512) / 16, 4);
    placed();
    assert_memory_equal(g.ram + KERNEL, g.file + 5 * 512, FILE_SIZE - 5 * 512);
}

static void bytes_behind_the_kernel_are_not_loaded(void **state) {
    (void)state;
    put(0x1f4, 0x220 / 16, 4);
    placed();
    assert_memory_equal(g.ram + KERNEL, g.file + SETUP_SIZE, 0x220);
    assert_int_equal(g.ram[KERNEL + 0x220], 0xee);
}

static void a_relocatable_kernel_is_aligned(void **state) {
    (void)state;
    put(0x258, KERNEL + 1, 8);
    placed();
    assert_int_equal(g.entry.rip, 2 * KERNEL + 0x200);
    put(0x258, 0, 8); /* no preference */
    placed();
    assert_int_equal(g.entry.rip, KERNEL + 0x200);
    put(0x230, 0, 4);
    refused("alignment 0x0 is not a power of two");
    put(0x230, 3, 4);
    refused("alignment 0x3 is not a power of two");
    put(0x230, 1u << 31, 4);
    refused("too little memory");
}

static void a_kernel_that_is_not_relocatable_keeps_its_address(void **state) {
    (void)state;
    put(0x234, 0, 1);
    put(0x230, 0, 4); /* the alignment is not used */
    put(0x258, KERNEL + 0x10, 8);
    placed();
    assert_int_equal(g.entry.rip, KERNEL + 0x210);
    put(0x258, MEGABYTE, 8);
    placed();
    put(0x258, MEGABYTE - 1, 8);
    refused("must be loaded at 0xfffff, below 1 MiB");
    put(0x258, 0, 8);
    refused("must be loaded at 0x0, below 1 MiB");
}

static void the_kernel_needs_its_init_size_of_memory(void **state) {
    (void)state;
    put(0x260, RAM_SIZE - KERNEL, 4);
    placed();
    put(0x260, RAM_SIZE - KERNEL + 1, 4);
    refused("too little memory");
    put(0x260, 0xffffffff, 4);
    refused("too little memory");
    put(0x260, 0, 4); /* then the size in the file */
    g.request.ram_size = KERNEL + CODE_SIZE;
    placed();
    g.request.ram_size = KERNEL + CODE_SIZE - 1;
    refused("too little memory: the guest has 2 MiB, the kernel needs 4 MiB; set its memory to 4M");
    g.request.ram_size = 0;
    refused("too little memory");
}

static void preferred_addresses_without_memory_are_refused(void **state) {
    static const uint64_t far[] = {RAM_SIZE,           RAM_SIZE + 1,        1ULL << 32,
                                   UINT64_MAX - 0xfff, UINT64_MAX,          1ULL << 63,
                                   UINT64_MAX << 21,   0ULL - KERNEL - 0x10};

    (void)state;
    for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        const char *why = far[i] < 1ULL << 52 ? "too little memory" : "has more than 52 bits";

        put(0x258, far[i], 8);
        put(0x234, 1, 1);
        refused(why);
        put(0x234, 0, 1);
        refused(why);
    }
}

static void the_initrd_is_as_high_as_memory_and_kernel_permit(void **state) {
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
    put(0x22c, 6 * MEGABYTE - 1, 4); /* the last byte that it may occupy */
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

static void an_initrd_that_does_not_fit_is_refused(void **state) {
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
    refused("the initial RAM disk does not fit: 1 bytes between 0x300000 and 0x1;");
    put(0x22c, (uint32_t)behind - 1, 4);
    refused("the initial RAM disk does not fit: 1 bytes between 0x300000 and 0x300000;");
    put(0x22c, (uint32_t)behind, 4);
    placed();
    free(initrd);
}

static void an_initrd_that_is_cut_off_is_refused(void **state) {
    static const uint8_t gzip[] = {0, 0, 0x1f, 0x8b, 8, 0, 0};

    (void)state;
    g.request.initrd = gzip;
    g.request.initrd_size = sizeof(gzip);
    refused("the initial RAM disk is cut off: its 7 bytes end within a gzip file that begins at "
            "byte 2; copy it again");
    g.request.initrd_size = 2;
    placed();
}

static void a_file_without_the_signature_is_not_a_kernel(void **state) {
    (void)state;
    assert_true(linux_is_kernel(g.file, FILE_SIZE));
    assert_true(linux_is_kernel(g.file, 0x206));
    assert_false(linux_is_kernel(g.file, 0x205));
    assert_false(linux_is_kernel(NULL, 0));
    put(0x205, 's', 1);
    assert_false(linux_is_kernel(g.file, FILE_SIZE));
    refused("not a Linux kernel");
}

static void wrong_headers_are_refused(void **state) {
    static const struct {
        unsigned offset, size;
        uint32_t value;
        const char *why;
    } wrong[] = {
        {0x1fe, 2, 0xaa54, "boot flag 0xaa54, jump 0xeb,"},
        {0x200, 1, 0xe9, "boot flag 0xaa55, jump 0xe9,"},
        {0x201, 1, 0x65, "its header ends at 0x267,"},
        {0x201, 1, 0x8f, "its header ends at 0x291,"},
        {0x206, 2, 0x20b, "boot protocol 2.11, not 2.12 or later"},
        {0x206, 2, 0, "boot protocol 0.00, not 2.12 or later"},
        {0x211, 1, 0xfe, "zImage"},
        {0x236, 2, 0xfffe, "32-bit kernel"},
        {0x1f1, 1, 255, "cut off at byte 5632: its code ends at byte 135168;"},
        {0x1f4, 4, CODE_SIZE / 16 + 1, "cut off at byte 5632: its code ends at byte 5648;"},
        {0x1f4, 4, 0xffffffff, "cut off at byte 5632: its code ends at byte 68719478256;"},
        {0x1f4, 4, 0x20, "512 bytes of code have no 64-bit entry"},
        {0x1f4, 4, 0, "0 bytes of code have no 64-bit entry"},
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

/* Its size is in paragraphs of 16 bytes, and memtest86+ does not pad the last one. */
static void the_last_paragraph_may_be_short(void **state) {
    (void)state;
    for (unsigned missing = 1; missing < 16; missing++) {
        memset(g.ram, 0xee, RAM_SIZE);
        cut_to(FILE_SIZE - missing);
        placed();
        assert_memory_equal(g.ram + KERNEL, g.file + SETUP_SIZE, CODE_SIZE - missing);
        assert_int_equal(g.ram[KERNEL + CODE_SIZE - missing], 0xee);
    }
}

static void a_file_that_is_cut_off_is_refused(void **state) {
    (void)state;
    cut_to(FILE_SIZE - 16);
    refused("cut off at byte 5616: its code ends at byte 5632;");
    cut_to(SETUP_SIZE);
    refused("cut off at byte 1536: its code ends at byte 5632;");
    cut_to(0x290);
    refused("cut off at byte 656: its code ends at byte 5632;");
    cut_to(0x28f);
    refused("cut off at byte 655, within its header;");
    cut_to(0x206);
    refused("cut off at byte 518, within its header;");
    cut_to(0x205);
    refused("not a Linux kernel");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_kernel_is_loaded_at_its_preferred_address),
        TEST(zero_setup_sectors_mean_four),
        TEST(bytes_behind_the_kernel_are_not_loaded),
        TEST(a_relocatable_kernel_is_aligned),
        TEST(a_kernel_that_is_not_relocatable_keeps_its_address),
        TEST(the_kernel_needs_its_init_size_of_memory),
        TEST(preferred_addresses_without_memory_are_refused),
        TEST(the_initrd_is_as_high_as_memory_and_kernel_permit),
        TEST(an_initrd_that_does_not_fit_is_refused),
        TEST(an_initrd_that_is_cut_off_is_refused),
        TEST(a_file_without_the_signature_is_not_a_kernel),
        TEST(wrong_headers_are_refused),
        TEST(the_last_paragraph_may_be_short),
        TEST(a_file_that_is_cut_off_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
