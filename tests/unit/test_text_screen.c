/* Guards drivers/text_screen.c: where text appears, when it moves, which cells are drawn again, and
 * in which colour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/text_screen.h"

static struct text_screen screen;

/* The screen of an owner that draws the changes. */
static char seen[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX + 1];
static uint8_t seen_style[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX];
static unsigned drawn;

static void draw(void *context, uint32_t row, uint32_t column, struct text_cell cell) {
    assert_ptr_equal(context, &screen);
    assert_true(row < screen.rows && column < screen.columns);
    assert_true(cell.character >= ' ' && cell.character <= '~');
    assert_true(cell.style <= TEXT_BAD);
    assert_true(seen[row][column] != (char)cell.character || seen_style[row][column] != cell.style);
    seen[row][column] = (char)cell.character;
    seen_style[row][column] = cell.style;
    drawn++;
}

static void update(void) {
    drawn = 0;
    text_screen_draw(&screen, UINT32_MAX, draw, &screen);
}

static void make(uint32_t columns, uint32_t rows) {
    text_screen_init(&screen, columns, rows);
    memset(seen, 0, sizeof(seen));
    memset(seen_style, TEXT_PLAIN, sizeof(seen_style));
    for (uint32_t row = 0; row < screen.rows; row++)
        memset(seen[row], ' ', screen.columns);
}

static void put(const char *text) {
    text_screen_put(&screen, text, strlen(text));
    update();
}

static void a_line_appears_in_its_row(void **state) {
    (void)state;
    make(8, 3);
    put("one\ntwo");
    assert_string_equal(seen[0], "one     ");
    assert_string_equal(seen[1], "two     ");
    assert_int_equal(drawn, 6);
    put("+\n");
    assert_string_equal(seen[1], "two+    ");
    assert_int_equal(drawn, 1);
    update();
    assert_int_equal(drawn, 0);
}

static void a_long_line_continues_in_the_next_row(void **state) {
    (void)state;
    make(4, 4);
    put("abcdefghi");
    assert_string_equal(seen[0], "abcd");
    assert_string_equal(seen[1], "efgh");
    assert_string_equal(seen[2], "i   ");
}

static void a_line_that_just_fits_takes_one_row(void **state) {
    (void)state;
    make(4, 4);
    put("abcd\nefgh\n");
    put("i");
    assert_string_equal(seen[0], "abcd");
    assert_string_equal(seen[1], "efgh");
    assert_string_equal(seen[2], "i   ");
}

static void a_full_screen_moves_up_by_a_quarter(void **state) {
    (void)state;
    make(3, 8);
    put("1\n2\n3\n4\n5\n6\n7\n8\n");
    assert_string_equal(seen[0], "1  "); /* the newline on the last row does not move up */
    assert_string_equal(seen[7], "8  ");
    put("9");
    assert_string_equal(seen[0], "3  ");
    assert_string_equal(seen[5], "8  ");
    assert_string_equal(seen[6], "9  ");
    assert_string_equal(seen[7], "   ");
}

static void empty_lines_at_the_end_are_kept(void **state) {
    (void)state;
    make(3, 4);
    put("1\n2\n3\n4\n\n\n");
    put("5");
    assert_string_equal(seen[0], "4  ");
    assert_string_equal(seen[1], "   ");
    assert_string_equal(seen[2], "   ");
    assert_string_equal(seen[3], "5  ");
}

static void moving_up_draws_only_changed_cells(void **state) {
    (void)state;
    make(8, 4);
    put("same a\nsame b\nsame c\nsame d\n");
    put("same e");
    assert_string_equal(seen[3], "same e  ");
    assert_int_equal(drawn, 4); /* the last letter of each row */
}

/* A panic's report must be whole, also on the smallest screen. */
static void room_is_made_by_moving_up_as_far_as_it_takes(void **state) {
    (void)state;
    make(3, 6);
    put("1\n2\n3");
    text_screen_make_room(&screen, 3); /* row 3 is the next one: fits as it is */
    put("4\n5\n6");
    assert_string_equal(seen[0], "1  ");
    assert_string_equal(seen[5], "6  ");
    text_screen_make_room(&screen, 2);
    put("7\n8\n");
    assert_string_equal(seen[0], "3  ");
    assert_string_equal(seen[3], "6  ");
    assert_string_equal(seen[4], "7  ");
    assert_string_equal(seen[5], "8  ");
    text_screen_make_room(&screen, 100); /* all of it */
    put("a\nb\nc\nd\ne\nf\n");
    assert_string_equal(seen[0], "a  ");
    assert_string_equal(seen[5], "f  ");
    text_screen_make_room(&screen, 0);
    put("g");
    assert_string_equal(seen[5], "g  ");
    screen.row = 1000; /* another CPU was about to change it */
    text_screen_make_room(&screen, 6);
    put("h");
    assert_string_equal(seen[0], "h  ");
    make(1, 1);
    put("a");
    text_screen_make_room(&screen, 1);
    put("b");
    assert_string_equal(seen[0], "b");
}

static void a_screen_of_one_cell_works(void **state) {
    (void)state;
    make(1, 1);
    put("ab\n\nc");
    assert_string_equal(seen[0], "c");
    make(0, 0);
    assert_int_equal(screen.columns, 1);
    assert_int_equal(screen.rows, 1);
}

static void a_screen_beyond_the_maximum_is_used_in_part(void **state) {
    char line[TEXT_COLUMNS_MAX + 1];

    (void)state;
    make(UINT32_MAX, UINT32_MAX);
    assert_int_equal(screen.columns, TEXT_COLUMNS_MAX);
    assert_int_equal(screen.rows, TEXT_ROWS_MAX);
    memset(line, 'x', sizeof(line));
    for (unsigned row = 0; row < 2 * TEXT_ROWS_MAX; row++) {
        text_screen_put(&screen, line, sizeof(line));
        update();
    }
    assert_int_equal(seen[TEXT_ROWS_MAX / 2][TEXT_COLUMNS_MAX - 1], 'x');
}

static void tabs_stop_at_multiples_of_eight(void **state) {
    (void)state;
    make(20, 2);
    put("\ta\tbcdefgh\ti");
    assert_string_equal(seen[0], "        a       bcde");
    assert_string_equal(seen[1], "fgh     i           ");
}

static void unprintable_characters_become_question_marks(void **state) {
    (void)state;
    make(12, 2);
    put("a\rb\x1b[0m\x7f~\xc3\xa9\xe2\x82\xac|");
    assert_string_equal(seen[0], "ab?[0m?~??| ");
}

static enum text_style style_of(const char *line) {
    return text_style_of(slice_of(line, strlen(line)));
}

static void the_beginning_of_a_line_determines_its_colour(void **state) {
    (void)state;
    assert_int_equal(style_of("hello"), TEXT_PLAIN);
    assert_int_equal(style_of(""), TEXT_PLAIN);
    assert_int_equal(style_of("Pinwheel 0.1, a hypervisor"), TEXT_PLAIN);
    assert_int_equal(style_of("pinwheel: 2 of 2 CPUs"), TEXT_PLAIN);
    assert_int_equal(style_of("PINWHEEL panic: no"), TEXT_BAD);
    assert_int_equal(style_of("PINWHEEL done guests=1 passed=1 failed=0\n"), TEXT_GOOD);
    assert_int_equal(style_of("PINWHEEL done guests=2 passed=1 failed=1\n"), TEXT_BAD);
    assert_int_equal(style_of("GUEST name=a result=pass code=0 exits=1"), TEXT_GOOD);
    assert_int_equal(style_of("GUEST name=a result=killed code=0 exits=1"), TEXT_BAD);
    assert_int_equal(style_of("GUEST name=a result=fail\n result=pass "), TEXT_BAD);
    assert_int_equal(style_of("ok 1 - fine"), TEXT_PLAIN);
    assert_int_equal(style_of("not ok 2 - wrong"), TEXT_BAD);
    assert_int_equal(style_of("COUNTERS guest=a"), TEXT_PLAIN);
    assert_int_equal(style_of("PINWHEEL refused: no VT-x"), TEXT_BAD);
    assert_int_equal(style_of("PINWHEEL config: a.cfg:1: no"), TEXT_BAD);
    assert_int_equal(style_of("PINWHEEL SCORECARD 0.1  hypervisor: PinwheelVMM"), TEXT_PLAIN);
    assert_int_equal(style_of("293 of 293 passed, 0 failed, 0 more where"), TEXT_GOOD);
    assert_int_equal(style_of("283 of 293 passed, 10 failed, 0 more where"), TEXT_BAD);
}

static void a_guests_name_at_the_beginning_is_ignored(void **state) {
    (void)state;
    assert_int_equal(style_of("[left] not ok 2 - wrong"), TEXT_BAD);
    assert_int_equal(style_of("[left] hello"), TEXT_PLAIN);
    assert_int_equal(style_of("[left]"), TEXT_PLAIN);
    assert_int_equal(style_of("[left not ok"), TEXT_PLAIN);
    assert_int_equal(style_of("["), TEXT_PLAIN);
    assert_int_equal(style_of("[ not ok"), TEXT_PLAIN);
}

static void each_line_of_a_text_has_its_own_colour(void **state) {
    (void)state;
    make(10, 6);
    put("plain\nnot ok 123 456\nplain\nnot");
    put(" ok");
    assert_int_equal(screen.cell[0][0].style, TEXT_PLAIN);
    assert_int_equal(screen.cell[1][0].style, TEXT_BAD);
    assert_int_equal(screen.cell[2][1].style, TEXT_BAD); /* the same line, wrapped */
    assert_int_equal(screen.cell[3][0].style, TEXT_PLAIN);
    assert_int_equal(screen.cell[4][4].style, TEXT_PLAIN); /* determined when the line began */
    assert_int_equal(screen.cell[1][3].style, TEXT_PLAIN); /* a space has no colour */
}

/* A screen that moves changes nearly all its cells: they are drawn in steps. */
static void no_step_draws_more_than_its_share(void **state) {
    (void)state;
    make(40, 10);
    put("");
    for (unsigned i = 0; i < 10; i++)
        text_screen_put(&screen, "0123456789012345678901234567890123456789\n", 41);
    drawn = 0;
    for (unsigned steps = 1; text_screen_draw(&screen, 32, draw, &screen); steps++) {
        assert_in_range(drawn, 0, steps * 32);
        if (steps == 5) { /* more text meanwhile */
            text_screen_put(&screen, "the last line\n", 14);
        }
        assert_true(steps < 100);
    }
    for (unsigned row = 0; row < 10; row++) {
        for (unsigned column = 0; column < 40; column++)
            assert_int_equal(seen[row][column], screen.cell[row][column].character);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_appears_in_its_row),
        cmocka_unit_test(a_long_line_continues_in_the_next_row),
        cmocka_unit_test(a_line_that_just_fits_takes_one_row),
        cmocka_unit_test(a_full_screen_moves_up_by_a_quarter),
        cmocka_unit_test(empty_lines_at_the_end_are_kept),
        cmocka_unit_test(moving_up_draws_only_changed_cells),
        cmocka_unit_test(room_is_made_by_moving_up_as_far_as_it_takes),
        cmocka_unit_test(a_screen_of_one_cell_works),
        cmocka_unit_test(a_screen_beyond_the_maximum_is_used_in_part),
        cmocka_unit_test(tabs_stop_at_multiples_of_eight),
        cmocka_unit_test(unprintable_characters_become_question_marks),
        cmocka_unit_test(the_beginning_of_a_line_determines_its_colour),
        cmocka_unit_test(a_guests_name_at_the_beginning_is_ignored),
        cmocka_unit_test(each_line_of_a_text_has_its_own_colour),
        cmocka_unit_test(no_step_draws_more_than_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
