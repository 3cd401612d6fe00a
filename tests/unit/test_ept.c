/* Guards arch/ept.c: page sizes, splitting, rights, memory types, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/ept.h"
#include "arch/msr.h"

#define POOL_TABLES 64
#define POOL_BASE   0x100000000ULL

struct pool {
    _Alignas(4096) uint64_t table[POOL_TABLES][512];
    unsigned used, limit;
};

static struct pool pool;

static uint64_t *pool_alloc(void *ctx, uint64_t *phys) {
    struct pool *p = ctx;

    if (p->used >= p->limit) {
        return NULL;
    }
    *phys = POOL_BASE + p->used * 4096ULL;
    return p->table[p->used++];
}

static uint64_t *pool_table(void *ctx, uint64_t phys) {
    struct pool *p = ctx;

    assert_true(phys >= POOL_BASE && phys % 4096 == 0);
    assert_true((phys - POOL_BASE) / 4096 < p->used);
    return p->table[(phys - POOL_BASE) / 4096];
}

static struct ept fresh(bool pages_1g) {
    struct ept ept = {.pages_1g = pages_1g,
                      .physical_bits = 39,
                      .ctx = &pool,
                      .alloc_table = pool_alloc,
                      .table = pool_table};

    memset(&pool, 0, sizeof(pool));
    pool.limit = POOL_TABLES;
    assert_null(ept_init(&ept));
    return ept;
}

struct ept_page {
    uint64_t phys, size, rights, type;
};

/* What maps a guest-physical address, as the processor walks; false if nothing does. */
static bool ept_lookup(const struct ept *ept, uint64_t guest, struct ept_page *page) {
    const uint64_t *table = pool_table(ept->ctx, ept->root);

    if (guest >= EPT_LIMIT)
        return false;
    for (unsigned shift = 39;; shift -= 9) {
        uint64_t entry = table[guest >> shift & 511], offset = guest & ((1ULL << shift) - 1);

        if ((entry & EPT_ALL) == 0)
            return false;
        if (shift == 12 || (entry & 1 << 7) != 0) {
            *page = (struct ept_page){(entry & 0xffffffffff000) | offset, 1ULL << shift,
                                      entry & EPT_ALL, entry >> 3 & 7};
            return true;
        }
        table = pool_table(ept->ctx, entry & 0xffffffffff000);
    }
}

static void maps(const struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size) {
    struct ept_page page;

    assert_true(ept_lookup(ept, guest, &page));
    assert_true(page.phys == phys);
    assert_true(page.size == size);
}

static void maps_nothing(const struct ept *ept, uint64_t guest) {
    struct ept_page page;

    assert_false(ept_lookup(ept, guest, &page));
}

static const char *map_ram(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size) {
    return ept_map(ept, guest, phys, size, EPT_ALL);
}

static void refused(const char *result, const char *why) {
    assert_non_null(result);
    assert_non_null(strstr(result, why));
}

static void a_fresh_table_maps_nothing(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    maps_nothing(&ept, 0);
    maps_nothing(&ept, EPT_LIMIT - 1);
    maps_nothing(&ept, EPT_LIMIT);
    maps_nothing(&ept, ~0ULL);
}

static void the_largest_page_that_fits_is_used(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_null(map_ram(&ept, EPT_1G - EPT_2M - EPT_4K, 4 * EPT_1G - EPT_2M - EPT_4K, 2 * EPT_1G));
    maps_nothing(&ept, EPT_1G - EPT_2M - EPT_4K - 1);
    maps(&ept, EPT_1G - EPT_2M - EPT_4K, 4 * EPT_1G - EPT_2M - EPT_4K, EPT_4K);
    maps(&ept, EPT_1G - EPT_2M + 5, 4 * EPT_1G - EPT_2M + 5, EPT_2M);
    maps(&ept, EPT_1G + 123456789, 4 * EPT_1G + 123456789, EPT_1G);
    maps(&ept, 3 * EPT_1G - 3 * EPT_2M, 6 * EPT_1G - 3 * EPT_2M, EPT_2M);
    maps(&ept, 3 * EPT_1G - EPT_2M - EPT_4K - 1, 6 * EPT_1G - EPT_2M - EPT_4K - 1, EPT_4K);
    maps_nothing(&ept, 3 * EPT_1G - EPT_2M - EPT_4K);
}

static void page_sizes_that_the_processor_lacks_are_not_used(void **state) {
    struct ept ept = fresh(false);

    (void)state;
    assert_null(map_ram(&ept, EPT_1G, EPT_1G, EPT_1G));
    maps(&ept, EPT_1G, EPT_1G, EPT_2M);
}

static void a_difference_in_alignment_forces_small_pages(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_null(map_ram(&ept, 0, EPT_4K, EPT_2M));
    maps(&ept, EPT_2M - 1, EPT_2M + EPT_4K - 1, EPT_4K);
}

/* The APIC-access page may be moved over RAM. */
static void one_small_page_over_a_large_one_splits_it(void **state) {
    struct ept ept = fresh(true);
    struct ept_page page;

    (void)state;
    assert_null(map_ram(&ept, 0, EPT_1G, 2 * EPT_1G));
    assert_null(ept_map(&ept, 0x5000, 0x7777000, EPT_4K, EPT_READ | EPT_WRITE));
    maps(&ept, 0x4fff, EPT_1G + 0x4fff, EPT_4K);
    maps(&ept, 0x5fff, 0x7777fff, EPT_4K);
    maps(&ept, 0x6000, EPT_1G + 0x6000, EPT_4K);
    maps(&ept, EPT_2M, EPT_1G + EPT_2M, EPT_2M);
    maps(&ept, EPT_1G - 1, 2 * EPT_1G - 1, EPT_2M);
    maps(&ept, EPT_1G, 2 * EPT_1G, EPT_1G);
    assert_true(ept_lookup(&ept, 0x5000, &page));
    assert_int_equal(page.rights, EPT_READ | EPT_WRITE);
    assert_int_equal(page.type, MEMORY_TYPE_WB);
    assert_true(ept_lookup(&ept, 0x4000, &page));
    assert_int_equal(page.rights, EPT_ALL);
    assert_int_equal(page.type, MEMORY_TYPE_WB);

    /* and back again */
    assert_null(map_ram(&ept, 0x5000, EPT_1G + 0x5000, EPT_4K));
    maps(&ept, 0x5000, EPT_1G + 0x5000, EPT_4K);
}

static void the_whole_split_table_maps_what_the_large_page_did(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_null(ept_map(&ept, EPT_2M, 5 * EPT_2M, EPT_2M, EPT_READ));
    assert_null(map_ram(&ept, EPT_2M + 0x1000, 0, EPT_4K));
    for (uint64_t at = 0; at < EPT_2M; at += EPT_4K) {
        struct ept_page page;

        if (at == 0x1000) {
            maps(&ept, EPT_2M + at, 0, EPT_4K);
            continue;
        }
        assert_true(ept_lookup(&ept, EPT_2M + at, &page));
        assert_true(page.phys == 5 * EPT_2M + at && page.size == EPT_4K);
        assert_true(page.rights == EPT_READ && page.type == MEMORY_TYPE_WB);
    }
    assert_true(pool.table[3][0] == (5 * EPT_2M | 0x31)); /* without the bit of a large page */
}

/* The bits as the processor reads them: SDM "Format of an EPT Page-Table Entry" and the others. */
static void the_entries_are_as_the_manual_says(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_null(map_ram(&ept, 0, 0x40000000, EPT_2M));
    assert_null(ept_map(&ept, EPT_2M, 0x1000, EPT_4K, EPT_READ));
    assert_null(map_ram(&ept, EPT_1G, 0x80000000, EPT_1G));
    assert_true(pool.table[0][0] == (POOL_BASE + 0x1000 + 7));
    assert_true(pool.table[1][0] == (POOL_BASE + 0x2000 + 7));
    assert_true(pool.table[1][1] == (0x80000000 | 0xb7));
    assert_true(pool.table[2][0] == (0x40000000 | 0xb7));
    assert_true(pool.table[2][1] == (POOL_BASE + 0x3000 + 7));
    assert_true(pool.table[3][0] == 0x1031);
    assert_int_equal(pool.used, 4);
}

static void a_large_page_does_not_replace_a_table(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_null(map_ram(&ept, 0, 0, EPT_4K));
    assert_null(map_ram(&ept, 0, EPT_2M, EPT_2M));
    maps(&ept, 0, EPT_2M, EPT_4K);
    maps(&ept, EPT_2M - 1, 2 * EPT_2M - 1, EPT_4K);
    assert_int_equal(pool.used, 4);
}

static void the_last_page_below_the_limit(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_null(map_ram(&ept, EPT_LIMIT - EPT_4K, 0x1000, EPT_4K));
    maps(&ept, EPT_LIMIT - 1, 0x1fff, EPT_4K);
}

static void unaligned_and_empty_ranges_are_refused(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    refused(map_ram(&ept, 1, 0, EPT_4K), "multiple of 4 KiB");
    refused(map_ram(&ept, 0, 0x800, EPT_4K), "multiple of 4 KiB");
    refused(map_ram(&ept, 0, 0, EPT_4K + 1), "multiple of 4 KiB");
    refused(map_ram(&ept, 0, 0, 0), "multiple of 4 KiB");
    assert_int_equal(pool.used, 1);
}

static void addresses_that_do_not_exist_are_refused(void **state) {
    struct ept ept = fresh(true);
    uint64_t width = 1ULL << 39;

    (void)state;
    refused(map_ram(&ept, EPT_LIMIT, 0, EPT_4K), "passes 2^48");
    refused(map_ram(&ept, EPT_LIMIT - EPT_4K, 0, 2 * EPT_4K), "passes 2^48");
    refused(map_ram(&ept, EPT_4K, 0, ~0ULL - 0xfff), "passes 2^48");
    refused(map_ram(&ept, 0, width, EPT_4K), "physical-address width");
    refused(map_ram(&ept, 0, width - EPT_4K, 2 * EPT_4K), "physical-address width");
    refused(map_ram(&ept, 0, ~0xfffULL, EPT_4K), "physical-address width");
    assert_null(map_ram(&ept, 0, width - EPT_4K, EPT_4K));
}

static void rights_that_are_a_misconfiguration_are_refused(void **state) {
    struct ept ept = fresh(true);
    static const uint64_t bad[] = {0,           EPT_WRITE,   EPT_WRITE | EPT_EXECUTE,
                                   EPT_EXECUTE, EPT_ALL | 8, EPT_READ | 1ULL << 63};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refused(ept_map(&ept, 0, 0, EPT_4K, bad[i]), "misconfiguration");
    }
}

/* Whatever the number of tables, a failed call leaves every page either old or new. */
static void out_of_memory_leaves_old_or_new(void **state) {
    (void)state;
    for (unsigned limit = 1; limit < 6; limit++) {
        struct ept ept = fresh(true);
        struct ept_page page;
        const char *result;

        assert_null(map_ram(&ept, 0, 0, EPT_1G));
        pool.limit = pool.used + limit - 1;
        result = map_ram(&ept, EPT_4K, EPT_1G, EPT_4K);
        assert_int_equal(result == NULL, limit >= 3);
        assert_true(ept_lookup(&ept, EPT_4K, &page));
        assert_true(page.phys == (result == NULL ? EPT_1G : EPT_4K));
        maps(&ept, EPT_1G - 1, EPT_1G - 1, limit == 1 ? EPT_1G : EPT_2M);
    }
}

static void no_top_table(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    pool.limit = 0;
    refused(ept_init(&ept), "no memory");
}

static void the_ept_pointer(void **state) {
    struct ept ept = fresh(true);

    (void)state;
    assert_true(ept_pointer(&ept) == (POOL_BASE | 0x1e));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_table_maps_nothing),
        cmocka_unit_test(the_largest_page_that_fits_is_used),
        cmocka_unit_test(page_sizes_that_the_processor_lacks_are_not_used),
        cmocka_unit_test(a_difference_in_alignment_forces_small_pages),
        cmocka_unit_test(one_small_page_over_a_large_one_splits_it),
        cmocka_unit_test(the_whole_split_table_maps_what_the_large_page_did),
        cmocka_unit_test(the_entries_are_as_the_manual_says),
        cmocka_unit_test(a_large_page_does_not_replace_a_table),
        cmocka_unit_test(the_last_page_below_the_limit),
        cmocka_unit_test(unaligned_and_empty_ranges_are_refused),
        cmocka_unit_test(addresses_that_do_not_exist_are_refused),
        cmocka_unit_test(rights_that_are_a_misconfiguration_are_refused),
        cmocka_unit_test(out_of_memory_leaves_old_or_new),
        cmocka_unit_test(no_top_table),
        cmocka_unit_test(the_ept_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
