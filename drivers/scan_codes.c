/* The codes of a PC keyboard: see scan_codes.h. */
#include "drivers/scan_codes.h"

#include <stddef.h>

#include "lib/memory.h"

#define RELEASED    0x80
#define EXTENDED    0xe0
#define PAUSE       0xe1
#define CONTROL     0x1d
#define LEFT_SHIFT  0x2a
#define RIGHT_SHIFT 0x36
#define CAPS_LOCK   0x3a

/* By code; 0: no character. The numbers are those of the keypad, as with Num Lock. */
static const char plain[0x57] = "\0\x1b"
                                "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 "
                                "\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "789-456+1230.\0\0\\";
static const char shifted[0x57] =
    "\0\x1b"
    "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 "
    "\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "789-456+1230.\0\0|";

/* After the prefix. */
static const struct {
    uint8_t code;
    char text[SCAN_CODES_TEXT + 1];
} extended_keys[] = {
    {0x1c, "\r"},      {0x35, "/"},       {0x47, "\x1b[H"},  {0x48, "\x1b[A"},
    {0x49, "\x1b[5~"}, {0x4b, "\x1b[D"},  {0x4d, "\x1b[C"},  {0x4f, "\x1b[F"},
    {0x50, "\x1b[B"},  {0x51, "\x1b[6~"}, {0x52, "\x1b[2~"}, {0x53, "\x1b[3~"},
};

static unsigned read_extended(struct scan_codes *codes, uint8_t key, bool pressed,
                              char text[SCAN_CODES_TEXT]) {
    codes->extended = false;
    if (key == CONTROL)
        codes->right_control = pressed;
    for (size_t i = 0; pressed && i < sizeof(extended_keys) / sizeof(extended_keys[0]); i++) {
        unsigned length = 0;

        if (extended_keys[i].code != key)
            continue;
        while (extended_keys[i].text[length])
            length++;
        memcpy(text, extended_keys[i].text, length);
        return length;
    }
    return 0;
}

/* Whether the key changes the meaning of others. */
static bool read_modifier(struct scan_codes *codes, uint8_t key, bool pressed) {
    switch (key) {
    case CONTROL:
        codes->left_control = pressed;
        return true;
    case LEFT_SHIFT:
        codes->left_shift = pressed;
        return true;
    case RIGHT_SHIFT:
        codes->right_shift = pressed;
        return true;
    case CAPS_LOCK:
        codes->capitals ^= pressed;
        return true;
    default:
        return false;
    }
}

unsigned scan_codes_read(struct scan_codes *codes, uint8_t code, char text[SCAN_CODES_TEXT]) {
    uint8_t key = code & ~RELEASED;
    bool pressed = !(code & RELEASED), shift = codes->left_shift || codes->right_shift;

    if (codes->skip) {
        codes->skip--;
        return 0;
    }
    if (code == EXTENDED || code == PAUSE) {
        codes->extended = code == EXTENDED;
        codes->skip = code == PAUSE ? 2 : 0;
        return 0;
    }
    if (codes->extended)
        return read_extended(codes, key, pressed, text);
    if (read_modifier(codes, key, pressed) || !pressed || key >= sizeof(plain))
        return 0;
    bool letter = plain[key] >= 'a' && plain[key] <= 'z';
    char c = shift != (letter && codes->capitals) ? shifted[key] : plain[key];
    if (codes->left_control || codes->right_control)
        c = (c >= '@' && c <= '_') || letter ? c & 0x1f : 0;
    text[0] = c;
    return c != 0;
}
