/* Properties of a state that follow from the manuals alone: see state.h. */
#include "tests/model/state.h"

const uint8_t model_vector[MODEL_VECTORS] = {0x31, 0x35, 0x62};

static unsigned one_if_enabled(const struct cpu_state *s) {
    return !s->disabled && !s->off;
}

unsigned state_enabled(const struct state *state) {
    return one_if_enabled(&state->vcpu[0]) | one_if_enabled(&state->vcpu[1]) << 1;
}

/* SDM Vol. 3A, "Determining IPI Destination", "Logical Destination Mode in x2APIC Mode": physical,
 * or logical in the flat model. The LDRs of bounds with writes to the DFR name cluster 1, and the
 * destinations cluster 0. */
unsigned state_named(const struct state *state, bool logical, unsigned destination) {
    unsigned set = 0;

    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const struct cpu_state *s = &state->vcpu[v];
        unsigned ldr = s->no_ldr || s->cluster ? 0 : 1u << (v ^ s->other_ldr);
        unsigned id = v ^ s->other_id;
        if (s->x2apic) { /* both follow from the x2APIC ID, here in cluster 0 */
            ldr = 1u << v;
            id = v;
        }
        bool named = logical ? (destination & ldr) != 0 : destination == id;
        set |= (unsigned)named << v;
    }
    return set & state_enabled(state);
}

unsigned state_targets(const struct state *state, unsigned pin) {
    const struct pin_state *it = &state->pin[pin];

    return state_named(state, it->logical, it->destination);
}

unsigned state_routed(const struct state *state, unsigned vcpu) {
    unsigned routed = 0;

    for (unsigned p = 0; p < MODEL_PINS; p++) {
        if (state->pin[p].level && (state_targets(state, p) >> vcpu & 1))
            routed |= 1u << state->pin[p].vector;
    }
    return routed;
}

unsigned state_vectors_of(unsigned pins_by_vector) {
    unsigned either = pins_by_vector | pins_by_vector >> 1;

    return (either & 1) | (either >> 1 & 2) | (either >> 2 & 4);
}

unsigned state_pins_of(unsigned pins_by_vector, unsigned vector) {
    return pins_by_vector >> 2 * vector & 3;
}
