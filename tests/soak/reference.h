/* The plain reference: local APICs and an I/O APIC as the manuals describe them, and for each
 * interrupt the pins that its EOI is owed to.
 *
 * 24 pins, 256 vectors, up to 8 LAPICs. It has no tokens, no generation, no map and no stale bit:
 * which EOIs must exit, it computes anew at each entry. Sets are arrays that are walked from one
 * end to the other. It shares the numbers of arch/apic_registers.h with the hypervisor, and no
 * code. See reference.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define REFERENCE_CPUS    8
#define REFERENCE_PINS    24
#define REFERENCE_VECTORS 256

enum reference_mode { REFERENCE_OFF, REFERENCE_XAPIC, REFERENCE_X2APIC };

struct reference_cpu {
    enum reference_mode mode;
    bool enabled;    /* SVR: software-enabled */
    bool suppresses; /* SVR: EOI-broadcast suppression */
    bool cluster;    /* DFR */
    uint8_t logical; /* LDR, in xAPIC mode */
    uint32_t id;
    uint8_t tpr;
    bool irr[REFERENCE_VECTORS], isr[REFERENCE_VECTORS], tmr[REFERENCE_VECTORS];
    /* posted and not yet accepted: edges, and the pins of level interrupts */
    bool edge[REFERENCE_VECTORS];
    uint32_t posted[REFERENCE_VECTORS];
    /* the pins that the EOI of the instance in the IRR is owed to, and of that in the ISR */
    uint32_t waiting[REFERENCE_VECTORS], served[REFERENCE_VECTORS];
    unsigned signals[8]; /* NMI, SMI, INIT and ExtINT, by delivery mode */
};

struct reference_pin {
    uint64_t entry; /* without the read-only bits */
    bool line, remote_irr, edge, deferred;
    unsigned streak;
};

struct reference {
    struct reference_cpu cpu[REFERENCE_CPUS];
    struct reference_pin pin[REFERENCE_PINS];
    unsigned cpus;
    bool version20; /* the I/O APIC has the EOI register */
    unsigned last;  /* that accepted the last lowest-priority interrupt */
};

struct reference_message {
    uint32_t destination;
    bool wide, logical;
    uint8_t vector, mode;
};

void reference_power_on(struct reference *it, unsigned cpus, bool version20);

/* ---- the I/O APIC ---- */

void reference_line(struct reference *it, unsigned pin, bool level);
void reference_write_half(struct reference *it, unsigned half, uint32_t value);
/* Whether that write changes where level interrupts go: not the mask, nor the polarity. */
bool reference_changes_route(const struct reference *it, unsigned half, uint32_t value);
void reference_eoi(struct reference *it, uint8_t vector);
void reference_tick(struct reference *it);

/* ---- messages: named by a destination, or by a shorthand (APIC_ICR_SELF and so on) ---- */

#define REFERENCE_DEVICE REFERENCE_CPUS /* as a sender */
void reference_send(struct reference *it, const struct reference_message *message, unsigned sender,
                    uint32_t shorthand);

/* ---- one LAPIC ---- */

/* Writes to LDR, DFR, ID and SVR in xAPIC mode, to the SVR in x2APIC mode. */
void reference_write(struct reference *it, unsigned cpu, uint32_t offset, uint32_t value);
void reference_set_mode(struct reference *it, unsigned cpu, enum reference_mode mode);
void reference_reset(struct reference *it, unsigned cpu); /* INIT */
void reference_accept(struct reference *it, unsigned cpu);
/* The interrupt that the processor delivers next, or -1. */
int reference_deliverable(const struct reference_cpu *cpu);
void reference_deliver(struct reference_cpu *cpu, unsigned vector);
/* Ends the highest vector in service: returns it, or -1; *owed: the pins that the EOI is owed to.
 * If it exits, reference_eoi_exit() follows. */
int reference_end(struct reference_cpu *cpu, uint32_t *owed);
void reference_eoi_exit(struct reference *it, unsigned cpu, uint8_t vector, uint32_t owed);

/* For each vector: whether its EOI must exit on this LAPIC, and whether no route explains that. */
void reference_exits(const struct reference *it, unsigned cpu, bool *exit, bool *stale);
