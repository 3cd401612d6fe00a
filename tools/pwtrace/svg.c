/* NAME.svg: a timing figure, for a page or a book.
 *
 * A column is a record that changes a signal which is shown, or one of the events that need a
 * sentence; the records between them are left out, so the axis has no scale. The sentences stand
 * below the figure, with the numbers of the records. Its colors follow the reader's preference for
 * light or dark. */
#include <string.h>

#include "tools/pwtrace/outputs.h"
#include "tools/pwtrace/state.h"

#define COLUMNS_MAX   120
#define LABEL_WIDTH   170
#define WIDTH_MIN     760
#define ROW           22 /* height of a row; a wave takes WAVE of it */
#define WAVE          14
#define LINE_HEIGHT   17
#define SENTENCE_SIZE 512

struct column {
    size_t number; /* of the record, from 1 */
    bool has_sentence;
    bool value[SIGNALS]; /* after the record */
};

static struct column columns[COLUMNS_MAX];
static unsigned column_count;
static bool before[SIGNALS], initial[SIGNALS], changes[SIGNALS];
static size_t first, last, last_shown;
static bool is_full;

static const char style[] =
    "<style>\n"
    "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}\n"
    ".b{fill:#fff}.n{font-size:11px;fill:#57606a}.g{font-weight:600}\n"
    ".l{stroke:#d0d7de}.m{stroke:#57606a;stroke-dasharray:2 3}\n"
    ".w{fill:none;stroke-width:1.5}\n"
    ".w0{stroke:#0550ae}.w1{stroke:#8250df}.w2{stroke:#57606a}\n"
    ".w3{stroke:#9a6700}.w4{stroke:#1a7f37}.w5{stroke:#cf222e}.w6{stroke:#0550ae}\n"
    ".f{opacity:.16}.f0,.f6{fill:#0550ae}.f1{fill:#8250df}.f2{fill:#57606a}\n"
    ".f3{fill:#9a6700}.f4{fill:#1a7f37}.f5{fill:#cf222e}\n"
    ".s{fill:#bc4c00;opacity:.75}\n"
    "@media (prefers-color-scheme:dark){\n"
    "text{fill:#e6edf3}.b{fill:#0d1117}.n{fill:#9198a1}.l{stroke:#30363d}.m{stroke:#9198a1}\n"
    ".w0,.w6{stroke:#79c0ff}.w1{stroke:#d2a8ff}.w2{stroke:#9198a1}\n"
    ".w3{stroke:#e3b341}.w4{stroke:#56d364}.w5{stroke:#ff7b72}\n"
    ".f{opacity:.22}.f0,.f6{fill:#79c0ff}.f1{fill:#d2a8ff}.f2{fill:#9198a1}\n"
    ".f3{fill:#e3b341}.f4{fill:#56d364}.f5{fill:#ff7b72}\n"
    ".s{fill:#ffa657}}\n"
    "</style>\n";

/* ---- collecting the columns ---- */

static bool needs_sentence(const struct trace_record *record) {
    switch (record->event) {
    case TRACE_RTE_WRITE:
        return record->a != record->b;
    case TRACE_DELIVER:
    case TRACE_SCAN_STALE:
    case TRACE_SCAN_ROUTED:
    case TRACE_EOI_LIVE:
    case TRACE_EOI_STALE:
    case TRACE_EOI_COINCIDENTAL:
    case TRACE_ORPHANED:
    case TRACE_RESCAN:
    case TRACE_DROPPED:
    case TRACE_DEFERRED:
        return true;
    default:
        return false;
    }
}

void svg_begin(const struct world *world, size_t from, size_t to) {
    column_count = 0;
    is_full = false;
    first = from;
    last = last_shown = to;
    for (unsigned i = 0; i < SIGNALS; i++) {
        before[i] = state_signal(world, i);
        changes[i] = false;
    }
    memcpy(initial, before, sizeof(initial));
}

void svg_record(const struct guest *guest, size_t number, const struct world *world) {
    static bool now[SIGNALS];
    bool is_inside = number + 1 >= first && number + 1 <= last && !is_full;
    bool is_column = needs_sentence(&guest->log.at[number].record);

    for (unsigned i = 0; i < SIGNALS; i++) {
        now[i] = state_signal(world, i);
        is_column |= now[i] != before[i];
    }
    if (number + 1 < first)
        memcpy(initial, now, sizeof(now));
    if (is_inside && is_column && column_count == COLUMNS_MAX) {
        is_full = true;
        last_shown = number;
    } else if (is_inside && is_column) {
        struct column *column = &columns[column_count++];
        column->number = number + 1;
        column->has_sentence = needs_sentence(&guest->log.at[number].record);
        memcpy(column->value, now, sizeof(now));
        for (unsigned i = 0; i < SIGNALS; i++)
            changes[i] |= now[i] != before[i];
    }
    memcpy(before, now, sizeof(now));
}

/* ---- drawing ---- */

static unsigned column_width, width, wave_top;

static unsigned column_x(unsigned column) {
    return LABEL_WIDTH + column_width * (column + 1);
}

static void write_escaped(FILE *file, const char *text) {
    for (; *text; text++) {
        if (*text == '&' || *text == '<' || *text == '>')
            fprintf(file, "&#%d;", *text);
        else
            fputc(*text, file);
    }
}

/* An area for each time in which the signal is high. */
static void write_areas(FILE *file, unsigned signal, const char *class, unsigned y) {
    unsigned since = initial[signal] ? LABEL_WIDTH : 0;

    for (unsigned i = 0; i <= column_count; i++) {
        bool value = i < column_count && columns[i].value[signal];
        unsigned x = column_x(i);
        if (value && !since)
            since = x;
        if (!value && since) {
            fprintf(file, "<rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%d\"/>\n",
                    class, since, y, x - since, WAVE);
            since = 0;
        }
    }
}

static void write_wave(FILE *file, unsigned signal, unsigned color, unsigned y) {
    char class[8];
    bool value = initial[signal];

    snprintf(class, sizeof(class), "f f%u", color);
    write_areas(file, signal, class, y);
    fprintf(file, "<path class=\"w w%u\" d=\"M%d %d", color, LABEL_WIDTH,
            (int)y + (value ? 0 : WAVE));
    for (unsigned i = 0; i < column_count; i++) {
        if (columns[i].value[signal] == value)
            continue;
        value = !value;
        fprintf(file, "H%uV%d", column_x(i), (int)y + (value ? 0 : WAVE));
    }
    fprintf(file, "H%u\"/>\n", column_x(column_count));
}

/* The rows, from the top down. With file NULL they are only counted. */
static unsigned rows;

static void write_row(FILE *file, const char *label, unsigned signal, unsigned color) {
    unsigned y = wave_top + rows++ * ROW;

    if (!file)
        return;
    fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LABEL_WIDTH - 8,
            y + WAVE - 2, label);
    write_wave(file, signal, color, y);
}

static void write_heading(FILE *file, const char *what, unsigned which) {
    unsigned y = wave_top + rows++ * ROW;

    if (file)
        fprintf(file,
                "<path class=\"l\" d=\"M8 %uH%u\"/><text class=\"g\" x=\"8\" y=\"%d\">%s "
                "%u</text>\n",
                y - 3, width - 8, y + WAVE - 1, what, which);
}

static bool is_ever_high(unsigned signal) {
    return initial[signal] || changes[signal];
}

static void write_pin(FILE *file, unsigned pin) {
    unsigned line = signal_of_pin(pin, PIN_LINE), remote_irr = signal_of_pin(pin, PIN_REMOTE_IRR);
    unsigned masked = signal_of_pin(pin, PIN_MASKED);

    if (!changes[line] && !changes[remote_irr])
        return;
    write_heading(file, "pin", pin);
    write_row(file, "line", line, 0);
    write_row(file, "Remote IRR", remote_irr, 1);
    if (changes[masked])
        write_row(file, "masked", masked, 2);
}

static void write_vector(FILE *file, unsigned vcpu, unsigned vector) {
    static const char *const name[] = {"IRR", "ISR", "EOI exits", "", "in flight"};
    static const unsigned color[] = {3, 4, 5, 5, 6};
    unsigned signal = signal_of_vector(vcpu, vector, VECTOR_IRR);
    bool is_shown = false;
    char label[32];

    for (unsigned bit = 0; bit < VECTOR_BITS; bit++)
        is_shown |= changes[signal + bit];
    if (!is_shown)
        return;
    for (unsigned bit = 0; bit < VECTOR_BITS; bit++) {
        if (bit == VECTOR_STALE || !is_ever_high(signal + bit))
            continue;
        snprintf(label, sizeof(label), "0x%02x %s", vector, name[bit]);
        write_row(file, label, signal + bit, color[bit]);
        if (file && bit == VECTOR_EXIT)
            write_areas(file, signal + VECTOR_STALE, "s", wave_top + (rows - 1) * ROW);
    }
}

static void write_vcpu(FILE *file, unsigned vcpu) {
    bool is_shown = false;

    for (unsigned i = 0; i < VCPU_SIGNALS; i++)
        is_shown |= changes[PIN_SIGNALS + vcpu * VCPU_SIGNALS + i];
    if (!is_shown)
        return;
    write_heading(file, "vCPU", vcpu);
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        write_vector(file, vcpu, vector);
}

static void write_rows(FILE *file, const struct guest *guest) {
    rows = 0;
    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        write_pin(file, pin);
    for (unsigned vcpu = 0; vcpu < guest->log.vcpus; vcpu++)
        write_vcpu(file, vcpu);
}

/* The numbers of the records with a sentence, above; neighbors in two lines, to keep them apart. */
static void write_marks(FILE *file, unsigned bottom) {
    unsigned level = 0;

    for (unsigned i = 0; i < column_count; i++) {
        if (!columns[i].has_sentence)
            continue;
        unsigned y = wave_top - 10 - 12 * (level++ % 3);
        fprintf(file,
                "<path class=\"m\" d=\"M%u %uV%u\"/><text class=\"n\" text-anchor=\"middle\" "
                "x=\"%u\" y=\"%u\">%zu</text>\n",
                column_x(i), y + 2, bottom, column_x(i), y, columns[i].number);
    }
}

/* The sentence without its number and with single blanks; a colon after "pin N" or "vCPU N". */
static char *sentence_of(char *line) {
    char *out = line, *word;

    strtok(line, " ");
    for (unsigned words = 0; (word = strtok(NULL, " ")); words++) {
        size_t length = strlen(word);
        if (words)
            *out++ = ' ';
        memmove(out, word, length);
        out += length;
        if (words == 1)
            *out++ = ':';
    }
    *out = 0;
    return line;
}

/* Writes a sentence, in as many lines as it needs. With file NULL the lines are only counted. */
static unsigned write_sentence(FILE *file, const struct guest *guest, size_t number, unsigned y) {
    struct trace_record record = guest->log.at[number - 1].record;
    char line[SENTENCE_SIZE];
    unsigned lines = 0, in_line = (width - 80) * 2 / 13 /* 6.5 for a character */;

    record.time = number;
    if (!trace_story(line, sizeof(line), &record, 0))
        return 0;
    char *at = sentence_of(line);
    if (file)
        fprintf(file, "<text class=\"n\" x=\"48\" y=\"%u\" text-anchor=\"end\">%zu</text>\n", y,
                number);
    while (*at) {
        size_t length = strlen(at);
        if (length > in_line) {
            length = in_line;
            while (length > 1 && at[length] != ' ')
                length--;
        }
        if (file) {
            fprintf(file, "<text x=\"56\" y=\"%u\">", y + lines * LINE_HEIGHT);
            char end = at[length];
            at[length] = 0;
            write_escaped(file, at);
            at[length] = end;
            fprintf(file, "</text>\n");
        }
        lines++;
        at += length;
        at += strspn(at, " ");
    }
    return lines;
}

static unsigned write_sentences(FILE *file, const struct guest *guest, unsigned top) {
    unsigned lines = 0;

    for (unsigned i = 0; i < column_count; i++) {
        if (columns[i].has_sentence)
            lines += write_sentence(file, guest, columns[i].number, top + lines * LINE_HEIGHT);
    }
    return lines;
}

static void write_caption(FILE *file, const struct guest *guest) {
    fprintf(file, "Guest ");
    write_escaped(file, guest->name);
    fprintf(file, ": records %zu to %zu of %zu", first, last_shown, guest->log.count);
    if (is_full)
        fprintf(file, "; %zu to %zu do not fit in one figure", last_shown + 1, last);
}

static void write_start(FILE *file, unsigned height) {
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 %u %u\" "
            "width=\"%u\" height=\"%u\">\n%s<rect class=\"b\" width=\"%u\" height=\"%u\"/>\n",
            width, height, width, height, style, width, height);
}

void svg_write_loss(FILE *file, const char *loss) {
    width = WIDTH_MIN;
    write_start(file, 2 * ROW);
    fprintf(file, "<text x=\"8\" y=\"18\">");
    write_escaped(file, loss);
    fprintf(file, "</text>\n</svg>\n");
}

void svg_write(FILE *file, const struct guest *guest) {
    column_width = column_count ? 560 / column_count : 560;
    column_width = column_width < 16 ? 16 : column_width > 40 ? 40 : column_width;
    unsigned waves = column_x(column_count) + 24;
    width = waves < WIDTH_MIN ? WIDTH_MIN : waves;
    wave_top = 68;
    write_rows(NULL, guest);
    unsigned bottom = wave_top + rows * ROW, top = bottom + 24;
    unsigned height = top + write_sentences(NULL, guest, top) * LINE_HEIGHT + 4;

    write_start(file, height);
    fprintf(file, "<title>");
    write_caption(file, guest);
    fprintf(file, "</title>\n");
    fprintf(file, "<text class=\"g\" x=\"8\" y=\"18\">");
    write_caption(file, guest);
    fprintf(file,
            "</text>\n<rect class=\"s\" x=\"%u\" y=\"8\" width=\"14\" height=\"12\"/>"
            "<text x=\"%u\" y=\"18\">EOI-exit bit is stale</text>\n",
            width - 160, width - 140);
    write_marks(file, bottom);
    write_rows(file, guest);
    write_sentences(file, guest, top);
    fprintf(file, "</svg>\n");
}
