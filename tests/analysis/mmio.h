/* What the decoder promises of each instruction that it decodes, and those who execute it rely on:
 * the harness mmio_decode.c claims it of all bytes, mmio_operate.c starts from it. */
#pragma once
#include "vmm/emulate/mmio_decode.h"

static inline bool is_decoded(const struct mmio_instruction *i) {
    return i->operation <= MMIO_NOTHING && i->reg <= 15 && i->string <= MMIO_SCAS &&
           i->repeat <= MMIO_REPNE && i->segment <= 5 && i->scale <= 3 && i->source <= 15 &&
           i->half <= 1 && i->condition <= 15 &&
           (i->address_size == 2 || i->address_size == 4 || i->address_size == 8) &&
           i->base <= MMIO_IMMEDIATE && i->index <= MMIO_NO_REGISTER;
}
