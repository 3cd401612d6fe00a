/* Guards vmm/devices/virtio_console.c and virtio_rng.c. */
#include "tests/unit/virtio_alone.h"
#include "vmm/devices/virtio_console.h"
#include "vmm/devices/virtio_rng.h"

static struct virtio_console console;

static int set_up(void **state) {
    (void)state;
    set_up_slot();
    virtio_console_init(&mmio, &console);
    start_driver();
    return 0;
}

static int set_up_rng(void **state) {
    (void)state;
    set_up_slot();
    virtio_rng_init(&mmio);
    start_driver();
    return 0;
}

static void assert_sent(const char *text) {
    assert_int_equal(seen.size, strlen(text));
    assert_memory_equal(seen.text, text, seen.size);
}

/* ---- transmit ---- */

static void text_is_transmitted(void **state) {
    (void)state;
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_ID), 3);
    put(BUFFERS, "Hello, world\n", 13);
    describe(1, 0, BUFFERS, 5, NEXT, 1);
    describe(1, 1, BUFFERS + 5, 8, 0, 0);
    offer(1, 0);
    assert_false(notify(1));
    assert_sent("Hello, world\n");
    assert_int_equal(used_index(1), 1);
    assert_used(1, 0, 0, 0);
    assert_true(seen.line);
}

/* One piece for each notification; the next one continues with the same chain. */
static void a_long_text_is_transmitted_in_pieces(void **state) {
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        ram[BUFFERS + i] = (uint8_t)(i * 3);
    describe(1, 0, BUFFERS, 300, NEXT, 1);
    describe(1, 1, BUFFERS + 300, 700, 0, 0);
    offer(1, 0);
    for (unsigned piece = 1; piece < 4; piece++) {
        assert_true(notify(1));
        assert_int_equal(seen.size, piece * VIRTIO_CONSOLE_PIECE);
        assert_int_equal(used_index(1), 0);
        assert_false(seen.line);
    }
    notify(1);
    assert_int_equal(seen.transmits, 4);
    assert_int_equal(seen.size, 1000);
    assert_memory_equal(seen.text, ram + BUFFERS, 1000);
    assert_int_equal(used_index(1), 1);
    assert_true(seen.line);
}

static void short_texts_share_a_burst_of_one_piece(void **state) {
    unsigned turns = 1;

    (void)state;
    memset(ram + BUFFERS, 'x', 100);
    describe(1, 0, BUFFERS, 100, 0, 0);
    for (unsigned i = 0; i < QUEUE_SIZE; i++)
        offer(1, 0);
    while (notify(1))
        turns++;
    assert_int_equal(seen.size, 800);
    assert_int_equal(turns, 3);
}

static void a_reset_clears_the_progress(void **state) {
    (void)state;
    memset(ram + BUFFERS, 'x', 1000);
    describe(1, 0, BUFFERS, 1000, 0, 0);
    offer(1, 0);
    assert_true(notify(1));
    start_driver();
    put(BUFFERS, "new", 3);
    describe(1, 0, BUFFERS, 3, 0, 0);
    offer(1, 0);
    seen.size = 0;
    notify(1);
    assert_sent("new");
}

static void shrink(void) {
    describe(1, 0, BUFFERS, 10, 0, 0);
}

/* The guest makes the chain shorter than the part that was already transmitted. */
static void a_text_that_becomes_shorter_is_done(void **state) {
    (void)state;
    memset(ram + BUFFERS, 'x', 1000);
    describe(1, 0, BUFFERS, 1000, 0, 0);
    offer(1, 0);
    seen.meanwhile = shrink;
    assert_true(notify(1));
    notify(1);
    assert_int_equal(seen.size, VIRTIO_CONSOLE_PIECE);
    assert_int_equal(used_index(1), 1);
    assert_works();
}

/* What is not accepted is offered again, and the chain is not returned before all was. */
static void a_text_that_is_not_accepted_waits(void **state) {
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        ram[BUFFERS + i] = (uint8_t)(i * 3);
    describe(1, 0, BUFFERS, 100, 0, 0);
    offer(1, 0);
    seen.full = true;
    for (unsigned i = 0; i < 3; i++)
        assert_true(notify(1));
    assert_int_equal(seen.size, 0);
    seen.room = 30;
    assert_true(notify(1));
    seen.room = 69;
    assert_true(notify(1));
    assert_int_equal(seen.size, 99);
    assert_int_equal(used_index(1), 0);
    seen.room = 10;
    assert_false(notify(1));
    assert_int_equal(seen.size, 100);
    assert_memory_equal(seen.text, ram + BUFFERS, 100);
    assert_int_equal(used_index(1), 1);
}

/* ---- receive ---- */

static uint32_t receive(const char *text) {
    return virtio_console_receive(&mmio, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void input_is_accepted_only_with_buffers(void **state) {
    (void)state;
    assert_int_equal(receive("abc"), 0);
    describe(0, 0, BUFFERS, 2, WRITE, 0);
    describe(0, 1, BUFFERS + 0x100, 8, WRITE, 0);
    offer(0, 0);
    assert_false(notify(0)); /* no input yet */
    assert_int_equal(used_index(0), 0);
    assert_int_equal(receive("abc"), 2);
    assert_memory_equal(ram + BUFFERS, "ab\xa5", 3);
    assert_used(0, 0, 0, 2);
    assert_true(seen.line);
    offer(0, 1);
    assert_int_equal(receive("c"), 1);
    assert_memory_equal(ram + BUFFERS + 0x100, "c\xa5", 2);
    assert_used(0, 1, 1, 1);
}

static void input_fills_several_buffers(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 2, WRITE, 0);
    describe(0, 1, BUFFERS + 2, 8, WRITE, 0);
    offer(0, 0);
    offer(0, 1);
    assert_int_equal(receive("abcd"), 4);
    assert_memory_equal(ram + BUFFERS, "abcd\xa5", 5);
    assert_int_equal(used_index(0), 2);
    assert_used(0, 1, 1, 2);
}

static void an_invalid_buffer_receives_no_input(void **state) {
    (void)state;
    describe(0, 0, RAM_SIZE, 2, WRITE, 0);
    offer(0, 0);
    assert_int_equal(receive("abc"), 0);
    assert_broken();
    assert_int_equal(receive("abc"), 0);
}

/* ---- random bytes ---- */

static void each_buffer_receives_up_to_64_random_bytes(void **state) {
    (void)state;
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_ID), 4);
    describe(0, 0, BUFFERS, 10, WRITE, 0);
    describe(0, 1, BUFFERS + 0x100, 4096, WRITE, 0);
    offer(0, 0);
    offer(0, 1);
    notify(0);
    assert_used(0, 0, 0, 10);
    assert_used(0, 1, 1, VIRTIO_RNG_BYTES);
    assert_memory_equal(ram + BUFFERS, "\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xa5", 11);
    assert_int_equal(ram[BUFFERS + 0x100], 0xc1);
    assert_int_equal(ram[BUFFERS + 0x100 + VIRTIO_RNG_BYTES], 0xa5);
}

static void point_elsewhere(void) {
    describe(0, 0, RAM_SIZE - 1, UINT32_MAX, WRITE | NEXT, 0);
}

/* The guest changes the descriptor between check and use. */
static void a_descriptor_that_changes_is_used_as_it_was_read(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 10, WRITE, 0);
    offer(0, 0);
    seen.meanwhile = point_elsewhere;
    notify(0);
    assert_used(0, 0, 0, 10);
    assert_int_equal(ram[BUFFERS + 9], 0xc0);
    assert_int_equal(ram[RAM_SIZE - 1], 0xa5);
    assert_works();
    offer(0, 0);
    notify(0);
    assert_broken();
}

static void a_readable_buffer_receives_nothing(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 10, 0, 0);
    offer(0, 0);
    notify(0);
    assert_used(0, 0, 0, 0);
    assert_int_equal(ram[BUFFERS], 0xa5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RNG(name)  cmocka_unit_test_setup_teardown(name, set_up_rng, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(text_is_transmitted),
        TEST(a_long_text_is_transmitted_in_pieces),
        TEST(a_text_that_is_not_accepted_waits),
        TEST(short_texts_share_a_burst_of_one_piece),
        TEST(a_reset_clears_the_progress),
        TEST(a_text_that_becomes_shorter_is_done),
        TEST(input_is_accepted_only_with_buffers),
        TEST(input_fills_several_buffers),
        TEST(an_invalid_buffer_receives_no_input),
        RNG(each_buffer_receives_up_to_64_random_bytes),
        RNG(a_descriptor_that_changes_is_used_as_it_was_read),
        RNG(a_readable_buffer_receives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
