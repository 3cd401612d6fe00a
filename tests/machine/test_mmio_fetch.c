/* Guards what vmm/vcpu/exit_mmio.c does when the bytes of an instruction on device memory are not
 * found: another vCPU may change the code and the page tables between the access and the fetch. */
#include "tests/machine/paging.h"

#define CODE    START_RIP
#define NOWHERE 0x40000000u /* neither RAM nor a device */
#define ALL     (PRESENT | WRITABLE | USER)
#define LARGE   0x80u

#define READ    (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED | 1)

static void put(uint64_t address, const void *bytes, size_t count) {
    memcpy(vm->ram + address, bytes, count);
}

/* The lowest table of long mode's paging, which machine_long_mode() does not set up: 4 KiB pages.
 */
static uint64_t *map_small_pages(void) {
    uint64_t *directory = (uint64_t *)(vm->ram + MACHINE_TABLES + 2 * PAGE);
    uint64_t *table = (uint64_t *)(vm->ram + MACHINE_TABLES + 3 * PAGE);

    directory[0] = (MACHINE_TABLES + 3 * PAGE) | ALL;
    for (unsigned i = 0; i < 512; i++)
        table[i] = i * PAGE | ALL;
    return table;
}

/* The guest's instruction at RIP reads an address that is not RAM. */
static void reads_nowhere(void) {
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, NOWHERE);
    assert_true(exits(EXIT_REASON_EPT_VIOLATION, READ));
}

/* It runs again, and the processor finds out what is there now: what its TLB held is gone. */
static void assert_runs_again(uint64_t rip) {
    assert_runs();
    assert_field(VMCS_GUEST_RIP, rip);
    assert_int_equal(self->event, 0);
    assert_int_equal(machine_count(MACHINE_INVVPID, vcpu_vpid(self)), 1);
    machine_forget();
}

static void code_that_is_no_longer_mapped_runs_again(void **state) {
    uint64_t *table = map_small_pages();

    (void)state;
    put(CODE, "\x8b\x03", 2); /* mov eax, [rbx] */
    table[CODE / PAGE] = 0;
    reads_nowhere();
    assert_runs_again(CODE);
    table[CODE / PAGE] = CODE | ALL;
    reads_nowhere();
    assert_advanced();
}

static void code_whose_second_page_is_no_longer_mapped_runs_again(void **state) {
    uint64_t *table = map_small_pages(), rip = CODE + PAGE - 1;

    (void)state;
    put(rip, "\x8b\x03", 2);
    machine_set(VMCS_GUEST_RIP, rip);
    table[CODE / PAGE + 1] = 0;
    reads_nowhere();
    assert_runs_again(rip);
    table[CODE / PAGE + 1] = (CODE + PAGE) | ALL;
    reads_nowhere();
    assert_runs();
    assert_field(VMCS_GUEST_RIP, rip + 2);
}

static void code_that_is_no_longer_in_ram_runs_again(void **state) {
    uint64_t *table = map_small_pages();

    (void)state;
    table[CODE / PAGE] = NOWHERE | ALL;
    reads_nowhere();
    assert_runs_again(CODE);
}

static void tables_that_are_no_longer_in_ram_are_walked_again(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_CR3, NOWHERE);
    reads_nowhere();
    assert_runs_again(CODE);
}

/* Two exits in a row by the same instruction: its bytes are what they are. */
static void an_instruction_that_is_not_carried_out_ends_the_guest_when_it_comes_back(void **state) {
    (void)state;
    put(CODE, "\x0f\x01\x13", 3); /* lgdt [rbx] */
    reads_nowhere();
    assert_runs_again(CODE);
    reads_nowhere();
    assert_killed("not an instruction");
}

static void code_that_another_vcpu_has_replaced_runs_again(void **state) {
    (void)state;
    put(CODE, "\x0f\x01\x13", 3);
    reads_nowhere();
    assert_runs_again(CODE);
    put(CODE, "\x8b\x03", 2);
    reads_nowhere();
    assert_advanced();
}

static void code_that_is_replaced_a_second_time_runs_again_too(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        machine_set(VMCS_GUEST_RIP, CODE);
        machine_forget();
        put(CODE, "\x0f\x01\x13", 3);
        reads_nowhere();
        assert_runs_again(CODE);
        put(CODE, "\x8b\x03", 2);
        reads_nowhere();
        assert_advanced();
    }
}

/* All its bytes are there, so what follows them does not matter. */
static void at_the_end_of_what_is_mapped_it_ends_the_guest_as_well(void **state) {
    uint64_t *table = map_small_pages(), rip = CODE + PAGE - 3;

    (void)state;
    put(rip, "\x0f\x01\x13", 3);
    machine_set(VMCS_GUEST_RIP, rip);
    table[CODE / PAGE + 1] = 0;
    reads_nowhere();
    assert_runs_again(rip);
    reads_nowhere();
    assert_killed("not an instruction");
}

/* PAE paging uses four registers that MOV to CR3 loads. The table they come from is memory like any
 * other afterwards. SDM Vol. 3A, "PDPTE Registers". */
static void pae_paging_does_not_read_the_pdptes_again(void **state) {
    uint64_t *table = (uint64_t *)(vm->ram + MACHINE_TABLES);

    (void)state;
    machine_set(VMCS_GUEST_CR0, machine_get(VMCS_GUEST_CR0) | CR0_PG);
    machine_set(VMCS_GUEST_CR4, machine_get(VMCS_GUEST_CR4) | CR4_PAE);
    machine_set(VMCS_GUEST_CR3, MACHINE_TABLES);
    machine_set(VMCS_GUEST_PDPTE0, (MACHINE_TABLES + PAGE) | 1);
    table[0] = 0; /* it has been something else since */
    table[PAGE / 8] = LARGE | ALL;
    put(CODE, "\x8b\x03", 2);
    reads_nowhere();
    assert_advanced();
    table[0] = (MACHINE_TABLES + PAGE) | 1;
    machine_set(VMCS_GUEST_RIP, CODE);
    machine_set(VMCS_GUEST_PDPTE0, 0);
    reads_nowhere();
    assert_runs_again(CODE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(code_that_is_no_longer_mapped_runs_again, set_up_long_mode),
        cmocka_unit_test_setup(code_whose_second_page_is_no_longer_mapped_runs_again,
                               set_up_long_mode),
        cmocka_unit_test_setup(code_that_is_no_longer_in_ram_runs_again, set_up_long_mode),
        cmocka_unit_test_setup(tables_that_are_no_longer_in_ram_are_walked_again, set_up_long_mode),
        cmocka_unit_test_setup(
            an_instruction_that_is_not_carried_out_ends_the_guest_when_it_comes_back,
            set_up_long_mode),
        cmocka_unit_test_setup(code_that_another_vcpu_has_replaced_runs_again, set_up_long_mode),
        cmocka_unit_test_setup(code_that_is_replaced_a_second_time_runs_again_too,
                               set_up_long_mode),
        cmocka_unit_test_setup(at_the_end_of_what_is_mapped_it_ends_the_guest_as_well,
                               set_up_long_mode),
        cmocka_unit_test_setup(pae_paging_does_not_read_the_pdptes_again, set_up_protected_mode),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
