/* The configuration file: see config.h.
 *
 * lines.c splits the text. A table gives for each key the values that it accepts and where the
 * value is stored. */
#include "boot/config.h"

#include "boot/lines.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"

#define SHOWN_SIZE 32 /* for a part of the file in a message */

/* A word that stands for a number. */
struct word {
    const char *text; /* NULL: end of the list */
    uint64_t number;
};

static const struct word on_off[] = {{"off", 0}, {"on", 1}, {NULL, 0}};
static const struct word delivery[] = {{"auto", BOOT_DELIVERY_AUTO},
                                       {"posted", BOOT_DELIVERY_POSTED},
                                       {"vid", BOOT_DELIVERY_VID},
                                       {"software", BOOT_DELIVERY_SOFTWARE},
                                       {NULL, 0}};
static const struct word ioapic_versions[] = {{"0x11", 0x11}, {"0x20", 0x20}, {NULL, 0}};

/* A key and its values: any text, a number, or one of several words. A number is stored in `size`
 * bytes, little endian. */
struct key {
    const char *name;
    uint32_t offset, size;    /* of the member of struct guest_config */
    const char *expected;     /* the accepted values, for a message; NULL: any text */
    uint64_t unit, max;       /* for numbers: multiples of `unit`, not 0; unit is 0 for words */
    const struct word *words; /* for words */
};

#define KEY_FIELD(field)                                                                           \
    offsetof(struct guest_config, field), sizeof(((struct guest_config *)0)->field)

static const struct key keys[CONFIG_KEY_COUNT] = {
    [CONFIG_KERNEL] = {"kernel", KEY_FIELD(kernel), NULL, 0, 0, NULL},
    [CONFIG_INITRD] = {"initrd", KEY_FIELD(initrd), NULL, 0, 0, NULL},
    [CONFIG_DISK] = {"disk", KEY_FIELD(disk), NULL, 0, 0, NULL},
    [CONFIG_MEMORY] = {"memory", KEY_FIELD(memory), "a multiple of 2M, at most 3G",
                       CONFIG_MEMORY_UNIT, CONFIG_MEMORY_MAX, NULL},
    [CONFIG_VCPUS] = {"vcpus", KEY_FIELD(vcpus), "a number from 1 to 64", 1, BOOT_MAX_VCPUS, NULL},
    [CONFIG_CMDLINE] = {"cmdline", KEY_FIELD(command_line), NULL, 0, 0, NULL},
    [CONFIG_STALE_RESCAN] = {"stale_rescan", KEY_FIELD(stale_rescan), "on or off", 0, 0, on_off},
    [CONFIG_IOAPIC] = {"ioapic", KEY_FIELD(ioapic_version), "0x11 or 0x20", 0, 0, ioapic_versions},
    [CONFIG_X2APIC] = {"x2apic", KEY_FIELD(x2apic), "on or off", 0, 0, on_off},
    [CONFIG_DELIVERY] = {"delivery", KEY_FIELD(delivery), "auto, posted, vid or software", 0, 0,
                         delivery},
    [CONFIG_STORY] = {"story", KEY_FIELD(story), "on or off", 0, 0, on_off},
    [CONFIG_TRACE] = {"trace", KEY_FIELD(trace), "on or off", 0, 0, on_off},
    [CONFIG_AFTER] = {"after", KEY_FIELD(after), NULL, 0, 0, NULL},
};
_Static_assert(CONFIG_MEMORY_UNIT == 0x200000 && CONFIG_MEMORY_MAX == 0xc0000000 &&
                   BOOT_MAX_VCPUS == 64,
               "the limits in the texts above");

struct parser {
    struct config *config;
    struct lines lines;
    struct boot_guest *guest; /* NULL: before the first header, or after an invalid one */
    uint32_t index;           /* of the guest */
    char *problem;            /* where a mistake in this line is stored */
};

/* A part of the file for a message, cut if it is long. */
static const char *shown(char out[SHOWN_SIZE], struct slice s) {
    slice_copy(out, SHOWN_SIZE, s);
    return out;
}

static void fail_va(const struct config *config, char *problem, uint32_t line, const char *fmt,
                    va_list args) {
    if (problem[0])
        return;
    struct text text = {.out = problem, .size = BOOT_PROBLEM_SIZE};
    text_add(&text, "%s:%u: ", config->file, line);
    text_add_va(&text, fmt, args);
}

void config_fail(const struct config *config, char *problem, uint32_t line, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    fail_va(config, problem, line, fmt, args);
    va_end(args);
}

/* A mistake in the line that was read last. */
__attribute__((format(printf, 2, 3))) static void fail(const struct parser *parser, const char *fmt,
                                                       ...) {
    va_list args;

    va_start(args, fmt);
    fail_va(parser->config, parser->problem, parser->lines.number, fmt, args);
    va_end(args);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Digits, optionally followed by K, M or G. */
static bool parse_size(struct slice s, uint64_t *bytes) {
    static const char unit[] = "kKmMgG";

    if (!slice_take_number(&s, bytes))
        return false;
    for (unsigned i = 0; unit[i]; i++) {
        if (slice_equals(s, (char[]){unit[i], 0}))
            return !__builtin_mul_overflow(*bytes, 1ULL << (i / 2 + 1) * 10, bytes);
    }
    return slice_is_empty(s);
}

static bool parse_value(const struct key *key, struct slice value, uint64_t *number) {
    *number = 0;
    if (key->unit)
        return parse_size(value, number) && *number && *number % key->unit == 0 &&
               *number <= key->max;
    for (const struct word *word = key->words; word->text; word++) {
        *number = word->number;
        if (slice_equals(value, word->text))
            return true;
    }
    return false;
}

static void set_key(struct parser *parser, const struct key *key, struct slice value) {
    char *to = (char *)&parser->guest->config + key->offset;
    char text[SHOWN_SIZE];
    uint64_t number;

    if (!key->expected) {
        if (slice_copy(to, key->size, value))
            return;
        to[0] = 0;
        fail(parser, "%s is longer than %u characters", key->name, key->size - 1);
    } else if (parse_value(key, value, &number)) {
        memcpy(to, &number, key->size);
    } else {
        fail(parser, "%s: %s is not %s", key->name, shown(text, value), key->expected);
    }
}

/* The one key that is not of a guest. */
static void parse_common(struct parser *parser, struct slice name, struct slice value) {
    struct config *config = parser->config;

    if (!slice_equals(name, "mitigations"))
        fail(parser, "a key before the first '[name]'");
    else if (config->mitigations_line)
        fail(parser, "mitigations is given twice, first in line %u", config->mitigations_line);
    else if (!speculation_parse(value, &config->mitigations))
        fail(parser, "mitigations: not auto, off, or names with '+' or '-'");
    config->mitigations_line = parser->lines.number;
}

static void parse_assignment(struct parser *parser, struct slice name, struct slice value) {
    char text[SHOWN_SIZE];
    int key = 0;

    if (!parser->guest) { /* after an invalid header this is not the first mistake: not kept */
        parse_common(parser, name, value);
        return;
    }
    while (key < CONFIG_KEY_COUNT && !slice_equals(name, keys[key].name))
        key++;
    if (key >= CONFIG_KEY_COUNT) {
        fail(parser, "unknown key '%s'", shown(text, name));
        return;
    }
    uint32_t *line = &parser->config->line[parser->index].key[key];
    if (*line)
        fail(parser, "%s is given twice, first in line %u", keys[key].name, *line);
    else if (slice_is_empty(value) && key != CONFIG_CMDLINE)
        fail(parser, "%s has no value", keys[key].name);
    else
        set_key(parser, &keys[key], value);
    if (!*line)
        *line = parser->lines.number;
}

static bool is_name(struct slice s) {
    for (size_t i = s.at; i < s.end; i++) {
        char c = s.text[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_' && c != '.')
            return false;
    }
    return !slice_is_empty(s) && s.end - s.at < BOOT_NAME_SIZE;
}

/* The guest of this name, or guest_count if there is none. */
static uint32_t find_guest(const struct config *config, const char *name) {
    uint32_t i = 0;

    while (i < config->guest_count &&
           !text_equals(config->guest[i].config.name, name, BOOT_NAME_SIZE))
        i++;
    return i;
}

/* `name` is the text between the brackets. */
static void parse_header(struct parser *parser, struct slice name) {
    struct config *config = parser->config;
    uint32_t index = config->guest_count;

    parser->guest = NULL;
    parser->problem = config->problem;
    if (!is_name(name)) {
        fail(parser, "a guest's name is 1 to %d letters, digits, '-', '_' or '.'",
             BOOT_NAME_SIZE - 1);
        return;
    }
    if (index >= BOOT_MAX_GUESTS) {
        fail(parser, "more than %d guests", BOOT_MAX_GUESTS);
        return;
    }
    parser->index = index;
    parser->guest = &config->guest[index];
    parser->problem = parser->guest->problem;
    memset(parser->guest, 0, sizeof(*parser->guest));
    parser->guest->config.memory = CONFIG_MEMORY_DEFAULT;
    parser->guest->config.vcpus = 1;
    parser->guest->config.stale_rescan = true;
    parser->guest->config.x2apic = true;
    parser->guest->config.ioapic_version = 0x11;
    slice_copy(parser->guest->config.name, BOOT_NAME_SIZE, name);
    config->line[index] = (struct config_lines){.header = parser->lines.number};
    uint32_t same = find_guest(config, parser->guest->config.name);
    if (same < index)
        fail(parser, "the name %s is already used in line %u", parser->guest->config.name,
             config->line[same].header);
    config->guest_count = index + 1;
}

/* ---- the whole file -------------------------------------------------------------------------- */

/* The guest that guest `index` waits for, or guest_count if it waits for none. */
static uint32_t waits_for(const struct config *config, uint32_t index) {
    const char *after = config->guest[index].config.after;

    return after[0] ? find_guest(config, after) : config->guest_count;
}

static void check_after(struct config *config, uint32_t index) {
    struct boot_guest *guest = &config->guest[index];
    uint32_t line = config->line[index].key[CONFIG_AFTER];
    uint32_t next = waits_for(config, index);

    if (guest->config.after[0] && next == config->guest_count)
        config_fail(config, guest->problem, line, "after: there is no guest %s",
                    guest->config.after);
    /* A chain longer than the list ends in a cycle, which this guest need not be part of. */
    for (uint32_t steps = 0; next < config->guest_count && steps < config->guest_count; steps++) {
        if (next == index)
            config_fail(config, guest->problem, line, "after: %s would wait for itself",
                        guest->config.name);
        next = waits_for(config, next);
    }
}

void config_parse(struct config *config, const char *file, struct boot_guest *guest,
                  const char *text, size_t size) {
    struct parser parser = {
        .config = config, .lines = lines_of(text, size), .problem = config->problem};
    struct line line;

    config->file = file;
    config->guest = guest;
    config->guest_count = 0;
    config->problem[0] = 0;
    config->mitigations = (struct speculation_request){0, 0};
    config->mitigations_line = 0;
    while (lines_next(&parser.lines, &line))
        if (line.kind == LINE_NAME)
            parse_header(&parser, line.name);
        else if (line.kind == LINE_ASSIGNMENT)
            parse_assignment(&parser, line.name, line.value);
        else if (line.kind == LINE_WRONG)
            fail(&parser, "%s", line.problem);
    for (uint32_t i = 0; i < config->guest_count; i++) {
        if (!config->line[i].key[CONFIG_KERNEL])
            config_fail(config, guest[i].problem, config->line[i].header, "%s has no kernel",
                        guest[i].config.name);
        check_after(config, i);
    }
}

static void check_memory(struct config *config, uint64_t usable) {
    for (uint32_t i = 0; i < config->guest_count; i++) {
        struct boot_guest *guest = &config->guest[i];
        const struct config_lines *line = &config->line[i];
        uint32_t at = line->key[CONFIG_MEMORY] ? line->key[CONFIG_MEMORY] : line->header;

        if (guest->problem[0])
            continue;
        if (guest->config.memory > usable)
            config_fail(config, guest->problem, at,
                        "memory: %s needs %lu MiB, but only %lu MiB are left", guest->config.name,
                        guest->config.memory >> 20, usable >> 20);
        else
            usable -= guest->config.memory;
    }
}

uint32_t config_check(struct config *config, uint64_t usable) {
    struct boot_guest *guest = config->guest;
    uint32_t started = 0;

    check_memory(config, usable);
    /* One round for each guest of the longest possible chain. */
    for (uint32_t round = 0; round < config->guest_count; round++) {
        for (uint32_t i = 0; i < config->guest_count; i++) {
            uint32_t next = waits_for(config, i);

            if (next < config->guest_count && guest[next].problem[0])
                config_fail(config, guest[i].problem, config->line[i].key[CONFIG_AFTER],
                            "after: %s is not started", guest[next].config.name);
        }
    }
    for (uint32_t i = 0; i < config->guest_count; i++)
        started += guest[i].problem[0] == 0;
    return started;
}
