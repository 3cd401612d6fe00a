/* How a guest's PC is wired to the rest: the effects table that vmm/pc/pc.h asks for. */
#pragma once
#include "vmm/pc/pc.h"

/* The context is the struct vm. */
extern const struct pc_effects pc_wiring;
