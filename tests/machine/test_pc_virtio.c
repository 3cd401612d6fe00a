/* Guards vmm/pc/virtio.c and pc.c: which page is which device, its interrupt line, the console's
 * output and input, random bytes. A small driver plays the guest. VIRTIO 1.2, "Virtio Over MMIO".
 */
#include "tests/machine/one_pc.h"

#define QUEUE_SIZE   8
#define RINGS        0x10000u /* of all queues; each has its place */
#define RINGS_STRIDE 0x3000u
#define BUFFER       0x80000u

#define WRITE        2 /* a descriptor's flag */

#define LINE(slot)   PIN(PC_VIRTIO_IRQ + (slot))

static uint64_t page(unsigned slot) {
    return PC_VIRTIO_BASE + slot * PC_VIRTIO_STRIDE;
}

static uint32_t reg_read(unsigned slot, uint32_t offset) {
    return (uint32_t)pc_page_read(pc, page(slot) + offset, 4);
}

static bool reg_write(unsigned slot, uint32_t offset, uint64_t value) {
    return pc_page_write(pc, page(slot) + offset, 4, value);
}

static uint8_t *rings(unsigned slot, unsigned queue) {
    return pc->config.ram + RINGS + (2 * slot + queue) * RINGS_STRIDE;
}

static void start_driver(unsigned slot, unsigned queues) {
    static const uint32_t status[] = {0, 1, 3, 11, 15};

    for (unsigned i = 0; i < 3; i++)
        reg_write(slot, VIRTIO_MMIO_STATUS, status[i]);
    reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    reg_write(slot, VIRTIO_MMIO_DRIVER_FEATURES, 1); /* VIRTIO_F_VERSION_1 */
    reg_write(slot, VIRTIO_MMIO_STATUS, status[3]);
    for (unsigned queue = 0; queue < queues; queue++) {
        uint32_t at = (uint32_t)(rings(slot, queue) - pc->config.ram);
        reg_write(slot, VIRTIO_MMIO_QUEUE_SEL, queue);
        reg_write(slot, VIRTIO_MMIO_QUEUE_NUM, QUEUE_SIZE);
        reg_write(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, at);
        reg_write(slot, VIRTIO_MMIO_QUEUE_DRIVER_LOW, at + 0x1000);
        reg_write(slot, VIRTIO_MMIO_QUEUE_DEVICE_LOW, at + 0x2000);
        reg_write(slot, VIRTIO_MMIO_QUEUE_READY, 1);
    }
    reg_write(slot, VIRTIO_MMIO_STATUS, status[4]);
    assert_int_equal(reg_read(slot, VIRTIO_MMIO_STATUS), status[4]);
}

/* Makes one buffer available, by the descriptor with the index of the ring's entry. */
static void offer(unsigned slot, unsigned queue, uint64_t address, uint32_t size, uint16_t flags) {
    uint8_t *at = rings(slot, queue);
    uint16_t *available = (uint16_t *)(at + 0x1000), index = available[1];
    uint16_t entry = index % QUEUE_SIZE;

    memcpy(at + 16u * entry, &address, 8);
    memcpy(at + 16u * entry + 8, &size, 4);
    memcpy(at + 16u * entry + 12, &flags, 2);
    available[2 + entry] = entry;
    available[1] = (uint16_t)(index + 1);
}

static uint16_t used(unsigned slot, unsigned queue) {
    return ((const uint16_t *)(rings(slot, queue) + 0x2000))[1];
}

/* The bytes that the device wrote for entry `number` of the used ring. */
static uint32_t written(unsigned slot, unsigned queue, unsigned number) {
    return ((const uint32_t *)(rings(slot, queue) + 0x2004))[2 * (number % QUEUE_SIZE) + 1];
}

static bool notify(unsigned slot, unsigned queue) {
    return reg_write(slot, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

/* ---- slots ---- */

static void each_page_is_its_slots_device(void **state) {
    const uint32_t without_disk[] = {0, 4, 3}, with_disk[] = {2, 4, 3};

    (void)state;
    for (unsigned slot = 0; slot < PC_VIRTIO_SLOTS; slot++) {
        assert_int_equal(reg_read(slot, 0), 0x74726976);
        assert_int_equal(reg_read(slot, VIRTIO_MMIO_DEVICE_ID), without_disk[slot]);
    }
    set_up_pc(true);
    for (unsigned slot = 0; slot < PC_VIRTIO_SLOTS; slot++)
        assert_int_equal(reg_read(slot, VIRTIO_MMIO_DEVICE_ID), with_disk[slot]);
    assert_int_equal(reg_read(PC_VIRTIO_BLOCK, VIRTIO_MMIO_CONFIG), DISK_SIZE / 512);
}

static void the_disk_is_the_guests_copy(void **state) {
    const struct {
        uint32_t type, reserved;
        uint64_t sector;
    } request = {1, 0, 3};

    (void)state;
    set_up_pc(true);
    start_driver(PC_VIRTIO_BLOCK, 1);
    uint8_t *ram = pc->config.ram;
    memcpy(ram + BUFFER, &request, sizeof(request));
    memset(ram + BUFFER + 16, 0x5a, 512);
    /* One chain of two descriptors: the request with its data, and the status. */
    offer(PC_VIRTIO_BLOCK, 0, BUFFER, 16 + 512, 1);
    uint64_t status = BUFFER + 0x1000;
    memcpy(rings(PC_VIRTIO_BLOCK, 0) + 16, &status, 8);
    memcpy(rings(PC_VIRTIO_BLOCK, 0) + 24, &(uint32_t){1}, 4);
    memcpy(rings(PC_VIRTIO_BLOCK, 0) + 28, &(uint16_t){WRITE}, 2);
    memcpy(rings(PC_VIRTIO_BLOCK, 0) + 14, &(uint16_t){1}, 2);
    ram[status] = 0xff;
    assert_true(notify(PC_VIRTIO_BLOCK, 0));
    assert_int_equal(ram[status], 0);
    assert_int_equal(((uint8_t *)pc->config.disk)[3 * 512], 0x5a);
    assert_int_equal(((uint8_t *)pc->config.disk)[4 * 512 - 1], 0x5a);
    assert_int_equal(((uint8_t *)pc->config.disk)[4 * 512], 0);
    assert_int_equal(seen.pins, LINE(PC_VIRTIO_BLOCK));
}

static void each_slot_has_a_line_until_it_is_acknowledged(void **state) {
    (void)state;
    start_driver(PC_VIRTIO_RNG, 1);
    start_driver(PC_VIRTIO_CONSOLE, 2);
    offer(PC_VIRTIO_RNG, 0, BUFFER, 8, WRITE);
    notify(PC_VIRTIO_RNG, 0);
    assert_int_equal(seen.pins, LINE(PC_VIRTIO_RNG));
    offer(PC_VIRTIO_CONSOLE, 1, BUFFER, 1, 0);
    notify(PC_VIRTIO_CONSOLE, 1);
    assert_int_equal(seen.pins, LINE(PC_VIRTIO_RNG) | LINE(PC_VIRTIO_CONSOLE));
    reg_write(PC_VIRTIO_RNG, VIRTIO_MMIO_INTERRUPT_ACK, 1);
    assert_int_equal(seen.pins, LINE(PC_VIRTIO_CONSOLE));
    reg_write(PC_VIRTIO_CONSOLE, VIRTIO_MMIO_INTERRUPT_ACK, 1);
    assert_int_equal(seen.pins, 0);
}

/* ---- random bytes ---- */

static void ask_for_random_bytes(uint32_t size) {
    memset(pc->config.ram + BUFFER, 0, size + 8);
    start_driver(PC_VIRTIO_RNG, 1);
    memset(rings(PC_VIRTIO_RNG, 0), 0, RINGS_STRIDE);
    offer(PC_VIRTIO_RNG, 0, BUFFER, size, WRITE);
    notify(PC_VIRTIO_RNG, 0);
    assert_int_equal(used(PC_VIRTIO_RNG, 0), 1);
    assert_int_equal(written(PC_VIRTIO_RNG, 0, 0), size);
    assert_int_equal(pc->config.ram[BUFFER + size], 0);
}

static uint64_t word(unsigned number) {
    uint64_t value;

    memcpy(&value, pc->config.ram + BUFFER + 8 * number, 8);
    return value;
}

static void random_bytes_are_the_processors(void **state) {
    (void)state;
    machine.random = 0x1122334455667788;
    ask_for_random_bytes(20);
    assert_int_equal(word(0), 0x1122334455667788);
    assert_int_equal(word(1), 0x1122334455667788 * 6364136223846793005ULL + 1);
}

static void without_rdrand_the_time_is_mixed(void **state) {
    (void)state;
    machine.random = 0; /* RDRAND fails each time */
    ask_for_random_bytes(16);
    uint64_t first = word(0);
    assert_int_not_equal(first, 0);
    assert_int_not_equal(word(1), first);
    machine.tsc++;
    ask_for_random_bytes(16);
    assert_int_not_equal(word(0), first);
    machine.random = 0x99;
    machine_leaf(1, 0)->ecx &= ~(1u << 30); /* there is no RDRAND: it would be #UD */
    ask_for_random_bytes(16);
    assert_int_equal(machine.random, 0x99);
}

/* ---- the console ---- */

static void print(const char *text) {
    uint32_t size = (uint32_t)strlen(text);

    memcpy(pc->config.ram + BUFFER, text, size);
    offer(PC_VIRTIO_CONSOLE, 1, BUFFER, size, 0);
    while (!notify(PC_VIRTIO_CONSOLE, 1))
        ;
}

static void its_output_goes_to_its_console(void **state) {
    (void)state;
    start_driver(PC_VIRTIO_CONSOLE, 2);
    print("hello");
    assert_string_equal(seen.text[PC_CONSOLE_VIRTIO], "hello");
    assert_string_equal(seen.text[PC_CONSOLE_SERIAL], "");
}

/* So that its vCPU sees requests in between. */
static void long_output_is_sent_in_pieces(void **state) {
    (void)state;
    start_driver(PC_VIRTIO_CONSOLE, 2);
    memset(pc->config.ram + BUFFER, 'x', 600);
    offer(PC_VIRTIO_CONSOLE, 1, BUFFER, 600, 0);
    assert_false(notify(PC_VIRTIO_CONSOLE, 1));
    assert_int_equal(seen.length[PC_CONSOLE_VIRTIO], 256);
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 1), 0);
    assert_false(notify(PC_VIRTIO_CONSOLE, 1));
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 1), 0);
    notify(PC_VIRTIO_CONSOLE, 1);
    assert_int_equal(seen.length[PC_CONSOLE_VIRTIO], 600);
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 1), 1);
    assert_true(notify(PC_VIRTIO_CONSOLE, 1));
}

static void output_without_room_waits_and_is_not_lost(void **state) {
    (void)state;
    start_driver(PC_VIRTIO_CONSOLE, 2);
    memcpy(pc->config.ram + BUFFER, "0123456789", 10);
    offer(PC_VIRTIO_CONSOLE, 1, BUFFER, 10, 0);
    seen.full = true;
    seen.room = 4;
    assert_false(notify(PC_VIRTIO_CONSOLE, 1));
    assert_true(pc_output_waits(pc));
    assert_false(notify(PC_VIRTIO_CONSOLE, 1));
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 1), 0);
    seen.full = false;
    assert_true(notify(PC_VIRTIO_CONSOLE, 1) || notify(PC_VIRTIO_CONSOLE, 1));
    assert_false(pc_output_waits(pc));
    assert_string_equal(seen.text[PC_CONSOLE_VIRTIO], "0123456789");
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 1), 1);
}

static void type(const char *text) {
    for (; *text; text++)
        assert_true(serial_type(pc, (uint8_t)*text));
}

static bool uart_has_input(void) {
    return in(PC_UART_PORT + 5) & 1;
}

static void input_goes_to_the_device_that_printed_last(void **state) {
    (void)state;
    start_driver(PC_VIRTIO_CONSOLE, 2);
    offer(PC_VIRTIO_CONSOLE, 0, BUFFER + 0x100, 16, WRITE);
    notify(PC_VIRTIO_CONSOLE, 0);
    type("a");
    assert_true(uart_has_input()); /* before anything was printed: the UART */
    assert_int_equal(in(PC_UART_PORT), 'a');
    print("$ ");
    type("b");
    assert_false(uart_has_input());
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 0), 1);
    assert_int_equal(written(PC_VIRTIO_CONSOLE, 0, 0), 1);
    assert_int_equal(pc->config.ram[BUFFER + 0x100], 'b');
    out(PC_UART_PORT, '>');
    type("c");
    assert_int_equal(in(PC_UART_PORT), 'c');
}

static void input_waits_for_the_drivers_buffers(void **state) {
    (void)state;
    start_driver(PC_VIRTIO_CONSOLE, 2);
    print("$ ");
    type("hello");
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 0), 0);
    offer(PC_VIRTIO_CONSOLE, 0, BUFFER + 0x100, 3, WRITE);
    notify(PC_VIRTIO_CONSOLE, 0);
    assert_int_equal(used(PC_VIRTIO_CONSOLE, 0), 1);
    assert_memory_equal(pc->config.ram + BUFFER + 0x100, "hel\0", 4);
    offer(PC_VIRTIO_CONSOLE, 0, BUFFER + 0x100, 3, WRITE);
    notify(PC_VIRTIO_CONSOLE, 0);
    assert_int_equal(written(PC_VIRTIO_CONSOLE, 0, 1), 2);
    assert_memory_equal(pc->config.ram + BUFFER + 0x100, "lol", 3); /* "lo", and what was there */
}

static void waiting_input_may_wrap_in_its_ring(void **state) {
    (void)state;
    pc->serial.first = SERIAL_TYPED - 2;
    start_driver(PC_VIRTIO_CONSOLE, 2);
    print("$ ");
    type("hello");
    offer(PC_VIRTIO_CONSOLE, 0, BUFFER + 0x100, 16, WRITE);
    offer(PC_VIRTIO_CONSOLE, 0, BUFFER + 0x200, 16, WRITE);
    notify(PC_VIRTIO_CONSOLE, 0);
    assert_int_equal(written(PC_VIRTIO_CONSOLE, 0, 0), 2);
    assert_int_equal(written(PC_VIRTIO_CONSOLE, 0, 1), 3);
    assert_memory_equal(pc->config.ram + BUFFER + 0x100, "he", 2);
    assert_memory_equal(pc->config.ram + BUFFER + 0x200, "llo", 3);
}

static int set_up_with_processor(void **state) {
    int result = set_up(state);

    machine_reset();
    return result;
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_with_processor)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_page_is_its_slots_device),
        TEST(the_disk_is_the_guests_copy),
        TEST(each_slot_has_a_line_until_it_is_acknowledged),
        TEST(random_bytes_are_the_processors),
        TEST(without_rdrand_the_time_is_mixed),
        TEST(its_output_goes_to_its_console),
        TEST(long_output_is_sent_in_pieces),
        TEST(output_without_room_waits_and_is_not_lost),
        TEST(input_goes_to_the_device_that_printed_last),
        TEST(input_waits_for_the_drivers_buffers),
        TEST(waiting_input_may_wrap_in_its_ring),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
