/* Runs a walk, shrinks one that fails, and writes it as words. See walk.h. */
#include "tests/soak/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPARE_EVERY 16

unsigned soak_run(struct soak_machine *machine, const struct soak_walk *walk, bool often) {
    soak_start(machine, &walk->start);
    for (unsigned i = 0; i < walk->length; i++) {
        soak_move(machine, &walk->move[i]);
        if (often || i % COMPARE_EVERY == 0 || i + 1 == walk->length)
            soak_compare(machine);
        if (machine->violation)
            return i + 1;
    }
    return 0;
}

/* ---- shrinking ---- */

/* Leaves out `count` moves from `from` on, if it still fails. */
static bool leave_out(struct soak_machine *machine, struct soak_walk *walk, unsigned from,
                      unsigned count) {
    static struct soak_walk shorter;
    unsigned end = from + count < walk->length ? from + count : walk->length;

    shorter = *walk;
    memmove(shorter.move + from, walk->move + end, (walk->length - end) * sizeof(*walk->move));
    shorter.length = walk->length - (end - from);
    unsigned length = soak_run(machine, &shorter, true);
    if (!length)
        return false;
    shorter.length = length;
    *walk = shorter;
    return true;
}

/* Pieces of half the walk, of a quarter and so on, until no single move can be left out. */
void soak_shrink(struct soak_machine *machine, struct soak_walk *walk) {
    unsigned piece = SOAK_WALK_MOVES / 2;
    unsigned length = soak_run(machine, walk, true);

    if (!length)
        return;
    walk->length = length;
    while (piece) {
        bool shorter = false;
        for (unsigned from = 0; from < walk->length;) {
            if (leave_out(machine, walk, from, piece))
                shorter = true;
            else
                from += piece;
        }
        if (!shorter || piece > 1)
            piece = piece == 1 ? 0 : piece / 2;
    }
    soak_run(machine, walk, true);
}

/* ---- words: NAME.WHO.A.B, the numbers hexadecimal ---- */

static const char *const name[SOAK_KINDS] = {
    [SOAK_LINE] = "line", [SOAK_WRITE] = "write",     [SOAK_IOEOI] = "ioeoi",
    [SOAK_TICK] = "tick", [SOAK_MESSAGE] = "message", [SOAK_IPI] = "ipi",
    [SOAK_SELF] = "self", [SOAK_WRITES] = "register", [SOAK_MODE] = "mode",
    [SOAK_INIT] = "init", [SOAK_ENTER] = "enter",     [SOAK_DELIVER] = "deliver",
    [SOAK_EOI] = "eoi",
};

static void print_sentence(const struct soak_move *move) {
    switch ((enum soak_kind)move->kind) {
    case SOAK_LINE:
        printf("line %u goes %s", move->who, move->a ? "high" : "low");
        break;
    case SOAK_WRITE:
        printf("the %s half of entry %u is written: 0x%x", move->a & 1 ? "high" : "low",
               move->a / 2, move->b);
        break;
    case SOAK_IOEOI:
        printf("0x%x is written to the I/O APIC's EOI register", move->a);
        break;
    case SOAK_TICK:
        printf("the tick of storm control");
        break;
    case SOAK_MESSAGE:
        printf("a device sends 0x%x to destination 0x%x", move->a, move->b);
        break;
    case SOAK_IPI:
        printf("vCPU %u sends an IPI: ICR 0x%x, destination 0x%x", move->who, move->a, move->b);
        break;
    case SOAK_SELF:
        printf("vCPU %u sends 0x%x to itself", move->who, move->a);
        break;
    case SOAK_WRITES:
        printf("vCPU %u writes LAPIC register 0x%x: 0x%x", move->who, move->a, move->b);
        break;
    case SOAK_MODE:
        printf("vCPU %u changes its LAPIC to %s", move->who,
               move->a == REFERENCE_OFF     ? "disabled"
               : move->a == REFERENCE_XAPIC ? "xAPIC mode"
                                            : "x2APIC mode");
        break;
    case SOAK_INIT:
        printf("vCPU %u receives INIT", move->who);
        break;
    case SOAK_ENTER:
        printf("vCPU %u enters the guest", move->who);
        if (move->b)
            printf("; line %u changes before it takes the lock", (move->b - 1) % REFERENCE_PINS);
        break;
    case SOAK_DELIVER:
        printf("vCPU %u receives what can be delivered", move->who);
        break;
    default:
        printf("vCPU %u writes its EOI register", move->who);
        break;
    }
}

void soak_print(const struct soak_walk *walk) {
    printf("%u vCPUs, an I/O APIC of version %s%s%s\n", walk->start.cpus,
           walk->start.version20 ? "20H" : "11H",
           walk->start.storm ? ", storm control near its limit" : "",
           walk->start.software ? ", delivery in software" : "");
    for (unsigned i = 0; i < walk->length; i++) {
        printf("%4u. ", i + 1);
        print_sentence(&walk->move[i]);
        printf("\n");
    }
    printf("Again: soak replay %x.%x.%x.%x", walk->start.cpus, walk->start.version20,
           walk->start.storm, walk->start.software);
    for (unsigned i = 0; i < walk->length; i++) {
        const struct soak_move *move = &walk->move[i];
        printf(" %s.%x.%x.%x", name[move->kind], move->who, move->a, move->b);
    }
    printf("\n");
}

static bool read_move(struct soak_move *move, const char *word) {
    char which[16];
    unsigned who, a, b;

    if (sscanf(word, "%15[a-z].%x.%x.%x", which, &who, &a, &b) != 4)
        return false;
    for (unsigned kind = 0; kind < SOAK_KINDS; kind++) {
        if (strcmp(name[kind], which) != 0)
            continue;
        *move = (struct soak_move){(uint8_t)kind, (uint8_t)who, 0, a, b};
        return who < (kind == SOAK_LINE ? REFERENCE_PINS : REFERENCE_CPUS) &&
               (kind != SOAK_WRITE || a < 2 * REFERENCE_PINS);
    }
    return false;
}

bool soak_read(struct soak_walk *walk, char **words, int count) {
    unsigned cpus, version20, storm, software;

    if (count < 1 || count - 1 > SOAK_WALK_MOVES ||
        sscanf(words[0], "%x.%x.%x.%x", &cpus, &version20, &storm, &software) != 4 || !cpus ||
        cpus > REFERENCE_CPUS)
        return false;
    walk->start = (struct soak_start){cpus, version20, storm, software};
    walk->length = (unsigned)count - 1;
    for (int i = 1; i < count; i++) {
        if (!read_move(&walk->move[i - 1], words[i]) || walk->move[i - 1].who >= 24)
            return false;
        if (walk->move[i - 1].kind > SOAK_MESSAGE && walk->move[i - 1].who >= cpus)
            return false;
    }
    return true;
}
