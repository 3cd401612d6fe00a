/* Pieces of a text, and the comparison of two texts.
 *
 * A slice is a part of a longer text, which begins and ends at an index of it: it has no
 * terminating zero, and making one copies nothing. Each access compares its index with the end.
 * Pure. Read next: boot/lines.c, which splits a configuration file into slices. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text[at] to text[end - 1]; empty if at >= end. */
struct slice {
    const char *text;
    size_t at, end;
};

static inline struct slice slice_of(const char *text, size_t size) {
    return (struct slice){text, 0, size};
}

static inline bool slice_is_empty(struct slice s) {
    return s.at >= s.end;
}

static inline bool slice_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Without the blanks at both ends. */
static inline struct slice slice_trim(struct slice s) {
    while (s.at < s.end && slice_is_blank(s.text[s.at]))
        s.at++;
    while (s.at < s.end && slice_is_blank(s.text[s.end - 1]))
        s.end--;
    return s;
}

/* Removes a comment, which begins with '#' at the start of the line or after a blank. */
static inline struct slice slice_without_comment(struct slice s) {
    bool begins = true;

    for (size_t i = s.at; i < s.end; i++) {
        if (begins && s.text[i] == '#')
            return (struct slice){s.text, s.at, i};
        begins = slice_is_blank(s.text[i]);
    }
    return s;
}

static inline bool slice_begins_with(struct slice s, const char *text) {
    for (; *text && s.at < s.end && s.text[s.at] == *text; text++)
        s.at++;
    return !*text;
}

/* Where the slice contains the text for the first time; the slice's end if it does not. */
static inline size_t slice_find(struct slice s, const char *text) {
    for (; s.at < s.end; s.at++) {
        if (slice_begins_with(s, text))
            return s.at;
    }
    return s.end;
}

/* Whether the slice and the zero-terminated text are equal. */
static inline bool slice_equals(struct slice s, const char *text) {
    for (; *text && s.at < s.end && s.text[s.at] == *text; text++)
        s.at++;
    return s.at >= s.end && !*text;
}

/* Whether two zero-terminated texts, in `size` bytes each, are equal. */
static inline bool text_equals(const char *a, const char *b, size_t size) {
    size_t i = 0;

    while (i < size && a[i] && a[i] == b[i])
        i++;
    return i < size && a[i] == b[i];
}

/* Copies the slice and a terminating zero to `to`, of `to_size` bytes; false, and as much of it as
 * fits, if it does not fit. to_size is not 0. */
static inline bool slice_copy(char *to, size_t to_size, struct slice s) {
    size_t used = 0;

    to[0] = 0;
    while (s.at < s.end && used < to_size - 1) {
        to[used++] = s.text[s.at++];
        to[used] = 0;
    }
    return s.at >= s.end;
}

/* Reads a decimal number at the start of *s and removes its digits from *s. False if there are no
 * digits, or if the number does not fit. */
static inline bool slice_take_number(struct slice *s, uint64_t *number) {
    bool has_digits = false;

    *number = 0;
    for (; s->at < s->end && s->text[s->at] >= '0' && s->text[s->at] <= '9'; s->at++) {
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(s->text[s->at] - '0'), number))
            return false;
        has_digits = true;
    }
    return has_digits;
}
