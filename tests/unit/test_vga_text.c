/* Guards vmm/devices/vga_text.c and vcrtc.c: a text screen becomes lines that cannot deceive a
 * terminal, wherever it starts in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/pc_map.h"
#include "vmm/devices/vcrtc.h"
#include "vmm/devices/vga_text.h"

static uint8_t *memory;

static int set_up(void **state) {
    (void)state;
    memory = calloc(1, VGA_TEXT_SIZE);
    return memory ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    free(memory);
    return 0;
}

static void put(unsigned at, const char *text) {
    for (; *text; text++, at++) {
        memory[2 * at] = (uint8_t)*text;
        memory[2 * at + 1] = 7;
    }
}

static void assert_row(uint16_t start, unsigned row, const char *expected) {
    char text[VGA_TEXT_LINE + 1];

    memset(text, 0x55, sizeof(text));
    assert_int_equal(vga_text_row(memory, start, row, text), strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(text[VGA_TEXT_LINE], 0x55);
}

static void a_blank_screen_has_no_rows(void **state) {
    (void)state;
    assert_int_equal(vga_text_rows(memory, 0), 0);
    for (unsigned i = 0; i < VGA_TEXT_SIZE; i += 2) {
        memory[i] = ' ';
        memory[i + 1] = 0x1f;
    }
    assert_int_equal(vga_text_rows(memory, 0), 0);
    memory[0] = 0xff; /* a blank of code page 437 */
    assert_int_equal(vga_text_rows(memory, 0), 0);
}

static void rows_end_at_the_last_character(void **state) {
    (void)state;
    put(2, "hello");
    put(80 * 24 + 79, "x");
    assert_row(0, 0, "  hello");
    assert_row(0, 1, "");
    assert_int_equal(vga_text_rows(memory, 0), 25);
    put(80 * 24 + 79, " ");
    assert_int_equal(vga_text_rows(memory, 0), 1);
    put(80 * 25, "below");
    assert_int_equal(vga_text_rows(memory, 0), 1);
}

static void no_byte_becomes_a_control_character(void **state) {
    char text[VGA_TEXT_LINE];

    (void)state;
    for (unsigned first = 0; first < 256; first += 64) {
        for (unsigned i = 0; i < 64; i++)
            memory[2 * i] = (uint8_t)(first + i);
        unsigned length = vga_text_row(memory, 0, 0, text);
        for (unsigned i = 0; i < length; i++)
            assert_in_range(text[i], ' ', '~');
    }
    memset(memory, 0, VGA_TEXT_SIZE);
    put(0, "\xda\xc4\xbf \xb3 \xcd\xdb \x1b[2J\x9b\xb0");
    assert_row(0, 0, "+-+ | =# ?[2J?#");
}

/* A kernel that scrolls by the start address; the address wraps within the memory. */
static void the_screen_begins_at_the_start_address(void **state) {
    (void)state;
    put(80, "second");
    assert_row(80, 0, "second");
    put(VGA_TEXT_SIZE / 2 - 80, "last");
    put(0, "first");
    assert_row(VGA_TEXT_SIZE / 2 - 80, 0, "last");
    assert_row(VGA_TEXT_SIZE / 2 - 80, 1, "first");
    assert_int_equal(vga_text_rows(memory, 0xffff), 2); /* no read outside */
}

static void the_crtc_is_readable_storage(void **state) {
    struct vcrtc crtc;

    (void)state;
    memset(&crtc, 0xee, sizeof(crtc));
    vcrtc_reset(&crtc);
    assert_int_equal(vcrtc_start(&crtc), 0);
    vcrtc_write(&crtc, PC_CRTC_PORT, 0x0e);
    assert_int_equal(vcrtc_read(&crtc, PC_CRTC_PORT), 0x0e);
    assert_int_equal(vcrtc_read(&crtc, PC_CRTC_PORT + 1), 0);
    for (unsigned index = 0; index < 256; index++) {
        vcrtc_write(&crtc, PC_CRTC_PORT, (uint8_t)index);
        vcrtc_write(&crtc, PC_CRTC_PORT + 1, (uint8_t)(index + 3));
    }
    for (unsigned index = 0; index < 256; index++) {
        vcrtc_write(&crtc, PC_CRTC_PORT, (uint8_t)index);
        assert_int_equal(vcrtc_read(&crtc, PC_CRTC_PORT + 1), index < 25 ? index + 3 : 0);
    }
    assert_int_equal(vcrtc_start(&crtc), 0x0f10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_blank_screen_has_no_rows),          TEST(rows_end_at_the_last_character),
        TEST(no_byte_becomes_a_control_character), TEST(the_screen_begins_at_the_start_address),
        TEST(the_crtc_is_readable_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
