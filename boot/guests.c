/* The guests' configuration and files: see guests.h.
 *
 * config.c knows the language and notes mistakes; here its text and the files that it names come
 * from the volume, and a file that cannot be read is one more mistake at the line of its key. */
#include "boot/guests.h"

#include "boot/config.h"
#include "boot/files.h"
#include "boot/leave.h"
#include "boot/memory_map.h"
#include "boot/screen.h"
#include "lib/text.h"

#define CONFIG_SIZE_MAX (1ULL << 20)

/* What of the usable memory is kept for the hypervisor itself. */
#define HYPERVISOR_MEMORY (8ULL << 20)

/* Reads a guest's file if it has one, or notes at the line of its key why it cannot be read. */
static void read_file(struct boot_guest *guest, uint32_t line, const char *path, uint64_t *base,
                      uint64_t *size) {
    struct file file = {0};
    const char *problem = path[0] ? files_read(path, FILE_SIZE_MAX, &file) : NULL;

    if (problem) {
        config_fail(guest->problem, line, "%s: %s", path, problem);
        return;
    }
    *base = file.base;
    *size = file.size;
}

/* A kernel that an earlier guest has too is read once: the hypervisor only copies from it. A disk
 * is written, so each guest has its own. */
static void read_guest_files(struct config *config, uint32_t index) {
    struct boot_guest *guest = &config->guest[index], *same = config->guest;
    const struct guest_config *names = &guest->config;
    const uint32_t *line = config->line[index].key;

    while (same < guest && !text_equals(same->config.kernel, names->kernel))
        same++;
    guest->kernel_base = same->kernel_base;
    guest->kernel_size = same->kernel_size;
    if (!guest->kernel_base)
        read_file(guest, line[CONFIG_KERNEL], names->kernel, &guest->kernel_base,
                  &guest->kernel_size);
    read_file(guest, line[CONFIG_INITRD], names->initrd, &guest->initrd_base, &guest->initrd_size);
    read_file(guest, line[CONFIG_DISK], names->disk, &guest->disk_base, &guest->disk_size);
}

static void print_mistakes(const struct config *config) {
    if (config->problem[0])
        screen_print("PINWHEEL config: %s\n", config->problem);
    for (uint32_t i = 0; i < config->guest_count; i++) {
        if (config->guest[i].problem[0])
            screen_print("PINWHEEL config: %s\n", config->guest[i].problem);
    }
}

static const char *read_config(struct boot_info *info, struct config *config) {
    struct file file;
    const char *problem = files_open();

    if (problem)
        return problem;
    problem = files_read(CONFIG_FILE_NAME, CONFIG_SIZE_MAX, &file);
    if (problem) {
        screen_print("Pinwheel reads which guests to start from the file \\" CONFIG_FILE_NAME
                     ", on the volume that\nBOOTX64.EFI came from: %s. The least is\n"
                     "    [name]\n    kernel = \\guests\\hello.elf\n",
                     problem);
        return "\\" CONFIG_FILE_NAME " cannot be read";
    }
    config_parse(config, info->guest, (const char *)file.base, file.size);
    return NULL;
}

const char *guests_read(struct boot_info *info) {
    static struct config config;
    const char *problem = read_config(info, &config);

    if (problem)
        return problem;
    info->guest_count = config.guest_count;
    for (uint32_t i = 0; i < config.guest_count; i++) {
        if (!info->guest[i].problem[0])
            read_guest_files(&config, i);
    }
    problem = memory_map_read(info);
    if (problem)
        return problem;
    uint64_t usable = memory_map_usable(info->region, info->region_count);
    uint64_t left = usable > HYPERVISOR_MEMORY ? usable - HYPERVISOR_MEMORY : 0;
    uint32_t started = config_check(&config, left);
    print_mistakes(&config);
    return started ? NULL : "no guest to start";
}
