/* Guards vmm/emulate/guest_walk.c: each paging mode and page size, addresses that are not mapped,
 * and the tables of a hostile guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "vmm/emulate/guest_walk.h"

/* The tables are the last 8 pages of the guest's RAM, at 1 MiB. */
#define RAM_BASE   0x100000ULL
#define PAGE       0x1000ULL
#define TABLE(n)   (RAM_BASE + (n)*PAGE)
#define PRESENT    1ULL
#define LARGE      (1ULL << 7)
#define NO_EXECUTE (1ULL << 63)
#define IGNORED    (0x7ffULL << 52) /* bits that the processor ignores in an 8-byte entry */

static _Alignas(8) uint8_t ram[TABLE(8)];

static void set64(uint64_t table, unsigned index, uint64_t entry) {
    memcpy(ram + table + 8 * index, &entry, 8);
}

static void set32(uint64_t table, unsigned index, uint32_t entry) {
    memcpy(ram + table + 4 * index, &entry, 4);
}

static struct guest_paging paging_with(uint64_t cr0, uint64_t cr4, uint64_t efer) {
    memset(ram, 0, sizeof(ram));
    return (struct guest_paging){
        .cr0 = cr0, .cr3 = TABLE(0), .cr4 = cr4, .efer = efer, .ram = ram, .ram_size = sizeof(ram)};
}

static struct guest_paging four_level(void) {
    return paging_with(CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA);
}

static void assert_found(const struct guest_paging *paging, uint64_t linear, uint64_t expected) {
    assert_int_equal(guest_walk(paging, linear), expected);
    if (paging->efer & EFER_LMA)
        assert_int_equal(guest_walk_64bit(ram, sizeof(ram), paging->cr3, linear), expected);
}

static void assert_lost(const struct guest_paging *paging, uint64_t linear) {
    bool is_canonical = linear >> 47 == 0 || linear >> 47 == 0x1ffff;

    assert_int_equal(guest_walk(paging, linear), GUEST_WALK_NOWHERE);
    if ((paging->efer & EFER_LMA) && !(paging->cr4 & CR4_LA57) && is_canonical)
        assert_int_equal(guest_walk_64bit(ram, sizeof(ram), paging->cr3, linear),
                         GUEST_WALK_NOWHERE);
}

static void without_paging_linear_is_physical(void **state) {
    struct guest_paging paging = paging_with(CR0_PE, CR4_PAE | CR4_PSE, 0);

    (void)state;
    assert_found(&paging, 0xfffffff0, 0xfffffff0);
    assert_found(&paging, 0x100001234, 0x1234); /* addresses end at 4 GiB */
}

/* ---- 32-bit paging ---- */

static void a_4_kib_page_of_32_bit_paging(void **state) {
    struct guest_paging paging = paging_with(CR0_PE | CR0_PG, 0, 0);

    (void)state;
    paging.cr3 |= 0xfff; /* bits that are not part of the address */
    set32(TABLE(0), 0x3ff, (uint32_t)(TABLE(1) | 0xe00 | PRESENT));
    set32(TABLE(1), 0x3fe, 0xabcde000 | 0xe00 | PRESENT);
    assert_found(&paging, 0xffffe123, 0xabcde123);
    assert_found(&paging, 0x1ffffe123, 0xabcde123);
    assert_lost(&paging, 0xfffff000);
    assert_lost(&paging, 0xffbff000);
}

static void a_4_mib_page_needs_pse(void **state) {
    struct guest_paging paging = paging_with(CR0_PE | CR0_PG, CR4_PSE, 0);

    (void)state;
    paging.cr3 = TABLE(1);
    /* As a 4-MiB page, bits 20:13 of the table's address are bits 39:32 of the page's. */
    set32(TABLE(1), 1, (uint32_t)(TABLE(2) | LARGE | PRESENT));
    set32(TABLE(2), 2, 0x7777000 | PRESENT);
    assert_found(&paging, 0x402345, 0x8100002345ULL);
    paging.cr4 = 0; /* then bit 7 of the entry is ignored */
    assert_found(&paging, 0x402345, 0x7777345);
}

static void a_4_mib_page_above_4_gib(void **state) {
    struct guest_paging paging = paging_with(CR0_PE | CR0_PG, CR4_PSE, 0);

    (void)state;
    set32(TABLE(0), 0, 0xc0000000 | 0xa5 << 13 | LARGE | PRESENT);
    assert_found(&paging, 0x3fffff, 0xa5c03fffffULL);
}

/* ---- PAE paging ---- */

static void pae_paging_has_four_pdptes(void **state) {
    struct guest_paging paging = paging_with(CR0_PE | CR0_PG, CR4_PAE | CR4_PSE, EFER_NXE);

    (void)state;
    paging.pdpte[3] = TABLE(1) | 0xe00 | PRESENT; /* bits 11:9 are ignored */
    set64(TABLE(1), 0x1ff, TABLE(2) | IGNORED | NO_EXECUTE | PRESENT);
    set64(TABLE(1), 0, 0x12345678ULL << 21 | NO_EXECUTE | LARGE | PRESENT);
    set64(TABLE(2), 0x1ff, 0xfedcba9876000ULL | NO_EXECUTE | PRESENT);
    assert_found(&paging, 0xffffffff, 0xfedcba9876fffULL);
    assert_found(&paging, 0xc01fffff, (0x12345678ULL << 21) + 0x1fffff);
    assert_found(&paging, 0x1c01fffff, (0x12345678ULL << 21) + 0x1fffff);
    assert_lost(&paging, 0xbfffffff);
    assert_lost(&paging, 0xc0200000);
    assert_lost(&paging, 0xffffe000);
}

static void pae_paging_has_no_1_gib_pages(void **state) {
    struct guest_paging paging = paging_with(CR0_PE | CR0_PG, CR4_PAE, 0);

    (void)state;
    paging.pdpte[0] = TABLE(1) | LARGE | PRESENT;
    assert_lost(&paging, 0x1234);
}

/* ---- 4-level paging ---- */

static void four_level_paging_has_pages_of_three_sizes(void **state) {
    struct guest_paging paging = four_level();

    (void)state;
    paging.cr3 |= 0xfff; /* a PCID */
    set64(TABLE(0), 0x1ff, TABLE(1) | IGNORED | NO_EXECUTE | PRESENT);
    set64(TABLE(1), 0, 0x3ffULL << 30 | NO_EXECUTE | LARGE | PRESENT);
    set64(TABLE(1), 1, TABLE(2) | PRESENT);
    set64(TABLE(2), 0, 0x7fULL << 21 | 1 << 12 /* PAT */ | LARGE | PRESENT);
    set64(TABLE(2), 1, TABLE(3) | PRESENT);
    set64(TABLE(3), 0x1ff, 0xff000 | LARGE /* PAT */ | PRESENT);
    assert_found(&paging, 0xffffff803fffffff, (0x3ffULL << 30) + 0x3fffffff);
    assert_found(&paging, 0xffffff80401fffff, (0x7fULL << 21) + 0x1fffff);
    assert_found(&paging, 0xffffff80403ff001, 0xff001);
}

static void an_entry_that_is_not_present_ends_the_walk_at_each_level(void **state) {
    struct guest_paging paging = four_level();

    (void)state;
    for (unsigned levels = 0; levels < 4; levels++) {
        assert_lost(&paging, 0);
        set64(TABLE(levels), 0, TABLE(levels + 1) | PRESENT);
    }
    assert_found(&paging, 0xabc, TABLE(4) + 0xabc);
    for (unsigned levels = 0; levels < 4; levels++) {
        set64(TABLE(levels), 0, (TABLE(levels + 1) | ~0xfffULL) & ~PRESENT);
        assert_lost(&paging, 0);
        set64(TABLE(levels), 0, TABLE(levels + 1) | PRESENT);
    }
}

static void tables_outside_ram_end_the_walk(void **state) {
    static const uint64_t outside[] = {TABLE(8), 0xffffffffff000ULL};
    struct guest_paging paging = four_level();

    (void)state;
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        paging.cr3 = outside[i];
        assert_lost(&paging, 0);
        paging.cr3 = TABLE(0);
        for (unsigned levels = 1; levels < 4; levels++) {
            set64(TABLE(levels - 1), 0, outside[i] | PRESENT);
            assert_lost(&paging, 0);
            set64(TABLE(levels - 1), 0, TABLE(levels) | PRESENT);
        }
        assert_lost(&paging, 0);
    }
}

static void the_page_itself_may_lie_outside_ram(void **state) {
    struct guest_paging paging = four_level();

    (void)state;
    set64(TABLE(0), 0, TABLE(0) | PRESENT);
    set64(TABLE(0), 1, 0xffffffffff000ULL | PRESENT);
    assert_found(&paging, 0x1abc, 0xffffffffffabcULL);
}

static void a_table_that_points_to_itself_ends_the_walk(void **state) {
    struct guest_paging paging = four_level();

    (void)state;
    for (unsigned i = 0; i < 512; i++)
        set64(TABLE(0), i, TABLE(0) | PRESENT);
    assert_found(&paging, 0x00007ffffffffabc, TABLE(0) + 0xabc);
    assert_found(&paging, 0xffff800000000000, TABLE(0));
    paging = paging_with(CR0_PE | CR0_PG, CR4_PAE, 0);
    paging.pdpte[3] = TABLE(0) | PRESENT;
    for (unsigned i = 0; i < 512; i++)
        set64(TABLE(0), i, TABLE(0) | PRESENT);
    assert_found(&paging, 0xffffffff, TABLE(0) + 0xfff);
    paging = paging_with(CR0_PE | CR0_PG, 0, 0);
    for (unsigned i = 0; i < 1024; i++)
        set32(TABLE(0), i, (uint32_t)(TABLE(0) | PRESENT));
    assert_found(&paging, 0xffffffff, TABLE(0) + 0xfff);
}

static void addresses_that_are_not_canonical_are_not_mapped(void **state) {
    struct guest_paging paging = four_level();

    (void)state;
    for (unsigned i = 0; i < 512; i++)
        set64(TABLE(0), i, TABLE(0) | PRESENT);
    assert_lost(&paging, 0x0000800000000000); /* the first byte behind the lower half */
    assert_lost(&paging, 0xffff7fffffffffff);
    assert_lost(&paging, 0x0001000000000000);
    assert_found(&paging, UINT64_MAX, TABLE(0) + 0xfff);
}

static void five_level_paging_is_refused(void **state) {
    struct guest_paging paging = four_level();

    (void)state;
    set64(TABLE(0), 0, TABLE(0) | PRESENT);
    paging.cr4 |= CR4_LA57;
    assert_lost(&paging, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_paging_linear_is_physical),
        cmocka_unit_test(a_4_kib_page_of_32_bit_paging),
        cmocka_unit_test(a_4_mib_page_needs_pse),
        cmocka_unit_test(a_4_mib_page_above_4_gib),
        cmocka_unit_test(pae_paging_has_four_pdptes),
        cmocka_unit_test(pae_paging_has_no_1_gib_pages),
        cmocka_unit_test(four_level_paging_has_pages_of_three_sizes),
        cmocka_unit_test(an_entry_that_is_not_present_ends_the_walk_at_each_level),
        cmocka_unit_test(tables_outside_ram_end_the_walk),
        cmocka_unit_test(the_page_itself_may_lie_outside_ram),
        cmocka_unit_test(a_table_that_points_to_itself_ends_the_walk),
        cmocka_unit_test(addresses_that_are_not_canonical_are_not_mapped),
        cmocka_unit_test(five_level_paging_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
