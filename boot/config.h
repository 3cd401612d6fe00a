/* The configuration file, pinwheel.cfg: which guests to start, and how.
 *
 *     mitigations = auto           # for all guests, before the first of them
 *     [reroute]                    # a guest and its name
 *     kernel = \guests\reroute.elf # the only required key
 *     memory = 4M
 *     after  = hello               # starts when the guest [hello] has ended
 *
 * The parser accepts any bytes. A mistake prevents only the guest in whose block it is; it is
 * reported as "FILE:LINE: reason". Of several mistakes of a guest, or of the rest of the
 * file, the first is kept. The keys are listed in docs/configuration.md. Pure, no allocation. Read
 * next: struct guest_config in lib/boot_info.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "arch/speculation.h"
#include "lib/boot_info.h"

#define CONFIG_FILE_NAME      "pinwheel.cfg"
#define CONFIG_MEMORY_DEFAULT (16ULL << 20)
#define CONFIG_MEMORY_UNIT    (2ULL << 20) /* also the minimum */
#define CONFIG_MEMORY_MAX     (3ULL << 30) /* guest-physical addresses above are for devices */

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
    CONFIG_DELIVERY,
    CONFIG_STORY,
    CONFIG_TRACE,
    CONFIG_AFTER,
    CONFIG_KEY_COUNT
};

/* The lines of a guest's block, counted from 1, for messages. */
struct config_lines {
    uint32_t header;                /* of "[name]" */
    uint32_t key[CONFIG_KEY_COUNT]; /* 0: the key is not given */
};

struct config {
    const char *file;         /* its path, for messages */
    struct boot_guest *guest; /* the caller's array of BOOT_MAX_GUESTS */
    struct config_lines line[BOOT_MAX_GUESTS];
    uint32_t guest_count;
    struct speculation_request mitigations;
    uint32_t mitigations_line;       /* 0: the key is not given */
    char problem[BOOT_PROBLEM_SIZE]; /* a mistake outside any guest's block; or empty */
};

/* Parses the whole file, whose path is `file`. Fills config->guest[0 .. guest_count - 1], each with
 * its configuration or its problem; the addresses of their files are left 0. */
void config_parse(struct config *config, const char *file, struct boot_guest *guest,
                  const char *text, size_t size);

/* Writes "FILE:LINE: " and the formatted reason to `problem`, of BOOT_PROBLEM_SIZE bytes, unless it
 * already holds an earlier one. */
void config_fail(const struct config *config, char *problem, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Called after the guests' files have been read. Fails the guests whose memory no longer fits into
 * `usable` bytes, in the order of the file, then those that wait for a guest that is not started.
 * Returns how many guests are to be started. */
uint32_t config_check(struct config *config, uint64_t usable);
