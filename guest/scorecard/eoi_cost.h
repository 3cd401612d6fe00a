/* What the EOI of an edge-triggered and of a level-triggered interrupt costs, beside an instruction
 * that always exits, CPUID: an EOI that costs as much as that has exited. */
#pragma once

/* Measures them on vCPU 0 and reports. */
void eoi_cost_tests(void);

/* Adds what the last measurement found to the card. */
void eoi_cost_show(void);
