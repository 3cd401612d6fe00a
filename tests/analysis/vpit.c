/* The 8254: any sequence of accesses to any port, and of questions, at any times.
 * Assumed: nothing. Times are the caller's, and may go back. */
#include "vmm/devices/vpit.h"

#include "tests/analysis/any.h"

int main(void) {
    struct vpit pit;

    vpit_reset(&pit, any());
    while (any_bool()) {
        switch (any_below(5)) {
        case 0:
            vpit_write(&pit, (uint16_t)any(), (uint8_t)any(), any());
            break;
        case 1:
            vpit_read(&pit, (uint16_t)any(), any());
            break;
        case 2:
            vpit_output(&pit, (unsigned)any(), any());
            break;
        case 3:
            vpit_next_change(&pit, (unsigned)any(), any());
            break;
        default:
            vpit_rises(&pit, (unsigned)any(), any(), any());
        }
    }
    return 0;
}
