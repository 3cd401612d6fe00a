/* Whether the processor delivers the interrupts of guests, or Pinwheel does.
 *
 * The capability MSRs say what a processor has. A hypervisor below may offer it and yet not do all
 * of it: KVM without posted interrupts offers virtual-interrupt delivery to a nested guest and does
 * not pass on the EOI-exit bitmap. Then no EOI ever exits, and level-triggered interrupts stop
 * after the first. The capability MSRs do not show that, so it is tried: docs/nested.md. */
#pragma once

/* Runs a guest of two instructions, whose EOI must exit, if the processor offers the delivery. On
 * the boot CPU, once, before any guest is created and before another CPU runs one. */
void delivery_init(void);

/* Why interrupts have to be delivered in software, in words that can follow a colon; NULL: the
 * processor delivers them. */
const char *delivery_problem(void);
