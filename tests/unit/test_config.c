/* Guards boot/config.c: every key, every mistake with its line, and bytes that are not text. */
#include "tests/unit/config_alone.h"

/* Parses one guest with these lines, which begin at line 2, followed by a kernel. */
static void parse_keys(const char *lines) {
    char text[4096];

    snprintf(text, sizeof(text), "[g]\n%s\nkernel = k", lines);
    parse(text);
    assert_int_equal(config.guest_count, 1);
    assert_string_equal(config.problem, "");
}

static void assert_key_error(const char *line, const char *problem) {
    parse_keys(line);
    assert_string_equal(guest[0].problem, problem);
}

static void a_whole_file_is_read(void **state) {
    (void)state;
    parse("# Pinwheel\n"
          "\n"
          "[reroute-x2apic]          # a guest\n"
          "kernel = \\guests\\reroute.elf   # (forward slashes accepted as well)\n"
          "initrd = /guests/initrd.gz\n"
          "memory = 4M\n"
          "vcpus = 2\n"
          "cmdline = x2apic rounds=10000 a=b#c # comment\n"
          "stale_rescan = off\n"
          "ioapic = 0x20\n"
          "x2apic = off\n"
          "delivery = software\n"
          "story = on\n"
          "after = other.guest_2\n"
          "disk = \\guests\\disk.img\n"
          "[other.guest_2]\n"
          "  kernel\t=\tk  \t\r\n");
    assert_string_equal(config.problem, "");
    assert_int_equal(config.guest_count, 2);
    assert_string_equal(guest[0].problem, "");
    assert_string_equal(guest[0].config.name, "reroute-x2apic");
    assert_string_equal(guest[0].config.kernel, "\\guests\\reroute.elf");
    assert_string_equal(guest[0].config.initrd, "/guests/initrd.gz");
    assert_string_equal(guest[0].config.disk, "\\guests\\disk.img");
    assert_string_equal(guest[0].config.command_line, "x2apic rounds=10000 a=b#c");
    assert_string_equal(guest[0].config.after, "other.guest_2");
    assert_int_equal(guest[0].config.memory, 4 << 20);
    assert_int_equal(guest[0].config.vcpus, 2);
    assert_false(guest[0].config.stale_rescan);
    assert_int_equal(guest[0].config.ioapic_version, 0x20);
    assert_true(guest[0].config.story);
    assert_false(guest[0].config.x2apic);
    assert_int_equal(guest[0].config.delivery, BOOT_DELIVERY_SOFTWARE);
    assert_int_equal(config.line[0].header, 3);
    assert_int_equal(config.line[0].key[CONFIG_KERNEL], 4);
    assert_int_equal(config.line[0].key[CONFIG_AFTER], 14);
    assert_string_equal(guest[1].problem, "");
    assert_string_equal(guest[1].config.kernel, "k");
    assert_int_equal(config.line[0].key[CONFIG_DISK], 15);
    assert_int_equal(config.line[1].header, 16);
    assert_int_equal(config_check(&config, 1 << 30), 2);
}

static void defaults(void **state) {
    static const struct boot_guest zero;

    (void)state;
    parse("[g]\nkernel=k");
    assert_int_equal(guest[0].config.memory, 16 << 20);
    assert_int_equal(guest[0].config.vcpus, 1);
    assert_true(guest[0].config.stale_rescan);
    assert_int_equal(guest[0].config.ioapic_version, 0x11);
    assert_false(guest[0].config.story);
    assert_true(guest[0].config.x2apic);
    assert_int_equal(guest[0].config.delivery, BOOT_DELIVERY_AUTO);
    assert_string_equal(guest[0].config.initrd, "");
    assert_string_equal(guest[0].config.disk, "");
    assert_string_equal(guest[0].config.command_line, "");
    assert_string_equal(guest[0].config.after, "");
    assert_int_equal(guest[0].kernel_base, zero.kernel_base);
    assert_int_equal(guest[0].initrd_size, zero.initrd_size);
    assert_int_equal(guest[0].disk_size, zero.disk_size);
}

static void files_without_guests(void **state) {
    (void)state;
    parse("");
    assert_int_equal(config.guest_count, 0);
    assert_string_equal(config.problem, "");
    assert_int_equal(config_check(&config, 0), 0);
    parse("# only a comment");
    assert_int_equal(config.guest_count, 0);
    assert_string_equal(config.problem, "");
}

static void a_byte_order_mark_is_skipped(void **state) {
    (void)state;
    parse("\xef\xbb\xbf[g]\r\nkernel=k\r\n");
    assert_int_equal(config.guest_count, 1);
    assert_string_equal(guest[0].problem, "");
}

static void sizes(void **state) {
    (void)state;
    parse_keys("memory = 2048K");
    assert_int_equal(guest[0].config.memory, 2 << 20);
    parse_keys("memory = 3G");
    assert_int_equal(guest[0].config.memory, 3ULL << 30);
    parse_keys("memory = 2097152");
    assert_int_equal(guest[0].config.memory, 2 << 20);
    assert_string_equal(guest[0].problem, "");
#define E "pinwheel.cfg:2: memory: "
    assert_key_error("memory = 3M", E "3M is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 0", E "0 is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 4G", E "4G is not a multiple of 2M, at most 3G");
    assert_key_error("memory = M", E "M is not a multiple of 2M, at most 3G");
    assert_key_error("memory = -2M", E "-2M is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 4MB", E "4MB is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 4 M", E "4 M is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 0x400000", E "0x400000 is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 18446744073709551616",
                     E "18446744073709551616 is not a multiple of 2M, at most 3G");
    assert_key_error("memory = 18446744073709551615G",
                     E "18446744073709551615G is not a multiple of 2M, at most 3G");
#undef E
}

static void vcpus_are_1_to_the_maximum(void **state) {
    (void)state;
    parse_keys("vcpus = 64");
    assert_int_equal(guest[0].config.vcpus, BOOT_MAX_VCPUS);
#define E(v) "pinwheel.cfg:2: vcpus: " v " is not a number from 1 to 64"
    assert_key_error("vcpus = 0", E("0"));
    assert_key_error("vcpus = 65", E("65"));
    assert_key_error("vcpus = 2x", E("2x"));
    assert_key_error("vcpus = 4294967297", E("4294967297"));
    assert_key_error("vcpus = two", E("two"));
#undef E
}

static void the_ioapic_has_version_11h_or_20h(void **state) {
    (void)state;
    parse_keys("ioapic = 0x11");
    assert_int_equal(guest[0].config.ioapic_version, 0x11);
#define E(v) "pinwheel.cfg:2: ioapic: " v " is not 0x11 or 0x20"
    assert_key_error("ioapic = 17", E("17"));
    assert_key_error("ioapic = 0x1", E("0x1"));
    assert_key_error("ioapic = 0x110", E("0x110"));
    assert_key_error("ioapic = on", E("on"));
#undef E
}

static void switches_are_on_or_off(void **state) {
    (void)state;
    assert_key_error("story = yes", "pinwheel.cfg:2: story: yes is not on or off");
    assert_key_error("stale_rescan = 1", "pinwheel.cfg:2: stale_rescan: 1 is not on or off");
    assert_key_error("stale_rescan = onn", "pinwheel.cfg:2: stale_rescan: onn is not on or off");
}

static void mistakes_in_lines(void **state) {
    (void)state;
    assert_key_error("kernal = x", "pinwheel.cfg:2: unknown key 'kernal'");
    assert_key_error("= x", "pinwheel.cfg:2: unknown key ''");
    assert_key_error("a-very-long-key-that-goes-on-and-on-and-on = x",
                     "pinwheel.cfg:2: unknown key 'a-very-long-key-that-goes-on-an'");
    assert_key_error("hello", "pinwheel.cfg:2: neither '[name]' nor 'key = value'");
    assert_key_error("[", "pinwheel.cfg:2: neither '[name]' nor 'key = value'");
    assert_key_error("initrd =", "pinwheel.cfg:2: initrd has no value");
    assert_key_error("initrd = # x", "pinwheel.cfg:2: initrd has no value");
    assert_key_error("cmdline =", "");
    assert_key_error("vcpus = 1\nvcpus = 2",
                     "pinwheel.cfg:3: vcpus is given twice, first in line 2");
    assert_key_error("cmdline = \xc3\xa4",
                     "pinwheel.cfg:2: byte 0xc3 outside a comment: only ASCII is allowed there");
    assert_key_error("cmdline = a\x1b[2J",
                     "pinwheel.cfg:2: byte 0x1b outside a comment: only ASCII is allowed there");
}

static void the_first_mistake_is_kept(void **state) {
    (void)state;
    assert_key_error("vcpus = 0\nmemory = 1",
                     "pinwheel.cfg:2: vcpus: 0 is not a number from 1 to 64");
}

/* "KEY = ccc..." with `length` times c, in static memory. */
static const char *long_value(const char *key, size_t length) {
    static char line[1024];
    int used = snprintf(line, sizeof(line), "%s = ", key);

    memset(line + used, 'c', length);
    line[(size_t)used + length] = 0;
    return line;
}

static void values_that_are_too_long(void **state) {
    (void)state;
    assert_key_error(long_value("initrd", BOOT_PATH_SIZE - 1), "");
    assert_int_equal(strlen(guest[0].config.initrd), BOOT_PATH_SIZE - 1);
    assert_key_error(long_value("initrd", BOOT_PATH_SIZE),
                     "pinwheel.cfg:2: initrd is longer than 127 characters");
    assert_key_error(long_value("cmdline", BOOT_CMDLINE_SIZE - 1), "");
    assert_key_error(long_value("cmdline", BOOT_CMDLINE_SIZE),
                     "pinwheel.cfg:2: cmdline is longer than 511 characters");
    assert_key_error(long_value("after", BOOT_NAME_SIZE),
                     "pinwheel.cfg:2: after is longer than 31 characters");
}

static void zero_bytes_do_not_end_the_text(void **state) {
    static const char text[] = "[g]\nkernel=k\n\0\nvcpus=2\n[h]\nkernel=k";

    (void)state;
    config_parse(&config, CONFIG_FILE_NAME, guest, text, sizeof(text) - 1);
    assert_int_equal(config.guest_count, 2);
    assert_string_equal(guest[0].problem,
                        "pinwheel.cfg:3: byte 0x00 outside a comment: only ASCII is allowed there");
    assert_string_equal(guest[1].problem, "");
}

static void a_line_of_one_mebibyte(void **state) {
    size_t size = 1 << 20;
    char *text = malloc(size);

    (void)state;
    memset(text, 'x', size);
    memcpy(text, "[g]\nkernel=", 11);
    config_parse(&config, CONFIG_FILE_NAME, guest, text, size);
    assert_string_equal(guest[0].problem, "pinwheel.cfg:2: kernel is longer than 127 characters");
    memset(text, '[', size);
    config_parse(&config, CONFIG_FILE_NAME, guest, text, size);
    assert_string_equal(config.problem, "pinwheel.cfg:1: neither '[name]' nor 'key = value'");
    memset(text, '\n', size);
    config_parse(&config, CONFIG_FILE_NAME, guest, text, size);
    assert_int_equal(config.guest_count, 0);
    free(text);
}

static void random_bytes_are_safe(void **state) {
    static const char pool[] = "[]=#\n\r\t \0abgk019MGK-_.\\/\xff";
    static const char *const word[] = {
        "\n[g]\n",     "\n[h]\n",       "\nkernel=",    "\nafter=g\n",
        "\nafter=h\n", "\nmemory=2M\n", "\nvcpus=64\n", "\nstory=on\n"};

    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        size_t size = 0, want = (size_t)rand() % 300;
        char *text = malloc(want + 16), *exact;

        while (size < want) {
            if (rand() % 4 == 0) {
                const char *w = word[rand() % 8];
                memcpy(text + size, w, strlen(w));
                size += strlen(w);
            } else {
                text[size++] = pool[(size_t)rand() % (sizeof(pool) - 1)];
            }
        }
        exact = malloc(size ? size : 1);
        memcpy(exact, text, size);
        config_parse(&config, CONFIG_FILE_NAME, guest, exact, size);
        assert_true(config.guest_count <= BOOT_MAX_GUESTS);
        config_check(&config, 64 << 20);
        for (uint32_t i = 0; i < config.guest_count; i++) {
            assert_true(guest[i].problem[0] || guest[i].config.kernel[0]);
            assert_true(guest[i].config.vcpus >= 1 && guest[i].config.vcpus <= BOOT_MAX_VCPUS);
            assert_true(guest[i].config.memory && guest[i].config.memory % CONFIG_MEMORY_UNIT == 0);
        }
        free(exact);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read),
        cmocka_unit_test(defaults),
        cmocka_unit_test(files_without_guests),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(sizes),
        cmocka_unit_test(vcpus_are_1_to_the_maximum),
        cmocka_unit_test(the_ioapic_has_version_11h_or_20h),
        cmocka_unit_test(switches_are_on_or_off),
        cmocka_unit_test(mistakes_in_lines),
        cmocka_unit_test(the_first_mistake_is_kept),
        cmocka_unit_test(values_that_are_too_long),
        cmocka_unit_test(zero_bytes_do_not_end_the_text),
        cmocka_unit_test(a_line_of_one_mebibyte),
        cmocka_unit_test(random_bytes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
