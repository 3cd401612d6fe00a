/* The card of results: see card.h. */
#include "guest/scorecard/card.h"

#include <stdarg.h>

#include "guest/lib/console.h"
#include "guest/lib/instructions.h"
#include "guest/lib/ioapic.h"
#include "lib/format.h"
#include "lib/version.h"

#define COLUMNS    80
#define ROWS       25
#define SCREEN     0xb8000ULL
#define GREY       0x07
#define HYPERVISOR (1u << 31) /* CPUID.1:ECX */
#define LEAF_NAME  0x40000000u
#define LEAF_BRAND 0x80000002u /* and the next two */

static char card[ROWS * (COLUMNS + 1)];
static struct text text = {card, sizeof card, 0};

void card_line(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    text_add_va(&text, fmt, args);
    va_end(args);
    text_add(&text, "\n");
}

/* ---- what was tested ---- */

/* Four characters for each register; what cannot be printed ends the name. */
static void append(char *to, uint32_t *length, uint32_t reg) {
    for (unsigned i = 0; i < 4; i++) {
        char c = (char)(reg >> 8 * i);
        if (c >= ' ' && c <= '~' && (*length || c != ' '))
            to[(*length)++] = c;
    }
}

static void hypervisor_name(char name[13]) {
    uint32_t length = 0;
    if (cpuid(1, 0).ecx & HYPERVISOR) {
        struct cpuid leaf = cpuid(LEAF_NAME, 0);
        append(name, &length, leaf.ebx);
        append(name, &length, leaf.ecx);
        append(name, &length, leaf.edx);
    }
    name[length] = 0;
}

bool card_hypervisor_is(const char *name) {
    char own[13];
    hypervisor_name(own);
    uint32_t i = 0;
    while (own[i] && own[i] == name[i])
        i++;
    return own[i] == name[i];
}

static void brand(char name[49]) {
    uint32_t length = 0;
    for (uint32_t leaf = LEAF_BRAND; leaf < LEAF_BRAND + 3; leaf++) {
        struct cpuid part = cpuid(leaf, 0);
        append(name, &length, part.eax);
        append(name, &length, part.ebx);
        append(name, &length, part.ecx);
        append(name, &length, part.edx);
    }
    name[length] = 0;
}

void card_begin(const char *modes, const char *lines) {
    char hypervisor[13], processor[49];
    hypervisor_name(hypervisor);
    brand(processor);
    card_line("PINWHEEL SCORECARD " PINWHEEL_VERSION "  hypervisor: %s",
              hypervisor[0] ? hypervisor : "none that CPUID names");
    card_line("%s", processor);
    card_line("%s  I/O APIC version %xH  lines: %s", modes, ioapic_read(IOAPIC_REG_VERSION) & 0xff,
              lines);
}

/* ---- the rows ---- */

static const char *verdict(const struct card_row *row) {
    if (row->counts.failed)
        return row->open ? "open" : "FAIL";
    return row->counts.passed ? "ok" : "-";
}

static void add_row(const struct card_row *row) {
    char score[12];
    format(score, sizeof score, "%u/%u", row->counts.passed,
           row->counts.passed + row->counts.failed);
    text_add(&text, "%2s %-22s %7s %-4s", row->number, row->name, score, verdict(row));
}

void card_rows(const struct card_row *rows, uint32_t count) {
    uint32_t half = (count + 1) / 2;
    for (uint32_t i = 0; i < half; i++) {
        add_row(&rows[i]);
        if (half + i < count) {
            text_add(&text, "  ");
            add_row(&rows[half + i]);
        }
        text_add(&text, "\n");
    }
}

void card_sum(const struct card_row *rows, uint32_t count) {
    struct report_counts all = report_counts();
    uint32_t open = 0;
    for (uint32_t i = 0; i < count; i++)
        open += rows[i].open ? rows[i].counts.failed : 0;
    card_line("%u of %u passed, %u failed, %u more where the manuals are open, %u skipped",
              all.passed, all.passed + all.failed, all.failed - open, open, all.skipped);
}

/* ---- the end ---- */

/* FNV-1a over all characters but blanks, which a copy of a screen may have changed. */
static uint32_t checksum(void) {
    uint32_t hash = 2166136261u;
    for (const char *c = card; *c; c++) {
        if (*c > ' ')
            hash = (hash ^ (uint8_t)*c) * 16777619u;
    }
    return hash;
}

static void show_on_text_screen(void) {
    volatile uint16_t *cell = (volatile uint16_t *)SCREEN;
    const char *c = card;
    for (unsigned row = 0; row < ROWS; row++) {
        bool ended = false;
        for (unsigned column = 0; column < COLUMNS; column++) {
            ended = ended || *c == '\n' || !*c;
            cell[row * COLUMNS + column] = (uint16_t)(GREY << 8 | (ended ? ' ' : *c++));
        }
        if (*c == '\n')
            c++;
    }
}

void card_end(void) {
    card_line("checksum %08x", checksum());
    for (const char *line = card; *line;) {
        char one[COLUMNS + 1];
        uint32_t length = 0;
        while (line[length] && line[length] != '\n' && length < COLUMNS) {
            one[length] = line[length];
            length++;
        }
        one[length] = 0;
        print("%s\n", one);
        line += length;
        if (*line == '\n')
            line++;
    }
    if (!card_hypervisor_is("PinwheelVMM"))
        show_on_text_screen();
}
