/* Lock-step, as a program:
 *
 *     replay LOG GUEST
 *
 * Prints one line LOCKSTEP with what was compared, or the first difference, with status 1. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lockstep/replay.h"

void replay_differs(unsigned line, const char *what) {
    printf("not in step, line %u: %s\n", line, what);
    exit(1);
}

int main(int argc, char **argv) {
    struct log run;

    if (argc != 3) {
        fprintf(stderr, "usage: replay LOG GUEST\n");
        return 2;
    }
    const char *problem = log_read(&run, argv[1], argv[2]);
    if (problem)
        replay_differs(0, problem);
    replay_start(&run);
    for (size_t i = 0; i < run.count; i++)
        replay_step(i);
    const struct replay_count *count = replay_counted();
    printf("LOCKSTEP guest=%s cpus=%u records=%u inputs=%u accepted=%u delivered=%u eoi_exits=%u "
           "silent_eois=%u bitmaps=%u statuses=%u self_ipis=%u windows=%u\n",
           argv[2], run.cpus, count->records, count->inputs, count->accepted, count->delivered,
           count->eoi_exits, count->silent_eois, count->bitmaps, count->statuses, count->self_ipis,
           count->windows);
    log_free(&run);
    return 0;
}
