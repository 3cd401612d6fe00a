/* Bytes that are typed at the console, or that a guest prints: any sequence of them.
 * Assumed: nothing. */
#include "lib/utf8.h"
#include "tests/analysis/any.h"
#include "vmm/vm/console_keys.h"

int main(void) {
    struct utf8 character = {0};
    bool escaped = false;

    while (any_bool()) {
        utf8_read(&character, (uint8_t)any());
        console_key(&escaped, (uint8_t)any());
    }
    return 0;
}
