/* The names of the moves, for replays: see moves.h. */
#include <stdio.h>
#include <string.h>

#include "tests/model/moves.h"
#include "tests/model/world.h"

static const char *const kind_name[MOVE_KINDS] = {
    [MOVE_STEP] = "step",     [MOVE_DELIVER] = "deliver", [MOVE_EOI] = "eoi",
    [MOVE_KICK] = "kick",     [MOVE_EXIT] = "exit",       [MOVE_LDR] = "ldr",
    [MOVE_SVR] = "svr",       [MOVE_SELF] = "self",       [MOVE_DFR] = "dfr",
    [MOVE_ID] = "id",         [MOVE_TPR] = "tpr",         [MOVE_INIT] = "init",
    [MOVE_IOEOI] = "ioeoi",   [MOVE_IPI] = "ipi",         [MOVE_LINE] = "line",
    [MOVE_WRITE] = "write",   [MOVE_TICK] = "tick",       [MOVE_NOTIFY] = "notify",
    [MOVE_ARRIVE] = "arrive", [MOVE_BASE] = "base",       [MOVE_ICR] = "icr",
    [MOVE_LATE] = "late",
};

static const char *const write_name[WRITE_COUNT] = {
    [WRITE_DESTINATION_0] = "to0", [WRITE_DESTINATION_1] = "to1", [WRITE_DESTINATION_3] = "to3",
    [WRITE_VECTOR_0] = "31",       [WRITE_VECTOR_1] = "35",       [WRITE_VECTOR_2] = "62",
    [WRITE_TRIGGER] = "trigger",   [WRITE_MASK] = "mask",         [WRITE_LOGICAL] = "logical",
    [WRITE_LOWEST] = "lowest",     [WRITE_AGAIN] = "again",       [WRITE_TWO] = "two",
};

static const char *const base_name[BASE_COUNT] = {
    [BASE_OFF] = "off",
    [BASE_XAPIC] = "xapic",
    [BASE_X2APIC] = "x2apic",
    [BASE_BAD] = "bad",
};

static const char *const icr_name[ICR_COUNT] = {
    [ICR_PHYSICAL] = "physical", [ICR_LOGICAL] = "logical", [ICR_OTHERS] = "others",
    [ICR_ALL] = "all",           [ICR_INVALID] = "invalid",
};

const char *move_name(unsigned number) {
    static char name[32];
    const struct move *move = &move_table[number];
    const char *kind = kind_name[move->kind];

    if (move->kind == MOVE_WRITE)
        snprintf(name, sizeof(name), "%s%u.%s", kind, move->who, write_name[move->argument]);
    else if (move->kind == MOVE_BASE)
        snprintf(name, sizeof(name), "%s%u.%s", kind, move->who, base_name[move->argument]);
    else if (move->kind == MOVE_ICR)
        snprintf(name, sizeof(name), "%s%u.%s", kind, move->who, icr_name[move->argument]);
    else if (move->kind == MOVE_IOEOI)
        snprintf(name, sizeof(name), "%s.%x", kind, model_vector[move->argument]);
    else if (move->kind == MOVE_SELF || move->kind == MOVE_IPI)
        snprintf(name, sizeof(name), "%s%u.%x", kind, move->who, model_vector[move->argument]);
    else
        snprintf(name, sizeof(name), "%s%u", kind, move->who);
    return name;
}

int move_by_name(const char *name) {
    for (unsigned i = 0; i < move_count; i++) {
        if (strcmp(name, move_name(i)) == 0)
            return (int)i;
    }
    return -1;
}
