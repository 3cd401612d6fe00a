/* Guards guest_walk_data(): access rights, the error code of a page fault, and the accessed and
 * dirty flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "vmm/emulate/guest_walk.h"

#define PAGE     0x1000ULL
#define PRESENT  1ULL
#define WRITABLE 2ULL
#define USER     4ULL
#define ACCESSED 0x20ULL
#define DIRTY    0x40ULL
#define LARGE    0x80ULL
#define ALL      (PRESENT | WRITABLE | USER)

#define READ     0u
#define WRITE    PAGE_FAULT_WRITE

/* The guest's RAM: 8 pages from 0, the tables first. */
static _Alignas(8) uint8_t ram[8 * PAGE], before[8 * PAGE];

static uint64_t entry(unsigned table, unsigned index) {
    uint64_t value;

    memcpy(&value, ram + table * PAGE + 8 * index, 8);
    return value;
}

static void set(unsigned table, unsigned index, uint64_t value) {
    memcpy(ram + table * PAGE + 8 * index, &value, 8);
}

static struct guest_paging paging;

/* 4-level paging that maps linear address 0 to page 4 with these rights at the levels. */
static void four_levels(uint64_t top, uint64_t middle, uint64_t bottom) {
    memset(ram, 0, sizeof(ram));
    set(0, 0, PAGE | top);
    set(1, 0, 2 * PAGE | ALL);
    set(2, 0, 3 * PAGE | middle);
    set(3, 0, 4 * PAGE | bottom);
    paging = (struct guest_paging){.cr0 = CR0_PE | CR0_PG | CR0_WP,
                                   .cr4 = CR4_PAE,
                                   .efer = EFER_LME | EFER_LMA,
                                   .ram = ram,
                                   .ram_size = sizeof(ram)};
}

static void assert_found(uint64_t linear, uint32_t access, uint64_t expected) {
    uint64_t physical = ~0ULL;
    uint32_t code;

    assert_int_equal(guest_walk_data(&paging, linear, access, true, &physical, &code),
                     GUEST_WALK_FOUND);
    assert_int_equal(physical, expected);
}

static void assert_fault(uint64_t linear, uint32_t access, bool user_pages, uint32_t expected) {
    uint64_t physical;
    uint32_t code = ~0u;

    memcpy(before, ram, sizeof(ram));
    assert_int_equal(guest_walk_data(&paging, linear, access, user_pages, &physical, &code),
                     GUEST_WALK_FAULT);
    assert_int_equal(code, expected);
    assert_memory_equal(ram, before, sizeof(ram));
}

static void user_code_needs_user_pages_at_each_level(void **state) {
    (void)state;
    four_levels(ALL, ALL, ALL);
    assert_found(0x123, PAGE_FAULT_USER, 4 * PAGE + 0x123);
    four_levels(PRESENT | WRITABLE, ALL, ALL);
    assert_fault(0, PAGE_FAULT_USER, true, PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
    four_levels(ALL, PRESENT | WRITABLE, ALL);
    assert_fault(0, PAGE_FAULT_USER | WRITE, true,
                 PAGE_FAULT_PRESENT | PAGE_FAULT_USER | PAGE_FAULT_WRITE);
    four_levels(ALL, ALL, PRESENT | WRITABLE);
    assert_fault(0, PAGE_FAULT_USER, true, PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
    assert_found(0, READ, 4 * PAGE);
}

static void a_write_needs_a_writable_page_at_each_level(void **state) {
    (void)state;
    four_levels(ALL, PRESENT | USER, ALL);
    assert_fault(0, WRITE, true, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE);
    four_levels(ALL, ALL, PRESENT | USER);
    assert_fault(0, WRITE | PAGE_FAULT_USER, true,
                 PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_found(0, READ, 4 * PAGE);
}

static void without_cr0_wp_a_supervisor_writes_anywhere(void **state) {
    (void)state;
    four_levels(ALL, ALL, PRESENT | USER);
    paging.cr0 &= ~CR0_WP;
    assert_fault(0, WRITE | PAGE_FAULT_USER, true,
                 PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_found(0, WRITE, 4 * PAGE);
}

static void smap_keeps_a_supervisor_out_of_user_pages(void **state) {
    (void)state;
    four_levels(ALL, ALL, ALL);
    assert_fault(0, READ, false, PAGE_FAULT_PRESENT);
    four_levels(ALL, ALL, PRESENT | WRITABLE);
    uint64_t physical;
    uint32_t code;
    assert_int_equal(guest_walk_data(&paging, 0, READ, false, &physical, &code), GUEST_WALK_FOUND);
}

static void a_page_that_is_not_present_faults_without_the_present_bit(void **state) {
    (void)state;
    four_levels(ALL, ALL, 0);
    assert_fault(0, READ, true, 0);
    assert_fault(0, WRITE | PAGE_FAULT_USER, true, PAGE_FAULT_WRITE | PAGE_FAULT_USER);
    assert_fault(0x1000, WRITE, true, PAGE_FAULT_WRITE);
}

static void a_read_sets_accessed_and_a_write_sets_dirty(void **state) {
    (void)state;
    four_levels(ALL, ALL, ALL);
    assert_found(0, READ, 4 * PAGE);
    for (unsigned table = 0; table < 4; table++)
        assert_int_equal(entry(table, 0), (table + 1) * PAGE | ALL | ACCESSED);
    assert_found(0, READ, 4 * PAGE);
    assert_found(0, WRITE, 4 * PAGE);
    assert_int_equal(entry(2, 0), 3 * PAGE | ALL | ACCESSED);
    assert_int_equal(entry(3, 0), 4 * PAGE | ALL | ACCESSED | DIRTY);
    four_levels(ALL, ALL | LARGE, 0);
    set(2, 0, 0x200000 | ALL | LARGE);
    assert_found(0x1234, WRITE, 0x201234);
    assert_int_equal(entry(2, 0), 0x200000 | ALL | LARGE | ACCESSED | DIRTY);
}

/* As if another vCPU wrote in between: a table that points to itself, so that its entry has changed
 * when the flag of the next level is to be set. */
static void an_entry_that_has_changed_meanwhile_is_not_written(void **state) {
    uint64_t physical;
    uint32_t code;

    (void)state;
    four_levels(ALL, ALL, ALL);
    set(0, 0, ALL);
    assert_int_equal(guest_walk_data(&paging, 0, WRITE, true, &physical, &code),
                     GUEST_WALK_CHANGED);
    assert_int_equal(entry(0, 0), ALL | ACCESSED);
    assert_int_equal(guest_walk_data(&paging, 0, WRITE, true, &physical, &code), GUEST_WALK_FOUND);
    assert_int_equal(entry(0, 0), ALL | ACCESSED | DIRTY);
}

static void tables_outside_ram_are_no_page_fault(void **state) {
    uint64_t physical;
    uint32_t code;

    (void)state;
    four_levels(ALL, ALL, ALL);
    set(1, 0, sizeof(ram) | ALL);
    assert_int_equal(guest_walk_data(&paging, 0, READ, true, &physical, &code), GUEST_WALK_OUTSIDE);
    four_levels(ALL, ALL, ALL);
    paging.cr4 |= CR4_LA57;
    assert_int_equal(guest_walk_data(&paging, 0, READ, true, &physical, &code), GUEST_WALK_OUTSIDE);
}

/* The four PDPTEs have no access rights and no flags: their bits 1, 2 and 5 are reserved. */
static void pae_paging_checks_two_levels(void **state) {
    (void)state;
    four_levels(0, 0, 0);
    paging.efer = 0;
    paging.pdpte[3] = PAGE | PRESENT;
    set(1, 0, 2 * PAGE | ALL);
    set(2, 1, 5 * PAGE | ALL);
    assert_found(0xc0001abc, WRITE | PAGE_FAULT_USER, 5 * PAGE + 0xabc);
    assert_int_equal(entry(1, 0), 2 * PAGE | ALL | ACCESSED);
    assert_int_equal(entry(2, 1), 5 * PAGE | ALL | ACCESSED | DIRTY);
}

static void flags_of_32_bit_paging_are_in_4_byte_entries(void **state) {
    const uint32_t top = (uint32_t)(PAGE | ALL), bottom = (uint32_t)(2 * PAGE | PRESENT | WRITABLE);
    uint32_t now;

    (void)state;
    four_levels(0, 0, 0);
    paging.efer = 0;
    paging.cr4 = 0;
    memcpy(ram + 4, &top, 4);
    memcpy(ram + PAGE + 8, &bottom, 4);
    assert_fault(0x402000, PAGE_FAULT_USER, true, PAGE_FAULT_PRESENT | PAGE_FAULT_USER);
    assert_found(0x402345, WRITE, 2 * PAGE + 0x345);
    memcpy(&now, ram + 4, 4);
    assert_int_equal(now, top | ACCESSED);
    memcpy(&now, ram + PAGE + 8, 4);
    assert_int_equal(now, bottom | ACCESSED | DIRTY);
}

static void without_paging_everything_is_allowed(void **state) {
    (void)state;
    four_levels(0, 0, 0);
    paging.cr0 = CR0_PE;
    assert_found(0x12345678, WRITE | PAGE_FAULT_USER, 0x12345678);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_code_needs_user_pages_at_each_level),
        cmocka_unit_test(a_write_needs_a_writable_page_at_each_level),
        cmocka_unit_test(without_cr0_wp_a_supervisor_writes_anywhere),
        cmocka_unit_test(smap_keeps_a_supervisor_out_of_user_pages),
        cmocka_unit_test(a_page_that_is_not_present_faults_without_the_present_bit),
        cmocka_unit_test(a_read_sets_accessed_and_a_write_sets_dirty),
        cmocka_unit_test(an_entry_that_has_changed_meanwhile_is_not_written),
        cmocka_unit_test(tables_outside_ram_are_no_page_fault),
        cmocka_unit_test(pae_paging_checks_two_levels),
        cmocka_unit_test(flags_of_32_bit_paging_are_in_4_byte_entries),
        cmocka_unit_test(without_paging_everything_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
