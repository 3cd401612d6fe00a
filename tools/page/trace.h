/* What the page calls to replay the trace of a run: lock-step (tests/lockstep/replay.h) in
 * WebAssembly. See trace.c; js/trace_engine.js calls it. Texts end with a zero and are valid until
 * the next call. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Forgets the log and makes room for this many records. False: there is no memory. */
bool trace_room(unsigned records);
/* Adds a record, as the log has it; the values are in two halves. */
void trace_log(unsigned cpu, unsigned line, uint32_t event, uint32_t vcpu, uint32_t vector,
               uint32_t pin, uint32_t a_low, uint32_t a_high, uint32_t b_low, uint32_t b_high);
/* Begins the replay of all that was added. */
void trace_begin(unsigned vcpus, unsigned version, bool stale_rescan);
/* Replays the next record. If the run and the model differ there, the engine stops (it traps), and
 * trace_problem() says why. */
void trace_step(void);
const char *trace_problem(void);

/* A record as a sentence. */
const char *trace_sentence(unsigned index);
/* The state, as JSON. */
const char *trace_state(void);
/* Bits for the timeline: [0] lines, [1] Remote IRR, by pin; then by vCPU: [2] in guest mode,
 * [3] something is in service, [4] a bit is stale. */
const uint32_t *trace_lanes(void);
/* The lines of C that the last record ran: see engine.h. */
unsigned trace_line_count(void);
const uint32_t *trace_lines(void);
