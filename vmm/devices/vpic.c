/* The two 8259As: see vpic.h. The names of words and modes are those of the 8259A data sheet. */
#include "vmm/devices/vpic.h"

#define LEVELS               8
#define SPURIOUS_LEVEL       7
#define CASCADE_BIT          (1u << VPIC_CASCADE_IRQ)

#define MASTER_ELCR_WRITABLE 0xf8 /* not timer, keyboard, cascade */
#define SLAVE_ELCR_WRITABLE  0xde /* not clock (IRQ 8), coprocessor (IRQ 13) */

#define ICW1_SELECT          0x10
#define ICW1_LTIM            0x08
#define ICW1_SNGL            0x02
#define ICW1_IC4             0x01
#define ICW2_BASE            0xf8
#define ICW4_SFNM            0x10
#define ICW4_AEOI            0x02

#define OCW2_LEVEL           0x07
#define OCW2_EOI             0x20
#define OCW2_SPECIFIC        0x40
#define OCW2_ROTATE          0x80

#define OCW3_SELECT          0x08
#define OCW3_RIS             0x01
#define OCW3_RR              0x02
#define OCW3_POLL            0x04
#define OCW3_SMM             0x20
#define OCW3_ESMM            0x40

#define POLL_REQUEST         0x80

static uint8_t bit(unsigned level) {
    return (uint8_t)(1u << level);
}

/* ---- one chip: its requests ---- */

/* The cascade is always edge-triggered: its latch holds the slave's INT. */
static uint8_t level_triggered(const struct vpic_chip *chip) {
    return (chip->all_level_triggered ? 0xff : chip->elcr) & (uint8_t)~chip->cascade;
}

static uint8_t irr(const struct vpic_chip *chip) {
    uint8_t level = level_triggered(chip);

    return (uint8_t)((level & chip->line) | (~level & chip->edge));
}

/* The levels in service that block themselves and all lower ones. In special mask mode masked
 * levels do not block. */
static uint8_t blocking(const struct vpic_chip *chip) {
    return chip->special_mask ? (uint8_t)(chip->isr & ~chip->imr) : chip->isr;
}

/* The level with this rank of priority, 0 the highest. */
static unsigned level_of_rank(const struct vpic_chip *chip, unsigned rank) {
    return (chip->lowest + 1 + rank) % LEVELS;
}

/* The level that INT requests, -1: none. In special fully nested mode the cascade does not block
 * itself: the slave may have a request of higher priority than its level in service. */
static int request_of(const struct vpic_chip *chip) {
    uint8_t waiting = (uint8_t)(irr(chip) & ~chip->imr);

    if (!waiting || chip->next_word)
        return -1;
    uint8_t blocked = blocking(chip);
    for (unsigned rank = 0; rank < LEVELS; rank++) {
        unsigned level = level_of_rank(chip, rank);
        bool blocks = blocked & bit(level);

        if ((waiting & bit(level)) &&
            (!blocks || (chip->special_fully_nested && (chip->cascade & bit(level)))))
            return (int)level;
        if (blocks)
            return -1;
    }
    return -1;
}

/* Acknowledges a level: sets its ISR bit, which automatic EOI clears again at once. */
static void accept(struct vpic_chip *chip, unsigned level) {
    chip->edge &= (uint8_t)~bit(level);
    if (!chip->automatic_eoi)
        chip->isr |= bit(level);
    else if (chip->rotate_on_automatic_eoi)
        chip->lowest = (uint8_t)level;
}

/* ---- the pair ---- */

/* The slave's INT is high: latches a request at the master's IR2 until it is acknowledged. */
static void cascade(struct vpic *pic) {
    if (request_of(&pic->slave) >= 0)
        pic->master.edge |= CASCADE_BIT;
}

/* The slave's INT goes low without an acknowledge: the guest has masked the slave's request, polled
 * the slave or initialized it. */
static void withdraw_cascade(struct vpic *pic) {
    if (request_of(&pic->slave) < 0)
        pic->master.edge &= (uint8_t)~CASCADE_BIT;
}

static uint8_t acknowledge_chip(struct vpic_chip *chip, int level) {
    if (level < 0)
        return chip->base | SPURIOUS_LEVEL;
    accept(chip, (unsigned)level);
    return (uint8_t)(chip->base | level);
}

uint8_t vpic_acknowledge(struct vpic *pic) {
    int level = request_of(&pic->master);
    uint8_t vector = acknowledge_chip(&pic->master, level);

    if (level == VPIC_CASCADE_IRQ) {
        vector = acknowledge_chip(&pic->slave, request_of(&pic->slave));
        cascade(pic);
    }
    return vector;
}

bool vpic_output(const struct vpic *pic) {
    return request_of(&pic->master) >= 0;
}

static void set_chip_line(struct vpic_chip *chip, unsigned level, bool high) {
    bool was_high = chip->line & bit(level);

    if (high && !was_high)
        chip->edge |= bit(level) & (uint8_t)~level_triggered(chip);
    if (!high)
        chip->edge &= (uint8_t)~bit(level);
    chip->line = (uint8_t)(high ? chip->line | bit(level) : chip->line & ~bit(level));
}

void vpic_set_line(struct vpic *pic, unsigned irq, bool level) {
    if (irq >= VPIC_IRQ_COUNT || irq == VPIC_CASCADE_IRQ)
        return;
    set_chip_line(irq < LEVELS ? &pic->master : &pic->slave, irq % LEVELS, level);
    cascade(pic);
}

/* ---- initialization command words ---- */

/* Edges before this are forgotten; the ELCR and the levels of the lines are kept. */
static void write_icw1(struct vpic_chip *chip, uint8_t value) {
    *chip = (struct vpic_chip){
        .line = chip->line,
        .elcr = chip->elcr,
        .elcr_writable = chip->elcr_writable,
        .cascade = chip->cascade,
        .base = chip->base,
        .lowest = SPURIOUS_LEVEL,
        .next_word = 2,
        .single = value & ICW1_SNGL,
        .wants_icw4 = value & ICW1_IC4,
        .all_level_triggered = value & ICW1_LTIM,
    };
}

static void write_icw2_to_4(struct vpic_chip *chip, uint8_t value) {
    if (chip->next_word == 2) {
        chip->base = value & ICW2_BASE;
        chip->next_word = chip->single ? 4 : 3;
    } else if (chip->next_word == 3) {
        chip->next_word = 4;
    } else {
        chip->special_fully_nested = value & ICW4_SFNM;
        chip->automatic_eoi = value & ICW4_AEOI;
        chip->next_word = 0;
    }
    if (chip->next_word == 4 && !chip->wants_icw4)
        chip->next_word = 0;
}

/* ---- operation control words ---- */

/* The level that a non-specific EOI ends, -1: none. It is the one in service with the highest
 * priority; special mask mode skips masked levels. */
static int highest_in_service(const struct vpic_chip *chip) {
    for (unsigned rank = 0; rank < LEVELS; rank++) {
        unsigned level = level_of_rank(chip, rank);

        if (blocking(chip) & bit(level))
            return (int)level;
    }
    return -1;
}

static void end_of_interrupt(struct vpic_chip *chip, int level, bool rotate) {
    if (level < 0)
        return;
    chip->isr &= (uint8_t)~bit((unsigned)level);
    if (rotate)
        chip->lowest = (uint8_t)level;
}

static void write_ocw2(struct vpic_chip *chip, uint8_t value) {
    bool rotate = value & OCW2_ROTATE, specific = value & OCW2_SPECIFIC;
    uint8_t level = value & OCW2_LEVEL;

    if (value & OCW2_EOI)
        end_of_interrupt(chip, specific ? level : highest_in_service(chip), rotate);
    else if (!specific)
        chip->rotate_on_automatic_eoi = rotate;
    else if (rotate)
        chip->lowest = level;
}

static void write_ocw3(struct vpic_chip *chip, uint8_t value) {
    if (value & OCW3_ESMM)
        chip->special_mask = value & OCW3_SMM;
    chip->poll = value & OCW3_POLL;
    if ((value & OCW3_RR) && !chip->poll)
        chip->read_isr = value & OCW3_RIS;
}

/* ---- ports ---- */

static void write_command(struct vpic_chip *chip, uint8_t value) {
    if (value & ICW1_SELECT)
        write_icw1(chip, value);
    else if (value & OCW3_SELECT)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
}

static void write_data(struct vpic_chip *chip, uint8_t value) {
    if (chip->next_word)
        write_icw2_to_4(chip, value);
    else
        chip->imr = value;
}

/* Lines that become level-triggered lose their latched edge: it would be a request without a high
 * line when they become edge-triggered again. */
static void write_elcr(struct vpic_chip *chip, uint8_t value) {
    chip->elcr = value & chip->elcr_writable;
    chip->edge &= (uint8_t)~level_triggered(chip);
}

void vpic_write(struct vpic *pic, uint16_t port, uint8_t value) {
    switch (port) {
    case VPIC_MASTER_COMMAND:
        write_command(&pic->master, value);
        break;
    case VPIC_MASTER_DATA:
        write_data(&pic->master, value);
        break;
    case VPIC_SLAVE_COMMAND:
        write_command(&pic->slave, value);
        if (value & ICW1_SELECT)
            withdraw_cascade(pic);
        break;
    case VPIC_SLAVE_DATA:
        write_data(&pic->slave, value);
        withdraw_cascade(pic);
        break;
    case VPIC_MASTER_ELCR:
        write_elcr(&pic->master, value);
        break;
    case VPIC_SLAVE_ELCR:
        write_elcr(&pic->slave, value);
        break;
    default:
        break;
    }
    cascade(pic);
}

static uint8_t poll(struct vpic_chip *chip) {
    int level = request_of(chip);

    chip->poll = false;
    if (level < 0)
        return 0;
    accept(chip, (unsigned)level);
    return (uint8_t)(POLL_REQUEST | level);
}

static uint8_t read_chip(struct vpic_chip *chip, bool data) {
    if (chip->poll)
        return poll(chip);
    if (data)
        return chip->imr;
    return chip->read_isr ? chip->isr : irr(chip);
}

static uint8_t read_slave(struct vpic *pic, bool data) {
    bool polled = pic->slave.poll;
    uint8_t value = read_chip(&pic->slave, data);

    if (polled)
        withdraw_cascade(pic);
    return value;
}

uint8_t vpic_read(struct vpic *pic, uint16_t port) {
    switch (port) {
    case VPIC_MASTER_COMMAND:
    case VPIC_MASTER_DATA:
        return read_chip(&pic->master, port == VPIC_MASTER_DATA);
    case VPIC_SLAVE_COMMAND:
    case VPIC_SLAVE_DATA:
        return read_slave(pic, port == VPIC_SLAVE_DATA);
    case VPIC_MASTER_ELCR:
        return pic->master.elcr;
    case VPIC_SLAVE_ELCR:
        return pic->slave.elcr;
    default:
        return 0xff;
    }
}

void vpic_reset(struct vpic *pic) {
    *pic = (struct vpic){
        .master = {.elcr_writable = MASTER_ELCR_WRITABLE,
                   .cascade = CASCADE_BIT,
                   .base = 0x08,
                   .imr = 0xff,
                   .lowest = SPURIOUS_LEVEL},
        .slave = {.elcr_writable = SLAVE_ELCR_WRITABLE,
                  .base = 0x70,
                  .imr = 0xff,
                  .lowest = SPURIOUS_LEVEL},
    };
}
