/* Printing to the UART at port 3F8H, and the end of the guest. */
#pragma once
#include <stdint.h>

/* Called once, before anything is printed. */
void console_init(void);

/* Prints a line or a part of one. Lines of two vCPUs do not mix if each is printed by one call. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the guest through port F4H. */
_Noreturn void guest_exit(uint32_t code);
