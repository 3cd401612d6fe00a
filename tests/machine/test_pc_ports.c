/* Guards vmm/pc/ports.c, test_devices.c and bios.c: which port belongs to which device, the devices
 * of test programs, and what a guest finds at the place of a BIOS. QEMU, "Firmware Configuration
 * (fw_cfg) Device"; ACPI 6.5, "Root System Description Pointer". */
#include "tests/machine/one_pc.h"
#include "vmm/pc/bios.h"
#include "vmm/pc/test_devices.h"

/* ---- ports ---- */

/* The ports that can be read: first, count. All others read as all ones. */
static const struct {
    uint16_t first, count;
} readable[] = {
    {0x20, 2},  {0x40, 4},  {0x60, 2},  {0x64, 1},  {0x70, 2},  {0xa0, 2},  {0xe0, 4},  {0xe9, 1},
    {0x3d4, 2}, {0x3f8, 8}, {0x4d0, 2}, {0x505, 1}, {0x510, 2}, {0x600, 6}, {0x608, 4}, {0xb004, 2},
};

static bool is_readable(uint32_t port) {
    for (unsigned i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
        if (port - readable[i].first < readable[i].count)
            return true;
    }
    return false;
}

static void ports_without_a_device_read_all_ones_in_any_size(void **state) {
    static const unsigned sizes[] = {1, 2, 4};

    (void)state;
    for (uint32_t port = 0; port <= 0xffff; port++) {
        for (unsigned i = 0; i < 3 && !is_readable(port); i++) {
            if (pc_port_in(pc, (uint16_t)port, sizes[i]) != UINT32_MAX)
                fail_msg("port 0x%x", port);
        }
    }
}

static void writes_to_ports_without_a_device_are_ignored(void **state) {
    struct pc before;

    (void)state;
    memcpy(&before, pc, sizeof(before));
    for (uint32_t port = 0; port <= 0xffff; port++) {
        bool written = port == 0xcf9 || port == TEST_EXIT || port == SHUTDOWN_PORT ||
                       port - TEST_LINE_BASE < IOAPIC_PIN_COUNT;
        if (!is_readable(port) && !written)
            pc_port_out(pc, (uint16_t)port, 4, UINT32_MAX);
    }
    for (uint32_t port = PC_PM_TIMER; port < PC_PM_TIMER + 4; port++)
        pc_port_out(pc, (uint16_t)port, 4, UINT32_MAX);
    assert_memory_equal(&before, pc, sizeof(before));
    assert_int_equal(seen.ends | seen.pins | seen.timer_changes, 0);
}

static void a_value_has_the_bits_of_its_size(void **state) {
    (void)state;
    pc_port_out(pc, TEST_EXIT, 1, 0xaabbccdd);
    assert_int_equal(seen.code, 0xdd);
    pc_port_out(pc, TEST_EXIT, 2, 0xaabbccdd);
    assert_int_equal(seen.code, 0xccdd);
    pc_port_out(pc, TEST_EXIT, 4, 0xaabbccdd);
    assert_int_equal(seen.code, 0xaabbccdd);
}

/* ---- devices of test programs ---- */

static void scratch_is_four_bytes_of_memory(void **state) {
    (void)state;
    pc_port_out(pc, TEST_SCRATCH, 4, 0x44332211);
    assert_int_equal(pc_port_in(pc, TEST_SCRATCH, 4), 0x44332211);
    assert_int_equal(in(TEST_SCRATCH + 2), 0x33);
    pc_port_out(pc, TEST_SCRATCH + 1, 2, 0xbbaa);
    assert_int_equal(pc_port_in(pc, TEST_SCRATCH, 4), 0x44bbaa11);
    out(TEST_SCRATCH + 3, 0x99);
    assert_int_equal(pc_port_in(pc, TEST_SCRATCH, 4), 0x99bbaa11);
    pc_port_out(pc, TEST_SCRATCH + 3, 4, 0xffffff55); /* the other bytes are outside */
    assert_int_equal(pc_port_in(pc, TEST_SCRATCH, 4), 0x55bbaa11);
}

static void ports_drive_the_lines(void **state) {
    (void)state;
    out(TEST_LINE_BASE + 9, 1);
    out(TEST_LINE_BASE + 23, 0x80);
    assert_int_equal(seen.pins, PIN(9) | PIN(23));
    pc_port_out(pc, TEST_LINE_BASE + 9, 4, 0x100); /* one byte counts */
    assert_int_equal(seen.pins, PIN(23));
    out(TEST_LINE_BASE + 24, 1);
    assert_int_equal(seen.pins, PIN(23));
}

static void the_debug_console_prints_and_is_found(void **state) {
    (void)state;
    assert_int_equal(in(DEBUG_CONSOLE), 0xe9);
    out(DEBUG_CONSOLE, 'h');
    out(DEBUG_CONSOLE, 'i');
    assert_string_equal(seen.text[PC_CONSOLE_SERIAL], "hi");
}

static uint64_t item(uint16_t number, unsigned size) {
    uint64_t value = 0;

    pc_port_out(pc, FW_CFG_SELECT, 2, number);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)in(FW_CFG_DATA) << 8 * i;
    return value;
}

static void fw_cfg_has_the_items_of_test_programs(void **state) {
    (void)state;
    assert_int_equal(item(0, 4), 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24);
    assert_int_equal(item(1, 4), 1);
    assert_int_equal(item(3, 8), RAM_SIZE);
    assert_int_equal(item(5, 2), 2);
    assert_int_equal(item(0xf, 2), 2);
    assert_int_equal(item(0x19, 4), 0); /* there are no files */
    item(3, 8);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(in(FW_CFG_DATA), 0); /* behind the end */
}

static void fw_cfg_answers_only_accesses_of_its_sizes(void **state) {
    (void)state;
    item(0, 1);
    assert_int_equal(pc_port_in(pc, FW_CFG_DATA, 2), UINT32_MAX);
    assert_int_equal(pc_port_in(pc, FW_CFG_SELECT, 1), UINT32_MAX);
    out(FW_CFG_SELECT, 3);
    pc_port_out(pc, FW_CFG_DATA, 2, 3);
    assert_int_equal(in(FW_CFG_DATA), 'E'); /* the second byte of the item selected before */
}

/* ---- the place of the BIOS ---- */

static uint8_t sum(const uint8_t *bytes, size_t size) {
    uint8_t total = 0;

    for (size_t i = 0; i < size; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

static void the_acpi_tables_are_found_by_their_signature(void **state) {
    const uint8_t *rsdp = pc->config.ram + 0xe0000;
    uint64_t xsdt;

    (void)state;
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(rsdp, 20), 0);
    assert_int_equal(sum(rsdp, 36), 0);
    memcpy(&xsdt, rsdp + 24, sizeof(xsdt));
    assert_in_range(xsdt, 0xe0000, 0xfffff);
    assert_memory_equal(pc->config.ram + xsdt, "XSDT", 4);
}

/* MOV DX, the reset port; MOV AL, the value; OUT DX, AL; HLT; back to the HLT. */
static void code_at_the_reset_vector_resets(void **state) {
    static const uint8_t code[] = {0xba, 0x02, 0x06, 0xb0, 0x01, 0xee, 0xf4, 0xeb, 0xfd};

    (void)state;
    assert_memory_equal(pc->config.ram + 0xffff0, code, sizeof(code));
}

static void too_little_memory_is_refused(void **state) {
    (void)state;
    struct pc *small = calloc(1, sizeof(*small));
    uint8_t *ram = calloc(1, 0xff000);
    const struct pc_config config = pc_config_of(ram, 0xff000, NULL);
    assert_string_equal(
        pc_power_on(small, &config),
        "its memory ends below 1 MiB, where the ACPI tables are; set its memory to 2M at least");
    free(ram);
    memset(small, 0, sizeof(*small));
    ram = calloc(1, 0x100000);
    const struct pc_config least = pc_config_of(ram, 0x100000, NULL);
    assert_null(pc_power_on(small, &least));
    free(ram);
    free(small);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ports_without_a_device_read_all_ones_in_any_size),
        TEST(writes_to_ports_without_a_device_are_ignored),
        TEST(a_value_has_the_bits_of_its_size),
        TEST(scratch_is_four_bytes_of_memory),
        TEST(ports_drive_the_lines),
        TEST(the_debug_console_prints_and_is_found),
        TEST(fw_cfg_has_the_items_of_test_programs),
        TEST(fw_cfg_answers_only_accesses_of_its_sizes),
        TEST(the_acpi_tables_are_found_by_their_signature),
        TEST(code_at_the_reset_vector_resets),
        TEST(too_little_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
