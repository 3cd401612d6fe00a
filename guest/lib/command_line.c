/* The guest's command line: see command_line.h. Some loaders put the name of the file first; it is
 * a word like any other and matches no key. */
#include "guest/lib/command_line.h"

#include <stddef.h>

#define MULTIBOOT_INFO_COMMAND_LINE (1u << 2)

/* Multiboot 0.6.96, "Boot information format": the part that is used here. */
struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper;
    uint32_t boot_device;
    uint32_t command_line;
};
_Static_assert(offsetof(struct multiboot_info, command_line) == 16, "Multiboot layout");

static char text[512];

void command_line_init(uint32_t info_address) {
    const struct multiboot_info *info = (const void *)(uintptr_t)info_address;
    if (!(info->flags & MULTIBOOT_INFO_COMMAND_LINE))
        return;
    const char *from = (const char *)(uintptr_t)info->command_line;
    for (size_t i = 0; i + 1 < sizeof text && from[i]; i++)
        text[i] = from[i];
}

static bool ends_word(char c) {
    return c == ' ' || c == 0;
}

/* What follows the first word of the form key=..., or (with_value false) of the word itself; null
 * if there is none. */
static const char *find(const char *key, bool with_value) {
    const char *word = text;
    while (*word) {
        size_t i = 0;
        while (key[i] && word[i] == key[i])
            i++;
        if (!key[i] && with_value && word[i] == '=')
            return word + i + 1;
        if (!key[i] && !with_value && ends_word(word[i]))
            return word + i;
        while (!ends_word(*word))
            word++;
        while (*word == ' ')
            word++;
    }
    return NULL;
}

bool command_line_has(const char *word) {
    return find(word, false) != NULL;
}

bool command_line_is(const char *key, const char *value) {
    const char *found = find(key, true);
    if (!found)
        return false;
    while (*value && *found == *value) {
        found++;
        value++;
    }
    return !*value && ends_word(*found);
}

uint32_t command_line_number(const char *key, uint32_t otherwise) {
    const char *found = find(key, true);
    if (!found || *found < '0' || *found > '9')
        return otherwise;
    uint32_t number = 0;
    while (*found >= '0' && *found <= '9')
        number = number * 10 + (uint32_t)(*found++ - '0');
    return number;
}
