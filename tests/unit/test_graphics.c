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

static void accepted(struct graphics_mode m, uint32_t pixel_size, uint32_t red, uint32_t green,
                     uint32_t blue) {
    struct boot_framebuffer screen;

    assert_true(graphics_framebuffer(&m, &screen));
    assert_int_equal(screen.pixel_size, pixel_size);
    assert_int_equal(screen.red, red);
    assert_int_equal(screen.green, green);
    assert_int_equal(screen.blue, blue);
    assert_int_equal(screen.base, 0xc0000000);
    assert_int_equal(screen.size, 4 * 832 * 600);
    assert_int_equal(screen.width, 800);
    assert_int_equal(screen.height, 600);
    assert_int_equal(screen.pixels_per_line, 832);
}

static void accepted_masks(uint32_t pixel_size, uint32_t red, uint32_t green, uint32_t blue,
                           uint32_t unused) {
    struct graphics_mode m = masks(red, green, blue);

    m.unused = unused;
    accepted(m, pixel_size, red, green, blue);
}

static void four_bytes_a_pixel_in_either_order(void **state) {
    (void)state;
    accepted(mode(GRAPHICS_BGR), 4, 0xff0000, 0xff00, 0xff);
    accepted(mode(GRAPHICS_RGB), 4, 0xff, 0xff00, 0xff0000);
}

static void any_bits_a_pixel(void **state) {
    (void)state;
    accepted_masks(4, 0xff0000, 0xff00, 0xff, 0xff000000);
    accepted_masks(4, 0xff, 0xff00, 0xff0000, 0xff000000);
    accepted_masks(3, 0xff0000, 0xff00, 0xff, 0);
    accepted_masks(2, 0xf800, 0x07e0, 0x001f, 0);      /* 5-6-5 */
    accepted_masks(2, 0x7c00, 0x03e0, 0x001f, 0x8000); /* 5-5-5 */
    accepted_masks(2, 0x7c00, 0x03e0, 0x001f, 0);
    accepted_masks(1, 0xe0, 0x1c, 0x03, 0);
    accepted_masks(4, 0x3ff00000, 0x000ffc00, 0x000003ff, 0xc0000000); /* 10-10-10 */
    accepted_masks(4, 0xff00, 0xff0000, 0xff000000, 0xff);
    accepted_masks(3, 0xff0000, 0xff, 0xff00, 0);
    accepted_masks(3, 0x3f000, 0xfc0, 0x3f, 0); /* 6-6-6 */
}

static void other_pixels_are_refused(void **state) {
    (void)state;
    refused(mode(GRAPHICS_BLT_ONLY));
    refused(mode(4));
    refused(masks(0, 0, 0));
    refused(masks(0xff0000, 0xff00, 0));
    refused(masks(0xff0000, 0xff00, 0x81));  /* not side by side */
    refused(masks(0xff0000, 0x1ff00, 0xff)); /* a bit of two colours */
    refused(masks(0xff0000, 0xff00, 0xff0000));
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
    m = masks(0xf800, 0x07e0, 0x001f); /* two bytes a pixel fit where four do not */
    m.size /= 2;
    m.size--;
    refused(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bytes_a_pixel_in_either_order),
        cmocka_unit_test(any_bits_a_pixel),
        cmocka_unit_test(other_pixels_are_refused),
        cmocka_unit_test(a_mode_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
