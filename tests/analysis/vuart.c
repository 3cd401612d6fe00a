/* The 16550A: any sequence of accesses to any register, and of bytes from outside.
 * Assumed: nothing. */
#include "vmm/devices/vuart.h"

#include "tests/analysis/any.h"

int main(void) {
    struct vuart uart;

    vuart_reset(&uart);
    /*@ loop widen_hints uart.first, 15; */
    while (any_bool()) {
        switch (any_below(4)) {
        case 0:
            vuart_transmits(&uart);
            vuart_write(&uart, (unsigned)any(), (uint8_t)any());
            break;
        case 1:
            vuart_read(&uart, (unsigned)any());
            break;
        case 2:
            vuart_can_receive(&uart);
            vuart_receive(&uart, (uint8_t)any());
            break;
        default:
            vuart_interrupt(&uart);
        }
    }
    return 0;
}
