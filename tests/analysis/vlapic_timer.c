/* The local APIC timer: any sequence of writes to its registers and of questions, at any times.
 * Assumed: nothing, not even that the times do not decrease. */
#include "vmm/interrupts/vlapic_timer.h"

#include "tests/analysis/any.h"

int main(void) {
    struct vlapic_timer timer;

    vlapic_timer_init(&timer, (uint32_t)any(), any());
    while (any_bool()) {
        switch (any_below(7)) {
        case 0:
            vlapic_timer_write(&timer, (uint32_t)any(), (uint32_t)any(), any());
            break;
        case 1:
            vlapic_timer_write_deadline(&timer, any(), any());
            break;
        case 2:
            vlapic_timer_read_deadline(&timer, any());
            break;
        case 3:
            vlapic_timer_set_tsc_offset(&timer, any(), any());
            break;
        case 4:
            vlapic_timer_current(&timer, any());
            break;
        case 5:
            vlapic_timer_fire(&timer, any());
            break;
        default:
            vlapic_timer_reset(&timer);
        }
    }
    return 0;
}
