/* Guards vmm/devices/virtio_block.c: valid requests, and those that a driver must not make. */
#include "tests/unit/virtio_alone.h"

#include "vmm/devices/virtio_block.h"

#define SECTORS    16
#define DISK_BYTES (SECTORS * 512 + 100) /* the last sector is incomplete */
#define HEADER     BUFFERS
#define DATA       (BUFFERS + 0x1000)
#define STATUS     (BUFFERS + 0x4000)

static struct virtio_block block;
static uint8_t *disk;

static void start(bool read_only) {
    virtio_block_init(&mmio, &block, disk, DISK_BYTES, read_only);
    start_driver();
}

static int set_up(void **state) {
    (void)state;
    set_up_slot();
    disk = malloc(DISK_BYTES);
    for (unsigned i = 0; i < DISK_BYTES; i++)
        disk[i] = (uint8_t)(i / 512 * 3 + i);
    start(false);
    return 0;
}

static int tear_down_disk(void **state) {
    free(disk);
    return tear_down(state);
}

static void put_header(uint32_t type, uint64_t sector) {
    struct virtio_block_header header = {.type = type, .sector = sector};

    put(HEADER, &header, sizeof(header));
    ram[STATUS] = 0xee;
}

/* A header, `size` bytes of data if not 0, the status. Returns the status. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t size, uint16_t data_flags) {
    put_header(type, sector);
    describe(0, 0, HEADER, 16, NEXT, size ? 1 : 2);
    describe(0, 1, DATA, size, NEXT | data_flags, 2);
    describe(0, 2, STATUS, 1, WRITE, 0);
    offer(0, 0);
    assert_false(notify(0));
    return ram[STATUS];
}

static void assert_written(uint32_t written) {
    assert_used(0, (uint16_t)(used_index(0) - 1), 0, written);
}

static void features_and_configuration_describe_the_disk(void **state) {
    (void)state;
    assert_int_equal(reg_read(VIRTIO_MMIO_DEVICE_ID), 2);
    assert_int_equal(virtio_mmio_read(&mmio, 0x100, 8), SECTORS);
    assert_int_equal(reg_read(0x108), 65536);
    assert_int_equal(reg_read(0x10c), 126);
    assert_int_equal(reg_read(0x114), 512);
    assert_int_equal(mmio.features & VIRTIO_BLK_F_RO, 0);
    start(true);
    assert_int_equal(mmio.features & VIRTIO_BLK_F_RO, VIRTIO_BLK_F_RO);
}

static void a_read_copies_sectors_to_the_guest(void **state) {
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_IN, 3, 1024, WRITE), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram + DATA, disk + 3 * 512, 1024);
    assert_int_equal(ram[DATA + 1024], 0xa5);
    assert_written(1025);
    assert_true(seen.line);
}

static void a_write_copies_sectors_to_the_disk(void **state) {
    uint8_t before[DISK_BYTES];

    (void)state;
    memcpy(before, disk, DISK_BYTES);
    for (unsigned i = 0; i < 512; i++)
        ram[DATA + i] = (uint8_t)(i * 7);
    assert_int_equal(request(VIRTIO_BLK_T_OUT, SECTORS - 1, 512, 0), VIRTIO_BLK_S_OK);
    assert_memory_equal(disk + (SECTORS - 1) * 512, ram + DATA, 512);
    assert_memory_equal(disk, before, (SECTORS - 1) * 512);
    assert_memory_equal(disk + SECTORS * 512, before + SECTORS * 512, 100);
    assert_written(1);
}

static void sectors_out_of_range_are_an_error(void **state) {
    static const struct {
        uint64_t sector;
        uint32_t size;
    } bad[] = {
        {SECTORS, 512},
        {SECTORS - 1, 1024},
        {SECTORS + 1, 512},
        {UINT64_MAX, 512},
        {UINT64_MAX, 1024},
        {1ULL << 55, 512}, /* times 512 is 0 */
        {(1ULL << 63) + 1, 512},
        {0, (SECTORS + 1) * 512},
        {0, 511},
        {0, 513},
        {0, 1},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(request(VIRTIO_BLK_T_IN, bad[i].sector, bad[i].size, WRITE),
                         VIRTIO_BLK_S_IOERR);
        assert_written(0);
        assert_int_equal(ram[DATA], 0xa5);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, bad[i].sector, bad[i].size, 0),
                         VIRTIO_BLK_S_IOERR);
        assert_written(1);
    }
    for (unsigned i = 0; i < DISK_BYTES; i++)
        assert_int_equal(disk[i], (uint8_t)(i / 512 * 3 + i));
    assert_works();
}

static void only_whole_sectors_are_accessible(void **state) {
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS - 1, 512, WRITE), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram + DATA, disk + (SECTORS - 1) * 512, 512);
    assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS, 0, WRITE), VIRTIO_BLK_S_OK);
    assert_written(1);
    assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS + 1, 0, WRITE), VIRTIO_BLK_S_IOERR);
}

static void a_read_only_disk_is_not_written(void **state) {
    (void)state;
    start(true);
    assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, 512, 0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(disk[0], 0);
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, 512, WRITE), VIRTIO_BLK_S_OK);
}

static void flush_succeeds_and_the_id_is_pinwheel(void **state) {
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
    assert_written(1);
    assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 20, WRITE), VIRTIO_BLK_S_OK);
    assert_written(21);
    assert_string_equal((char *)ram + DATA, "pinwheel");
    assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 4, WRITE), VIRTIO_BLK_S_OK);
    assert_written(5);
    assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 32, WRITE), VIRTIO_BLK_S_OK);
    assert_written(20);
}

static void unknown_requests_are_not_supported(void **state) {
    (void)state;
    assert_int_equal(request(2, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(request(11, 0, 16, 0), VIRTIO_BLK_S_UNSUPP); /* discard */
    assert_int_equal(request(13, 0, 16, 0), VIRTIO_BLK_S_UNSUPP); /* write zeroes */
    assert_int_equal(request(UINT32_MAX, 0, 512, WRITE), VIRTIO_BLK_S_UNSUPP);
    assert_written(0);
}

/* VIRTIO 1.2, "Message Framing": the division of a request into descriptors has no meaning. */
static void a_request_may_be_divided_anywhere(void **state) {
    (void)state;
    put_header(VIRTIO_BLK_T_IN, 2);
    describe(0, 0, HEADER, 5, NEXT, 1);
    describe(0, 1, HEADER + 5, 11, NEXT, 2);
    describe(0, 2, DATA, 100, NEXT | WRITE, 3);
    describe(0, 3, DATA + 100, 412 + 1, WRITE, 0); /* data and status */
    offer(0, 0);
    notify(0);
    assert_memory_equal(ram + DATA, disk + 1024, 512);
    assert_int_equal(ram[DATA + 512], VIRTIO_BLK_S_OK);
    assert_written(513);
}

/* The ID has 20 bytes; the descriptor has room for 5 of them and the status. */
static void a_short_id_in_one_descriptor_with_the_status(void **state) {
    (void)state;
    put_header(VIRTIO_BLK_T_GET_ID, 0);
    describe(0, 0, HEADER, 16, NEXT, 1);
    describe(0, 1, DATA, 5 + 1, WRITE, 0);
    offer(0, 0);
    notify(0);
    assert_memory_equal(ram + DATA, "pinwh\0\xa5", 7);
    assert_written(6);
}

static void a_request_without_header_or_status_breaks_the_device(void **state) {
    (void)state;
    put_header(VIRTIO_BLK_T_FLUSH, 0);
    describe(0, 0, HEADER, 15, NEXT, 1);
    describe(0, 1, STATUS, 1, WRITE, 0);
    offer(0, 0);
    notify(0);
    assert_broken();
    start_driver();
    describe(0, 0, HEADER, 16, 0, 0);
    offer(0, 0);
    notify(0);
    assert_broken();
    start_driver();
    describe(0, 0, STATUS, 1, WRITE, 0);
    offer(0, 0);
    notify(0);
    assert_broken();
    assert_int_equal(ram[STATUS], 0xee);
}

/* The data overwrites the header, which was copied before. */
static void a_read_over_its_own_header_uses_the_copy(void **state) {
    (void)state;
    put_header(VIRTIO_BLK_T_IN, 4);
    describe(0, 0, HEADER, 16, NEXT, 1);
    describe(0, 1, HEADER, 512, NEXT | WRITE, 2);
    describe(0, 2, STATUS, 1, WRITE, 0);
    offer(0, 0);
    notify(0);
    assert_memory_equal(ram + HEADER, disk + 4 * 512, 512);
    assert_int_equal(ram[STATUS], VIRTIO_BLK_S_OK);
}

/* The data overwrites the descriptors and the rings; the device has its own copy of the chain. */
static void a_read_over_its_own_queue_uses_the_copy(void **state) {
    (void)state;
    put_header(VIRTIO_BLK_T_IN, 0);
    describe(0, 0, HEADER, 16, NEXT, 1);
    describe(0, 1, DESCRIPTORS, 16 * 512, NEXT | WRITE, 2);
    describe(0, 2, STATUS, 1, WRITE, 0);
    offer(0, 0);
    notify(0);
    assert_memory_equal(ram + DESCRIPTORS, disk, 4096);
    assert_int_equal(ram[STATUS], VIRTIO_BLK_S_OK);
    assert_broken(); /* the available ring is now invalid */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_disk)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(features_and_configuration_describe_the_disk),
        TEST(a_read_copies_sectors_to_the_guest),
        TEST(a_write_copies_sectors_to_the_disk),
        TEST(sectors_out_of_range_are_an_error),
        TEST(only_whole_sectors_are_accessible),
        TEST(a_read_only_disk_is_not_written),
        TEST(flush_succeeds_and_the_id_is_pinwheel),
        TEST(unknown_requests_are_not_supported),
        TEST(a_request_may_be_divided_anywhere),
        TEST(a_short_id_in_one_descriptor_with_the_status),
        TEST(a_request_without_header_or_status_breaks_the_device),
        TEST(a_read_over_its_own_header_uses_the_copy),
        TEST(a_read_over_its_own_queue_uses_the_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
