/* The engine that replays the trace of a real run: see trace.h. The log is in memory above
 * __heap_base; everything below is the replay's, so the page can keep and restore it as a whole. */
#include "tools/page/trace.h"

#include <stddef.h>
#include <string.h>

#include "lib/format.h"
#include "tests/lockstep/replay.h"
#include "tests/world.h"

#define LINES_MAX 4096
#define WASM_PAGE 65536
#define TEXT_SIZE 65536

extern unsigned char heap_base __asm__("__heap_base"); /* the linker's: where its data ends */

static struct log run;
static size_t next;
static bool running;
static uint32_t lines[LINES_MAX];
static unsigned line_count;
static char problem[512], buffer[TEXT_SIZE];

void page_line(uint32_t line);
void page_line(uint32_t line) {
    if (running && line_count < LINES_MAX && (!line_count || lines[line_count - 1] != line))
        lines[line_count++] = line;
}

void replay_differs(unsigned line, const char *what) {
    format(problem, sizeof(problem), "line %u: %s", line, what);
    __builtin_trap();
}

/* ---- the log ---- */

bool trace_room(unsigned records) {
    uintptr_t start = ((uintptr_t)&heap_base + 15) & ~(uintptr_t)15;
    size_t end = start + records * sizeof(struct logged);
    size_t pages = (end + WASM_PAGE - 1) / WASM_PAGE, has = __builtin_wasm_memory_size(0);

    if (pages > has && __builtin_wasm_memory_grow(0, pages - has) == (size_t)-1)
        return false;
    run = (struct log){.at = (struct logged *)start, .room = records};
    return true;
}

void trace_log(unsigned cpu, unsigned line, uint32_t event, uint32_t vcpu, uint32_t vector,
               uint32_t pin, uint32_t a_low, uint32_t a_high, uint32_t b_low, uint32_t b_high) {
    if (run.count == run.room)
        return;
    run.at[run.count++] = (struct logged){.record = {.event = (uint8_t)event,
                                                     .vcpu = (uint8_t)vcpu,
                                                     .vector = (uint8_t)vector,
                                                     .pin = (uint8_t)pin,
                                                     .a = (uint64_t)a_high << 32 | a_low,
                                                     .b = (uint64_t)b_high << 32 | b_low},
                                          .cpu = cpu,
                                          .line = line};
    if (cpu >= run.cpus)
        run.cpus = cpu + 1;
}

void trace_begin(unsigned vcpus, unsigned version, bool stale_rescan) {
    run.stale_rescan = stale_rescan;
    run.vcpus = vcpus;
    run.version = version;
    next = 0;
    line_count = 0;
    problem[0] = 0;
    replay_start(&run);
}

void trace_step(void) {
    line_count = 0;
    running = true;
    if (next < run.count)
        replay_step(next++);
    running = false;
}

const char *trace_problem(void) {
    return problem;
}

/* trace_story() has nothing to say about exits: then the terse form, without the time and the
 * guest.
 */
const char *trace_sentence(unsigned index) {
    static char text[256];
    const struct trace_record *record = &run.at[index].record;
    const char *from = text;
    unsigned head = 26;

    if (!trace_story(text, sizeof(text), record, 0)) {
        trace_text(text, sizeof(text), record, 0);
        head = 25;
    }
    for (; head && *from; head--)
        from++;
    while (*from == ' ')
        from++;
    return from;
}

/* ---- the state ---- */

static bool has(const struct vector_set *set, unsigned vector) {
    return vector_set_has(set, (uint8_t)vector);
}

/* [vector, IRR, ISR, TMR, in the PIR, posted pins, front, behind, in the VMCS, exit, stale] */
static void add_vector(struct text *text, unsigned v, unsigned vector) {
    const struct world *world = replay_world();
    const struct vlapic *apic = &world->routing.vcpu[v].apic;
    const struct apic_page *page = &world->page[v];
    unsigned irr = apic_page_has(page, APIC_IRR, (uint8_t)vector);
    unsigned isr = apic_page_has(page, APIC_ISR, (uint8_t)vector);
    unsigned tmr = apic_page_has(page, APIC_TMR, (uint8_t)vector);
    unsigned pir = apic->inbox.pir[vector / 64] >> vector % 64 & 1;
    unsigned posted = apic->inbox.posted_pins[vector];
    unsigned front = apic->tokens.front[vector], behind = apic->tokens.behind[vector];
    unsigned vmcs = has(&world->processor[v].exit_bitmap, vector);
    unsigned exit = has(&apic->map.exit, vector), stale = has(&apic->map.stale, vector);

    if (irr | isr | pir | posted | front | behind | vmcs | exit)
        text_add(text, "[%u,%u,%u,%u,%u,%u,%u,%u,%u,%u,%u],", vector, irr, isr, tmr, pir, posted,
                 front, behind, vmcs, exit, stale);
}

static uint64_t sum(const uint64_t count[VECTOR_COUNT]) {
    uint64_t all = 0;

    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        all += count[vector];
    return all;
}

/* The logical ID: in x2APIC mode it follows from the ID, SDM Vol. 3A, "Deriving Logical x2APIC ID
 * from the Local x2APIC ID". */
static unsigned logical_id(const struct apic_identity *who) {
    return who->mode == APIC_MODE_X2APIC ? (who->id >> 4) << 16 | 1u << (who->id & 15)
                                         : who->logical;
}

static void add_vcpu(struct text *text, unsigned v) {
    const struct world *world = replay_world();
    const struct routing_vcpu *it = &world->routing.vcpu[v];
    int rvi = apic_page_highest(&world->page[v], APIC_IRR);
    int svi = apic_page_highest(&world->page[v], APIC_ISR);

    text_add(text, "{\"guest\":%u,\"rvi\":%u,\"svi\":%u,\"ppr\":%u,\"ldr\":%u,\"outdated\":%u,",
             world->in_guest[v], rvi < 0 ? 0u : (unsigned)rvi, svi < 0 ? 0u : (unsigned)svi,
             processor_ppr(apic_page_read(&world->page[v], APIC_TPR),
                           svi < 0 ? (uint8_t)0 : (uint8_t)svi),
             logical_id(&it->apic.identity), routing_wants_scan(it));
    text_add(text, "\"live\":%u,\"stale\":%u,\"coincidental\":%u,\"vectors\":[",
             (unsigned)sum(it->counters->eoi_live), (unsigned)sum(it->counters->eoi_stale),
             (unsigned)sum(it->counters->eoi_coincidental));
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        add_vector(text, v, vector);
    text_add(text, "0]},");
}

static unsigned targets_of(uint64_t entry) {
    const struct world *world = replay_world();
    unsigned set = 0;

    for (unsigned v = 0; v < run.vcpus; v++) {
        if (destination_of_entry_matches(&world->routing.vcpu[v].apic.identity, entry))
            set |= 1u << v;
    }
    return set;
}

static void add_pin(struct text *text, unsigned p) {
    const struct vioapic *io = &replay_world()->routing.ioapic;
    uint64_t entry = io->entry[p];

    text_add(text, "{\"line\":%u,\"vector\":%u,\"level\":%u,\"masked\":%u,\"logical\":%u,",
             io->line >> p & 1, rte_vector(entry), (entry & RTE_LEVEL) != 0,
             (entry & RTE_MASKED) != 0, (entry & RTE_LOGICAL) != 0);
    text_add(text, "\"lowest\":%u,\"destination\":%u,\"remoteIrr\":%u,\"edgePending\":%u,",
             apic_delivery_mode(entry) == APIC_DELIVERY_LOWEST_PRIORITY, rte_destination(entry),
             (entry & RTE_REMOTE_IRR) != 0, io->edge_pending >> p & 1);
    text_add(text, "\"deferred\":%u,\"orphan\":0,\"targets\":%u},", io->deferred >> p & 1,
             targets_of(entry));
}

const char *trace_state(void) {
    struct text text = {.out = buffer, .size = sizeof(buffer)};

    text_add(&text, "{\"vcpu\":[");
    for (unsigned v = 0; v < run.vcpus; v++)
        add_vcpu(&text, v);
    text_add(&text, "0],\"pin\":[");
    for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++)
        add_pin(&text, p);
    text_add(&text, "0]}");
    return buffer;
}

/* ---- for the timeline ---- */

const uint32_t *trace_lanes(void) {
    static uint32_t lanes[5];
    const struct world *world = replay_world();

    lanes[0] = world->routing.ioapic.line;
    lanes[1] = lanes[2] = lanes[3] = lanes[4] = 0;
    for (unsigned p = 0; p < IOAPIC_PIN_COUNT; p++)
        lanes[1] |= (uint32_t)((world->routing.ioapic.entry[p] & RTE_REMOTE_IRR) != 0) << p;
    for (unsigned v = 0; v < run.vcpus; v++) {
        lanes[2] |= (uint32_t)world->in_guest[v] << v;
        lanes[3] |= (uint32_t)(apic_page_highest(&world->page[v], APIC_ISR) >= 0) << v;
        lanes[4] |= (uint32_t)!vector_set_is_empty(&world->routing.vcpu[v].apic.map.stale) << v;
    }
    return lanes;
}

unsigned trace_line_count(void) {
    return line_count;
}

const uint32_t *trace_lines(void) {
    return lines;
}
