/* A configuration file in memory of its exact size, for tests of boot/config.h. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/config.h"

static struct boot_guest guest[BOOT_MAX_GUESTS];
static struct config config;

static inline void parse(const char *text) {
    /* A copy of the exact size, so that the sanitizer detects reads beyond the end. */
    size_t size = strlen(text);
    char *bytes = calloc(1, size ? size : 1);

    memcpy(bytes, text, size);
    memset(guest, 0xee, sizeof(guest));
    memset(&config, 0xee, sizeof(config));
    config_parse(&config, CONFIG_FILE_NAME, guest, bytes, size);
    free(bytes);
}
