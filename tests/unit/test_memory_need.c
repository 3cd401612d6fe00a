/* Guards lib/memory_need.c: what the hypervisor needs grows with the machine and the guests. That
 * it allocates no more is asserted where it allocates: vmm/host/host.c, vmm/vm/vm_create.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/memory_need.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

static struct boot_info info;

static int set_up(void **state) {
    (void)state;
    memset(&info, 0, sizeof(info));
    info.cpu_count = 1;
    info.guest_count = 1;
    info.guest[0].config.vcpus = 1;
    return 0;
}

static void a_small_machine_needs_little(void **state) {
    (void)state;
    assert_in_range(memory_need(&info), 6 * MIB, 8 * MIB);
}

/* 188 KiB each: with 45 of them the 8 MiB are gone that were reserved for everything. */
static void each_cpu_counts(void **state) {
    uint64_t one = memory_need(&info);

    (void)state;
    info.cpu_count = 45;
    assert_true(memory_need(&info) - one >= 44 * 188 * NEED_KIB);
    assert_true(memory_need(&info) > 14 * MIB);
    assert_true(NEED_PER_CPU <= 256 * NEED_KIB);
    info.cpu_count = BOOT_MAX_CPUS;
    assert_int_equal(memory_need(&info) - one, 255 * NEED_PER_CPU);
    assert_in_range(memory_need(&info), 53 * MIB, 60 * MIB);
}

static void each_guest_and_vcpu_counts(void **state) {
    uint64_t one = memory_need(&info);

    (void)state;
    info.guest_count = BOOT_MAX_GUESTS;
    for (unsigned i = 0; i < BOOT_MAX_GUESTS; i++)
        info.guest[i].config.vcpus = BOOT_MAX_VCPUS;
    assert_int_equal(memory_need(&info) - one,
                     15 * NEED_PER_GUEST + (16 * BOOT_MAX_VCPUS - 1) * NEED_PER_VCPU);
}

/* iTLB multihit: 4-KiB pages in both EPTs. */
static void a_guests_memory_needs_page_tables(void **state) {
    uint64_t without;

    (void)state;
    info.guest[0].config.memory = 0;
    without = memory_need(&info);
    info.guest[0].config.memory = 3ULL << 30;
    assert_int_equal(memory_need(&info) - without, (3ULL << 30) / 4096 * 8 * 2);
}

static void a_story_needs_a_ring_for_each_cpu_of_the_guest(void **state) {
    uint64_t without;

    (void)state;
    info.cpu_count = 4;
    info.guest[0].config.vcpus = 2;
    without = memory_need(&info);
    info.guest[0].config.story = true;
    assert_int_equal(memory_need(&info) - without, 3 * NEED_TRACE_RING);
    info.guest[0].config.story = false;
    info.guest[0].config.trace = true;
    info.guest[0].config.vcpus = 8; /* more than CPUs */
    assert_int_equal(memory_need(&info) - without, 4 * NEED_TRACE_RING + 6 * NEED_PER_VCPU);
}

static void page_tables_grow_with_ram_and_its_pieces(void **state) {
    uint64_t one = memory_need(&info);

    (void)state;
    info.region_count = 3;
    info.region[0] = (struct boot_region){.base = MIB, .size = GIB, .kind = BOOT_MEMORY_USABLE};
    info.region[1] =
        (struct boot_region){.base = 4 * GIB, .size = 60 * GIB, .kind = BOOT_MEMORY_USABLE};
    info.region[2] =
        (struct boot_region){.base = 1000 * GIB, .size = GIB, .kind = BOOT_MEMORY_MMIO};
    assert_int_equal(memory_need(&info) - one, (2 * 60 + 2 * 3) * 4 * NEED_KIB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_small_machine_needs_little, set_up),
        cmocka_unit_test_setup(each_cpu_counts, set_up),
        cmocka_unit_test_setup(each_guest_and_vcpu_counts, set_up),
        cmocka_unit_test_setup(a_guests_memory_needs_page_tables, set_up),
        cmocka_unit_test_setup(a_story_needs_a_ring_for_each_cpu_of_the_guest, set_up),
        cmocka_unit_test_setup(page_tables_grow_with_ram_and_its_pieces, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
