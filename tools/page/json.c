/* JSON for the page: see json.h. A set of vectors is a number, bit k for vector k; "pins by vector"
 * is a list of sets of pins. */
#include "tools/page/json.h"

#include "lib/format.h"
#include "tests/model/bounds.h"
#include "tests/model/world.h"
#include "tests/processor.h"

#define TEXT_SIZE 65536

static char buffer[TEXT_SIZE];
static struct text text;

/* ---- parts of JSON ---- */

static void begin(void) {
    text = (struct text){.out = buffer, .size = sizeof(buffer)};
}

static void add_number(const char *name, unsigned value) {
    text_add(&text, "\"%s\":%u,", name, value);
}

/* Ends an object or a list, whose last member has left a comma. */
static void end(char bracket) {
    if (text.length && buffer[text.length - 1] == ',')
        text.length--;
    text_add(&text, "%s,", (char[]){bracket, 0});
}

static const char *finish(void) {
    end('}');
    buffer[--text.length] = 0;
    return buffer;
}

static void add_string(const char *value) {
    text_add(&text, "\"");
    for (; *value; value++)
        text_add(&text, *value == '"' || *value == '\\' ? "\\%s" : "%s", (char[]){*value, 0});
    text_add(&text, "\",");
}

/* ---- what does not change ---- */

static void describe_bound(const struct bound *bound) {
    text_add(&text, "{\"name\":\"%s\",\"start\":\"%s\"},", bound->name, bound->start);
}

const char *json_describe(void) {
    static const char *const phase[PHASE_COUNT] = {
        [PHASE_GUEST] = "guest",     [PHASE_OUT] = "out",         [PHASE_TAKEN] = "taken",
        [PHASE_SYNCED] = "synced",   [PHASE_MUST_SCAN] = "scan",  [PHASE_SCANNED] = "scanned",
        [PHASE_WRITTEN] = "written", [PHASE_READY] = "ready",     [PHASE_EOI] = "eoi",
        [PHASE_RETIRED] = "retired", [PHASE_RENAMED] = "renamed",
    };

    begin();
    text_add(&text, "{\"vectors\":[");
    for (unsigned k = 0; k < MODEL_VECTORS; k++)
        text_add(&text, "%u,", model_vector[k]);
    end(']');
    text_add(&text, "\"moves\":[");
    for (unsigned i = 0; i < move_count && i < MOVE_SET; i++)
        add_string(move_name(i));
    end(']');
    text_add(&text, "\"phases\":[");
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        add_string(phase[i]);
    end(']');
    text_add(&text, "\"bounds\":[");
    for (unsigned i = 0; i < bound_count; i++)
        describe_bound(&bounds[i]);
    end(']');
    return finish();
}

/* ---- the state ---- */

static unsigned vector_of(unsigned index) {
    return index ? model_vector[(index - 1) % MODEL_VECTORS] : 0;
}

static void add_pins(const char *name, unsigned pins_by_vector) {
    text_add(&text, "\"%s\":[", name);
    for (unsigned k = 0; k < MODEL_VECTORS; k++)
        text_add(&text, "%u,", state_pins_of(pins_by_vector, k));
    end(']');
}

static void add_vcpu(const struct state *state, unsigned v) {
    const struct cpu_state *s = &state->vcpu[v];

    text_add(&text, "{");
    add_number("irr", s->irr);
    add_number("isr", s->isr);
    add_number("tmr", s->tmr);
    add_number("ppr", processor_ppr(0, (uint8_t)vector_of(s->svi)));
    add_number("rvi", vector_of(s->rvi));
    add_number("svi", vector_of(s->svi));
    add_number("vmcs", s->vmcs_exit);
    add_number("exit", s->exit);
    add_number("stale", s->stale);
    add_number("routed", state_routed(state, v));
    add_number("inflight", s->inflight);
    add_pins("front", s->front);
    add_pins("behind", s->behind);
    add_number("pir", s->pir);
    add_pins("posted", s->posted_pins);
    add_number("outdated", s->outdated);
    add_number("requests", s->requests);
    add_number("kick", s->kick);
    add_number("ldr", 1u << (v ^ s->other_ldr));
    add_number("phase", s->phase);
    add_number("changed", s->changed);
    add_number("eoi", s->phase == PHASE_EOI || s->phase == PHASE_RETIRED
                          ? model_vector[s->eoi % MODEL_VECTORS]
                          : 0);
    add_number("retired", s->pins);
    add_number("rescan", s->rescan);
    end('}');
}

static void add_pin(const struct state *state, unsigned p) {
    const struct pin_state *pin = &state->pin[p];

    text_add(&text, "{");
    add_number("line", pin->line);
    add_number("vector", model_vector[pin->vector % MODEL_VECTORS]);
    add_number("level", pin->level);
    add_number("masked", pin->masked);
    add_number("logical", pin->logical);
    add_number("lowest", pin->lowest);
    add_number("destination", pin->destination);
    add_number("remoteIrr", pin->remote_irr);
    add_number("edgePending", pin->edge_pending);
    add_number("deferred", pin->deferred);
    add_number("orphan", pin->orphan);
    add_number("targets", state_targets(state, p));
    end('}');
}

const char *json_state(const struct state *state) {
    begin();
    text_add(&text, "{");
    add_number("software", world.software);
    text_add(&text, "\"vcpu\":[");
    for (unsigned v = 0; v < MODEL_VCPUS; v++)
        add_vcpu(state, v);
    end(']');
    text_add(&text, "\"pin\":[");
    for (unsigned p = 0; p < MODEL_PINS; p++)
        add_pin(state, p);
    end(']');
    text_add(&text, "\"left\":{");
    add_number("lines", state->left.lines);
    add_number("writes", state->left.writes);
    add_number("ipis", state->left.ipis);
    add_number("ldrs", state->left.ldrs);
    end('}');
    return finish();
}

/* ---- what has happened ---- */

/* trace_story() begins with the time, which is always 0, and whose event it is. */
static void add_event(const struct trace_record *record) {
    static char sentence[256];
    const char *from = sentence;

    if (!trace_story(sentence, sizeof(sentence), record, 0))
        return;
    for (unsigned i = 0; i < 26 && *from; i++)
        from++;
    while (*from == ' ')
        from++;
    text_add(&text, "{");
    add_number("event", record->event);
    if (record->vcpu != TRACE_NO_VCPU)
        add_number("vcpu", record->vcpu);
    if (record->pin != TRACE_NO_PIN)
        add_number("pin", record->pin);
    add_number("vector", record->vector);
    add_number("repeats", record->repeats);
    text_add(&text, "\"says\":");
    add_string(from);
    end('}');
}

static void add_counts(const char *name, const struct routing_counters *counters, size_t offset) {
    text_add(&text, "\"%s\":[", name);
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const uint64_t *count = (const uint64_t *)((const char *)&counters[v] + offset);
        text_add(&text, "[");
        for (unsigned k = 0; k < MODEL_VECTORS; k++)
            text_add(&text, "%u,", (unsigned)count[model_vector[k]]);
        end(']');
    }
    end(']');
}

const char *json_happened(const struct trace_ring *ring, const struct routing_counters *counters,
                          int violated, const char *what) {
    begin();
    text_add(&text, "{\"events\":[");
    for (uint64_t i = trace_first(ring); i < ring->count; i++)
        add_event(&ring->record[i % TRACE_RING_RECORDS]);
    end(']');
    add_counts("live", counters, offsetof(struct routing_counters, eoi_live));
    add_counts("stale", counters, offsetof(struct routing_counters, eoi_stale));
    add_counts("coincidental", counters, offsetof(struct routing_counters, eoi_coincidental));
    if (violated >= 0) {
        text_add(&text, "\"violated\":%d,\"what\":", violated);
        add_string(what);
    }
    return finish();
}
