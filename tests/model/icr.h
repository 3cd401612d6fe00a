/* Writes to the interrupt command register: the guest sends 0x31, fixed, to the other vCPU. SDM
 * Vol. 3A, "Issuing Interprocessor Interrupts", "Determining IPI Destination". See icr.c. */
#pragma once
#include "tests/model/moves.h"

/* The guest writes its ICR: enum icr_write. */
void icr_write(unsigned vcpu, unsigned form);
/* After the move: the LAPICs that it names have the interrupt, and nothing else changes. */
void icr_check(const struct state *before, const struct state *after, const struct move *move);
