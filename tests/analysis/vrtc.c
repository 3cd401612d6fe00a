/* The clock and its memory: any sequence of accesses to any port, and of polls, at any times.
 * Assumed: nothing. */
#include "vmm/devices/vrtc.h"

#include "tests/analysis/any.h"

int main(void) {
    struct vrtc rtc;

    vrtc_reset(&rtc, any());
    vrtc_set_memory_size(&rtc, any());
    while (any_bool()) {
        switch (any_below(3)) {
        case 0:
            vrtc_write(&rtc, (uint16_t)any(), (uint8_t)any(), any());
            break;
        case 1:
            vrtc_read(&rtc, (uint16_t)any(), any());
            break;
        default:
            vrtc_poll(&rtc, any());
            vrtc_interrupt(&rtc);
            vrtc_next(&rtc);
        }
    }
    return 0;
}
