/* Guards arch/ept.c: page sizes, splitting, rights, memory types, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/ept.h"

#define POOL_TABLES 64
#define POOL_BASE   0x100000000ULL
#define BROADWELL   0x00000f0106334141ULL

struct pool {
    _Alignas(4096) uint64_t table[POOL_TABLES][512];
    unsigned used, limit;
};

static struct pool pool;

static uint64_t *pool_alloc(void *ctx, uint64_t *phys)
{
    struct pool *p = ctx;

    if (p->used >= p->limit) {
        return NULL;
    }
    *phys = POOL_BASE + p->used * 4096ULL;
    return p->table[p->used++];
}

static uint64_t *pool_table(void *ctx, uint64_t phys)
{
    struct pool *p = ctx;

    assert_true(phys >= POOL_BASE && phys % 4096 == 0);
    assert_true((phys - POOL_BASE) / 4096 < p->used);
    return p->table[(phys - POOL_BASE) / 4096];
}

static struct ept fresh(uint64_t capabilities)
{
    struct ept ept = {.capabilities = capabilities,
                      .physical_bits = 39,
                      .ctx = &pool,
                      .alloc_table = pool_alloc,
                      .table = pool_table};

    memset(&pool, 0, sizeof(pool));
    pool.limit = POOL_TABLES;
    assert_int_equal(ept_init(&ept), EPT_OK);
    return ept;
}

static void maps(const struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size)
{
    struct ept_page page;

    assert_true(ept_lookup(ept, guest, &page));
    assert_true(page.phys == phys);
    assert_true(page.size == size);
}

static void maps_nothing(const struct ept *ept, uint64_t guest)
{
    struct ept_page page;

    assert_false(ept_lookup(ept, guest, &page));
}

static enum ept_result map_ram(struct ept *ept, uint64_t guest, uint64_t phys, uint64_t size)
{
    return ept_map(ept, guest, phys, size, EPT_ALL, MEMORY_TYPE_WB);
}

static void a_fresh_table_maps_nothing(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    maps_nothing(&ept, 0);
    maps_nothing(&ept, EPT_LIMIT - 1);
    maps_nothing(&ept, EPT_LIMIT);
    maps_nothing(&ept, ~0ULL);
}

static void the_largest_page_that_fits_is_used(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(
        map_ram(&ept, EPT_1G - EPT_2M - EPT_4K, 4 * EPT_1G - EPT_2M - EPT_4K, 2 * EPT_1G), EPT_OK);
    maps_nothing(&ept, EPT_1G - EPT_2M - EPT_4K - 1);
    maps(&ept, EPT_1G - EPT_2M - EPT_4K, 4 * EPT_1G - EPT_2M - EPT_4K, EPT_4K);
    maps(&ept, EPT_1G - EPT_2M + 5, 4 * EPT_1G - EPT_2M + 5, EPT_2M);
    maps(&ept, EPT_1G + 123456789, 4 * EPT_1G + 123456789, EPT_1G);
    maps(&ept, 3 * EPT_1G - 3 * EPT_2M, 6 * EPT_1G - 3 * EPT_2M, EPT_2M);
    maps(&ept, 3 * EPT_1G - EPT_2M - EPT_4K - 1, 6 * EPT_1G - EPT_2M - EPT_4K - 1, EPT_4K);
    maps_nothing(&ept, 3 * EPT_1G - EPT_2M - EPT_4K);
}

static void page_sizes_that_the_processor_lacks_are_not_used(void **state)
{
    struct ept ept = fresh(BROADWELL & ~EPT_VPID_CAP_1G);

    (void)state;
    assert_int_equal(map_ram(&ept, EPT_1G, EPT_1G, EPT_1G), EPT_OK);
    maps(&ept, EPT_1G, EPT_1G, EPT_2M);
    ept = fresh(BROADWELL & ~(EPT_VPID_CAP_1G | EPT_VPID_CAP_2M));
    assert_int_equal(map_ram(&ept, EPT_2M, EPT_2M, EPT_2M), EPT_OK);
    maps(&ept, EPT_2M + EPT_4K, EPT_2M + EPT_4K, EPT_4K);
}

static void a_difference_in_alignment_forces_small_pages(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(map_ram(&ept, 0, EPT_4K, EPT_2M), EPT_OK);
    maps(&ept, EPT_2M - 1, EPT_2M + EPT_4K - 1, EPT_4K);
}

/* The APIC-access page may be moved over RAM. */
static void one_small_page_over_a_large_one_splits_it(void **state)
{
    struct ept ept = fresh(BROADWELL);
    struct ept_page page;

    (void)state;
    assert_int_equal(map_ram(&ept, 0, EPT_1G, 2 * EPT_1G), EPT_OK);
    assert_int_equal(ept_map(&ept, 0x5000, 0x7777000, EPT_4K, EPT_READ | EPT_WRITE, MEMORY_TYPE_UC),
                     EPT_OK);
    maps(&ept, 0x4fff, EPT_1G + 0x4fff, EPT_4K);
    maps(&ept, 0x5fff, 0x7777fff, EPT_4K);
    maps(&ept, 0x6000, EPT_1G + 0x6000, EPT_4K);
    maps(&ept, EPT_2M, EPT_1G + EPT_2M, EPT_2M);
    maps(&ept, EPT_1G - 1, 2 * EPT_1G - 1, EPT_2M);
    maps(&ept, EPT_1G, 2 * EPT_1G, EPT_1G);
    assert_true(ept_lookup(&ept, 0x5000, &page));
    assert_int_equal(page.rights, EPT_READ | EPT_WRITE);
    assert_int_equal(page.type, MEMORY_TYPE_UC);
    assert_true(ept_lookup(&ept, 0x4000, &page));
    assert_int_equal(page.rights, EPT_ALL);
    assert_int_equal(page.type, MEMORY_TYPE_WB);

    /* and back again */
    assert_int_equal(map_ram(&ept, 0x5000, EPT_1G + 0x5000, EPT_4K), EPT_OK);
    maps(&ept, 0x5000, EPT_1G + 0x5000, EPT_4K);
}

static void the_whole_split_table_maps_what_the_large_page_did(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(ept_map(&ept, EPT_2M, 5 * EPT_2M, EPT_2M, EPT_READ, MEMORY_TYPE_WP), EPT_OK);
    assert_int_equal(ept_unmap(&ept, EPT_2M + 0x1000, EPT_4K), EPT_OK);
    for (uint64_t at = 0; at < EPT_2M; at += EPT_4K) {
        struct ept_page page;

        if (at == 0x1000) {
            maps_nothing(&ept, EPT_2M + at);
            continue;
        }
        assert_true(ept_lookup(&ept, EPT_2M + at, &page));
        assert_true(page.phys == 5 * EPT_2M + at && page.size == EPT_4K);
        assert_true(page.rights == EPT_READ && page.type == MEMORY_TYPE_WP);
    }
    assert_true(pool.table[3][0] == (5 * EPT_2M | 0x29)); /* without the bit of a large page */
}

/* The bits as the processor reads them: SDM "Format of an EPT Page-Table Entry" and the others. */
static void the_entries_are_as_the_manual_says(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(map_ram(&ept, 0, 0x40000000, EPT_2M), EPT_OK);
    assert_int_equal(ept_map(&ept, EPT_2M, 0x1000, EPT_4K, EPT_READ, MEMORY_TYPE_UC), EPT_OK);
    assert_int_equal(map_ram(&ept, EPT_1G, 0x80000000, EPT_1G), EPT_OK);
    assert_true(pool.table[0][0] == (POOL_BASE + 0x1000 + 7));
    assert_true(pool.table[1][0] == (POOL_BASE + 0x2000 + 7));
    assert_true(pool.table[1][1] == (0x80000000 | 0xb7));
    assert_true(pool.table[2][0] == (0x40000000 | 0xb7));
    assert_true(pool.table[2][1] == (POOL_BASE + 0x3000 + 7));
    assert_true(pool.table[3][0] == 0x1001);
    assert_int_equal(ept.table_count, 4);
}

static void a_large_page_does_not_replace_a_table(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(map_ram(&ept, 0, 0, EPT_4K), EPT_OK);
    assert_int_equal(map_ram(&ept, 0, EPT_2M, EPT_2M), EPT_OK);
    maps(&ept, 0, EPT_2M, EPT_4K);
    maps(&ept, EPT_2M - 1, 2 * EPT_2M - 1, EPT_4K);
    assert_int_equal(ept.table_count, 4);
}

static void unmap_of_whole_pages_holes_and_parts(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(ept_unmap(&ept, 0, EPT_LIMIT), EPT_OK);
    assert_int_equal(ept.table_count, 1);
    assert_int_equal(map_ram(&ept, 0, 0, 4 * EPT_1G), EPT_OK);
    assert_int_equal(ept_unmap(&ept, EPT_1G, EPT_1G), EPT_OK);
    assert_int_equal(ept_unmap(&ept, EPT_1G + EPT_4K, EPT_4K), EPT_OK);
    assert_int_equal(ept_unmap(&ept, 3 * EPT_1G - EPT_4K, 2 * EPT_4K), EPT_OK);
    maps(&ept, EPT_1G - 1, EPT_1G - 1, EPT_1G);
    maps_nothing(&ept, EPT_1G);
    maps_nothing(&ept, 2 * EPT_1G - 1);
    maps(&ept, 2 * EPT_1G, 2 * EPT_1G, EPT_2M);
    maps(&ept, 3 * EPT_1G - EPT_4K - 1, 3 * EPT_1G - EPT_4K - 1, EPT_4K);
    maps_nothing(&ept, 3 * EPT_1G - 1);
    maps_nothing(&ept, 3 * EPT_1G);
    maps(&ept, 3 * EPT_1G + EPT_4K, 3 * EPT_1G + EPT_4K, EPT_4K);
    assert_int_equal(ept_unmap(&ept, EPT_4K, EPT_LIMIT - EPT_4K), EPT_OK);
    maps(&ept, 0, 0, EPT_4K);
    maps_nothing(&ept, EPT_4K);
    maps_nothing(&ept, 3 * EPT_1G + EPT_4K);
}

static void the_last_page_below_the_limit(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(map_ram(&ept, EPT_LIMIT - EPT_4K, 0x1000, EPT_4K), EPT_OK);
    maps(&ept, EPT_LIMIT - 1, 0x1fff, EPT_4K);
}

static void unaligned_and_empty_ranges_are_refused(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    assert_int_equal(map_ram(&ept, 1, 0, EPT_4K), EPT_UNALIGNED);
    assert_int_equal(map_ram(&ept, 0, 0x800, EPT_4K), EPT_UNALIGNED);
    assert_int_equal(map_ram(&ept, 0, 0, EPT_4K + 1), EPT_UNALIGNED);
    assert_int_equal(map_ram(&ept, 0, 0, 0), EPT_UNALIGNED);
    assert_int_equal(ept_unmap(&ept, 0x10, EPT_4K), EPT_UNALIGNED);
    assert_int_equal(ept_unmap(&ept, 0, 0), EPT_UNALIGNED);
    assert_int_equal(ept.table_count, 1);
}

static void addresses_that_do_not_exist_are_refused(void **state)
{
    struct ept ept = fresh(BROADWELL);
    uint64_t width = 1ULL << 39;

    (void)state;
    assert_int_equal(map_ram(&ept, EPT_LIMIT, 0, EPT_4K), EPT_BAD_GUEST);
    assert_int_equal(map_ram(&ept, EPT_LIMIT - EPT_4K, 0, 2 * EPT_4K), EPT_BAD_GUEST);
    assert_int_equal(map_ram(&ept, EPT_4K, 0, ~0ULL - 0xfff), EPT_BAD_GUEST);
    assert_int_equal(ept_unmap(&ept, EPT_4K, EPT_LIMIT), EPT_BAD_GUEST);
    assert_int_equal(map_ram(&ept, 0, width, EPT_4K), EPT_BAD_PHYSICAL);
    assert_int_equal(map_ram(&ept, 0, width - EPT_4K, 2 * EPT_4K), EPT_BAD_PHYSICAL);
    assert_int_equal(map_ram(&ept, 0, ~0xfffULL, EPT_4K), EPT_BAD_PHYSICAL);
    assert_int_equal(map_ram(&ept, 0, width - EPT_4K, EPT_4K), EPT_OK);
}

static void rights_that_are_a_misconfiguration_are_refused(void **state)
{
    struct ept ept = fresh(BROADWELL & ~EPT_VPID_CAP_EXECUTE_ONLY);
    static const uint64_t bad[] = {0,           EPT_WRITE,   EPT_WRITE | EPT_EXECUTE,
                                   EPT_EXECUTE, EPT_ALL | 8, EPT_READ | 1ULL << 63};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ept_map(&ept, 0, 0, EPT_4K, bad[i], MEMORY_TYPE_WB), EPT_BAD_RIGHTS);
    }
    ept.capabilities = BROADWELL;
    assert_int_equal(ept_map(&ept, 0, 0, EPT_4K, EPT_EXECUTE, MEMORY_TYPE_WB), EPT_OK);
    maps(&ept, 0, 0, EPT_4K);
}

static void memory_types_that_do_not_exist_are_refused(void **state)
{
    struct ept ept = fresh(BROADWELL);
    static const unsigned bad[] = {2, 3, 7, 8, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ept_map(&ept, 0, 0, EPT_4K, EPT_ALL, bad[i]), EPT_BAD_MEMORY_TYPE);
    }
}

/* Whatever the number of tables, a failed call leaves every page either old or new. */
static void out_of_memory_leaves_old_or_new(void **state)
{
    (void)state;
    for (unsigned limit = 1; limit < 6; limit++) {
        struct ept ept = fresh(BROADWELL);
        struct ept_page page;
        enum ept_result result;

        assert_int_equal(map_ram(&ept, 0, 0, EPT_1G), EPT_OK);
        pool.limit = pool.used + limit - 1;
        result = map_ram(&ept, EPT_4K, EPT_1G, EPT_4K);
        assert_int_equal(result, limit >= 3 ? EPT_OK : EPT_NO_MEMORY);
        assert_true(ept_lookup(&ept, EPT_4K, &page));
        assert_true(page.phys == (result == EPT_OK ? EPT_1G : EPT_4K));
        maps(&ept, EPT_1G - 1, EPT_1G - 1, limit == 1 ? EPT_1G : EPT_2M);
    }
}

static void no_top_table(void **state)
{
    struct ept ept = fresh(BROADWELL);

    (void)state;
    pool.limit = 0;
    assert_int_equal(ept_init(&ept), EPT_NO_MEMORY);
}

static void the_ept_pointer(void **state)
{
    struct ept ept = fresh(BROADWELL);
    uint64_t pointer = 0;

    (void)state;
    assert_int_equal(ept_pointer(&ept, false, &pointer), EPT_OK);
    assert_true(pointer == (POOL_BASE | 0x1e));
    assert_int_equal(ept_pointer(&ept, true, &pointer), EPT_OK);
    assert_true(pointer == (POOL_BASE | 0x5e));
    ept.capabilities = BROADWELL & ~EPT_VPID_CAP_ACCESSED_DIRTY;
    assert_int_equal(ept_pointer(&ept, true, &pointer), EPT_UNSUPPORTED);
    assert_int_equal(ept_pointer(&ept, false, &pointer), EPT_OK);
    ept.capabilities = BROADWELL & ~EPT_VPID_CAP_WB;
    assert_int_equal(ept_pointer(&ept, false, &pointer), EPT_UNSUPPORTED);
    ept.capabilities = BROADWELL & ~EPT_VPID_CAP_WALK_4;
    assert_int_equal(ept_pointer(&ept, false, &pointer), EPT_UNSUPPORTED);
}

static void every_result_has_words(void **state)
{
    (void)state;
    for (int r = EPT_OK; r <= EPT_NO_MEMORY; r++) {
        assert_string_not_equal(ept_result_text((enum ept_result)r), "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_table_maps_nothing),
        cmocka_unit_test(the_largest_page_that_fits_is_used),
        cmocka_unit_test(page_sizes_that_the_processor_lacks_are_not_used),
        cmocka_unit_test(a_difference_in_alignment_forces_small_pages),
        cmocka_unit_test(one_small_page_over_a_large_one_splits_it),
        cmocka_unit_test(the_whole_split_table_maps_what_the_large_page_did),
        cmocka_unit_test(the_entries_are_as_the_manual_says),
        cmocka_unit_test(a_large_page_does_not_replace_a_table),
        cmocka_unit_test(unmap_of_whole_pages_holes_and_parts),
        cmocka_unit_test(the_last_page_below_the_limit),
        cmocka_unit_test(unaligned_and_empty_ranges_are_refused),
        cmocka_unit_test(addresses_that_do_not_exist_are_refused),
        cmocka_unit_test(rights_that_are_a_misconfiguration_are_refused),
        cmocka_unit_test(memory_types_that_do_not_exist_are_refused),
        cmocka_unit_test(out_of_memory_leaves_old_or_new),
        cmocka_unit_test(no_top_table),
        cmocka_unit_test(the_ept_pointer),
        cmocka_unit_test(every_result_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
