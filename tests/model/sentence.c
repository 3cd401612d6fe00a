/* A move as a sentence, for a reader who is learning: see sentence.h. */
#include "tests/model/sentence.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/model/world.h"

static const char *const step_text[PHASE_COUNT] = {
    [PHASE_OUT] = "arms and takes its requests",
    [PHASE_TAKEN] = "accepts what was posted, unless it has to scan",
    [PHASE_SYNCED] = "compares the generation with that of its last scan",
    [PHASE_MUST_SCAN] = "takes the lock, accepts what was posted, and scans",
    [PHASE_SCANNED] = "writes the changed EOI-exit words to the VMCS",
    [PHASE_WRITTEN] = "writes RVI and SVI to the VMCS",
    [PHASE_READY] = "enters the guest",
    [PHASE_EOI] = "handles the EOI-induced exit: retires its tokens",
    [PHASE_RETIRED] =
        "takes the lock, sends the EOI to the I/O APIC, and requests a scan if one is due",
    [PHASE_RENAMED] = "takes the lock and requests scans of all vCPUs: its LAPIC has changed",
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
    [WRITE_TWO] = "its trigger mode and its vector",
};

static const char *const base_text[BASE_COUNT] = {
    [BASE_OFF] = "its local APIC disabled",
    [BASE_XAPIC] = "xAPIC mode",
    [BASE_X2APIC] = "x2APIC mode",
    [BASE_BAD] = "what no mode allows",
};

static const char *const icr_text[ICR_COUNT] = {
    [ICR_PHYSICAL] = "the ID of the other vCPU",
    [ICR_LOGICAL] = "the other vCPU's bit of the logical destinations",
    [ICR_OTHERS] = "all others",
    [ICR_ALL] = "all, itself included",
    [ICR_INVALID] = "itself as an NMI, which is not valid",
};

static char sentence[160];

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
}

static void say_vcpu(const struct move *move, const struct cpu_state *s) {
    unsigned v = move->who;

    switch ((enum move_kind)move->kind) {
    case MOVE_STEP:
        say("vCPU %u %s.", v, step_text[s->phase]);
        break;
    case MOVE_DELIVER:
        say("vCPU %u %s 0x%x.", v,
            world.software ? "is about to enter, and the hypervisor injects"
                           : "is in guest mode, and the processor delivers",
            model_vector[(s->rvi - 1) & 3]);
        break;
    case MOVE_EOI:
        if (s->svi)
            say("vCPU %u writes its EOI register: this ends 0x%x.", v,
                model_vector[(s->svi - 1) & 3]);
        else
            say("vCPU %u writes its EOI register.", v);
        break;
    case MOVE_KICK:
        say("vCPU %u receives the NMI%s.", v,
            s->phase == PHASE_OUT ? "" : " and leaves guest mode");
        break;
    case MOVE_EXIT:
        say("vCPU %u leaves guest mode%s for another reason.", v,
            world.software ? ", because the interrupt window opens or" : "");
        break;
    case MOVE_LDR:
        say("vCPU %u writes its LDR: now %s bit.", v,
            s->other_ldr ? "its own" : "the other vCPU's");
        break;
    case MOVE_DFR:
        say("vCPU %u writes its DFR: now the %s model.", v, s->cluster ? "flat" : "cluster");
        break;
    case MOVE_ID:
        say("vCPU %u writes its APIC ID: now %s.", v, s->other_id ? "its own" : "the other vCPU's");
        break;
    case MOVE_TPR:
        say("vCPU %u writes its TPR: now 0x%x.", v, s->tpr ? 0u : (unsigned)MODEL_TPR);
        break;
    case MOVE_INIT:
        say("vCPU %u receives INIT and resets its local APIC.", v);
        break;
    case MOVE_ARRIVE:
        say("The notification reaches vCPU %u%s.", v,
            s->phase != PHASE_GUEST ? ", which is not in guest mode"
            : s->vmcs_posting       ? ": the processor moves the PIR to the IRR"
                                    : ", which leaves guest mode");
        break;
    case MOVE_BASE:
        say("vCPU %u writes IA32_APIC_BASE: %s.", v, base_text[move->argument]);
        break;
    case MOVE_ICR:
        say("vCPU %u sends 0x%x by its ICR, to %s.", v, model_vector[0], icr_text[move->argument]);
        break;
    case MOVE_SVR:
        say("vCPU %u %s its local APIC by SVR.", v, s->disabled ? "enables" : "software-disables");
        break;
    default:
        say("vCPU %u sends 0x%x to itself, %s.", v, model_vector[move->argument],
            s->access ? "which exits" : "virtualized by the processor");
        break;
    }
}

const char *move_sentence(const struct state *before, const struct move *move) {
    switch ((enum move_kind)move->kind) {
    case MOVE_IPI:
        say("Another CPU posts an edge, 0x%x, to vCPU %u.", model_vector[move->argument],
            move->who);
        break;
    case MOVE_LINE:
        say("Line %u goes %s.", move->who, before->pin[move->who].line ? "low" : "high");
        break;
    case MOVE_WRITE:
        say("Another CPU writes entry %u: %s.", move->who, write_text[move->argument]);
        break;
    case MOVE_IOEOI:
        say("A vCPU writes 0x%x to the I/O APIC's EOI register.", model_vector[move->argument]);
        break;
    case MOVE_LATE:
        say("An edge, 0x%x, reaches vCPU %u: its sender has found the local APIC enabled before.",
            model_vector[0], move->who);
        break;
    case MOVE_NOTIFY:
        say("Another CPU sets ON of vCPU %u, and notifies it if ON was clear.", move->who);
        break;
    case MOVE_TICK:
        say("The tick delivers from the pins that storm control has deferred.");
        break;
    default:
        say_vcpu(move, &before->vcpu[move->who]);
        break;
    }
    return sentence;
}
