/* Guards arch/paging.c: the mappings, their page sizes, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/paging.h"

/* The tables are allocated from this pool, whose physical addresses begin at POOL_PHYS. */
#define POOL_PHYS   0x7000000ULL
#define POOL_TABLES 64

struct pool {
    uint64_t table[POOL_TABLES][512];
    unsigned used, limit, reads;
};

static struct pool pool;

static uint64_t *pool_alloc(uint64_t *phys) {
    if (pool.used == pool.limit)
        return NULL;
    *phys = POOL_PHYS + pool.used * PAGING_4K;
    return pool.table[pool.used++];
}

static uint64_t *pool_table(uint64_t phys) {
    uint64_t index = (phys - POOL_PHYS) / PAGING_4K;

    pool.reads++;
    return phys >= POOL_PHYS && index < pool.used ? pool.table[index] : NULL;
}

static struct paging make(void) {
    struct paging paging = {.alloc_table = pool_alloc, .table = pool_table};

    memset(&pool, 0, sizeof(pool));
    pool.limit = POOL_TABLES;
    assert_null(paging_init(&paging));
    assert_int_equal(paging.root, POOL_PHYS);
    return paging;
}

static void refused(const char *result, const char *why) {
    assert_non_null(result);
    assert_non_null(strstr(result, why));
}

static void assert_maps(const struct paging *paging, uint64_t virt, uint64_t phys, uint64_t size,
                        uint64_t flags) {
    struct paging_page page;

    assert_true(paging_lookup(paging, virt, &page));
    assert_int_equal(page.phys, phys);
    assert_int_equal(page.size, size);
    assert_int_equal(page.flags, flags);
}

static void the_largest_page_that_fits_is_used(void **state) {
    struct paging paging = make();

    (void)state;
    paging.pages_1g = true;
    assert_null(
        paging_map(&paging, PAGING_1G - PAGING_2M - PAGING_4K, PAGING_1G - PAGING_2M - PAGING_4K,
                   PAGING_4K + PAGING_2M + PAGING_1G + PAGING_2M + PAGING_4K, PAGING_WRITABLE));
    uint64_t virt = PAGING_1G - PAGING_2M - PAGING_4K;
    assert_maps(&paging, virt + 5, virt + 5, PAGING_4K, PAGING_WRITABLE);
    virt += PAGING_4K;
    assert_maps(&paging, virt + 0x12345, virt + 0x12345, PAGING_2M, PAGING_WRITABLE);
    virt += PAGING_2M;
    assert_maps(&paging, virt + 0x1234567, virt + 0x1234567, PAGING_1G, PAGING_WRITABLE);
    virt += PAGING_1G;
    assert_maps(&paging, virt, virt, PAGING_2M, PAGING_WRITABLE);
    virt += PAGING_2M;
    assert_maps(&paging, virt, virt, PAGING_4K, PAGING_WRITABLE);
    struct paging_page page;
    assert_false(paging_lookup(&paging, virt + PAGING_4K, &page));
    assert_false(paging_lookup(&paging, PAGING_1G - PAGING_2M - 2 * PAGING_4K, &page));
}

static void pages_of_1_gib_only_where_the_cpu_has_them(void **state) {
    struct paging paging = make();

    (void)state;
    assert_null(paging_map(&paging, 0, 0, PAGING_1G, 0));
    assert_maps(&paging, 0, 0, PAGING_2M, 0);
    assert_maps(&paging, PAGING_1G - 1, PAGING_1G - 1, PAGING_2M, 0);
}

static void small_pages_where_virtual_and_physical_differ_in_alignment(void **state) {
    struct paging paging = make();
    uint64_t virt = 0xffffffff80000000ULL, phys = 0x3201000ULL;

    (void)state;
    assert_null(paging_map(&paging, virt, phys, PAGING_2M, PAGING_NX));
    assert_maps(&paging, virt + 0x1fffff, phys + 0x1fffff, PAGING_4K, PAGING_NX);
}

static void each_flag_is_set_in_the_entry(void **state) {
    static const uint64_t flags[] = {0, PAGING_WRITABLE, PAGING_NX, PAGING_UNCACHED,

                                     PAGING_WRITABLE | PAGING_NX | PAGING_UNCACHED};
    struct paging paging = make();

    (void)state;
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        uint64_t small = i * PAGING_4K, large = PAGING_1G + i * PAGING_2M;

        assert_null(paging_map(&paging, small, 0xfee00000, PAGING_4K, flags[i]));
        assert_maps(&paging, small, 0xfee00000, PAGING_4K, flags[i]);
        assert_null(paging_map(&paging, large, 0, PAGING_2M, flags[i]));
        assert_maps(&paging, large, 0, PAGING_2M, flags[i]);
    }
}

static void both_ends_of_the_address_space_can_be_mapped(void **state) {
    struct paging paging = make();

    (void)state;
    assert_null(paging_map(&paging, 0, 0x1000, PAGING_4K, 0));
    assert_null(paging_map(&paging, 0x00007ffffffff000, 0, PAGING_4K, 0));
    assert_null(paging_map(&paging, 0xffff800000000000, 0, PAGING_4K, 0));
    assert_null(paging_map(&paging, 0xffffffffffe00000, 0, PAGING_2M, 0));
    assert_maps(&paging, UINT64_MAX, PAGING_2M - 1, PAGING_2M, 0);
    assert_maps(&paging, 0, 0x1000, PAGING_4K, 0);
}

static void bad_ranges_are_refused(void **state) {
    struct paging paging = make();

    (void)state;
    refused(paging_map(&paging, 1, 0, PAGING_4K, 0), "page size");
    refused(paging_map(&paging, 0, 1, PAGING_4K, 0), "page size");
    refused(paging_map(&paging, 0, 0, 1, 0), "page size");
    refused(paging_map(&paging, 0, 0, 0, 0), "page size");
    refused(paging_map(&paging, 0x800000000000, 0, PAGING_4K, 0), "canonical");
    refused(paging_map(&paging, 0x7ffffffff000, 0, 0x2000, 0), "canonical");
    refused(paging_map(&paging, 0xffff7ffffffff000, 0, 0x2000, 0), "canonical");
    refused(paging_map(&paging, 0xfffffffffffff000, 0, 0x2000, 0), "canonical");
    refused(paging_map(&paging, 0x1000, 0, 0xfffffffffffff000, 0), "canonical");
    refused(paging_map(&paging, 0, 1ULL << 52, PAGING_4K, 0), "physical");
    refused(paging_map(&paging, 0, (1ULL << 52) - 0x1000, 0x2000, 0), "physical");
    refused(paging_map(&paging, 0, 0, PAGING_4K, 1ULL << 7), "flag");
    refused(paging_map(&paging, 0, 0, PAGING_4K, PAGING_4K), "flag");
    assert_int_equal(pool.used, 1);
}

static void existing_mappings_are_not_replaced(void **state) {
    struct paging paging = make();

    (void)state;
    assert_null(paging_map(&paging, PAGING_2M, 0, PAGING_2M, 0));
    refused(paging_map(&paging, PAGING_2M + PAGING_4K, 0, PAGING_4K, 0), "already");
    refused(paging_map(&paging, PAGING_2M, 0, PAGING_2M, 0), "already");
    assert_null(paging_map(&paging, 0, 0, PAGING_4K, 0));
    refused(paging_map(&paging, 0, 0, PAGING_4K, 0), "already");
    refused(paging_map(&paging, 0, 0, PAGING_2M, 0), "already");
    paging.pages_1g = true;
    refused(paging_map(&paging, 0, 0, PAGING_1G, 0), "already");
    assert_maps(&paging, PAGING_2M, 0, PAGING_2M, 0);
}

static void running_out_of_tables_is_an_error(void **state) {
    (void)state;
    for (unsigned limit = 0; limit < 4; limit++) {
        struct paging paging = {.alloc_table = pool_alloc, .table = pool_table};

        memset(&pool, 0, sizeof(pool));
        pool.limit = limit;
        assert_int_equal(paging_init(&paging) == NULL, limit != 0);
        if (limit)
            refused(paging_map(&paging, 0, 0, PAGING_4K, 0), "no memory");
    }
}

static void lookup_finds_nothing_in_empty_tables(void **state) {
    struct paging paging = make();
    struct paging_page page;

    (void)state;
    assert_false(paging_lookup(&paging, 0, &page));
    assert_false(paging_lookup(&paging, UINT64_MAX, &page));
    assert_false(paging_lookup(&paging, 0x800000000000, &page));
}

/* iTLB multihit (CVE-2018-12207): no instruction fetch may find a page that can change its size. */
static void no_larger_page_than_4_kib_if_that_is_asked_for(void **state) {
    struct paging paging = make();

    (void)state;
    paging.pages_1g = true;
    paging.pages_4k = true;
    assert_null(paging_map(&paging, 0, PAGING_1G, 2 * PAGING_2M, PAGING_WRITABLE));
    for (uint64_t virt = 0; virt < 2 * PAGING_2M; virt += PAGING_4K)
        assert_maps(&paging, virt, PAGING_1G + virt, PAGING_4K, PAGING_WRITABLE);
}

/* The figures of docs/hardware.md, "Speculative execution": tables, and entries read in a walk. */
static void pages_of_4_kib_cost_a_table_for_2_mib_and_an_entry_for_each_walk(void **state) {
    const unsigned tables[] = {2 + 1 + 32, 2 + 1, 2}, walk[] = {4, 3, 2};
    struct paging_page page;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct paging paging = make();
        paging.pages_4k = i == 0;
        paging.pages_1g = i == 2;
        assert_null(
            paging_map(&paging, 0, PAGING_1G, i < 2 ? 32 * PAGING_2M : PAGING_1G, PAGING_WRITABLE));
        assert_int_equal(pool.used, tables[i]);
        pool.reads = 0;
        assert_true(paging_lookup(&paging, PAGING_2M, &page));
        assert_int_equal(pool.reads, walk[i]);
    }
}

/* SDM Vol. 3A, "5-Level Paging": bits 56:48 of a linear address select the entry; of a canonical
 * address of 48 bits they are all 0 or all 1. */
static void five_levels_mean_the_same_as_four(void **state) {
    struct paging paging = make();
    uint64_t top;

    (void)state;
    assert_null(paging_map(&paging, 0xffffffff80000000, 0x200000, PAGING_4K, PAGING_WRITABLE));
    assert_null(paging_add_level_5(&paging, &top));
    const uint64_t *table = pool_table(top);
    assert_non_null(table);
    for (unsigned i = 1; i < 511; i++)
        assert_int_equal(table[i], 0);
    assert_int_equal(table[0], paging.root | 3);
    assert_int_equal(table[511], paging.root | 3);
    assert_int_equal(0xffffffff80000000 >> 48 & 511, 511);
    assert_int_equal(0xffff800000000000 >> 48 & 511, 511);
    pool.limit = pool.used;
    refused(paging_add_level_5(&paging, &top), "no memory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_levels_mean_the_same_as_four),
        cmocka_unit_test(no_larger_page_than_4_kib_if_that_is_asked_for),
        cmocka_unit_test(pages_of_4_kib_cost_a_table_for_2_mib_and_an_entry_for_each_walk),
        cmocka_unit_test(the_largest_page_that_fits_is_used),
        cmocka_unit_test(pages_of_1_gib_only_where_the_cpu_has_them),
        cmocka_unit_test(small_pages_where_virtual_and_physical_differ_in_alignment),
        cmocka_unit_test(each_flag_is_set_in_the_entry),
        cmocka_unit_test(both_ends_of_the_address_space_can_be_mapped),
        cmocka_unit_test(bad_ranges_are_refused),
        cmocka_unit_test(existing_mappings_are_not_replaced),
        cmocka_unit_test(running_out_of_tables_is_an_error),
        cmocka_unit_test(lookup_finds_nothing_in_empty_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
