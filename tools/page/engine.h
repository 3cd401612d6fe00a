/* What a page calls: the model checker's world, in WebAssembly. See engine.c; page/engine.js calls
 * it. Texts are JSON, end with a zero, and are valid until the next call. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Call it first. */
void engine_init(void);
/* What does not change: the vectors, the names of the moves, of the bounds and of the positions. */
const char *engine_describe(void);

/* Sets the state in which this bound of tests/model/bounds.c starts. Moves are not limited. */
void engine_start(unsigned index);
/* Whether an EOI that ends a stale vector requests a scan: `stale_rescan` of the configuration. */
void engine_set_rescan(bool on);
/* Makes a move. False: it is not possible, and nothing has happened. */
bool engine_apply(unsigned move);
/* From the next start on: whether interrupts are delivered in software, without virtual-interrupt
 * delivery. */
void engine_set_software(bool on);
/* The move as a sentence, as it would be made now. */
const char *engine_sentence(unsigned move);

/* The state: as JSON; and its 40 bytes, which may be read, and written to go back to a state. */
const char *engine_state(void);
void *engine_bytes(void);
/* The moves that are possible: two words of bits. */
const uint32_t *engine_possible(void);

/* What the last move did: the events that were traced, the EOI exits that were counted, and the
 * violation if there is one. */
const char *engine_happened(void);
/* The lines of C that it ran, in their order: 4096 x the file's number + the line. */
unsigned engine_line_count(void);
const uint32_t *engine_lines(void);
