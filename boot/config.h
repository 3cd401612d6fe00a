/* The configuration file, pinwheel.cfg: which guests to start, with what.
 *
 *     [reroute]                    # a guest and its name
 *     kernel = \guests\reroute.elf # the only key that must be there
 *     memory = 4M
 *     after  = hello               # starts when the guest [hello] has ended
 *
 * Pure, no allocation. Any bytes are safe to parse. A mistake costs the guest that it is in, not
 * the others; it is told as "pinwheel.cfg:LINE: reason". Where a guest or the file has several, the
 * first is kept. All keys: struct guest_config in lib/boot_info.h, which is to be read next. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/boot_info.h"

#define CONFIG_FILE_NAME      "pinwheel.cfg"
#define CONFIG_MEMORY_DEFAULT (16ULL << 20)
#define CONFIG_MEMORY_UNIT    (2ULL << 20) /* also the least */
#define CONFIG_MEMORY_MAX     (3ULL << 30) /* a guest's addresses above are left to devices */

/* The keys of a guest's block. */
enum config_key {
    CONFIG_KERNEL,
    CONFIG_INITRD,
    CONFIG_DISK,
    CONFIG_MEMORY,
    CONFIG_VCPUS,
    CONFIG_CMDLINE,
    CONFIG_STALE_RESCAN,
    CONFIG_IOAPIC,
    CONFIG_X2APIC,
    CONFIG_STORY,
    CONFIG_TRACE,
    CONFIG_AFTER,
    CONFIG_KEY_COUNT
};

/* Where a guest stands in the file, for messages. */
struct config_lines {
    uint32_t header;
    uint32_t key[CONFIG_KEY_COUNT]; /* 0: not given */
};

struct config {
    struct boot_guest *guest; /* BOOT_MAX_GUESTS of them, the caller's */
    struct config_lines line[BOOT_MAX_GUESTS];
    uint32_t guest_count;
    char problem[BOOT_PROBLEM_SIZE]; /* a mistake that belongs to no guest; empty: none */
};

/* Reads the whole file. Fills config->guest[0 .. guest_count - 1], each with its configuration or
 * its error; the addresses of its files are left 0. */
void config_parse(struct config *config, struct boot_guest *guest, const char *text, size_t size);

/* Notes a mistake at `line` in a guest's `error`, if it is its first. */
void config_fail(char *problem, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* To be called when the files are loaded and failures noted: fails the guests whose memory no
 * longer fits into `usable` bytes, counted in the order of the file, then those that wait for a
 * guest that is not started. Returns how many guests are left to start. */
uint32_t config_check(struct config *config, uint64_t usable);
