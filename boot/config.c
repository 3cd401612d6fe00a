/* The configuration file: see config.h.
 *
 * The text is taken apart into slices of it, never copied or changed: lines, then a line into key
 * and value. Each key has a function that checks the value and stores it. Only printable ASCII
 * is accepted outside comments, so that what is stored can be printed anywhere. */
#include "boot/config.h"

#include "arch/memory.h"
#include "boot/slice.h"
#include "drivers/format.h"

#define SHOWN_SIZE 32 /* of the user's own text in a message */

struct parser {
    struct config *config;
    uint32_t line;
    bool in_guest;   /* a header has been read */
    bool skip_block; /* its guest has no place in the list: ignore its keys */
};

/* The user's text for a message, cut if it is long. */
static const char *shown(char out[SHOWN_SIZE], struct slice s)
{
    if (s.size >= SHOWN_SIZE)
        s.size = SHOWN_SIZE - 1;
    slice_copy(out, SHOWN_SIZE, s);
    return out;
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static void set_error(char *error, uint32_t line, const char *fmt, va_list args)
{
    if (error[0])
        return;
    int used = format(error, BOOT_ERROR_SIZE, CONFIG_FILE_NAME ":%u: ", line);
    format_va(error + used, BOOT_ERROR_SIZE - (size_t)used, fmt, args);
}

void config_fail(struct config *config, uint32_t index, uint32_t line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set_error(config->guest[index].error, line, fmt, args);
    va_end(args);
}

/* A mistake in the current line: the current guest's, or the file's if there is none. */
static void fail(struct parser *parser, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct parser *parser, const char *fmt, ...)
{
    struct config *config = parser->config;
    bool guests = parser->in_guest && !parser->skip_block;
    va_list args;

    va_start(args, fmt);
    set_error(guests ? config->guest[config->guest_count - 1].error : config->error, parser->line,
              fmt, args);
    va_end(args);
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool take_size(struct slice s, uint64_t *bytes)
{
    uint64_t unit = 1;

    if (!slice_take_number(&s, bytes))
        return false;
    if (slice_equals(s, "K") || slice_equals(s, "k"))
        unit = 1ULL << 10;
    else if (slice_equals(s, "M") || slice_equals(s, "m"))
        unit = 1ULL << 20;
    else if (slice_equals(s, "G") || slice_equals(s, "g"))
        unit = 1ULL << 30;
    else if (s.size)
        return false;
    return !__builtin_mul_overflow(*bytes, unit, bytes);
}

static void set_text(struct parser *parser, struct slice value, const char *key, char *to,
                     size_t size)
{
    if (!slice_copy(to, size, value))
        fail(parser, "%s is longer than %zu characters", key, size - 1);
}

static void set_memory(struct parser *parser, struct slice value, uint64_t *memory)
{
    char text[SHOWN_SIZE];
    uint64_t bytes;

    if (!take_size(value, &bytes))
        fail(parser, "memory: '%s' is not a size such as 16M", shown(text, value));
    else if (bytes == 0 || bytes % CONFIG_MEMORY_UNIT)
        fail(parser, "memory: %s is not a multiple of 2M", shown(text, value));
    else if (bytes > CONFIG_MEMORY_MAX)
        fail(parser, "memory: %s is more than 3G", shown(text, value));
    else
        *memory = bytes;
}

static void set_vcpus(struct parser *parser, struct slice value, uint32_t *vcpus)
{
    char text[SHOWN_SIZE];
    struct slice rest = value;
    uint64_t number;

    if (!slice_take_number(&rest, &number) || rest.size || number < 1 || number > GUEST_MAX_VCPUS)
        fail(parser, "vcpus: '%s' is not a number from 1 to %d", shown(text, value),
             GUEST_MAX_VCPUS);
    else
        *vcpus = (uint32_t)number;
}

static void set_switch(struct parser *parser, struct slice value, const char *key, bool *to)
{
    char text[SHOWN_SIZE];

    if (slice_equals(value, "on"))
        *to = true;
    else if (slice_equals(value, "off"))
        *to = false;
    else
        fail(parser, "%s: '%s' is neither on nor off", key, shown(text, value));
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *const key_name[CONFIG_KEY_COUNT] = {
    [CONFIG_KERNEL] = "kernel",   [CONFIG_INITRD] = "initrd",
    [CONFIG_MEMORY] = "memory",   [CONFIG_VCPUS] = "vcpus",
    [CONFIG_CMDLINE] = "cmdline", [CONFIG_STALE_RESCAN] = "stale_rescan",
    [CONFIG_STORY] = "story",     [CONFIG_AFTER] = "after",
};

static void set_key(struct parser *parser, enum config_key key, struct slice value)
{
    struct config *config = parser->config;
    struct guest_config *guest = &config->guest[config->guest_count - 1].config;
    const char *name = key_name[key];

    switch (key) {
    case CONFIG_KERNEL:
        set_text(parser, value, name, guest->kernel, sizeof(guest->kernel));
        break;
    case CONFIG_INITRD:
        set_text(parser, value, name, guest->initrd, sizeof(guest->initrd));
        break;
    case CONFIG_MEMORY:
        set_memory(parser, value, &guest->memory);
        break;
    case CONFIG_VCPUS:
        set_vcpus(parser, value, &guest->vcpus);
        break;
    case CONFIG_CMDLINE:
        set_text(parser, value, name, guest->command_line, sizeof(guest->command_line));
        break;
    case CONFIG_STALE_RESCAN:
        set_switch(parser, value, name, &guest->stale_rescan);
        break;
    case CONFIG_STORY:
        set_switch(parser, value, name, &guest->story);
        break;
    case CONFIG_AFTER:
        set_text(parser, value, name, guest->after, sizeof(guest->after));
        break;
    case CONFIG_KEY_COUNT:
        break;
    }
}

static void parse_assignment(struct parser *parser, struct slice name, struct slice value)
{
    struct config *config = parser->config;
    char text[SHOWN_SIZE];

    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        if (!slice_equals(name, key_name[key]))
            continue;
        uint32_t *line = &config->line[config->guest_count - 1].key[key];
        if (*line) {
            fail(parser, "%s is given twice, first in line %u", key_name[key], *line);
            return;
        }
        *line = parser->line;
        if (value.size == 0 && key != CONFIG_CMDLINE)
            fail(parser, "%s has no value", key_name[key]);
        else
            set_key(parser, (enum config_key)key, value);
        return;
    }
    fail(parser, "unknown key '%s'", shown(text, name));
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = s.text[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_' && c != '.')
            return false;
    }
    return s.size > 0 && s.size < GUEST_NAME_SIZE;
}

/* The guest of this name, or guest_count if there is none. */
static uint32_t find_guest(const struct config *config, struct slice name)
{
    uint32_t i = 0;

    while (i < config->guest_count && !slice_equals(name, config->guest[i].config.name))
        i++;
    return i;
}

/* name: what stands between the brackets. */
static void parse_header(struct parser *parser, struct slice name)
{
    struct config *config = parser->config;
    uint32_t index = config->guest_count;
    uint32_t same = find_guest(config, name);

    parser->in_guest = true;
    parser->skip_block = true;
    if (!is_name(name)) {
        fail(parser, "a guest's name is 1 to %d letters, digits, '-', '_' or '.'",
             GUEST_NAME_SIZE - 1);
        return;
    }
    if (index == BOOT_MAX_GUESTS) {
        fail(parser, "more than %d guests", BOOT_MAX_GUESTS);
        return;
    }
    parser->skip_block = false;
    memset(&config->guest[index], 0, sizeof(config->guest[index]));
    config->guest[index].config.memory = CONFIG_MEMORY_DEFAULT;
    config->guest[index].config.vcpus = 1;
    config->guest[index].config.stale_rescan = true;
    slice_copy(config->guest[index].config.name, GUEST_NAME_SIZE, name);
    config->line[index] = (struct config_lines){.header = parser->line};
    config->guest_count++;
    if (same < index)
        fail(parser, "the name %s is used in line %u already", config->guest[same].config.name,
             config->line[same].header);
}

static void parse_line(struct parser *parser, struct slice line)
{
    line = slice_trim(slice_without_comment(line));
    if (line.size == 0)
        return;
    for (size_t i = 0; i < line.size; i++) {
        if (line.text[i] != '\t' && (line.text[i] < ' ' || line.text[i] > '~')) {
            fail(parser, "byte 0x%02x outside a comment: the file must be plain ASCII",
                 (unsigned)(uint8_t)line.text[i]);
            return;
        }
    }
    if (line.text[0] == '[' && line.text[line.size - 1] == ']') {
        parse_header(parser, slice_trim((struct slice){line.text + 1, line.size - 2}));
        return;
    }
    size_t equal = 0;
    while (equal < line.size && line.text[equal] != '=')
        equal++;
    if (equal == line.size)
        fail(parser, "neither '[name]' nor 'key = value'");
    else if (!parser->in_guest)
        fail(parser, "a key before the first '[name]'");
    else if (!parser->skip_block)
        parse_assignment(parser, slice_trim((struct slice){line.text, equal}),
                         slice_trim((struct slice){line.text + equal + 1, line.size - equal - 1}));
}

/* ---- the whole ------------------------------------------------------------------------------- */

static struct slice name_slice(const char *name)
{
    struct slice s = {name, 0};

    while (name[s.size])
        s.size++;
    return s;
}

/* The guest that `index` waits for, or guest_count if it waits for none. */
static uint32_t waits_for(const struct config *config, uint32_t index)
{
    const char *after = config->guest[index].config.after;

    return after[0] ? find_guest(config, name_slice(after)) : config->guest_count;
}

static void check_after(struct config *config, uint32_t index)
{
    uint32_t line = config->line[index].key[CONFIG_AFTER];
    const char *after = config->guest[index].config.after;
    uint32_t next = waits_for(config, index);

    if (after[0] && next == config->guest_count)
        config_fail(config, index, line, "after: there is no guest %s", after);
    /* A chain longer than the list is a circle, though perhaps one without this guest in it. */
    for (uint32_t steps = 0; next != config->guest_count && steps < config->guest_count; steps++) {
        if (next == index) {
            config_fail(config, index, line, "after: %s would wait for itself",
                        config->guest[index].config.name);
            return;
        }
        next = waits_for(config, next);
    }
}

void config_parse(struct config *config, struct boot_guest *guest, const char *text, size_t size)
{
    struct parser parser = {.config = config};
    size_t start = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */

    config->guest = guest;
    config->guest_count = 0;
    config->error[0] = 0;
    while (start < size) {
        size_t end = start;

        while (end < size && text[end] != '\n')
            end++;
        parser.line++;
        parse_line(&parser, (struct slice){text + start, end - start});
        start = end + 1;
    }
    for (uint32_t i = 0; i < config->guest_count; i++) {
        if (!config->line[i].key[CONFIG_KERNEL])
            config_fail(config, i, config->line[i].header, "%s has no kernel",
                        guest[i].config.name);
        check_after(config, i);
    }
}

static bool is_started(const struct config *config, uint32_t index)
{
    return config->guest[index].error[0] == 0;
}

static void check_memory(struct config *config, uint64_t usable)
{
    for (uint32_t i = 0; i < config->guest_count; i++) {
        uint64_t memory = config->guest[i].config.memory;
        const struct config_lines *line = &config->line[i];

        if (!is_started(config, i))
            continue;
        if (memory > usable)
            config_fail(config, i,
                        line->key[CONFIG_MEMORY] ? line->key[CONFIG_MEMORY] : line->header,
                        "memory: %s wants %llu MiB, the machine has %llu MiB left for it",
                        config->guest[i].config.name, (unsigned long long)memory >> 20,
                        (unsigned long long)usable >> 20);
        else
            usable -= memory;
    }
}

uint32_t config_check(struct config *config, uint64_t usable)
{
    uint32_t started = 0;
    bool changed = true;

    check_memory(config, usable);
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < config->guest_count; i++) {
            uint32_t next = waits_for(config, i);

            if (!is_started(config, i) || next == config->guest_count || is_started(config, next))
                continue;
            config_fail(config, i, config->line[i].key[CONFIG_AFTER], "after: %s is not started",
                        config->guest[next].config.name);
            changed = true;
        }
    }
    for (uint32_t i = 0; i < config->guest_count; i++)
        started += is_started(config, i);
    return started;
}
