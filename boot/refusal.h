/* Why Pinwheel does not run on a processor, in words, and what can be done about it.
 *
 * Pure: it judges a description, so tests can try processors that are not at hand. Users of such
 * programs mostly meet one of a few situations: VT-x is switched off in the firmware's setup, the
 * machine is virtual and has none to offer, the processor is AMD's or too old. Each gets its own
 * advice. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/vmx/vmx_controls.h"

struct processor {
    char vendor[13];     /* CPUID.0, for example "GenuineIntel" */
    char hypervisor[13]; /* CPUID.40000000H; empty: CPUID.1:ECX[31] is clear */
    bool five_level;     /* CR4.LA57 is set: the firmware runs with 5-level paging */
    struct vmx_capabilities vmx;
};

/* Writes one line "PINWHEEL refused: REASON" for each reason, and lines of advice. Returns false,
 * and an empty text, if there is no reason. */
bool refusal_text(const struct processor *processor, char *text, size_t size);
