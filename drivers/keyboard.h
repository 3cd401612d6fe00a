/* The machine's keyboard, where it has a PS/2 keyboard controller or firmware that behaves like one
 * for a USB keyboard: what is typed there, as a serial terminal would send it.
 *
 * The controller is polled, at most every 10 ms: on some machines each access is a
 * system-management interrupt, and the keyboard itself keeps 16 codes. Intel 8042 data sheet; IBM
 * PC AT Technical Reference, "Keyboard Controller". Read next: scan_codes.h,
 * vmm/vm/console_input.h. */
#pragma once

/* Sets up the controller, which takes at most some 0.1 s. If there is none, keyboard_read() does
 * nothing. After tsc_init(). */
void keyboard_init(void);

/* The next byte that was typed; KEYBOARD_NO_BYTE if there is none. Only one CPU may call it. */
#define KEYBOARD_NO_BYTE (-1)
int keyboard_read(void);
