/* Prints the path to a state as a story: see story.h. Each move is a sentence, and below it are the
 * events that the production code has traced meanwhile. */
#include "tests/model/story.h"

#include <stdio.h>
#include <string.h>

#include "tests/model/sentence.h"
#include "tests/model/start.h"
#include "tests/model/world.h"

static struct trace_ring ring;

static void print_trace(void) {
    char text[256];

    for (uint64_t i = trace_first(&ring); i < ring.count; i++) {
        trace_text(text, sizeof(text), &ring.record[i % TRACE_RING_RECORDS], 0);
        const char *from = strstr(text, "guest 0 "); /* after the time, which is always 0 */
        printf("         %s\n", from ? from + 8 : text);
    }
}

static void print_set(const char *name, unsigned set) {
    printf("  %s {", name);
    for (unsigned k = 0; k < MODEL_VECTORS; k++) {
        if (set >> k & 1)
            printf(" %#x", model_vector[k]);
    }
    printf(" }");
}

static void print_state(const struct state *state) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *s = &state->vcpu[v];
        printf("  vCPU %u:", v);
        print_set("IRR", s->irr);
        print_set("ISR", s->isr);
        print_set("tokens", s->inflight);
        print_set("exit", s->exit);
        print_set("stale", s->stale);
        print_set("in the VMCS", s->vmcs_exit);
        print_set("owed", state_vectors_of(s->ref_posted | s->ref_waiting | s->ref_served));
        printf("%s%s%s\n", s->outdated ? "  scan due" : "", s->requests ? "  requests" : "",
               s->kick ? "  kick" : "");
        printf("%s", s->on ? "          ON is set\n" : "");
    }
    for (unsigned p = 0; p < MODEL_PINS; p++) {
        const struct pin_state *pin = &state->pin[p];
        printf("  entry %u: %#x to %s %u, %s%s%s%s, line %s\n", p, model_vector[pin->vector],
               pin->logical ? "logical" : "physical", pin->destination,
               pin->level ? "level" : "edge", pin->lowest ? ", lowest priority" : "",
               pin->masked ? ", masked" : "", pin->remote_irr ? ", Remote IRR" : "",
               pin->line ? "high" : "low");
    }
}

void story_tell(const struct bound *bound, const uint8_t *path, unsigned length) {
    bound = start_free(bound);
    printf("The start of bound \"%s\":\n", bound->name);
    print_state(&world.now);
    world.violated = -1;
    world.trace = &ring;
    for (unsigned i = 0; i < length; i++) {
        const struct state before = world.now;
        if (!move_is_possible(&before, path[i], bound)) {
            printf("%4u. (%s is not possible here: the path ends)\n", i + 1, move_name(path[i]));
            break;
        }
        ring.count = 0;
        printf("%4u. %s\n", i + 1, move_sentence(&before, &move_table[path[i]]));
        move_apply(path[i]);
        print_trace();
    }
    world.trace = NULL;
    printf("Then:\n");
    print_state(&world.now);
    if (world.violated >= 0)
        printf("This violates invariant %d: %s.\n", world.violated, world.what);
    printf("Again: model %sreplay %s",
           world.software    ? "software "
           : world.vm.posted ? "posted "
                             : "",
           bound->name);
    for (unsigned i = 0; i < length; i++)
        printf(" %s", move_name(path[i]));
    printf("\n");
}
