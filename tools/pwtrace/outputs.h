/* The files that pwtrace writes: NAME.txt, NAME.vcd, NAME.json, NAME.svg (docs/traces.md).
 *
 * Each is given every guest in turn, and every record of it, after the replay has performed it.
 * The log has no times, so the time of a record is its number in the trace of its guest, from 1. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "tests/lockstep/replay.h"

struct world;

struct guest {
    char name[64];
    unsigned long lost; /* records at the beginning that the ring no longer had */
    bool is_ended;      /* the log has the end of the trace */
    unsigned index;
    struct log log;
};

/* Whether the state is shown: the beginning of the trace is there, and the processor delivered. */
static inline bool guest_has_state(const struct guest *guest) {
    return guest->lost == 0 && !guest->log.software;
}

/* What is missing in the trace of the guest, in words. */
int guest_loss(char *out, size_t size, const struct guest *guest);

/* text.c: writes the story as it comes. */
void text_begin(FILE *file, const struct guest *guest, const struct world *world);
void text_record(FILE *file, const struct guest *guest, size_t number, const struct world *world);
void text_end(FILE *file, const struct guest *guest);

/* vcd.c: keeps the changes of all guests. world: NULL if the guest has no state. */
void vcd_begin(const struct guest *guest, const struct world *world);
void vcd_record(const struct guest *guest, size_t number, const struct world *world);
void vcd_write(FILE *file, const struct guest *guests, unsigned count);

/* events.c: writes Chrome trace events, one guest after the other. */
void events_begin(FILE *file);
void events_guest(FILE *file, const struct guest *guest);
void events_end(FILE *file);

/* svg.c: a timing figure of the records `from` to `to` of one guest, which has a state. world: its
 * state before its first record. */
void svg_begin(const struct world *world, size_t from, size_t to);
void svg_record(const struct guest *guest, size_t number, const struct world *world);
void svg_write(FILE *file, const struct guest *guest);
/* In place of a figure, if there is none. */
void svg_write_loss(FILE *file, const char *loss);
