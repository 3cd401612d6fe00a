/* The colour of a line: see text_style.h. */
#include "drivers/text_style.h"

#include <stdbool.h>

#include "arch/memory.h"

/* A line that begins with `begin` has style `with` if it contains `word`, and else `without`. */
struct rule {
    const char *begin, *word;
    enum text_style with, without;
};

static const struct rule rules[] = {
    {"Pinwheel ", "", TEXT_ACCENT, TEXT_ACCENT},
    {"pinwheel: ", "", TEXT_ACCENT, TEXT_ACCENT},
    {"PINWHEEL done ", " failed=0", TEXT_GOOD, TEXT_BAD},
    {"PINWHEEL ", "", TEXT_BAD, TEXT_BAD}, /* panic, refused */
    {"GUEST ", " result=pass ", TEXT_GOOD, TEXT_BAD},
    {"not ok ", "", TEXT_BAD, TEXT_BAD},
    {"COUNTERS ", "", TEXT_FAINT, TEXT_FAINT},
    {"EXITS ", "", TEXT_FAINT, TEXT_FAINT},
    {"SCANS ", "", TEXT_FAINT, TEXT_FAINT},
    {"BENCH ", "", TEXT_FAINT, TEXT_FAINT},
};

static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

static bool begins_with(const char *line, size_t size, const char *word)
{
    size_t length = length_of(word);

    return length <= size && memcmp(line, word, length) == 0;
}

static bool contains(const char *line, size_t size, const char *word)
{
    for (size_t i = 0; i <= size; i++) {
        if (begins_with(line + i, size - i, word))
            return true;
    }
    return false;
}

enum text_style text_style_of(const char *line, size_t size)
{
    size_t length = 0, name = 0;

    while (length < size && line[length] != '\n')
        length++;
    if (length && line[0] == '[') {
        while (name < length && line[name] != ' ')
            name++;
        if (line[name - 1] != ']' || name == length)
            name = 0;
        else
            name++;
    }
    line += name;
    length -= name;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (begins_with(line, length, rules[i].begin))
            return contains(line, length, rules[i].word) ? rules[i].with : rules[i].without;
    }
    return TEXT_PLAIN;
}
