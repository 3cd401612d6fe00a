/* Reads the guests' configuration and files: see guests.h.
 *
 * config.c parses the configuration and records its mistakes. The text, and the files that it
 * names, are read from the volume here; a file that cannot be read is recorded as a mistake at the
 * line of its key. */
#include "boot/guests.h"

#include "boot/choose.h"
#include "boot/config.h"
#include "boot/files.h"
#include "boot/leave.h"
#include "boot/memory_map.h"
#include "boot/screen.h"
#include "lib/format.h"
#include "lib/memory_need.h"
#include "lib/text.h"

#define CONFIG_SIZE_MAX (1ULL << 20)

/* Reads a guest's file, unless `path` is empty. On failure records why, at the line of its key. */
static void read_file(struct config *config, struct boot_guest *guest, uint32_t line,
                      const char *path, uint64_t *base, uint64_t *size) {
    struct file file = {0};
    const char *problem = path[0] ? files_read(path, FILE_SIZE_MAX, &file) : NULL;

    if (problem) {
        config_fail(config, guest->problem, line, "%s: %s", path, problem);
        return;
    }
    *base = file.base;
    *size = file.size;
}

/* Several guests may share the memory of one kernel file: the hypervisor only copies from it. Each
 * guest has its own copy of its disk, because it writes it. */
static void read_guest_files(struct config *config, uint32_t index) {
    struct boot_guest *guest = &config->guest[index], *same = config->guest;
    const struct guest_config *names = &guest->config;
    const uint32_t *line = config->line[index].key;

    while (same < guest && !text_equals(same->config.kernel, names->kernel, BOOT_PATH_SIZE))
        same++;
    guest->kernel_base = same->kernel_base;
    guest->kernel_size = same->kernel_size;
    if (!guest->kernel_base)
        read_file(config, guest, line[CONFIG_KERNEL], names->kernel, &guest->kernel_base,
                  &guest->kernel_size);
    read_file(config, guest, line[CONFIG_INITRD], names->initrd, &guest->initrd_base,
              &guest->initrd_size);
    read_file(config, guest, line[CONFIG_DISK], names->disk, &guest->disk_base, &guest->disk_size);
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
    static char unreadable[BOOT_PROBLEM_SIZE];
    struct file file;
    const char *problem = files_open();

    if (problem)
        return problem;
    const char *path = choose_configuration();
    problem = files_read(path, CONFIG_SIZE_MAX, &file);
    if (problem) {
        screen_print("Reading %s from the volume of BOOTX64.EFI failed: %s.\n"
                     "This file names the guests to start. A minimal one is\n"
                     "    [name]\n    kernel = \\guests\\hello.elf\n",
                     path, problem);
        format(unreadable, sizeof(unreadable), "%s cannot be read", path);
        return unreadable;
    }
    config_parse(config, path, info->guest, (const char *)file.base, file.size);
    return NULL;
}

static const char *too_little_memory(const struct boot_info *info, uint64_t need, uint64_t usable) {
    static char problem[BOOT_PROBLEM_SIZE];

    format(problem, sizeof(problem),
           "Pinwheel itself needs %lu MiB for %u CPUs and %u guests, but only %lu MiB are free",
           (need >> 20) + 1, info->cpu_count, info->guest_count, usable >> 20);
    return problem;
}

const char *guests_read(struct boot_info *info) {
    static struct config config;
    const char *problem = read_config(info, &config);

    if (problem)
        return problem;
    info->guest_count = config.guest_count;
    info->mitigations_on = config.mitigations.on;
    info->mitigations_off = config.mitigations.off;
    for (uint32_t i = 0; i < config.guest_count; i++) {
        if (!info->guest[i].problem[0])
            read_guest_files(&config, i);
    }
    problem = memory_map_read(info);
    if (problem)
        return problem;
    uint64_t usable = memory_map_usable(info->region, info->region_count);
    uint64_t need = memory_need(info);
    if (usable < need)
        return too_little_memory(info, need, usable);
    uint32_t started = config_check(&config, usable - need);
    print_mistakes(&config);
    return started ? NULL : "no guest to start";
}
