/* Guards vmm/devices/virtio_queue.c: valid chains, and the values that a hostile guest can write,
 * also while the device reads them: each access to a watched page faults, and right behind it the
 * guest changes the page. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/unit/virtio_alone.h"

#define EFLAGS_TF 0x100

static struct virtq queue;
static struct virtq_chain chain;

static struct virtq placed(uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used) {
    return (struct virtq){
        .size = size, .descriptors = descriptors, .available = available, .used = used};
}

static int set_up(void **state) {
    (void)state;
    set_up_slot();
    memset(ram + AVAILABLE, 0, 4);
    memset(ram + USED, 0, 4);
    queue = placed(QUEUE_SIZE, DESCRIPTORS, AVAILABLE, USED);
    assert_true(virtq_start(&queue, &mmio.ram));
    return 0;
}

static enum virtq_state next(void) {
    return virtq_next(&queue, &mmio.ram, &chain);
}

/* ---- the rings ---- */

static bool starts(uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used) {
    queue = placed(size, descriptors, available, used);
    bool started = virtq_start(&queue, &mmio.ram);
    assert_int_equal(queue.entries != 0, started);
    return started;
}

static void rings_must_lie_in_ram(void **state) {
    (void)state;
    assert_true(starts(8, RAM_SIZE - 128, AVAILABLE, USED));
    assert_false(starts(8, RAM_SIZE - 112, AVAILABLE, USED));
    assert_true(starts(8, DESCRIPTORS, RAM_SIZE - 20, USED));
    assert_false(starts(8, DESCRIPTORS, RAM_SIZE - 18, USED));
    assert_true(starts(8, DESCRIPTORS, AVAILABLE, RAM_SIZE - 68));
    assert_false(starts(8, DESCRIPTORS, AVAILABLE, RAM_SIZE - 64));
    assert_false(starts(8, UINT64_MAX - 15, AVAILABLE, USED));
    assert_false(starts(8, DESCRIPTORS, UINT64_MAX - 1, USED));
    assert_false(starts(8, DESCRIPTORS, AVAILABLE, UINT64_MAX - 3));
    assert_false(starts(8, 1ULL << 63, AVAILABLE, USED));
    assert_false(starts(8, DESCRIPTORS + (1ULL << 32), AVAILABLE, USED));
}

static void rings_must_be_aligned(void **state) {
    (void)state;
    assert_false(starts(8, DESCRIPTORS + 8, AVAILABLE, USED));
    assert_false(starts(8, DESCRIPTORS, AVAILABLE + 1, USED));
    assert_false(starts(8, DESCRIPTORS, AVAILABLE, USED + 2));
}

static void a_size_must_be_a_power_of_2(void **state) {
    (void)state;
    assert_true(starts(1, DESCRIPTORS, AVAILABLE, USED));
    assert_true(starts(VIRTQ_SIZE_MAX, DESCRIPTORS, AVAILABLE, USED));
    assert_false(starts(0, DESCRIPTORS, AVAILABLE, USED));
    assert_false(starts(3, DESCRIPTORS, AVAILABLE, USED));
    assert_false(starts(2 * VIRTQ_SIZE_MAX, DESCRIPTORS, AVAILABLE, USED));
    assert_false(starts(1u << 31, DESCRIPTORS, AVAILABLE, USED));
    assert_false(starts(UINT32_MAX, DESCRIPTORS, AVAILABLE, USED));
}

/* ---- chains ---- */

static void a_chain_has_a_readable_and_a_writable_stream(void **state) {
    uint8_t text[16] = {0};

    (void)state;
    put(BUFFERS, "abc", 3);
    put(BUFFERS + 0x100, "defgh", 5);
    describe(0, 2, BUFFERS, 3, NEXT, 7);
    describe(0, 7, BUFFERS, 0, NEXT, 0); /* an empty buffer */
    describe(0, 0, BUFFERS + 0x100, 5, NEXT, 1);
    describe(0, 1, BUFFERS + 0x200, 2, NEXT | WRITE, 3);
    describe(0, 3, BUFFERS + 0x300, 4, WRITE, 0);
    assert_int_equal(next(), VIRTQ_EMPTY);
    offer(0, 2);
    assert_int_equal(next(), VIRTQ_CHAIN);
    assert_int_equal(chain.head, 2);
    assert_int_equal(chain.readable.size, 8);
    assert_int_equal(chain.writable.size, 6);
    assert_int_equal(virtq_read(&chain.readable, text, 4), 4);
    virtq_skip(&chain.readable, 1);
    assert_int_equal(virtq_read(&chain.readable, text + 4, 12), 3);
    assert_string_equal((char *)text, "abcdfgh");
    assert_int_equal(virtq_read(&chain.readable, text, 1), 0);
    assert_int_equal(virtq_write(&chain.writable, (const uint8_t *)"uvwxyz!", 7), 6);
    assert_memory_equal(ram + BUFFERS + 0x200, "uv\xa5", 3);
    assert_memory_equal(ram + BUFFERS + 0x300, "wxyz\xa5", 5);
    virtq_skip(&chain.readable, UINT32_MAX);
}

static void the_indices_of_the_rings_wrap(void **state) {
    (void)state;
    describe(0, 5, BUFFERS, 1, 0, 0);
    /* 65536 chains: the indices wrap. */
    for (uint32_t i = 0; i < 0x10003; i++) {
        offer(0, 5);
        assert_int_equal(next(), VIRTQ_CHAIN);
        virtq_return(&queue, &chain, i);
        assert_int_equal(used_index(0), (uint16_t)(i + 1));
        assert_used(0, (uint16_t)i, 5, i);
        assert_int_equal(next(), VIRTQ_EMPTY);
    }
    assert_memory_equal(ram + USED + 4 + 8 * QUEUE_SIZE, "\xa5\xa5\xa5\xa5", 4);
}

static void a_chain_may_be_as_long_as_the_queue(void **state) {
    (void)state;
    for (uint16_t i = 0; i < QUEUE_SIZE; i++)
        describe(0, i, BUFFERS, 1, i + 1 < QUEUE_SIZE ? NEXT : 0, (uint16_t)(i + 1));
    offer(0, 0);
    assert_int_equal(next(), VIRTQ_CHAIN);
    assert_int_equal(chain.readable.size, QUEUE_SIZE);
}

static void assert_breaks(void) {
    offer(0, 0);
    assert_int_equal(next(), VIRTQ_BROKEN);
}

static void a_loop_breaks_the_queue(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 1, NEXT, 0);
    assert_breaks();
    describe(0, 0, BUFFERS, 0, NEXT, 1); /* of empty buffers */
    describe(0, 1, BUFFERS, 0, NEXT, 0);
    assert_breaks();
}

static void an_index_that_does_not_exist_breaks_the_queue(void **state) {
    static const uint16_t bad[] = {QUEUE_SIZE, QUEUE_SIZE + 1, 0x8000, UINT16_MAX};

    (void)state;
    describe(0, 0, BUFFERS, 1, 0, 0); /* the descriptor that a clamped index selects */
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        describe(0, 1, BUFFERS, 1, NEXT, bad[i]);
        offer(0, 1);
        assert_int_equal(next(), VIRTQ_BROKEN);
        queue.next++;
        offer(0, bad[i]);
        assert_int_equal(next(), VIRTQ_BROKEN);
        queue.next++;
    }
}

static void more_available_chains_than_the_size_break_the_queue(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 1, 0, 0);
    put16(AVAILABLE + 4, 0);
    put16(AVAILABLE + 2, QUEUE_SIZE);
    assert_int_equal(next(), VIRTQ_CHAIN);
    put16(AVAILABLE + 2, QUEUE_SIZE + 1);
    assert_int_equal(next(), VIRTQ_BROKEN);
    put16(AVAILABLE + 2, UINT16_MAX); /* backwards */
    assert_int_equal(next(), VIRTQ_BROKEN);
}

static void buffers_must_lie_in_ram(void **state) {
    static const struct {
        uint64_t address;
        uint32_t size;
    } bad[] = {
        {RAM_SIZE - 1, 2}, {RAM_SIZE, 1},   {RAM_SIZE + 1, 0},
        {0, RAM_SIZE + 1}, {0, UINT32_MAX}, {BUFFERS, UINT32_MAX},
        {UINT64_MAX, 1},   {UINT64_MAX, 2}, {UINT64_MAX - 0xfff, 0x2000}, /* wraps */
        {1ULL << 63, 1},   {1ULL << 32, 1}, {(1ULL << 32) + BUFFERS, 1},
    };

    (void)state;
    describe(0, 0, 0, RAM_SIZE, 0, 0);
    offer(0, 0);
    assert_int_equal(next(), VIRTQ_CHAIN);
    describe(0, 0, RAM_SIZE, 0, 0, 0);
    assert_int_equal(next(), VIRTQ_CHAIN);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        describe(0, 0, bad[i].address, bad[i].size, 0, 0);
        assert_int_equal(next(), VIRTQ_BROKEN);
        describe(0, 0, bad[i].address, bad[i].size, WRITE, 0);
        assert_int_equal(next(), VIRTQ_BROKEN);
    }
}

/* All descriptors have the same pages. */
static void a_chain_has_at_most_virtq_chain_bytes_max(void **state) {
    const uint16_t last = VIRTQ_CHAIN_BYTES_MAX / RAM_SIZE;

    (void)state;
    _Static_assert(VIRTQ_CHAIN_BYTES_MAX / RAM_SIZE == VIRTQ_SIZE_MAX, "as many as there can be");
    assert_true(starts(VIRTQ_SIZE_MAX, 0, AVAILABLE, USED));
    mmio.ram.size = RAM_SIZE;
    for (uint16_t i = 0; i < last; i++) {
        uint64_t descriptor[2] = {0, RAM_SIZE | (uint64_t)NEXT << 32 | (i + 1ULL) << 48};
        put(16u * i, descriptor, sizeof(descriptor));
    }
    put16(16 * (last - 1) + 12, WRITE);
    offer(0, 0);
    assert_int_equal(next(), VIRTQ_CHAIN);
    assert_int_equal(chain.readable.size + chain.writable.size, VIRTQ_CHAIN_BYTES_MAX);
}

/* With more memory: each descriptor is valid, only their sum is not. */
static void giant_lengths_break_the_queue(void **state) {
    static uint8_t large[VIRTQ_CHAIN_BYTES_MAX + 4096] __attribute__((aligned(4096)));

    (void)state;
    memcpy(large, ram, RAM_SIZE);
    free(ram);
    ram = large;
    mmio.ram = (struct virtq_ram){large, sizeof(large)};
    assert_true(starts(QUEUE_SIZE, DESCRIPTORS, AVAILABLE, USED));
    describe(0, 0, 0, VIRTQ_CHAIN_BYTES_MAX, 0, 0);
    offer(0, 0);
    assert_int_equal(next(), VIRTQ_CHAIN);
    describe(0, 0, 0, VIRTQ_CHAIN_BYTES_MAX + 1, 0, 0);
    assert_int_equal(next(), VIRTQ_BROKEN);
    describe(0, 0, 0, VIRTQ_CHAIN_BYTES_MAX, NEXT, 1);
    describe(0, 1, 0, 1, 0, 0);
    assert_int_equal(next(), VIRTQ_BROKEN);
    describe(0, 1, 0, VIRTQ_CHAIN_BYTES_MAX, WRITE, 0);
    assert_int_equal(next(), VIRTQ_BROKEN);
    ram = NULL;
}

static void readable_descriptors_must_come_first(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 1, NEXT | WRITE, 1);
    describe(0, 1, BUFFERS, 1, 0, 0);
    assert_breaks();
    describe(0, 0, BUFFERS, 0, NEXT | WRITE, 1);
    assert_breaks();
}

static void an_indirect_descriptor_breaks_the_queue(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 16, INDIRECT, 0);
    assert_breaks();
}

/* ---- changed while the device reads ---- */

static uint8_t *watched; /* a page */
static unsigned accesses;
static void (*corrupt)(void);

/* Permits this one access and single-steps it... */
static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *at = context;

    (void)signal;
    if ((uintptr_t)info->si_addr - (uintptr_t)watched >= 4096)
        abort();
    accesses++;
    mprotect(watched, 4096, PROT_READ | PROT_WRITE);
    at->uc_mcontext.gregs[REG_EFL] |= EFLAGS_TF;
}

/* ...and then changes the page. */
static void on_step(int signal, siginfo_t *info, void *context) {
    ucontext_t *at = context;

    (void)signal;
    (void)info;
    corrupt();
    mprotect(watched, 4096, PROT_NONE);
    at->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)EFLAGS_TF;
}

static void watch(uint64_t page, void (*change)(void)) {
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};

    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGTRAP, &step, NULL);
    watched = ram + page;
    corrupt = change;
    accesses = 0;
    mprotect(watched, 4096, PROT_NONE);
}

static void end_watch(void) {
    mprotect(watched, 4096, PROT_READ | PROT_WRITE);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
}

/* Each word is corrupted after it was read: an address and a length beyond RAM, all flags, and an
 * index that does not exist. */
static void corrupt_descriptor(void) {
    memset(watched + 8 * (accesses - 1), 0xff, 8);
}

static void each_descriptor_is_read_once(void **state) {
    (void)state;
    describe(0, 0, BUFFERS, 3, NEXT, 1);
    describe(0, 1, BUFFERS + 0x100, 5, NEXT, 2);
    describe(0, 2, BUFFERS + 0x200, 7, WRITE, 0);
    offer(0, 0);
    watch(DESCRIPTORS, corrupt_descriptor);
    enum virtq_state found = next();
    end_watch();
    assert_int_equal(found, VIRTQ_CHAIN);
    assert_int_equal(accesses, 6); /* two words of three descriptors */
    assert_int_equal(get32(DESCRIPTORS + 8), UINT32_MAX);
    assert_int_equal(chain.readable.size, 8);
    assert_int_equal(chain.writable.size, 7);
    assert_int_equal(chain.buffers.segment[0].address, BUFFERS);
    assert_int_equal(chain.buffers.segment[1].address, BUFFERS + 0x100);
    assert_int_equal(chain.buffers.segment[2].address, BUFFERS + 0x200);
    assert_int_equal(next(), VIRTQ_BROKEN);
}

static void corrupt_available(void) {
    memset(watched + 2, 0xff, accesses == 1 ? 2 : 4094);
}

/* The index and the entry are corrupted after they were read. */
static void the_available_ring_is_read_once(void **state) {
    (void)state;
    describe(0, 5, BUFFERS, 3, 0, 0);
    offer(0, 5);
    watch(AVAILABLE, corrupt_available);
    enum virtq_state found = next();
    end_watch();
    assert_int_equal(found, VIRTQ_CHAIN);
    assert_int_equal(accesses, 2);
    assert_int_equal(chain.head, 5);
    assert_int_equal(next(), VIRTQ_BROKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rings_must_lie_in_ram),
        TEST(rings_must_be_aligned),
        TEST(a_size_must_be_a_power_of_2),
        TEST(a_chain_has_a_readable_and_a_writable_stream),
        TEST(the_indices_of_the_rings_wrap),
        TEST(a_chain_may_be_as_long_as_the_queue),
        TEST(a_loop_breaks_the_queue),
        TEST(an_index_that_does_not_exist_breaks_the_queue),
        TEST(more_available_chains_than_the_size_break_the_queue),
        TEST(buffers_must_lie_in_ram),
        TEST(a_chain_has_at_most_virtq_chain_bytes_max),
        TEST(giant_lengths_break_the_queue),
        TEST(readable_descriptors_must_come_first),
        TEST(an_indirect_descriptor_breaks_the_queue),
        TEST(each_descriptor_is_read_once),
        TEST(the_available_ring_is_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
