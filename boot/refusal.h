/* Why Pinwheel does not run on a processor, in words, and what a user can do about it.
 *
 * The common cases have advice of their own: VT-x is disabled in the firmware's setup, the machine
 * is virtual and its host does not offer VT-x, the processor is AMD's or too old. Pure: the input
 * is a description of the processor, so tests can try any processor. Read next:
 * arch/vmx/vmx_controls.h, which decides what is missing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/vmx/vmx_controls.h"

struct processor {
    char vendor[13];     /* from CPUID.0, for example "GenuineIntel" */
    char hypervisor[13]; /* from CPUID.40000000H; empty: CPUID.1:ECX[31] = 0 */
    bool xsave;          /* CPUID.1:ECX[26] */
    struct vmx_capabilities vmx;
};

/* Writes a line "PINWHEEL refused: REASON" for each reason, followed by indented lines of advice,
 * to `text` of `size` bytes; what exceeds them is cut off. Returns false, and an empty text, if
 * Pinwheel runs on this processor. */
bool refusal_text(const struct processor *processor, char *text, size_t size);
