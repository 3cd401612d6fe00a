/* Guards vmm/devices/virtio_mmio.c: the registers, the device status, and the interrupt line. */
#include "tests/unit/virtio_alone.h"

#define OFFERED (VIRTIO_F_VERSION_1 | 1ULL << 33 | 1 << 5)

static enum virtio_served answer;
static unsigned served;
static const uint8_t config[5] = {0x11, 0x22, 0x33, 0x44, 0x55};

static enum virtio_served serve(struct virtio_mmio *device, uint32_t queue,
                                struct virtq_chain *chain, uint32_t *written) {
    assert_ptr_equal(device, &mmio);
    assert_true(queue < 2);
    assert_int_equal(*written, 0);
    served++;
    *written = chain->writable.size;
    return answer;
}

static const struct virtio_kind kind = {42, 2, 1000, serve};

static int set_up(void **state) {
    (void)state;
    set_up_slot();
    mmio.kind = &kind;
    mmio.features = OFFERED;
    mmio.config = config;
    mmio.config_size = sizeof(config);
    answer = VIRTIO_DONE;
    served = 0;
    start_driver();
    return 0;
}

static void an_empty_slot_has_device_id_0(void **state) {
    (void)state;
    mmio.kind = NULL;
    for (uint32_t offset = 0; offset < 0x200; offset += 4) {
        assert_false(reg_write(offset, UINT32_MAX));
        uint32_t value = offset == 0 ? VIRTIO_MAGIC : offset == VIRTIO_MMIO_VERSION ? 2 : 0;
        assert_int_equal(reg_read(offset), value);
    }
    assert_false(virtio_mmio_serve(&mmio, 0));
}

static void the_identification_registers_are_constant(void **state) {
    (void)state;
    assert_int_equal(reg_read(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
    assert_int_equal(reg_read(VIRTIO_MMIO_VERSION), 2);
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_ID), 42);
    assert_int_equal(reg_read(VIRTIO_MMIO_VENDOR_ID), VIRTIO_VENDOR_ID);
    assert_int_equal(reg_read(VIRTIO_MMIO_CONFIG_GENERATION), 0);
    for (uint32_t offset = VIRTIO_MMIO_SHM_FIRST; offset <= VIRTIO_MMIO_SHM_LAST; offset += 4)
        assert_int_equal(reg_read(offset), UINT32_MAX);
    assert_int_equal(reg_read(0x0c0), 0); /* QueueReset is not offered */
}

static void features_are_read_in_two_words(void **state) {
    (void)state;
    reg_write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_FEATURES), 1 << 5);
    reg_write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_FEATURES), 3);
    reg_write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_FEATURES), 0);
    reg_write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, UINT32_MAX);
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_FEATURES), 0);
}

static void features_that_are_not_offered_are_refused(void **state) {
    (void)state;
    negotiate(VIRTIO_F_VERSION_1 | 1 << 6);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), 3);
    negotiate(VIRTIO_F_VERSION_1 | 1ULL << 34);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), 3);
    negotiate(1 << 5); /* a driver for the legacy interface */
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), 3);
    reg_write(VIRTIO_MMIO_STATUS, DRIVER_WORKS);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), 3);
    negotiate(VIRTIO_F_VERSION_1);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), 11);
}

static void features_do_not_change_after_features_ok(void **state) {
    (void)state;
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES, 0);
    assert_int_equal(mmio.reg.driver_features, OFFERED);
    reg_write(VIRTIO_MMIO_STATUS, 0);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
    reg_write(VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
    assert_int_equal(mmio.reg.driver_features, 0);
}

static void status_bits_are_set_and_not_cleared(void **state) {
    (void)state;
    reg_write(VIRTIO_MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    assert_works();
    reg_write(VIRTIO_MMIO_STATUS, VIRTIO_STATUS_NEEDS_RESET | 0xffffff30);
    assert_works();
    reg_write(VIRTIO_MMIO_STATUS, VIRTIO_STATUS_FAILED);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), DRIVER_WORKS | VIRTIO_STATUS_FAILED);
}

static void a_reset_clears_everything(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    offer(0, 0);
    notify(0);
    assert_true(seen.line);
    reg_write(VIRTIO_MMIO_STATUS, 0);
    assert_false(seen.line);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), 0);
    assert_int_equal(reg_read(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
    for (uint32_t queue = 0; queue < 2; queue++) {
        reg_write(VIRTIO_MMIO_QUEUE_SEL, queue);
        assert_int_equal(reg_read(VIRTIO_MMIO_QUEUE_READY), 0);
    }
    assert_int_equal(mmio.reg.queue[0].next, 0);
    offer(0, 0);
    notify(0);
    assert_int_equal(served, 1);
}

static void the_line_is_high_while_there_is_an_interrupt(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    offer(0, 0);
    notify(0);
    offer(0, 0);
    notify(0);
    assert_int_equal(seen.line_changes, 1);
    assert_int_equal(reg_read(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_INTERRUPT_USED);
    reg_write(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_CONFIG);
    assert_true(seen.line);
    reg_write(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_USED);
    assert_false(seen.line);
    offer(0, 0);
    notify(0);
    assert_int_equal(seen.line_changes, 3);
}

static void no_interrupt_if_the_driver_has_disabled_it(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    put16(AVAILABLE, NO_INTERRUPT);
    offer(0, 0);
    notify(0);
    assert_int_equal(used_index(0), 1);
    assert_false(seen.line);
    put16(AVAILABLE, 0);
    offer(0, 0);
    notify(0);
    assert_true(seen.line);
}

static void an_empty_queue_raises_no_interrupt(void **state) {
    (void)state;
    notify(0);
    assert_false(seen.line);
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    offer(0, 0);
    answer = VIRTIO_WAIT;
    assert_false(notify(0));
    assert_false(seen.line);
    assert_int_equal(used_index(0), 0);
}

static void a_queue_is_served_only_with_driver_ok(void **state) {
    (void)state;
    negotiate(OFFERED);
    memset(ram + AVAILABLE, 0, 4);
    place_queue(0, QUEUE_SIZE, DESCRIPTORS, AVAILABLE, USED);
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    offer(0, 0);
    notify(0);
    notify(1); /* not ready */
    notify(2);
    notify(UINT32_MAX);
    assert_int_equal(served, 0);
    reg_write(VIRTIO_MMIO_STATUS, DRIVER_WORKS);
    notify(0);
    notify(1);
    assert_int_equal(served, 1);
    reg_write(VIRTIO_MMIO_QUEUE_SEL, 0);
    reg_write(VIRTIO_MMIO_QUEUE_READY, 0);
    offer(0, 0);
    notify(0);
    assert_int_equal(served, 1);
}

static void a_queue_that_does_not_exist_has_size_0(void **state) {
    (void)state;
    reg_write(VIRTIO_MMIO_QUEUE_SEL, 1);
    assert_int_equal(reg_read(VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTQ_SIZE_MAX);
    assert_int_equal(reg_read(VIRTIO_MMIO_QUEUE_READY), 1);
    for (uint32_t queue = 2; queue; queue <<= 1) {
        place_queue(queue, 4, 0, 0, 0);
        assert_int_equal(reg_read(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
        assert_int_equal(reg_read(VIRTIO_MMIO_QUEUE_READY), 0);
    }
    assert_works();
}

static void a_ready_queue_cannot_be_moved(void **state) {
    const struct virtq before = mmio.reg.queue[0];

    (void)state;
    place_queue(0, 4, 0x9000, 0xa000, 0xb000);
    assert_memory_equal(&mmio.reg.queue[0], &before, sizeof(before));
}

static void registers_are_accessed_as_aligned_words(void **state) {
    (void)state;
    for (uint32_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
        assert_int_equal(virtio_mmio_read(&mmio, offset, 1), 0);
        assert_int_equal(virtio_mmio_read(&mmio, offset, 2), 0);
        assert_int_equal(virtio_mmio_read(&mmio, offset, 8), 0);
        if (offset % 4)
            assert_int_equal(virtio_mmio_read(&mmio, offset, 4), 0);
    }
    virtio_mmio_write(&mmio, VIRTIO_MMIO_STATUS, 1, 0);
    virtio_mmio_write(&mmio, VIRTIO_MMIO_STATUS, 8, 0);
    virtio_mmio_write(&mmio, VIRTIO_MMIO_STATUS + 1, 4, 0);
    assert_works();
}

static void configuration_is_read_in_any_size(void **state) {
    (void)state;
    assert_int_equal(virtio_mmio_read(&mmio, 0x100, 1), 0x11);
    assert_int_equal(virtio_mmio_read(&mmio, 0x101, 2), 0x3322);
    assert_int_equal(virtio_mmio_read(&mmio, 0x100, 4), 0x44332211);
    assert_int_equal(virtio_mmio_read(&mmio, 0x100, 8), 0x5544332211);
    assert_int_equal(virtio_mmio_read(&mmio, 0x104, 4), 0x55);
    assert_int_equal(virtio_mmio_read(&mmio, 0x105, 1), 0);
    assert_int_equal(virtio_mmio_read(&mmio, 0xfff, 8), 0);
    reg_write(0x100, 0);
    assert_int_equal(virtio_mmio_read(&mmio, 0x100, 4), 0x44332211);
}

/* One notification serves a limited number; repeating it continues. */
static void many_chains_need_several_notifications(void **state) {
    unsigned turns = 1;

    (void)state;
    mmio.reg.queue[0].entries = 0;
    place_queue(0, 64, DESCRIPTORS, AVAILABLE, USED);
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    memset(ram + AVAILABLE + 4, 0, 2 * 64);
    put16(AVAILABLE + 2, 64);
    while (notify(0))
        turns++;
    assert_int_equal(served, 64);
    assert_int_equal(turns, 3); /* 32, 32, and none */
    assert_int_equal(used_index(0), 64);
}

static void many_bytes_need_several_notifications(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 600, WRITE, 0);
    for (unsigned i = 0; i < 3; i++)
        offer(0, 0);
    assert_true(notify(0)); /* a burst is 1000 bytes */
    assert_int_equal(served, 2);
    assert_false(notify(0));
    assert_int_equal(served, 3);
}

static void a_chain_that_is_not_done_yet_is_served_again(void **state) {
    (void)state;
    describe(0, 3, BUFFERS, 4, WRITE, 0);
    offer(0, 3);
    answer = VIRTIO_AGAIN;
    assert_true(notify(0));
    assert_int_equal(used_index(0), 0);
    assert_false(seen.line);
    answer = VIRTIO_DONE;
    assert_false(notify(0));
    assert_int_equal(served, 2);
    assert_used(0, 0, 3, 4);
}

/* An invalid queue breaks the device until a reset. */
static void a_broken_device_serves_nothing_until_it_is_reset(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 4, WRITE, 0);
    describe(0, 1, RAM_SIZE, 4, WRITE, 0);
    offer(0, 0);
    offer(0, 1);
    offer(0, 0);
    assert_false(notify(0));
    assert_broken();
    assert_int_equal(served, 1);
    assert_int_equal(used_index(0), 1); /* the chain before it was returned */
    assert_int_equal(reg_read(VIRTIO_MMIO_INTERRUPT_STATUS),
                     VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG);
    reg_write(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
    assert_false(seen.line);
    describe(1, 0, BUFFERS, 4, WRITE, 0);
    offer(1, 0);
    notify(0);
    notify(1);
    assert_int_equal(served, 1);
    start_driver();
    assert_works();
    offer(1, 0);
    notify(1);
    assert_int_equal(served, 2);
}

static void an_invalid_queue_before_driver_ok_raises_no_interrupt(void **state) {
    (void)state;
    negotiate(OFFERED);
    place_queue(0, QUEUE_SIZE, RAM_SIZE, AVAILABLE, USED);
    assert_int_equal(reg_read(VIRTIO_MMIO_QUEUE_READY), 0);
    assert_int_equal(reg_read(VIRTIO_MMIO_STATUS), ALL_WORKS | VIRTIO_STATUS_NEEDS_RESET);
    assert_false(seen.line);
    reg_write(VIRTIO_MMIO_STATUS, DRIVER_WORKS);
    notify(0);
    assert_int_equal(served, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_empty_slot_has_device_id_0),
        TEST(the_identification_registers_are_constant),
        TEST(features_are_read_in_two_words),
        TEST(features_that_are_not_offered_are_refused),
        TEST(features_do_not_change_after_features_ok),
        TEST(status_bits_are_set_and_not_cleared),
        TEST(a_reset_clears_everything),
        TEST(the_line_is_high_while_there_is_an_interrupt),
        TEST(no_interrupt_if_the_driver_has_disabled_it),
        TEST(an_empty_queue_raises_no_interrupt),
        TEST(a_queue_is_served_only_with_driver_ok),
        TEST(a_queue_that_does_not_exist_has_size_0),
        TEST(a_ready_queue_cannot_be_moved),
        TEST(registers_are_accessed_as_aligned_words),
        TEST(configuration_is_read_in_any_size),
        TEST(many_chains_need_several_notifications),
        TEST(many_bytes_need_several_notifications),
        TEST(a_chain_that_is_not_done_yet_is_served_again),
        TEST(a_broken_device_serves_nothing_until_it_is_reset),
        TEST(an_invalid_queue_before_driver_ok_raises_no_interrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
