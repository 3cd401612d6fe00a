/* The decoder: all bytes, all their numbers, the three modes.
 * Assumed: nothing. The bytes are the guest's; the count is what lies on its pages, at most 16.
 * Claimed: what mmio.h says of each instruction that is decoded. */
#include "vmm/emulate/mmio_decode.h"

#include "tests/analysis/any.h"
#include "tests/analysis/mmio.h"

int main(void) {
    struct mmio_instruction instruction;
    struct mmio_memo memo = {0};
    uint8_t bytes[16];
    uint64_t words[2] = {any(), any()};
    enum mmio_mode mode = (enum mmio_mode)any_below(3);

    any_bytes(bytes, sizeof(bytes));
    if (!mmio_decode(bytes, any_below(sizeof(bytes) + 1), mode, &instruction))
        claim(is_decoded(&instruction));
    /* Now the bytes are the last ones of the array: behind them is nothing. */
    for (unsigned count = 0; count <= sizeof(bytes); count++)
        mmio_decode(bytes + sizeof(bytes) - count, count, mode, &instruction);
    mmio_decode_again(&memo, words, any_below(sizeof(bytes) + 1), mode);
    mmio_decode_again(&memo, words, any_below(sizeof(bytes) + 1), mode);
    return 0;
}
