/* The CRT controller of a text screen: the registers behind ports 3D4H and 3D5H, as storage.
 *
 * Kernels that print on a text screen place its cursor with registers 0EH and 0FH, read it back,
 * and scroll with the start address, 0CH and 0DH. There is no other part of a VGA. IBM VGA, "CRT
 * Controller Registers". Pure and without a lock. Read next: vga_text.h. */
#pragma once
#include <stdint.h>

#define VCRTC_REGISTERS 25

struct vcrtc {
    uint8_t index;
    uint8_t value[VCRTC_REGISTERS];
};

/* As a BIOS leaves it in mode 3: 80 x 25 characters, the cursor in the upper left corner. */
void vcrtc_reset(struct vcrtc *crtc);

/* A guest's byte access to port 3D4H or 3D5H. A register that does not exist reads as 0. */
uint8_t vcrtc_read(const struct vcrtc *crtc, uint16_t port);
void vcrtc_write(struct vcrtc *crtc, uint16_t port, uint8_t value);

/* The first character on the screen, counted in characters from B8000H. */
uint16_t vcrtc_start(const struct vcrtc *crtc);
