/* Lock-step: replays the trace of a run record by record. See replay.c. */
#pragma once
#include "tests/lockstep/log.h"

struct world;

/* What was compared so far. */
struct replay_count {
    unsigned records, inputs, accepted, delivered, eoi_exits, silent_eois, bitmaps, statuses,
        self_ipis, windows;
};

/* Begins anew; the log must stay. */
void replay_start(const struct log *log);
/* Replays this record of the log; they come one after the other. */
void replay_step(size_t number);
const struct replay_count *replay_counted(void);
const struct world *replay_world(void);

/* Called at the first difference, with the record's line in the log; the caller of replay_start()
 * defines it. */
_Noreturn void replay_differs(unsigned line, const char *what);
