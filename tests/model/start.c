/* The start of a bound: the machine is powered on, and the moves that bound->start names are made.
 * See start.h. */
#include "tests/model/start.h"

#include <string.h>

#include "tests/model/world.h"

#define WORD_SIZE 32

static void enter_both(void) {
    for (unsigned v = 0; v < MODEL_VCPUS; v++) {
        const char name[] = {'s', 't', 'e', 'p', (char)('0' + v), 0};
        while (world.now.vcpu[v].phase != PHASE_GUEST)
            move_apply((unsigned)move_by_name(name));
    }
    for (unsigned v = 0; v < MODEL_VCPUS; v++)
        world.now.vcpu[v].kick = 0;
}

/* Copies the next word of the text, or "" at its end; returns where the text continues. */
static const char *next_word(const char *text, char word[WORD_SIZE]) {
    unsigned length = 0;

    while (*text == ' ')
        text++;
    for (; *text && *text != ' '; text++) {
        if (length + 1 < WORD_SIZE)
            word[length++] = *text;
    }
    word[length] = 0;
    return text;
}

static bool make_moves(const char *text) {
    char word[WORD_SIZE];

    for (;;) {
        text = next_word(text, word);
        if (!*word)
            return true;
        int move = move_by_name(word);
        if (strcmp(word, "enter") == 0)
            enter_both();
        else if (move < 0)
            return false;
        else
            move_apply((unsigned)move);
    }
}

bool start_of(const struct bound *bound) {
    world_power_on(bound);
    world.now.vcpu[0].phase = world.now.vcpu[1].phase = PHASE_OUT;
    world.now.vcpu[0].requests = world.now.vcpu[1].requests = 1;
    if (!make_moves(bound->start))
        return false;
    world.endless = bound->endless;
    world.now.left.lines = bound->budget.lines & 15;
    world.now.left.writes = bound->budget.writes & 15;
    world.now.left.ipis = bound->budget.ipis & 15;
    world.now.left.ldrs = bound->budget.ldrs & 7;
    world.now.left.svrs = bound->budget.svrs & 7;
    world.now.left.bases = bound->budget.bases & 7;
    return true;
}

const struct bound *start_free(const struct bound *bound) {
    static struct bound unlimited;

    unlimited = *bound;
    unlimited.budget = (struct budget){.lines = 15, .writes = 15, .ipis = 15, .ldrs = 7, .svrs = 7};
    unlimited.writes |= (2u << WRITE_AGAIN) - 1;
    unlimited.exits = true;
    unlimited.endless = true;
    start_of(&unlimited);
    return &unlimited;
}
