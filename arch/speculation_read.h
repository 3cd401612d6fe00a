/* Reads what the processor reports for arch/speculation.h. Read next: arch/speculation.h. */
#pragma once
#include "arch/speculation.h"

/* Of the calling CPU. Works on any x86-64 processor. */
void speculation_read(struct speculation_processor *processor);
