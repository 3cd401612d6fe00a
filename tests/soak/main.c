/* Random walks of the whole machine against a plain reference: 24 pins, 256 vectors, 1 to 8 vCPUs,
 * all registers that the delivery of interrupts depends on.
 *
 *     soak [seed=N] [moves=N] [progress]   walks until so many moves are made
 *     soak replay WORD...                  one walk again, as a violation has printed it
 *
 * Prints "SOAK moves=... ...". A walk that violates something is shrunk until no move can be left
 * out, and printed as words; then the exit status is 1. Where the model checker is exhaustive in a
 * small machine, this is random in the whole one: docs/proof.md. Read next: machine.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/soak/walk.h"

#define MOVES_DEFAULT 1000000
#define PROGRESS      100000000

static struct soak_machine machine;
static struct soak_walk walk;

static int show(void) {
    soak_shrink(&machine, &walk);
    printf("VIOLATION moves=%u what=\"%s\"\n", walk.length, machine.violation);
    soak_print(&walk);
    return 1;
}

static int soak(uint64_t seed, uint64_t moves, bool progress) {
    uint64_t made = 0, walks = 0, deliveries = 0, eois = 0, shown = 0;

    for (; made < moves; made += walk.length, walks++) {
        soak_choose(&walk, seed + walks);
        if (soak_run(&machine, &walk, false)) {
            printf("SOAK seed=%" PRIu64 " violates\n", seed + walks);
            return show();
        }
        for (unsigned p = 0; p < REFERENCE_PINS; p++)
            deliveries += machine.world.deliveries[p];
        for (unsigned i = 0; i < machine.reference.cpus; i++)
            eois += routing_eois(&machine.world.routing.counters[i]);
        if (progress && made / PROGRESS > shown) {
            shown = made / PROGRESS;
            fprintf(stderr, "%" PRIu64 " of %" PRIu64 " moves\n", made, moves);
        }
    }
    printf("SOAK seed=%" PRIu64 " walks=%" PRIu64 " moves=%" PRIu64 " deliveries=%" PRIu64
           " eoi_exits=%" PRIu64 "\n",
           seed, walks, made, deliveries, eois);
    return 0;
}

static int replay(char **words, int count) {
    if (!soak_read(&walk, words, count)) {
        fprintf(stderr, "these are no words that `soak` prints\n");
        return 2;
    }
    unsigned length = soak_run(&machine, &walk, true);
    printf("%u of %u moves, %s\n", length ? length : walk.length, walk.length,
           length ? machine.violation : "nothing is violated");
    return length != 0;
}

int main(int argc, char **argv) {
    uint64_t seed = 1, moves = MOVES_DEFAULT;
    bool progress = false;

    if (argc > 1 && strcmp(argv[1], "replay") == 0)
        return replay(argv + 2, argc - 2);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "seed=", 5) == 0) {
            seed = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "moves=", 6) == 0) {
            moves = strtoull(argv[i] + 6, NULL, 0);
        } else if (strcmp(argv[i], "progress") == 0) {
            progress = true;
        } else {
            fprintf(stderr, "%s: not an option; the first lines of tests/soak/main.c list them\n",
                    argv[i]);
            return 2;
        }
    }
    return soak(seed, moves, progress);
}
