/* The two 8259A: any sequence of accesses to any port, changes of lines and acknowledgements.
 * Assumed: nothing. Ports and values are the guest's, lines the devices'. */
#include "vmm/devices/vpic.h"

#include "tests/analysis/any.h"

int main(void) {
    struct vpic pic;

    vpic_reset(&pic);
    while (any_bool()) {
        switch (any_below(5)) {
        case 0:
            vpic_write(&pic, (uint16_t)any(), (uint8_t)any());
            break;
        case 1:
            vpic_read(&pic, (uint16_t)any());
            break;
        case 2:
            vpic_set_line(&pic, (unsigned)any(), any_bool());
            break;
        case 3:
            vpic_acknowledge(&pic);
            break;
        default:
            vpic_output(&pic);
        }
    }
    return 0;
}
