/* Whether the processor delivers the interrupts of guests, or Pinwheel does.
 *
 * The capability MSRs say what a processor has. A hypervisor below may offer it and yet not do all
 * of it: KVM without posted interrupts offers virtual-interrupt delivery to a nested guest and does
 * not pass on the EOI-exit bitmap. Then no EOI ever exits, and level-triggered interrupts stop
 * after the first. The capability MSRs do not show that, so it is tried: docs/nested.md. */
#pragma once

/* Runs guests of a few instructions, if the processor offers the delivery: an EOI must exit, and a
 * posted interrupt, where the processor has that too, must arrive. On the boot CPU, once, before
 * any guest is created and before another CPU runs one. */
void delivery_init(void);

/* Why interrupts have to be delivered in software, in words that can follow a colon; NULL: the
 * processor delivers them. */
const char *delivery_problem(void);

/* Why interrupts cannot be posted, in the same words; NULL: they can. */
const char *delivery_posted_problem(void);
/* Why `delivery = auto` does not post them although it could: in Bochs 3.0 a notification that
 * finds no interrupt, which happens when two CPUs post at the same time, requests one that nobody
 * has sent. NULL: it does post them, or cannot. */
const char *delivery_posted_doubt(void);
