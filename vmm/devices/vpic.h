/* The two 8259A interrupt controllers of a PC: the master's INT is the INTR line of vCPU 0, and the
 * slave's INT is connected to the master's IR2.
 *
 * Everything in the 8259A data sheet is emulated except the CALL instructions of the 8080: vectors
 * are given whatever ICW4 says, and buffered mode has no effect. The cascade is fixed: ICW3 is
 * accepted and ignored. ELCR: 82371AB (PIIX4) data sheet, "Edge/Level Control Registers". Pure and
 * without a lock: the VM holds its own around every call. There are no callbacks: after each call
 * read vpic_output(), and call vpic_acknowledge() when the processor accepts the interrupt. Read
 * next: vmm/pc/irq_lines.h. */
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
#define VPIC_CASCADE_IRQ    2 /* the slave's INT; no device has it */

struct vpic_chip {
    uint8_t line; /* bit n: the level of IRn */
    uint8_t edge; /* bit n: IRn rose, and the request has not been acknowledged yet */
    uint8_t imr;
    uint8_t isr;
    uint8_t elcr;
    uint8_t elcr_writable;
    uint8_t cascade;   /* bit n: the slave's INT is connected to IRn */
    uint8_t base;      /* bits 7:3 of the vectors: ICW2 */
    uint8_t lowest;    /* the IR level with the lowest priority */
    uint8_t next_word; /* the initialization command word expected next, 2 to 4; 0: complete */
    bool single;       /* ICW1, SNGL */
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

/* The state in which firmware leaves them: vectors 08H and 70H, all levels masked. */
void vpic_reset(struct vpic *pic);

/* Sets the level of an IRQ line, the OR of its sources. The cascade's IRQ and numbers past the last
 * are ignored. If an edge-triggered line goes low before it is acknowledged, its request is
 * withdrawn. */
void vpic_set_line(struct vpic *pic, unsigned irq, bool level);

/* A guest's byte access to one of the six ports; other ports read FFH and ignore writes. After a
 * poll command the read of a command or data port acknowledges. */
uint8_t vpic_read(struct vpic *pic, uint16_t port);
void vpic_write(struct vpic *pic, uint16_t port, uint8_t value);

/* The level of the master's INT. */
bool vpic_output(const struct vpic *pic);

/* The processor's interrupt acknowledge cycle: returns the vector. If the request was withdrawn,
 * that is IR7 of the master, and no ISR bit is set. If it was withdrawn at the slave, which holds
 * its INT high nevertheless, it is IR7 of the slave: then only the master's ISR bit of the cascade
 * is set, and the guest must send an EOI for that one. 8259A data sheet, "Edge and Level Triggered
 * Modes". */
uint8_t vpic_acknowledge(struct vpic *pic);
