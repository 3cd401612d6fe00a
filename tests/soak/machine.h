/* The whole machine: the production code in the world of tests/world.h, and beside it the plain
 * reference of reference.h. Each move is made in both, and they are compared. See machine.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tests/soak/reference.h"
#include "tests/world.h"

enum soak_kind {
    SOAK_LINE,    /* who: pin; a: level */
    SOAK_WRITE,   /* a: half of an entry; b: value */
    SOAK_IOEOI,   /* a: vector, to the I/O APIC's EOI register */
    SOAK_TICK,    /* storm control's */
    SOAK_MESSAGE, /* from a device; a: ICR bits 15:0, b: destination */
    SOAK_IPI,     /* who: vCPU; a: ICR bits 19:16, 11:0; b: destination */
    SOAK_SELF,    /* who: vCPU; a: vector; which the processor virtualizes */
    SOAK_WRITES,  /* who: vCPU; a: offset of a LAPIC register; b: value */
    SOAK_MODE,    /* who: vCPU; a: enum reference_mode */
    SOAK_INIT,    /* who: vCPU */
    SOAK_ENTER,   /* who: vCPU; b: a pin + 1 whose line changes before the scan takes the lock */
    SOAK_DELIVER, /* who: vCPU */
    SOAK_EOI,     /* who: vCPU */
    SOAK_KINDS
};

struct soak_move {
    uint8_t kind, who;
    uint16_t unused;
    uint32_t a, b;
};

struct soak_start {
    unsigned cpus;
    bool version20; /* of the I/O APIC */
    bool storm;     /* all pins are about to be held by storm control */
    bool software;  /* interrupts are delivered in software, not by the processor */
};

struct soak_machine {
    struct world world;
    struct reference reference;
    /* what the last entry found: which EOIs exit, and which of these are stale */
    bool exit[REFERENCE_CPUS][REFERENCE_VECTORS], stale[REFERENCE_CPUS][REFERENCE_VECTORS];
    bool software;
    const char *violation; /* NULL: none */
};

void soak_start(struct soak_machine *it, const struct soak_start *start);
/* Makes a move; one that is not possible does nothing. */
void soak_move(struct soak_machine *it, const struct soak_move *move);
/* Compares everything. */
void soak_compare(struct soak_machine *it);
