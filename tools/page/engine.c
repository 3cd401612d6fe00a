/* The engine of the page: see engine.h. It adds nothing to the model but words: the moves, the
 * processor and the checks are those of tests/model/, and the code that moves run is the
 * hypervisor's. Read next: tests/model/moves.h, json.c. */
#include "tools/page/engine.h"

#include "tests/model/bounds.h"
#include "tests/model/sentence.h"
#include "tests/model/start.h"
#include "tests/model/world.h"
#include "tools/page/json.h"

#define LINES_MAX 4096

static const struct bound *bound;
static bool rescan = true;
static struct trace_ring ring;
static uint32_t lines[LINES_MAX];
static unsigned line_count;

/* lines.awk puts calls of it into the production code. */
void page_line(uint32_t line);
void page_line(uint32_t line) {
    if (world.moving && line_count < LINES_MAX && (!line_count || lines[line_count - 1] != line))
        lines[line_count++] = line;
}

static void forget(void) {
    world.violated = -1;
    world.what = "";
    ring.count = 0;
    line_count = 0;
    for (unsigned v = 0; v < MODEL_VCPUS; v++)
        world.vm.routing.counters[v] = (struct routing_counters){0};
}

void engine_init(void) {
    moves_init();
    engine_start(0);
}

void engine_start(unsigned index) {
    bound = start_free(&bounds[index < bound_count ? index : 0]);
    world.vm.routing.stale_rescan = rescan;
    forget();
}

void engine_set_rescan(bool on) {
    rescan = on;
    world.vm.routing.stale_rescan = on;
}

void engine_set_software(bool on) {
    model_software = on;
}

bool engine_apply(unsigned move) {
    if (move >= move_count || !move_is_possible(&world.now, move, bound))
        return false;
    forget();
    world.trace = &ring;
    move_apply(move);
    world.trace = NULL;
    return true;
}

const char *engine_sentence(unsigned move) {
    return move < move_count ? move_sentence(&world.now, &move_table[move]) : "";
}

const char *engine_describe(void) {
    return json_describe();
}

const char *engine_state(void) {
    return json_state(&world.now);
}

void *engine_bytes(void) {
    return &world.now;
}

const uint32_t *engine_possible(void) {
    static uint32_t words[2];
    uint64_t possible = moves_possible(&world.now, bound);

    words[0] = (uint32_t)possible;
    words[1] = (uint32_t)(possible >> 32);
    return words;
}

const char *engine_happened(void) {
    return json_happened(&ring, world.vm.routing.counters, world.violated, world.what);
}

unsigned engine_line_count(void) {
    return line_count;
}

const uint32_t *engine_lines(void) {
    return lines;
}
