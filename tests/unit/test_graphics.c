/* Guards boot/graphics.c: which graphics modes are framebuffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/graphics.h"

static struct graphics_mode mode(uint32_t format) {
    return (struct graphics_mode){.format = format,
                                  .width = 800,
                                  .height = 600,
                                  .pixels_per_line = 832,
                                  .base = 0xc0000000,
                                  .size = 4 * 832 * 600};
}

static struct graphics_mode masks(uint32_t red, uint32_t green, uint32_t blue) {
    struct graphics_mode m = mode(GRAPHICS_BIT_MASK);

    m.red = red;
    m.green = green;
    m.blue = blue;
    return m;
}

static void refused(struct graphics_mode m) {
    struct boot_framebuffer before, screen;

    memset(&screen, 0x5a, sizeof(screen));
    before = screen;
    assert_false(graphics_framebuffer(&m, &screen));
    assert_memory_equal(&screen, &before, sizeof(screen));
}

static void accepted(struct graphics_mode m, uint32_t blue_first) {
    struct boot_framebuffer screen;

    assert_true(graphics_framebuffer(&m, &screen));
    assert_int_equal(screen.blue_first, blue_first);
    assert_int_equal(screen.base, 0xc0000000);
    assert_int_equal(screen.size, 4 * 832 * 600);
    assert_int_equal(screen.width, 800);
    assert_int_equal(screen.height, 600);
    assert_int_equal(screen.pixels_per_line, 832);
}

static void four_bytes_a_pixel_in_either_order(void **state) {
    (void)state;
    accepted(mode(GRAPHICS_BGR), 1);
    accepted(mode(GRAPHICS_RGB), 0);
    accepted(masks(0xff0000, 0xff00, 0xff), 1);
    accepted(masks(0xff, 0xff00, 0xff0000), 0);
}

static void other_pixels_are_refused(void **state) {
    (void)state;
    refused(mode(GRAPHICS_BLT_ONLY));
    refused(mode(4));
    refused(masks(0xf800, 0x07e0, 0x001f));             /* 5-6-5 */
    refused(masks(0x3ff00000, 0x000ffc00, 0x000003ff)); /* 10-10-10 */
    refused(masks(0xff00, 0xff0000, 0xff000000));
    refused(masks(0xff0000, 0xff, 0xff00));
}

static void a_mode_that_contradicts_itself_is_refused(void **state) {
    struct graphics_mode m = mode(GRAPHICS_BGR);

    (void)state;
    m.base = 0;
    refused(m);
    m = mode(GRAPHICS_BGR);
    m.width = 833; /* more than a line has */
    refused(m);
    m = mode(GRAPHICS_BGR);
    m.height = 601; /* beyond the framebuffer */
    refused(m);
    m = mode(GRAPHICS_BGR);
    m.height = 0;
    refused(m);
    m = mode(GRAPHICS_BGR);
    m.height = m.pixels_per_line = UINT32_MAX;
    refused(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bytes_a_pixel_in_either_order),
        cmocka_unit_test(other_pixels_are_refused),
        cmocka_unit_test(a_mode_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
