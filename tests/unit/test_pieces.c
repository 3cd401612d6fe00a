/* Guards boot/pieces.c: how files are read through firmware of little ability. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/pieces.h"

#define FILE_SIZE (3 * PIECE_SIZE + 7)

/* A firmware with a file of FILE_SIZE bytes. */
static struct firmware {
    uint64_t position;
    uint64_t limit;  /* a call for more than this fails; 0: none does */
    uint64_t short_; /* a call returns at most this many bytes; 0: all of them */
    uint64_t end;    /* of the file's data */
    uint64_t excess; /* reported in addition */
    unsigned calls;
} firmware;

static uint8_t *memory;

static uint8_t byte_at(uint64_t position) {
    return (uint8_t)(position * 31 + position / 251);
}

static bool read_file(void *file, void *to, uint64_t *size) {
    struct firmware *f = file;

    f->calls++;
    if (f->limit && *size > f->limit)
        return false;
    if (f->short_ && *size > f->short_)
        *size = f->short_;
    if (*size > f->end - f->position)
        *size = f->end - f->position;
    for (uint64_t i = 0; i < *size; i++)
        ((uint8_t *)to)[i] = byte_at(f->position++);
    *size += f->excess;
    return true;
}

static int set_up(void **state) {
    (void)state;
    firmware = (struct firmware){.end = FILE_SIZE};
    memory = malloc(FILE_SIZE);
    return memory ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    free(memory);
    return 0;
}

static void assert_whole(void) {
    assert_null(pieces_read(read_file, &firmware, memory, FILE_SIZE));
    for (uint64_t i = 0; i < FILE_SIZE; i++) {
        if (memory[i] != byte_at(i))
            fail_msg("byte %lu is wrong", (unsigned long)i);
    }
}

static void firmware_that_reads_1_mib_at_most(void **state) {
    (void)state;
    firmware.limit = 1 << 20;
    assert_whole();
    assert_int_equal(firmware.calls, 4);
}

static void a_short_read_is_continued(void **state) {
    (void)state;
    firmware.short_ = 4096;
    assert_whole();
    firmware = (struct firmware){.end = FILE_SIZE, .short_ = 1000003};
    assert_whole();
}

static void a_file_that_ends_early(void **state) {
    (void)state;
    firmware.end = PIECE_SIZE + 1;
    assert_string_equal(pieces_read(read_file, &firmware, memory, FILE_SIZE),
                        "it is shorter than its directory entry says");
    assert_int_equal(firmware.calls, 3);
}

static void a_read_error_ends_it(void **state) {
    (void)state;
    firmware.limit = 1000;
    assert_string_equal(pieces_read(read_file, &firmware, memory, FILE_SIZE),
                        "the firmware reports a read error");
    assert_int_equal(firmware.calls, 1);
}

static void a_size_that_cannot_be_is_not_believed(void **state) {
    (void)state;
    firmware.excess = 1;
    assert_string_equal(pieces_read(read_file, &firmware, memory, FILE_SIZE),
                        "the firmware reports more bytes than it was asked for");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(firmware_that_reads_1_mib_at_most),
        TEST(a_short_read_is_continued),
        TEST(a_file_that_ends_early),
        TEST(a_read_error_ends_it),
        TEST(a_size_that_cannot_be_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
