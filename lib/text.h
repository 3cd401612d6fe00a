/* Pieces of a text, and the comparison of two texts.
 *
 * A slice is the address and the length of a part of a longer text: it has no terminating zero, and
 * making one copies nothing. The configuration's parser splits its text into slices. Pure. Read
 * next: boot/config.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/memory.h"

struct slice {
    const char *text;
    size_t size;
};

static inline bool slice_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Without the blanks at both ends. */
static inline struct slice slice_trim(struct slice s) {
    while (s.size && slice_is_blank(s.text[s.size - 1]))
        s.size--;
    while (s.size && slice_is_blank(*s.text)) {
        s.text++;
        s.size--;
    }
    return s;
}

/* Removes a comment, which begins with '#' at the start of the line or after a blank. */
static inline struct slice slice_without_comment(struct slice s) {
    for (size_t i = 0; i < s.size; i++) {
        if (s.text[i] == '#' && (i == 0 || slice_is_blank(s.text[i - 1])))
            return (struct slice){s.text, i};
    }
    return s;
}

/* Whether the slice and the zero-terminated text are equal. */
static inline bool slice_equals(struct slice s, const char *text) {
    size_t i = 0;

    while (i < s.size && text[i] && s.text[i] == text[i])
        i++;
    return i == s.size && !text[i];
}

/* Whether two zero-terminated texts are equal. */
static inline bool text_equals(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Copies the slice and a terminating zero to `to`, of `to_size` bytes; false if they do not fit. */
static inline bool slice_copy(char *to, size_t to_size, struct slice s) {
    if (s.size >= to_size)
        return false;
    memcpy(to, s.text, s.size);
    to[s.size] = 0;
    return true;
}

/* Reads a decimal number at the start of *s and removes its digits from *s. False if there are no
 * digits, or if the number does not fit; then *s is unchanged. */
static inline bool slice_take_number(struct slice *s, uint64_t *number) {
    size_t i = 0;

    *number = 0;
    for (; i < s->size && s->text[i] >= '0' && s->text[i] <= '9'; i++) {
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(s->text[i] - '0'), number))
            return false;
    }
    s->text += i;
    s->size -= i;
    return i > 0;
}
