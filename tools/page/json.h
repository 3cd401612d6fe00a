/* The state, and what has happened, as JSON. See json.c. */
#pragma once
#include "tests/model/moves.h"
#include "vmm/interrupts/routing.h"

/* The texts are valid until the next call of any of these. */
const char *json_describe(void);
const char *json_state(const struct state *state);
const char *json_happened(const struct trace_ring *ring, const struct routing_counters *counters,
                          int violated, const char *what);
