/* One function for each invariant that a guest can observe. Its reports begin with the invariant's
 * number in docs/interrupts.md. */
#pragma once
#include <stdint.h>

/* routes.c */
void invariant_1_no_lost_eoi(void);
void invariant_2_publish_order(void);
void invariant_3_tight(void);
void invariant_4_remote_irr(void);
void invariant_5_eoi(void);
void invariant_6_rerouted_in_service(void);
void invariant_7_rerouted_while_pending(void);
void invariant_8_several_stale_vectors(void);
void invariant_9_bound(void);

/* entries.c */
void invariant_10_vector_rewritten(void);
void invariant_11_level_to_edge(void);
void invariant_12_mask_in_flight(void);
void invariant_13_lapic_changes(void);
void invariant_14_several_targets(void);

/* instances.c */
void invariant_15_coincidental_reuse(uint32_t ipis);
void invariant_16_edge_and_level(void);
void invariant_17_spurious_eoi(void);
void invariant_19_two_pins(void);
void invariant_23_glitches(void);
void invariant_24_tmr(void);

/* machine.c */
void invariant_18_coalescing(uint32_t rounds);
void invariant_20_init(void);
void invariant_21_suppression(void);
void invariant_22_storm(void);
