/* Bytes that are typed at the console, codes of a keyboard, and bytes that a guest prints: any
 * sequence of them.
 * Assumed: nothing. */
#include "drivers/scan_codes.h"
#include "lib/utf8.h"
#include "tests/analysis/any.h"
#include "vmm/vm/console_keys.h"

int main(void) {
    struct utf8 character = {0};
    struct scan_codes codes = {0};
    bool escaped = false;
    char text[SCAN_CODES_TEXT];

    while (any_bool()) {
        utf8_read(&character, (uint8_t)any());
        scan_codes_read(&codes, (uint8_t)any(), text);
        console_key(&escaped, (uint8_t)any());
    }
    return 0;
}
