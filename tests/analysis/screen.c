/* The text screen, its CRT controller, and the keyboard controller without a keyboard: any sequence
 * of accesses to any port, and any contents of the screen.
 * Assumed: of vga_text_row() a row of the screen, which its caller counts. */
#include "tests/analysis/any.h"
#include "vmm/devices/v8042.h"
#include "vmm/devices/vcrtc.h"
#include "vmm/devices/vga_text.h"

static uint8_t memory[VGA_TEXT_SIZE];

int main(void) {
    struct vcrtc crtc;
    struct v8042 kbc = {0};
    char text[VGA_TEXT_LINE];

    vcrtc_reset(&crtc);
    while (any_bool()) {
        memory[any_below(VGA_TEXT_SIZE)] = (uint8_t)any();
        switch (any_below(6)) {
        case 0:
            vcrtc_write(&crtc, (uint16_t)any(), (uint8_t)any());
            break;
        case 1:
            vcrtc_read(&crtc, (uint16_t)any());
            break;
        case 2:
            v8042_write(&kbc, (uint16_t)any(), (uint8_t)any());
            break;
        case 3:
            v8042_read(&kbc, (uint16_t)any());
            break;
        case 4:
            vga_text_row(memory, vcrtc_start(&crtc), any_below(VGA_TEXT_ROWS), text);
            break;
        default:
            vga_text_rows(memory, vcrtc_start(&crtc));
        }
    }
    return 0;
}
