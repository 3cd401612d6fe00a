/* Guards vmm/vcpu/guest_memory.c: memory operands by segment and offset, with the faults that the
 * processor would raise. SDM Vol. 3A, "Limit Checking", "Type Checking", "Page-Fault Exceptions";
 * Vol. 1, "Canonical Addressing". */
#include "tests/machine/paging.h"
#include "vmm/vcpu/guest_memory.h"
#include "vmm/vcpu/guest_segment.h"

static struct guest_span span;

static bool find(enum guest_segment segment, uint64_t offset, unsigned size, bool write) {
    self->event = 0;
    machine_forget();
    return guest_span_find(self, segment, offset, size, write, &span);
}

#define READ  false
#define WRITE true

static void assert_found(enum guest_segment segment, uint64_t offset, unsigned size, bool write,
                         uint64_t physical) {
    assert_true(find(segment, offset, size, write));
    assert_int_equal(self->event, 0);
    assert_ptr_equal(span.piece[0], vm->ram + physical);
    assert_int_equal(span.length[0] + span.length[1], size);
}

static void assert_gp(enum guest_segment segment, uint64_t offset, unsigned size, bool write) {
    assert_false(find(segment, offset, size, write));
    assert_faults_with_code(segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, 0);
    assert_int_equal(machine_count(MACHINE_CR2, MACHINE_ANY), 0);
}

static void assert_page_fault(uint64_t offset, unsigned size, bool write, uint32_t code,
                              uint64_t address) {
    assert_false(find(SEGMENT_DS, offset, size, write));
    assert_faults_with_code(VECTOR_PF, code);
    assert_int_equal(machine_count(MACHINE_CR2, MACHINE_ANY), 1);
    assert_int_equal(machine.cr2, address);
}

static void set_segment(enum guest_segment segment, uint64_t base, uint32_t limit,
                        uint32_t rights) {
    machine_set(segment_field(VMCS_GUEST_ES_BASE, segment), base);
    machine_set(segment_field(VMCS_GUEST_ES_LIMIT, segment), limit);
    machine_set(segment_field(VMCS_GUEST_ES_ACCESS_RIGHTS, segment), rights);
}

/* ---- segments ---- */

static void an_operand_lies_within_the_limit(void **state) {
    static const enum guest_segment segments[] = {SEGMENT_ES, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS,
                                                  SEGMENT_GS};

    (void)state;
    for (unsigned i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        set_segment(segments[i], 0x5000, 0xfff, 0x4093);
        assert_found(segments[i], 0xffc, 4, WRITE, 0x5ffc);
        assert_found(segments[i], 0xfff, 1, READ, 0x5fff);
        assert_gp(segments[i], 0xffd, 4, READ);
        assert_gp(segments[i], 0x1000, 1, WRITE);
        assert_gp(segments[i], 0xffffffff, 2, READ); /* the last byte does not wrap */
    }
}

static void an_expand_down_segment_is_what_lies_above_its_limit(void **state) {
    (void)state;
    set_segment(SEGMENT_DS, 0, 0xfff, 0x0097); /* 16 bits */
    assert_gp(SEGMENT_DS, 0xfff, 1, READ);
    assert_found(SEGMENT_DS, 0x1000, 4, READ, 0x1000);
    assert_found(SEGMENT_DS, 0xfffc, 4, WRITE, 0xfffc);
    assert_gp(SEGMENT_DS, 0xfffd, 4, READ);
    set_segment(SEGMENT_DS, 0, 0xfff, 0x4097); /* 32 bits */
    assert_found(SEGMENT_DS, 0x10000, 4, READ, 0x10000);
    set_segment(SEGMENT_DS, 0x10000, 0xfff, 0x4097);
    assert_gp(SEGMENT_DS, 0xfffffffd, 4, READ);
}

static void types_and_usability_are_checked(void **state) {
    (void)state;
    set_segment(SEGMENT_DS, 0, 0xffff, 0x4091); /* read-only data */
    assert_found(SEGMENT_DS, 0, 1, READ, 0);
    assert_gp(SEGMENT_DS, 0, 1, WRITE);
    set_segment(SEGMENT_DS, 0, 0xffff, 0x4099); /* execute-only code */
    assert_gp(SEGMENT_DS, 0, 1, READ);
    assert_gp(SEGMENT_DS, 0, 1, WRITE);
    set_segment(SEGMENT_CS, 0, 0xffff, 0x409b); /* readable code */
    assert_found(SEGMENT_CS, 0, 1, READ, 0);
    assert_gp(SEGMENT_CS, 0, 1, WRITE);
    set_segment(SEGMENT_DS, 0, 0xffff, 0x409f); /* conforming: bit 2 is not expand-down */
    assert_found(SEGMENT_DS, 0, 1, READ, 0);
    set_segment(SEGMENT_ES, 0, 0xffff, 0x14093); /* a null selector was loaded */
    assert_gp(SEGMENT_ES, 0, 1, READ);
}

static void a_linear_address_has_32_bits_outside_64_bit_mode(void **state) {
    (void)state;
    set_segment(SEGMENT_DS, 0xfffff000, 0xffffffff, 0xc093);
    assert_found(SEGMENT_DS, 0x2000, 4, READ, 0x1000);
}

static void real_mode_faults_without_an_error_code(void **state) {
    (void)state;
    machine_real_mode();
    set_segment(SEGMENT_DS, 0x12340, 0xffff, 0x93);
    assert_found(SEGMENT_DS, 0xfffe, 2, WRITE, 0x2233e);
    assert_false(find(SEGMENT_DS, 0xffff, 2, WRITE));
    assert_faults(VECTOR_GP);
    assert_false(find(SEGMENT_SS, 0xffff, 2, WRITE));
    assert_faults(VECTOR_SS);
}

static void in_64_bit_mode_only_fs_and_gs_have_a_base(void **state) {
    (void)state;
    machine_long_mode(vm);
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++)
        set_segment(i, 0x3000, 0, 0x10000); /* limits and rights do not count */
    machine_set(VMCS_GUEST_CS_ACCESS_RIGHTS, 0xa09b);
    assert_found(SEGMENT_ES, 0x1000, 8, WRITE, 0x1000);
    assert_found(SEGMENT_CS, 0x1000, 8, READ, 0x1000);
    assert_found(SEGMENT_SS, 0x1000, 8, WRITE, 0x1000);
    assert_found(SEGMENT_DS, 0x1000, 8, WRITE, 0x1000);
    assert_found(SEGMENT_FS, 0x1000, 8, WRITE, 0x4000);
    assert_found(SEGMENT_GS, (uint64_t)-0x2000, 8, WRITE, 0x1000); /* 64-bit arithmetic */
}

static void in_64_bit_mode_addresses_are_canonical(void **state) {
    (void)state;
    machine_long_mode(vm);
    assert_gp(SEGMENT_DS, 0x800000000000, 1, READ);
    assert_gp(SEGMENT_DS, 0xffff7fffffffffff, 1, READ);
    assert_gp(SEGMENT_SS, 0x800000000000, 1, READ);
    assert_gp(SEGMENT_DS, 0x7ffffffffffd, 4, READ); /* its end is not */
    assert_page_fault(0x7ffffffffffc, 4, READ, 0, 0x7ffffffffffc);
    assert_page_fault(0xffff800000000000, 4, READ, 0, 0xffff800000000000);
}

/* ---- pages ---- */

static void a_page_that_is_not_present_faults(void **state) {
    (void)state;
    assert_page_fault(PAGES + 0x123, 4, READ, 0, PAGES + 0x123);
    assert_page_fault(PAGES + 0x123, 4, WRITE, 2, PAGES + 0x123);
    be_user();
    assert_page_fault(PAGES + 0x123, 4, READ, 4, PAGES + 0x123);
    assert_page_fault(PAGES + 0x123, 4, WRITE, 6, PAGES + 0x123);
}

static void rights_of_pages_are_checked(void **state) {
    (void)state;
    map(0, 0x5000, PRESENT);
    assert_found(SEGMENT_DS, PAGES, 4, READ, 0x5000);
    assert_page_fault(PAGES, 4, WRITE, 3, PAGES);
    machine_set(VMCS_GUEST_CR0, machine_get(VMCS_GUEST_CR0) & ~CR0_WP);
    assert_found(SEGMENT_DS, PAGES, 4, WRITE, 0x5000);
    be_user();
    assert_page_fault(PAGES, 4, READ, 5, PAGES);
    map(0, 0x5000, PRESENT | USER);
    assert_found(SEGMENT_DS, PAGES, 4, READ, 0x5000);
    assert_page_fault(PAGES, 4, WRITE, 7, PAGES);
}

static void smap_keeps_the_kernel_from_user_pages_unless_ac_is_set(void **state) {
    (void)state;
    map(0, 0x5000, PRESENT | WRITABLE | USER);
    assert_found(SEGMENT_DS, PAGES, 4, WRITE, 0x5000);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_SMAP);
    assert_page_fault(PAGES, 4, READ, 1, PAGES);
    assert_page_fault(PAGES, 4, WRITE, 3, PAGES);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_AC);
    assert_found(SEGMENT_DS, PAGES, 4, WRITE, 0x5000);
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
    be_user();
    assert_found(SEGMENT_DS, PAGES, 4, WRITE, 0x5000);
}

static void accesses_leave_accessed_and_dirty_flags(void **state) {
    (void)state;
    map(0, 0x5000, KERNEL_DATA);
    find(SEGMENT_DS, PAGES, 4, READ);
    assert_int_equal(*page_entry(0), 0x5000 | KERNEL_DATA | ACCESSED);
    find(SEGMENT_DS, PAGES, 4, WRITE);
    assert_int_equal(*page_entry(0), 0x5000 | KERNEL_DATA | ACCESSED | DIRTY);
}

static void an_operand_may_cross_into_another_page(void **state) {
    const uint64_t value = 0x8877665544332211;

    (void)state;
    map(0, 0x9000, KERNEL_DATA);
    map(1, 0x5000, KERNEL_DATA);
    for (unsigned first = 1; first < 8; first++) {
        memset(vm->ram + 0x5000, 0, 8);
        assert_true(find(SEGMENT_DS, PAGES + PAGE - first, 8, WRITE));
        assert_int_equal(span.length[0], first);
        assert_int_equal(span.length[1], 8 - first);
        guest_span_write(self, &span, value);
        assert_memory_equal(vm->ram + 0xa000 - first, &value, first);
        assert_memory_equal(vm->ram + 0x5000, (const uint8_t *)&value + first, 8 - first);
        assert_int_equal(vm->ram[0x5000 + 8 - first], 0);
        assert_int_equal(guest_span_read(self, &span), value);
    }
}

static void a_short_operand_reads_with_zeros_above(void **state) {
    (void)state;
    memset(vm->ram + 0x5000, 0xff, 8);
    assert_true(find(SEGMENT_DS, 0x5000, 2, READ));
    assert_int_equal(guest_span_read(self, &span), 0xffff);
    guest_span_write(self, &span, 0x1122334455667788);
    assert_int_equal(vm->ram[0x5002], 0xff);
}

static void a_fault_in_the_second_page_reports_its_start(void **state) {
    (void)state;
    map(0, 0x9000, KERNEL_DATA);
    assert_page_fault(PAGES + PAGE - 2, 4, WRITE, 2, PAGES + PAGE);
    map(1, 0x5000, PRESENT);
    assert_page_fault(PAGES + PAGE - 2, 4, WRITE, 3, PAGES + PAGE);
}

/* The I/O APIC's index register, and the address behind it. */
static void memory_of_a_device_is_accessed_there(void **state) {
    (void)state;
    map(0, IOAPIC_DEFAULT_BASE, KERNEL_DATA);
    assert_true(find(SEGMENT_DS, PAGES, 4, WRITE));
    assert_true(guest_span_write(self, &span, 0x12));
    assert_int_equal(vm->routing.ioapic.index, 0x12);
    assert_true(find(SEGMENT_DS, PAGES, 4, READ));
    assert_int_equal(guest_span_read(self, &span), 0x12);
}

static void page_tables_outside_of_ram_end_the_guest(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_CR3, 0xfec00000);
    assert_false(find(SEGMENT_DS, PAGES, 4, READ));
    assert_int_equal(self->event, 0);
    assert_killed("the page tables for its memory at 0x200000 are not in RAM");
}

static void an_operand_at_the_end_of_ram_stays_inside(void **state) {
    (void)state;
    machine_protected_mode();
    assert_found(SEGMENT_DS, vm->ram_size - 4, 4, WRITE, vm->ram_size - 4);
    assert_true(guest_span_write(self, &span, 0xffffffff));
    assert_true(find(SEGMENT_DS, vm->ram_size - 2, 4, WRITE));
    assert_true(guest_span_write(self, &span, 0x33332211));
    assert_memory_equal(vm->ram + vm->ram_size - 4, "\xff\xff\x11\x22", 4);
    assert_int_equal(guest_span_read(self, &span), 0xffff2211); /* nothing is there */
}

static void thirty_two_bit_paging_is_followed_too(void **state) {
    uint32_t *directory = (uint32_t *)(vm->ram + 0x6000), *table = (uint32_t *)(vm->ram + 0x7000);

    (void)state;
    directory[1] = 0x7000 | KERNEL_DATA;
    table[2] = 0x8000 | PRESENT;
    machine_set(VMCS_GUEST_CR3, 0x6000);
    machine_set(VMCS_GUEST_CR0, machine_get(VMCS_GUEST_CR0) | CR0_PG | CR0_WP);
    assert_found(SEGMENT_DS, 0x402010, 4, READ, 0x8010);
    assert_page_fault(0x402010, 4, WRITE, 3, 0x402010);
    assert_page_fault(0x403000, 4, WRITE, 2, 0x403000);
}

#define PROTECTED(name) cmocka_unit_test_setup(name, set_up_protected_mode)
#define PAGED(name)     cmocka_unit_test_setup(name, set_up_paging)

int main(void) {
    const struct CMUnitTest tests[] = {
        PROTECTED(an_operand_lies_within_the_limit),
        PROTECTED(an_expand_down_segment_is_what_lies_above_its_limit),
        PROTECTED(types_and_usability_are_checked),
        PROTECTED(a_linear_address_has_32_bits_outside_64_bit_mode),
        PROTECTED(real_mode_faults_without_an_error_code),
        PROTECTED(in_64_bit_mode_only_fs_and_gs_have_a_base),
        PROTECTED(in_64_bit_mode_addresses_are_canonical),
        PAGED(a_page_that_is_not_present_faults),
        PAGED(rights_of_pages_are_checked),
        PAGED(smap_keeps_the_kernel_from_user_pages_unless_ac_is_set),
        PAGED(accesses_leave_accessed_and_dirty_flags),
        PAGED(an_operand_may_cross_into_another_page),
        PAGED(a_short_operand_reads_with_zeros_above),
        PAGED(a_fault_in_the_second_page_reports_its_start),
        PAGED(memory_of_a_device_is_accessed_there),
        PAGED(page_tables_outside_of_ram_end_the_guest),
        PAGED(an_operand_at_the_end_of_ram_stays_inside),
        PROTECTED(thirty_two_bit_paging_is_followed_too),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
