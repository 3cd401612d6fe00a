/* Guards vmm/vcpu/exit_mmio.c: which device an address belongs to, the instruction that accesses
 * it, and what is refused. Decoding and execution have tests of their own. SDM Vol. 3C, "EPT
 * Violations", "APIC-Access VM Exits". */
#include "tests/machine/paging.h"
#include "vmm/devices/pc_map.h"

#define READ       1ULL
#define WRITE      EPT_VIOLATION_WRITE
#define OF_ADDRESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED)

#define NOWHERE    0xd0000000ULL
#define MAGIC      0x74726976 /* what a virtio-mmio slot reads at offset 0 */

/* Places an instruction at RIP; RAX is where it accesses memory. */
#define CODE(...) place((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
static uint64_t length;
static void place(const uint8_t *bytes, size_t size) {
    memcpy(vm->ram + START_RIP, bytes, size);
    machine_set(VMCS_GUEST_RIP, START_RIP);
    length = size;
}

static bool violates(uint64_t address, uint64_t qualification) {
    *reg(GUEST_RAX) = address;
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, address);
    return exits(EXIT_REASON_EPT_VIOLATION, qualification);
}

static void assert_done(void) {
    assert_field(VMCS_GUEST_RIP, START_RIP + length);
    assert_int_equal(self->event, 0);
    assert_runs();
}

static void store(uint64_t address, uint32_t value) {
    CODE(0x89, 0x08); /* mov [rax], ecx */
    *reg(GUEST_RCX) = 0xabcd000000000000 | value;
    assert_true(violates(address, WRITE | OF_ADDRESS));
    assert_done();
}

static uint64_t load(uint64_t address) {
    CODE(0x8b, 0x08); /* mov ecx, [rax] */
    *reg(GUEST_RCX) = UINT64_MAX;
    assert_true(violates(address, READ | OF_ADDRESS));
    assert_done();
    return *reg(GUEST_RCX);
}

/* ---- devices ---- */

static void the_ioapic_is_at_its_address(void **state) {
    (void)state;
    store(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, IOAPIC_REG_VERSION);
    assert_int_equal(load(IOAPIC_DEFAULT_BASE + IOAPIC_DATA), 23 << 16 | 0x20);
    store(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, IOAPIC_REG_ENTRY + 2 * 5);
    store(IOAPIC_DEFAULT_BASE + IOAPIC_DATA, RTE_LEVEL | 0x51);
    assert_int_equal(vm->routing.ioapic.entry[5], RTE_LEVEL | 0x51);
}

static void virtio_slots_have_a_page_each(void **state) {
    (void)state;
    for (unsigned slot = 0; slot < PC_VIRTIO_SLOTS; slot++) {
        uint64_t base = PC_VIRTIO_BASE + slot * PC_VIRTIO_STRIDE;
        const uint32_t device[] = {0, 4, 3}; /* no disk, random bytes, a console */
        assert_int_equal(load(base), MAGIC);
        assert_int_equal(load(base + 8), device[slot]);
    }
    assert_int_equal(load(PC_VIRTIO_BASE + PC_VIRTIO_SLOTS * PC_VIRTIO_STRIDE), 0xffffffff);
    assert_int_equal(load(PC_VIRTIO_BASE - 4), 0xffffffff);
}

static void an_address_of_nothing_reads_all_ones_and_is_reported(void **state) {
    (void)state;
    assert_int_equal(load(NOWHERE), 0xffffffff);
    assert_string_equal(machine.console.text, "pinwheel: guest tested: read at 0xd0000000: no RAM "
                                              "or device at this address\n");
    store(NOWHERE + 4, 1);
    assert_true(machine_says("write at 0xd0000004"));
}

static void reports_of_such_addresses_are_bounded(void **state) {
    unsigned lines = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * VM_LOGGED_ACCESSES; i++)
        load(NOWHERE);
    for (const char *at = machine.console.text; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, VM_LOGGED_ACCESSES + 1);
    assert_true(machine_says("further accesses to such addresses are not reported"));
}

/* ---- the local APIC ---- */

static uint64_t apic_load(uint32_t offset) {
    CODE(0x8b, 0x08);
    *reg(GUEST_RCX) = UINT64_MAX;
    assert_true(exits(EXIT_REASON_APIC_ACCESS, APIC_ACCESS_TYPE_READ << 12 | offset));
    assert_done();
    return *reg(GUEST_RCX);
}

static void apic_store(uint32_t offset, uint32_t value) {
    CODE(0x89, 0x08);
    *reg(GUEST_RCX) = value;
    assert_true(exits(EXIT_REASON_APIC_ACCESS, APIC_ACCESS_TYPE_WRITE << 12 | offset));
    assert_done();
}

static void an_apic_access_reaches_the_local_apic(void **state) {
    (void)state;
    apic_store(APIC_SVR, APIC_SVR_ENABLE | 0xef);
    assert_int_equal(apic_page_read(self->apic_page, APIC_SVR), 0x1ef);
    assert_int_equal(apic_load(APIC_SVR), 0x1ef);
    apic_store(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    apic_store(APIC_TIMER_INITIAL, 1000);
    machine.tsc += 300;
    assert_int_equal(apic_load(APIC_TIMER_CURRENT), 700);
}

static void an_eoi_by_an_access_moves_svi(void **state) {
    (void)state;
    apic_page_add(self->apic_page, APIC_ISR, 0x51);
    apic_page_add(self->apic_page, APIC_ISR, 0x61);
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, 0x6100);
    apic_store(APIC_EOI, 0);
    assert_field(VMCS_GUEST_INTERRUPT_STATUS, 0x5100);
}

/* The SDM leaves these undefined; they do no harm. */
static void odd_accesses_to_the_apic_read_parts_and_write_nothing(void **state) {
    (void)state;
    apic_store(APIC_SVR, 0x1ef);
    assert_int_equal(apic_load(APIC_SVR + 4), 0);
    CODE(0x8a, 0x08); /* mov cl, [rax] */
    *reg(GUEST_RCX) = 0;
    exits(EXIT_REASON_APIC_ACCESS, APIC_ACCESS_TYPE_READ << 12 | (APIC_SVR + 1));
    assert_int_equal(*reg(GUEST_RCX), 1);
    CODE(0x88, 0x08); /* mov [rax], cl */
    exits(EXIT_REASON_APIC_ACCESS, APIC_ACCESS_TYPE_WRITE << 12 | APIC_SVR);
    assert_done();
    apic_store(APIC_SVR + 4, 0);
    CODE(0x48, 0x89, 0x08); /* mov [rax], rcx */
    exits(EXIT_REASON_APIC_ACCESS, APIC_ACCESS_TYPE_WRITE << 12 | APIC_SVR);
    assert_done();
    assert_int_equal(apic_page_read(self->apic_page, APIC_SVR), 0x1ef);
}

static void a_moved_apic_is_found_at_its_new_address(void **state) {
    const uint64_t moved = 0xfe000000;

    (void)state;
    assert_int_equal(load(moved + APIC_VERSION), 0xffffffff);
    assert_true(virq_write_base(self, moved | APIC_BASE_ENABLE | APIC_BASE_BSP));
    assert_int_not_equal(load(moved + APIC_VERSION), 0xffffffff);
    store(moved + APIC_SVR, 0x1aa);
    assert_int_equal(apic_page_read(self->apic_page, APIC_SVR), 0x1aa);
    assert_int_equal(load(APIC_DEFAULT_BASE + APIC_VERSION), 0xffffffff);
    assert_true(virq_write_base(self, IOAPIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_BSP));
    assert_int_equal(load(IOAPIC_DEFAULT_BASE + APIC_SVR), 0x1aa);           /* it has priority */
    assert_true(virq_write_base(self, IOAPIC_DEFAULT_BASE | APIC_BASE_BSP)); /* disabled */
    assert_int_not_equal(load(IOAPIC_DEFAULT_BASE + APIC_SVR), 0x1aa);
}

static void other_accesses_to_the_apics_page_end_the_guest(void **state) {
    static const unsigned types[] = {2, 3, 10, 15}; /* fetch, event delivery, guest-physical */

    (void)state;
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        set_up_paging(NULL);
        exits(EXIT_REASON_APIC_ACCESS, types[i] << 12 | APIC_SVR);
        assert_killed("access to the local APIC's page that is not a plain read or write");
        assert_field(VMCS_GUEST_RIP, START_RIP);
    }
}

/* ---- instructions ---- */

static void a_compound_assignment_reads_writes_and_sets_flags(void **state) {
    (void)state;
    store(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, 0x0f);
    CODE(0x81, 0x08, 0xf0, 0, 0, 0); /* or dword [rax], 0xf0 */
    violates(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, READ | WRITE | OF_ADDRESS);
    assert_done();
    assert_int_equal(vm->routing.ioapic.index, 0xff);
    CODE(0x83, 0x38, 0xff); /* cmp dword [rax], -1 */
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_ZF | RFLAGS_IF);
    violates(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, READ | OF_ADDRESS);
    assert_done();
    assert_int_equal(vm->routing.ioapic.index, 0xff);
    assert_int_equal(machine_get(VMCS_GUEST_RFLAGS) & (RFLAGS_ZF | RFLAGS_CF | RFLAGS_IF),
                     RFLAGS_CF | RFLAGS_IF);
    CODE(0x87, 0x08); /* xchg [rax], ecx */
    *reg(GUEST_RCX) = 0x31;
    violates(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, READ | WRITE | OF_ADDRESS);
    assert_int_equal(vm->routing.ioapic.index, 0x31);
    assert_int_equal(*reg(GUEST_RCX), 0xff);
}

static void rsp_is_an_operand_that_the_vmcs_holds(void **state) {
    (void)state;
    CODE(0x89, 0x20); /* mov [rax], esp */
    machine_set(VMCS_GUEST_RSP, 0x42);
    *reg(GUEST_RSP) = 0x99;
    violates(IOAPIC_DEFAULT_BASE + IOAPIC_INDEX, WRITE | OF_ADDRESS);
    assert_int_equal(vm->routing.ioapic.index, 0x42);
    assert_field(VMCS_GUEST_RSP, 0x42);
    CODE(0x8b, 0x20); /* mov esp, [rax] */
    violates(PC_VIRTIO_BASE, READ | OF_ADDRESS);
    assert_field(VMCS_GUEST_RSP, MAGIC);
}

static void movs_copies_between_a_device_and_ram(void **state) {
    const uint64_t index = IOAPIC_DEFAULT_BASE + IOAPIC_INDEX;

    (void)state;
    map(1, PC_VIRTIO_BASE, KERNEL_DATA);
    map(2, IOAPIC_DEFAULT_BASE, KERNEL_DATA);
    CODE(0xa5); /* movsd */
    *reg(GUEST_RSI) = PAGES + PAGE;
    *reg(GUEST_RDI) = 0x5000;
    violates(PC_VIRTIO_BASE, READ | OF_ADDRESS);
    assert_done();
    assert_memory_equal(vm->ram + 0x5000, "virt", 4);
    assert_int_equal(*reg(GUEST_RSI), PAGES + PAGE + 4);
    assert_int_equal(*reg(GUEST_RDI), 0x5004);
    CODE(0x64, 0xa5); /* movsd with FS */
    machine_set(VMCS_GUEST_FS_BASE, 0x2000);
    vm->ram[0x7000] = 0x3f;
    *reg(GUEST_RSI) = 0x5000;
    *reg(GUEST_RDI) = PAGES + 2 * PAGE + IOAPIC_INDEX;
    violates(index, WRITE | OF_ADDRESS);
    assert_done();
    assert_int_equal(vm->routing.ioapic.index, 0x3f);
}

static void a_repeated_string_instruction_advances_with_its_last_element(void **state) {
    (void)state;
    map(1, PC_VIRTIO_BASE, KERNEL_DATA);
    CODE(0xf3, 0xa5); /* rep movsd */
    *reg(GUEST_RSI) = PAGES + PAGE;
    *reg(GUEST_RDI) = 0x5000;
    *reg(GUEST_RCX) = 2;
    violates(PC_VIRTIO_BASE, READ | OF_ADDRESS);
    assert_field(VMCS_GUEST_RIP, START_RIP);
    assert_int_equal(*reg(GUEST_RCX), 1);
    violates(PC_VIRTIO_BASE + 4, READ | OF_ADDRESS);
    assert_done();
    assert_int_equal(*reg(GUEST_RCX), 0);
    assert_int_equal(vm->ram[0x5004], 2); /* the version */
}

static void a_movs_whose_ram_faults_reads_no_device(void **state) {
    (void)state;
    map(1, NOWHERE, KERNEL_DATA);
    CODE(0xa5);
    *reg(GUEST_RSI) = PAGES + PAGE;
    *reg(GUEST_RDI) = PAGES + 0x10;
    violates(NOWHERE, READ | OF_ADDRESS);
    assert_faults_with_code(VECTOR_PF, 2);
    assert_int_equal(machine.cr2, PAGES + 0x10);
    assert_string_equal(machine.console.text, "");
    assert_int_equal(*reg(GUEST_RSI), PAGES + PAGE);
}

static void stos_fills(void **state) {
    (void)state;
    CODE(0xab); /* stosd */
    machine_set(VMCS_GUEST_PHYSICAL_ADDRESS, IOAPIC_DEFAULT_BASE);
    *reg(GUEST_RAX) = 0x17;
    *reg(GUEST_RDI) = IOAPIC_DEFAULT_BASE;
    exits(EXIT_REASON_EPT_VIOLATION, WRITE | OF_ADDRESS);
    assert_done();
    assert_int_equal(vm->routing.ioapic.index, 0x17);
    assert_int_equal(*reg(GUEST_RDI), IOAPIC_DEFAULT_BASE + 4);
}

/* A long buffer is sent in pieces: RIP stays until it is. */
static void a_write_that_has_to_be_repeated_leaves_rip(void **state) {
    static const uint32_t status[] = {0, 1, 3, 11, 15};
    const uint64_t console = PC_VIRTIO_BASE + PC_VIRTIO_CONSOLE * PC_VIRTIO_STRIDE;
    const uint32_t descriptor[] = {0x9000, 0, 600, 0};
    const uint16_t available[] = {0, 1, 0};
    unsigned repeats = 0;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        if (status[i] == 11) {
            store(console + VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
            store(console + VIRTIO_MMIO_DRIVER_FEATURES, 1);
        }
        store(console + VIRTIO_MMIO_STATUS, status[i]);
    }
    store(console + VIRTIO_MMIO_QUEUE_SEL, 1);
    store(console + VIRTIO_MMIO_QUEUE_NUM, 8);
    store(console + VIRTIO_MMIO_QUEUE_DESC_LOW, 0x6000);
    store(console + VIRTIO_MMIO_QUEUE_DRIVER_LOW, 0x7000);
    store(console + VIRTIO_MMIO_QUEUE_DEVICE_LOW, 0x8000);
    store(console + VIRTIO_MMIO_QUEUE_READY, 1);
    memcpy(vm->ram + 0x6000, descriptor, sizeof(descriptor));
    memcpy(vm->ram + 0x7000, available, sizeof(available));
    memset(vm->ram + 0x9000, 'x', 600);
    machine_forget();
    CODE(0x89, 0x08);
    *reg(GUEST_RCX) = 1;
    do {
        assert_true(violates(console + VIRTIO_MMIO_QUEUE_NOTIFY, WRITE | OF_ADDRESS));
    } while (machine_get(VMCS_GUEST_RIP) == START_RIP && ++repeats < 10);
    assert_done();
    assert_in_range(repeats, 2, 4);
    assert_int_equal(machine.console.length, 600);
}

static void a_single_step_traps_behind_it(void **state) {
    (void)state;
    machine_set(VMCS_GUEST_RFLAGS, RFLAGS_ONE | RFLAGS_TF);
    store(IOAPIC_DEFAULT_BASE, 1);
    assert_field(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

static void code_that_has_changed_is_decoded_anew(void **state) {
    (void)state;
    store(IOAPIC_DEFAULT_BASE, 0x11);
    store(IOAPIC_DEFAULT_BASE, 0x12);
    assert_int_equal(vm->routing.ioapic.index, 0x12);
    CODE(0xc7, 0x00, 0x13, 0, 0, 0); /* mov dword [rax], 0x13 */
    violates(IOAPIC_DEFAULT_BASE, WRITE | OF_ADDRESS);
    assert_done();
    assert_int_equal(vm->routing.ioapic.index, 0x13);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up_paging)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_ioapic_is_at_its_address),
        TEST(virtio_slots_have_a_page_each),
        TEST(an_address_of_nothing_reads_all_ones_and_is_reported),
        TEST(reports_of_such_addresses_are_bounded),
        TEST(an_apic_access_reaches_the_local_apic),
        TEST(an_eoi_by_an_access_moves_svi),
        TEST(odd_accesses_to_the_apic_read_parts_and_write_nothing),
        TEST(a_moved_apic_is_found_at_its_new_address),
        TEST(other_accesses_to_the_apics_page_end_the_guest),
        TEST(a_compound_assignment_reads_writes_and_sets_flags),
        TEST(rsp_is_an_operand_that_the_vmcs_holds),
        TEST(movs_copies_between_a_device_and_ram),
        TEST(a_repeated_string_instruction_advances_with_its_last_element),
        TEST(a_movs_whose_ram_faults_reads_no_device),
        TEST(stos_fills),
        TEST(a_write_that_has_to_be_repeated_leaves_rip),
        TEST(a_single_step_traps_behind_it),
        TEST(code_that_has_changed_is_decoded_anew),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
