/* How a guest's PC is wired to the rest: implements the effects table of vmm/pc/pc.h. */
#pragma once
#include "vmm/pc/pc.h"

/* The context is the struct vm. */
extern const struct pc_effects pc_wiring;
