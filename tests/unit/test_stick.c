/* Guards guest/stick and guest/pinwheel.cfg, what `make image` puts on a stick: the menu and each
 * configuration that it names have no mistake, and the guests are ours or what the entry needs. */
#include <unistd.h>

#include "boot/menu.h"
#include "tests/unit/config_alone.h"

#define FILE_SIZE 4096

static const char *read_file(const char *path) {
    static char text[FILE_SIZE];
    FILE *file = fopen(path, "r");

    if (!file)
        fail_msg("%s cannot be read; the tests run in the root of the tree", path);
    size_t size = fread(text, 1, FILE_SIZE - 1, file);
    assert_in_range(size, 1, FILE_SIZE - 2);
    text[size] = 0;
    fclose(file);
    return text;
}

static struct menu stick(void) {
    const char *text = read_file("guest/stick/menu.cfg");
    struct menu menu;

    menu_parse(&menu, text, strlen(text));
    return menu;
}

/* The file in the tree that is on the stick as \configs\NAME or \NAME. */
static void parse_entry(const struct menu_entry *entry) {
    const char *name = strrchr(entry->config, '\\');
    char path[2 * MENU_PATH_SIZE];

    assert_non_null(name);
    snprintf(path, sizeof(path), "guest/%s%s",
             strncmp(entry->config, "\\configs\\", 9) == 0 ? "stick/" : "", name + 1);
    parse(read_file(path));
    if (config.problem[0])
        fail_msg("%s: %s", path, config.problem);
}

static void assert_kernel(const struct boot_guest *one, const struct menu_entry *entry) {
    char path[2 * BOOT_PATH_SIZE];
    char name[BOOT_PATH_SIZE];

    if (strcmp(one->config.kernel, entry->needs) == 0)
        return;
    if (sscanf(one->config.kernel, "\\guests\\%127[a-z_].elf", name) != 1)
        fail_msg("%s: the kernel %s is neither ours nor needed", entry->title, one->config.kernel);
    snprintf(path, sizeof(path), "guest/%s.c", name);
    if (access(path, F_OK) == 0)
        return;
    snprintf(path, sizeof(path), "guest/%s", name);
    if (access(path, F_OK) != 0)
        fail_msg("%s: there is no guest %s", entry->title, name);
}

static void the_menu_has_its_five_entries(void **state) {
    struct menu menu = stick();

    (void)state;
    assert_string_equal(menu.problem, "");
    assert_int_equal(menu.count, 5);
    assert_int_equal(menu.seconds, 10);
    assert_int_equal(menu.selected, 0);
}

static void each_entry_has_guests_that_can_start(void **state) {
    const struct menu menu = stick();

    (void)state;
    for (uint32_t i = 0; i < menu.count; i++) {
        parse_entry(&menu.entry[i]);
        assert_in_range(config.guest_count, 1, BOOT_MAX_GUESTS);
        for (uint32_t j = 0; j < config.guest_count; j++) {
            assert_string_equal(guest[j].problem, "");
            assert_kernel(&guest[j], &menu.entry[i]);
        }
        assert_int_equal(config_check(&config, 1ULL << 30), config.guest_count);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_menu_has_its_five_entries),
        cmocka_unit_test(each_entry_has_guests_that_can_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
