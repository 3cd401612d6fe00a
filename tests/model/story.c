/* Prints the path to a state as a story: see story.h. Each move is a sentence, and below it are the
 * events that the production code has traced meanwhile. */
#include "tests/model/story.h"

#include <stdio.h>
#include <string.h>

#include "tests/model/explore.h"
#include "tests/model/world.h"

static struct trace_ring ring;

static const char *const step_text[PHASE_COUNT] = {
    [PHASE_OUT] = "arms and takes its requests",
    [PHASE_TAKEN] = "accepts what was posted",
    [PHASE_SYNCED] = "compares the generation with that of its last scan",
    [PHASE_MUST_SCAN] = "takes the lock, accepts once more, and scans",
    [PHASE_SCANNED] = "writes the changed EOI-exit words to the VMCS",
    [PHASE_WRITTEN] = "writes RVI and SVI to the VMCS",
    [PHASE_READY] = "enters the guest",
    [PHASE_EOI] = "handles the EOI-induced exit: retires its tokens",
    [PHASE_RETIRED] =
        "takes the lock, sends the EOI to the I/O APIC, and requests a scan if one is due",
    [PHASE_RENAMED] = "takes the lock and requests scans of all vCPUs because of its new LDR",
};

static const char *const write_text[WRITE_COUNT] = {
    [WRITE_DESTINATION_0] = "its destination, now 0",
    [WRITE_DESTINATION_1] = "its destination, now 1",
    [WRITE_DESTINATION_3] = "its destination, now 3",
    [WRITE_VECTOR_0] = "its vector, now 0x31",
    [WRITE_VECTOR_1] = "its vector, now 0x35",
    [WRITE_VECTOR_2] = "its vector, now 0x62",
    [WRITE_TRIGGER] = "its trigger mode",
    [WRITE_MASK] = "its mask",
    [WRITE_LOGICAL] = "its destination mode",
    [WRITE_LOWEST] = "its delivery mode",
    [WRITE_AGAIN] = "the same value",
};

static void print_vcpu(const struct move *move, const struct cpu_state *s) {
    printf("vCPU %u ", move->who);
    switch ((enum move_kind)move->kind) {
    case MOVE_STEP:
        printf("%s", step_text[s->phase]);
        break;
    case MOVE_DELIVER:
        printf("is in guest mode, and the processor delivers %#x", model_vector[(s->rvi - 1) & 3]);
        break;
    case MOVE_EOI:
        printf("writes its EOI register");
        if (s->svi)
            printf(": this ends %#x", model_vector[(s->svi - 1) & 3]);
        break;
    case MOVE_KICK:
        printf("receives the NMI%s", s->phase == PHASE_OUT ? "" : " and leaves guest mode");
        break;
    case MOVE_EXIT:
        printf("leaves guest mode for another reason");
        break;
    case MOVE_LDR:
        printf("writes its LDR: now %s bit", s->other_ldr ? "its own" : "the other vCPU's");
        break;
    default:
        printf("sends %#x to itself, virtualized by the processor", model_vector[move->argument]);
        break;
    }
}

static void print_move(const struct state *before, const struct move *move) {
    switch ((enum move_kind)move->kind) {
    case MOVE_IPI:
        printf("Another CPU posts an edge, %#x, to vCPU %u", model_vector[move->argument],
               move->who);
        break;
    case MOVE_LINE:
        printf("Line %u goes %s", move->who, before->pin[move->who].line ? "low" : "high");
        break;
    case MOVE_WRITE:
        printf("Another CPU writes entry %u: %s", move->who, write_text[move->argument]);
        break;
    case MOVE_TICK:
        printf("The tick delivers from the pins that storm control has deferred");
        break;
    default:
        print_vcpu(move, &before->vcpu[move->who]);
        break;
    }
    printf(".\n");
}

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
    explore_start(bound);
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
        printf("%4u. ", i + 1);
        print_move(&before, &move_table[path[i]]);
        move_apply(path[i]);
        print_trace();
    }
    world.trace = NULL;
    printf("Then:\n");
    print_state(&world.now);
    if (world.violated >= 0)
        printf("This violates invariant %d: %s.\n", world.violated, world.what);
    printf("Again: model replay %s", bound->name);
    for (unsigned i = 0; i < length; i++)
        printf(" %s", move_name(path[i]));
    printf("\n");
}
