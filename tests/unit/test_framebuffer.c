/* Guards drivers/framebuffer.c: which pixels are stored, with which bits, for each layout of a
 * pixel; that nothing else is; and that the smallest screen has room for a panic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/framebuffer.h"

#define UNTOUCHED 0x5a
#define GUARD     64
#define WIDE      2560

/* Every glyph is the same, except that a blank has no dot: its upper left and lower right one. */
#define GLYPH                                                                                      \
    { [0] = 0x80, [15] = 0x01 }
const uint8_t font[95][16] = {[1 ... 94] = GLYPH};

static struct framebuffer fb;
static uint8_t *memory;
static size_t size;

static int tear_down(void **state) {
    (void)state;
    framebuffer_move(NULL);
    free(memory);
    memory = NULL;
    return 0;
}

/* With 7 pixels behind each line, and at an odd address. */
static void make(uint32_t width, uint32_t height, uint32_t pixel_size, uint32_t red, uint32_t green,
                 uint32_t blue) {
    tear_down(NULL);
    fb = (struct framebuffer){.width = width,
                              .height = height,
                              .pixels_per_line = width + 7,
                              .pixel_size = pixel_size,
                              .red = red,
                              .green = green,
                              .blue = blue};
    size = (size_t)fb.pixels_per_line * height * pixel_size;
    memory = malloc(size + 2 * GUARD + 1);
    assert_non_null(memory);
    memset(memory, UNTOUCHED, size + 2 * GUARD + 1);
    fb.pixels = memory + GUARD + 1;
    framebuffer_init(&fb);
}

static void show(const char *text) {
    framebuffer_write(text, strlen(text));
    assert_false(framebuffer_draw(UINT32_MAX));
}

static uint32_t pixel(uint32_t x, uint32_t y) {
    const uint8_t *at = (uint8_t *)fb.pixels + ((size_t)y * fb.pixels_per_line + x) * fb.pixel_size;
    uint32_t value = 0;

    memcpy(&value, at, fb.pixel_size);
    return value;
}

/* Nothing before, between and behind the lines has been stored. */
static void assert_rest_untouched(void) {
    const uint8_t *first = fb.pixels;

    for (size_t i = 0; i < GUARD; i++) {
        assert_int_equal(first[-1 - (ptrdiff_t)i], UNTOUCHED);
        assert_int_equal(first[size + i], UNTOUCHED);
    }
    for (uint32_t y = 0; y < fb.height; y++) {
        const uint8_t *behind = first + ((size_t)y * fb.pixels_per_line + fb.width) * fb.pixel_size;

        for (uint32_t i = 0; i < 7 * fb.pixel_size; i++)
            assert_int_equal(behind[i], UNTOUCHED);
    }
}

/* What is on the screen, in the bits of a pixel: the background D-14-20, text D5-DA-E3. */
static void check_layout(uint32_t pixel_size, uint32_t red, uint32_t green, uint32_t blue,
                         uint32_t background, uint32_t text) {
    make(645, 403, pixel_size, red, green, blue); /* no multiple of a character */
    show("ab");
    assert_int_equal(pixel(0, 0), text);
    assert_int_equal(pixel(1, 0), background);
    assert_int_equal(pixel(0, 1), background);
    assert_int_equal(pixel(7, 15), text);
    assert_int_equal(pixel(8, 0), text);
    assert_int_equal(pixel(15, 15), text);
    assert_int_equal(pixel(16, 0), background);
    assert_int_equal(pixel(644, 402), background);
    for (uint32_t y = 0; y < fb.height; y++) {
        for (uint32_t x = 0; x < fb.width; x++)
            assert_true(pixel(x, y) == background || pixel(x, y) == text);
    }
    assert_rest_untouched();
}

static void each_colour_has_its_bits(void **state) {
    (void)state;
    check_layout(4, 0xff0000, 0xff00, 0xff, 0x0e1420, 0xd5dae3);
    check_layout(4, 0xff, 0xff00, 0xff0000, 0x20140e, 0xe3dad5);
    check_layout(4, 0xff000000, 0xff0000, 0xff00, 0x0e142000, 0xd5dae300);
    check_layout(3, 0xff0000, 0xff00, 0xff, 0x0e1420, 0xd5dae3);
    check_layout(2, 0xf800, 0x07e0, 0x001f, 1 << 11 | 5 << 5 | 4, 0x1a << 11 | 0x36 << 5 | 0x1c);
    check_layout(4, 0x3ff00000, 0xffc00, 0x3ff, 0x0e << 22 | 0x14 << 12 | 0x20 << 2,
                 0xd5u << 22 | 0xda << 12 | 0xe3 << 2);
    check_layout(1, 0xe0, 0x1c, 0x03, 0, 6 << 5 | 6 << 2 | 3);
    check_layout(2, 0x100, 0x80, 0x40, 0, 0x1c0); /* one bit each */
}

/* 80 columns and 25 rows fit, without a margin. */
static void the_smallest_screen_has_25_rows_of_80(void **state) {
    static const char line[] =
        "12345678901234567890123456789012345678901234567890123456789012345678"
        "901234567890\n";

    (void)state;
    make(640, 400, 4, 0xff0000, 0xff00, 0xff);
    show("an old line\n");
    framebuffer_make_room(FRAMEBUFFER_ROWS);
    for (unsigned row = 0; row < FRAMEBUFFER_ROWS; row++)
        show(line);
    for (unsigned row = 0; row < FRAMEBUFFER_ROWS; row++) {
        assert_int_equal(pixel(0, 16 * row), 0xd5dae3);
        assert_int_equal(pixel(8 * 79, 16 * row), 0xd5dae3);
    }
    assert_rest_untouched();
}

static void a_larger_screen_has_a_margin(void **state) {
    (void)state;
    make(82 * 8, 27 * 16, 4, 0xff0000, 0xff00, 0xff);
    show("a");
    assert_int_equal(pixel(0, 0), 0x0e1420);
    assert_int_equal(pixel(8, 16), 0xd5dae3);
}

static void dots_are_doubled_on_a_very_wide_screen(void **state) {
    (void)state;
    for (uint32_t pixel_size = 1; pixel_size <= 4; pixel_size++) {
        make(WIDE, 64, pixel_size, 0xe0, 0x1c, 0x03);
        show(" a"); /* a margin only at the sides */
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(pixel(32 + i % 2, i / 2), 6 << 5 | 6 << 2 | 3);
        assert_int_equal(pixel(34, 0), 0);
        assert_int_equal(pixel(46, 31), 6 << 5 | 6 << 2 | 3);
        assert_rest_untouched();
    }
}

static void without_pixels_nothing_happens(void **state) {
    (void)state;
    make(640, 400, 4, 0xff0000, 0xff00, 0xff);
    framebuffer_move(NULL);
    show("text");
    framebuffer_make_room(25);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(memory[GUARD + 1 + i], UNTOUCHED);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_colour_has_its_bits),       TEST(the_smallest_screen_has_25_rows_of_80),
        TEST(a_larger_screen_has_a_margin),   TEST(dots_are_doubled_on_a_very_wide_screen),
        TEST(without_pixels_nothing_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
