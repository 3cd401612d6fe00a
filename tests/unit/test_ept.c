/* Guards arch/vmx/ept.h: the extended page tables that arch/paging.c builds with its flags, bit by
 * bit. Page sizes and refusals are tested by test_paging.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmx/ept.h"

#define POOL_TABLES 8
#define POOL_BASE   0x100000000ULL
#define RAM         (EPT_ALL | EPT_WB)

static uint64_t pool[POOL_TABLES][512];
static unsigned used;

static uint64_t *pool_alloc(uint64_t *phys) {
    assert_true(used < POOL_TABLES);
    *phys = POOL_BASE + used * PAGING_4K;
    return pool[used++];
}

static uint64_t *pool_table(uint64_t phys) {
    assert_true(phys >= POOL_BASE && (phys - POOL_BASE) / PAGING_4K < used);
    return pool[(phys - POOL_BASE) / PAGING_4K];
}

static struct paging fresh(void) {
    struct paging ept = {
        .pages_1g = true, .table_flags = EPT_ALL, .alloc_table = pool_alloc, .table = pool_table};

    memset(pool, 0, sizeof(pool));
    used = 0;
    assert_null(paging_init(&ept));
    return ept;
}

/* SDM Vol. 3C, "EPT Translation Mechanism": the formats of the entries. */
static void entries_have_the_format_of_the_manual(void **state) {
    struct paging ept = fresh();

    (void)state;
    assert_null(paging_map(&ept, 0, 0x40000000, PAGING_2M, RAM));
    assert_null(paging_map(&ept, PAGING_2M, 0x1000, PAGING_4K, EPT_READ | EPT_WB));
    assert_null(
        paging_map(&ept, PAGING_2M + 0x1000, 0x3000, PAGING_4K, EPT_READ | EPT_WRITE | EPT_WB));
    assert_null(paging_map(&ept, PAGING_1G, 0x80000000, PAGING_1G, RAM));
    assert_int_equal(pool[0][0], POOL_BASE + 0x1000 + 7);
    assert_int_equal(pool[1][0], POOL_BASE + 0x2000 + 7);
    assert_int_equal(pool[1][1], 0x80000000 | 0xf7);
    assert_int_equal(pool[2][0], 0x40000000 | 0xf7);
    assert_int_equal(pool[2][1], POOL_BASE + 0x3000 + 7);
    assert_int_equal(pool[3][0], 0x1071);
    assert_int_equal(pool[3][1], 0x3073);
    assert_int_equal(used, 4);
}

/* An unmapped entry holds no stale address that a processor could use speculatively. */
static void unmapped_entries_are_0(void **state) {
    struct paging ept = fresh();

    (void)state;
    assert_null(paging_map(&ept, 0, 0x40000000, PAGING_2M, RAM));
    for (unsigned i = 1; i < 512; i++)
        assert_int_equal(pool[0][i] | pool[1][i] | pool[2][i], 0);
}

static void the_apics_page_lies_above_all_memory(void **state) {
    struct paging ept = fresh();

    (void)state;
    assert_null(paging_map(&ept, 0, 0x40000000, 3ULL << 30, RAM));
    assert_null(paging_map(&ept, 0xfee00000, 0x5000, PAGING_4K, EPT_READ | EPT_WRITE | EPT_WB));
}

static void the_ept_pointer(void **state) {
    struct paging ept = fresh();

    (void)state;
    assert_int_equal(ept_pointer(&ept), POOL_BASE | 0x1e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_have_the_format_of_the_manual),
        cmocka_unit_test(unmapped_entries_are_0),
        cmocka_unit_test(the_apics_page_lies_above_all_memory),
        cmocka_unit_test(the_ept_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
