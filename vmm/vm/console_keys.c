/* The meaning of a byte that is typed: see console_keys.h. */
#include "vmm/vm/console_keys.h"

int console_key(bool *escaped, uint8_t byte) {
    bool command = *escaped;

    *escaped = !command && byte == CONSOLE_ESCAPE;
    if (*escaped)
        return CONSOLE_NOTHING;
    if (!command || byte == CONSOLE_ESCAPE)
        return byte;
    return CONSOLE_COMMAND + (byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}
