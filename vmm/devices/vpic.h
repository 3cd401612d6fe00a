/* The pair of 8259A interrupt controllers of a PC: the master's INT is the INTR line of vCPU 0, the
 * slave's INT is wired to the master's IR2.
 *
 * Pure and without a lock: the VM takes its own around every call. Nothing is called back: after a
 * call look at vpic_output(), and take the vector with vpic_acknowledge() when the processor is
 * ready for it. All that the 8259A data sheet describes is here but the 8080's CALL mode: whatever
 * ICW4 says, a vector is given, and buffered mode changes nothing. The cascade is fixed: ICW3 is
 * taken and not looked at. ELCR: 82371AB (PIIX4) data sheet, "Edge/Level Control Registers". */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define VPIC_MASTER_COMMAND 0x20
#define VPIC_MASTER_DATA    0x21
#define VPIC_SLAVE_COMMAND  0xa0
#define VPIC_SLAVE_DATA     0xa1
#define VPIC_MASTER_ELCR    0x4d0
#define VPIC_SLAVE_ELCR     0x4d1

#define VPIC_IRQ_COUNT      16
#define VPIC_CASCADE_IRQ    2 /* no device's: the slave is behind it */

struct vpic_chip {
    uint8_t line; /* bit n: the level of IRn */
    uint8_t edge; /* bit n: IRn rose, and nothing has taken the request yet */
    uint8_t imr;
    uint8_t isr;
    uint8_t elcr;
    uint8_t elcr_writable;
    uint8_t cascade;   /* bit n: the slave is on IRn */
    uint8_t base;      /* of the vectors: ICW2 bits 7:3 */
    uint8_t lowest;    /* the level with the lowest priority */
    uint8_t next_word; /* of the initialization: 2, 3 or 4; 0 if it is complete */
    bool single;       /* ICW1 */
    bool wants_icw4;
    bool all_level_triggered; /* ICW1, LTIM */
    bool automatic_eoi;       /* ICW4 */
    bool special_fully_nested;
    bool rotate_on_automatic_eoi; /* OCW2 */
    bool special_mask;            /* OCW3 */
    bool read_isr;
    bool poll;
};

struct vpic {
    struct vpic_chip master, slave;
};

/* As a PC's firmware leaves the pair: initialized with vectors 08H and 70H, everything masked. */
void vpic_reset(struct vpic *pic);

/* The level of an IRQ line, already the OR of its sources. The cascade's and those past the last
 * change nothing. A request on an edge-triggered line is gone when the line goes low before it is
 * acknowledged, as the data sheet has it. */
void vpic_set_line(struct vpic *pic, unsigned irq, bool level);

/* A byte access of the guest to one of the six ports; others read all ones and take nothing. A read
 * of a command or data port after a poll command acknowledges. */
uint8_t vpic_read(struct vpic *pic, uint16_t port);
void vpic_write(struct vpic *pic, uint16_t port, uint8_t value);

/* The level of INTR. */
bool vpic_output(const struct vpic *pic);

/* The processor's interrupt acknowledge cycle: returns the vector. If the request is gone by now it
 * is IR7's of the master and no ISR bit is set. The slave holds its INT although its line has gone
 * low: then the vector is IR7's of the slave, no ISR bit of it is set, and the master's ISR bit of
 * the cascade is: its EOI is due. */
uint8_t vpic_acknowledge(struct vpic *pic);
