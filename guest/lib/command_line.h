/* The guest's command line: words, and key=value, separated by spaces. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Copies the command line from the Multiboot information structure at this address. */
void command_line_init(uint32_t info);

/* Whether it contains the word. */
bool command_line_has(const char *word);

/* Whether it contains key=value. */
bool command_line_is(const char *key, const char *value);

/* The decimal number in key=number, or `otherwise` if there is none. */
uint32_t command_line_number(const char *key, uint32_t otherwise);
