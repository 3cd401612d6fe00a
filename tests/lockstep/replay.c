/* Lock-step: replays the interrupt trace of a run in the emulator, and compares.
 *
 *     replay LOG GUEST
 *
 * The log has the records of a guest with `trace = on`, run on one CPU, so that their order is the
 * order in which things happened. Three parties must agree about them: the hypervisor in the
 * emulator, which wrote the records; the same modules here, in tests/world.c; and the emulated
 * processor, whose guest interrupt status (RVI, SVI) was read at each exit, and whose EOI-exit
 * bitmaps were read back after each change.
 *
 * What comes from outside is taken from the trace: line changes, entry writes, writes to what a
 * LAPIC answers to, IPIs. Everything else the world has to come to by itself, in the same order:
 * deliveries, acceptances, scans and each bit that they change, Remote IRR, EOIs and what they
 * retire. Between two exits the processor delivers and retires interrupts without a record; from
 * RVI and SVI follows which, and the plain model of virtual-interrupt delivery in the world must
 * allow it. Every invariant that the world knows is checked on the way.
 *
 * Prints one line LOCKSTEP with what was compared; status 1 and the first difference otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/exit_reason.h"
#include "arch/msr.h"
#include "tests/world.h"

#define LINE_SIZE 512
#define STEPS_MAX 512 /* silent steps of the processor between two exits */

static struct world world;
static struct trace_ring made; /* what the world has recorded and the log has not shown yet */
static uint64_t made_at;
static unsigned line_number;
static struct {
    unsigned records, inputs, accepted, delivered, eoi_exits, silent_eois, bitmaps, statuses,
        self_ipis;
} count;

_Noreturn static void differ(const char *what) {
    printf("not in step, line %u: %s\n", line_number, what);
    exit(1);
}

/* ---- the world's own records ---- */

static void forget_made(void) {
    made.count = 0;
    made_at = 0;
}

/* The next record that the world has made, a folded one again and again; NULL if there is none. */
static struct trace_record *next_made(void) {
    if (made_at < made.count)
        return &made.record[made_at];
    forget_made();
    return NULL;
}

static void take_made(void) {
    struct trace_record *record = &made.record[made_at];

    if (record->repeats)
        record->repeats--;
    else
        made_at++;
}

static bool is_same(const struct trace_record *a, const struct trace_record *b) {
    return a->event == b->event && a->vcpu == b->vcpu && a->vector == b->vector &&
           a->pin == b->pin && a->a == b->a && a->b == b->b;
}

static void expect_made(const struct trace_record *record) {
    const struct trace_record *mine = next_made();
    char here[160], there[160], text[400];

    if (mine && is_same(mine, record)) {
        take_made();
        return;
    }
    trace_text(there, sizeof(there), record, 0);
    if (mine)
        trace_text(here, sizeof(here), mine, 0);
    snprintf(text, sizeof(text), "the run has \"%s\", the model has %s%s", there,
             mine ? "" : "nothing", mine ? here : "");
    differ(text);
}

/* ---- the processor ---- */

static unsigned status_of(unsigned vcpu) {
    int rvi = apic_page_highest(&world.page[vcpu], APIC_IRR);
    int svi = apic_page_highest(&world.page[vcpu], APIC_ISR);

    return (unsigned)(rvi < 0 ? 0 : rvi) | (unsigned)(svi < 0 ? 0 : svi) << 8;
}

/* The entry before this exit, if it did nothing that would have been recorded. */
static void be_in_guest(unsigned vcpu) {
    if (!world.in_guest[vcpu])
        world_enter(&world, vcpu);
    if (next_made())
        differ("the model has work before this entry, the run had none");
}

/* A self-IPI that the processor virtualized. Only an edge may come from nowhere. */
static void self_ipi(unsigned vcpu, uint8_t vector) {
    world_posted_interrupt(&world, vcpu, vector);
    count.self_ipis++;
}

static void deliver(unsigned vcpu, uint8_t vector) {
    be_in_guest(vcpu);
    if (!apic_page_has(&world.page[vcpu], APIC_IRR, vector))
        self_ipi(vcpu, vector);
    if (world_deliver(&world, vcpu) != vector)
        differ("the processor delivered another vector than the model allows");
    count.delivered++;
}

static void silent_eoi(unsigned vcpu) {
    be_in_guest(vcpu);
    if (world_eoi(&world, vcpu) != WORLD_EOI_NO_EXIT)
        differ("the processor retired a vector without an exit whose EOI-exit bit is set");
    count.silent_eois++;
}

/* Delivers and retires until the world's RVI and SVI are what the processor's are. */
static void catch_up(unsigned vcpu, unsigned status) {
    unsigned rvi = status & 0xff, svi = status >> 8 & 0xff;

    for (unsigned steps = 0; status_of(vcpu) != status; steps++) {
        unsigned my_rvi = status_of(vcpu) & 0xff, my_svi = status_of(vcpu) >> 8;
        if (steps == STEPS_MAX)
            differ("the processor's RVI and SVI cannot come from the model's");
        if (my_svi > svi)
            silent_eoi(vcpu);
        else if (svi > my_svi)
            deliver(vcpu, my_rvi > svi ? (uint8_t)my_rvi : (uint8_t)svi);
        else if (rvi > my_rvi)
            self_ipi(vcpu, (uint8_t)rvi);
        else
            deliver(vcpu, (uint8_t)my_rvi);
    }
}

/* The EOI that exits is done when the exit comes. */
static void eoi_exit(unsigned vcpu, uint8_t vector, unsigned status) {
    int svi;

    be_in_guest(vcpu);
    while ((svi = apic_page_highest(&world.page[vcpu], APIC_ISR)) > vector)
        silent_eoi(vcpu);
    if (svi != vector)
        deliver(vcpu, vector);
    if (world_eoi(&world, vcpu) == WORLD_EOI_NO_EXIT)
        differ("an EOI exited that exits not in the model");
    count.eoi_exits++;
    if (status_of(vcpu) != status)
        differ("after the EOI the processor's RVI and SVI are not the model's");
}

static void on_exit_record(const struct trace_record *record) {
    unsigned status = (unsigned)record->a & 0xffff;

    if (next_made())
        differ("the guest goes on, and the model has more to do");
    if (record->vector == EXIT_REASON_VIRTUALIZED_EOI)
        eoi_exit(record->vcpu, (uint8_t)record->b, status);
    else
        catch_up(record->vcpu, status);
    world.in_guest[record->vcpu] = false;
    count.statuses++;
}

static void on_bitmap(const struct trace_record *record) {
    const struct vector_set *bitmap = &world.exit_bitmap[record->vcpu];
    unsigned first = record->vector / 64;

    if (next_made())
        differ("the bitmap is written, and the model has more to do before that");
    if (first > 2 || bitmap->word[first] != record->a || bitmap->word[first + 1] != record->b)
        differ("the EOI-exit bitmap in the VMCS is not the model's");
    count.bitmaps++;
}

/* ---- what comes from outside ---- */

static void write_entry(const struct trace_record *record) {
    uint64_t differs = record->b ^ world.routing.ioapic.entry[record->pin];
    unsigned half = differs >> 32 ? 1 : 0;

    world_write_half(&world, 2u * record->pin + half, (uint32_t)(record->b >> 32 * half));
}

static void write_register(const struct trace_record *record) {
    struct vlapic *apic = routing_vlapic(&world.routing, record->vcpu);

    world.in_guest[record->vcpu] = false;
    if (record->a == 0) {
        vlapic_init(apic);
    } else if (record->a == MSR_IA32_APIC_BASE) {
        vlapic_write_base(apic, record->b);
    } else if (apic->identity.mode == APIC_MODE_X2APIC) {
        vlapic_write_msr(apic, MSR_X2APIC_BASE + (uint32_t)record->a / 16, record->b);
    } else {
        vlapic_write(apic, (uint32_t)record->a, (uint32_t)record->b);
    }
}

/* An entry with work: what others have posted meanwhile shows when it is accepted. */
static void enter(const struct trace_record *record, const struct trace_record *end) {
    unsigned vcpu = record->vcpu;

    for (; record < end && record->vcpu == vcpu; record++) {
        if (record->event == TRACE_ACCEPT_EDGE && !record->a)
            inbox_post_edge(&world.routing.vcpu[vcpu].apic.inbox, record->vector);
        else if (record->event != TRACE_ACCEPT_LEVEL)
            break;
    }
    world_enter(&world, vcpu);
}

/* Something that the world does not come to by itself. */
static void input(const struct trace_record *record, const struct trace_record *end) {
    switch (record->event) {
    case TRACE_LINE:
        world_line(&world, record->pin, record->a != 0);
        break;
    case TRACE_RTE_WRITE:
        write_entry(record);
        break;
    case TRACE_REGISTER:
        write_register(record);
        break;
    case TRACE_ACCEPT_EDGE:
        if (record->a)
            vlapic_accept_own(routing_vlapic(&world.routing, record->vcpu), record->vector);
        else
            enter(record, end);
        break;
    case TRACE_ACCEPT_LEVEL:
    case TRACE_SCAN:
        enter(record, end);
        break;
    case TRACE_DELIVER: /* the slow tick of storm control */
        routing_tick(&world.routing);
        break;
    default:
        break; /* expect_made() will say so */
    }
    count.inputs++;
}

static bool is_in_range(const struct trace_record *record) {
    bool has_vcpu = record->vcpu < world.routing.vcpu_count,
         has_pin = record->pin < IOAPIC_PIN_COUNT;

    if (record->event == TRACE_LINE || record->event == TRACE_RTE_WRITE ||
        record->event == TRACE_DELIVER)
        return has_pin;
    return record->event == TRACE_REMOTE_IRR || record->event == TRACE_ORPHANED ||
           record->event == TRACE_DEFERRED || has_vcpu;
}

static void step(const struct trace_record *record, const struct trace_record *end) {
    count.records++;
    if (!is_in_range(record))
        differ("a record that names no vCPU or no pin");
    if (record->event == TRACE_VCPU_START || record->event == TRACE_KICK)
        return;
    if (record->event == TRACE_EXIT) {
        on_exit_record(record);
    } else if (record->event == TRACE_BITMAP) {
        on_bitmap(record);
    } else {
        if (!next_made())
            input(record, end);
        expect_made(record);
        count.accepted += record->event == TRACE_ACCEPT_EDGE || record->event == TRACE_ACCEPT_LEVEL;
    }
    if (world.violation)
        differ(world.violation);
}

/* ---- the log ---- */

static struct trace_record *records;
static unsigned *lines;
static size_t record_count;

static void add(const struct trace_record *record, unsigned line) {
    records = realloc(records, (record_count + 1) * sizeof(*records));
    lines = realloc(lines, (record_count + 1) * sizeof(*lines));
    if (!records || !lines)
        exit(2);
    records[record_count] = *record;
    lines[record_count++] = line;
}

/* Reads the records of the guest between its two TRACE lines with words. */
static void read_log(FILE *file, const char *guest) {
    char line[LINE_SIZE], name[64];
    unsigned vcpus, version, event, vcpu, vector, pin, repeats;
    unsigned long a, b, lost;
    bool inside = false;

    for (unsigned n = 1; fgets(line, sizeof(line), file); n++) {
        if (sscanf(line, "TRACE guest=%63s vcpus=%u version=%x", name, &vcpus, &version) == 3) {
            inside = !strcmp(name, guest);
            if (inside && (vcpus < 1 || vcpus > WORLD_VCPUS))
                differ("too many vCPUs");
            if (inside)
                world_power_on(&world, vcpus, version);
        } else if (inside && sscanf(line, "TRACE end lost=%lu", &lost) == 1) {
            if (lost)
                differ("the trace has lost its beginning");
            return;
        } else if (inside && sscanf(line, "TRACE %u %u %x %u %lx %lx %u", &event, &vcpu, &vector,
                                    &pin, &a, &b, &repeats) == 7) {
            struct trace_record record = {.event = (uint8_t)event,
                                          .vcpu = (uint8_t)vcpu,
                                          .vector = (uint8_t)vector,
                                          .pin = (uint8_t)pin,
                                          .a = a,
                                          .b = b};
            for (unsigned i = 0; i <= repeats; i++)
                add(&record, n);
        }
    }
    differ("no whole trace of this guest");
}

int main(int argc, char **argv) {
    FILE *file = argc == 3 ? fopen(argv[1], "r") : NULL;

    if (!file) {
        fprintf(stderr, "usage: replay LOG GUEST\n");
        return 2;
    }
    read_log(file, argv[2]);
    fclose(file);
    world.trace = &made;
    for (size_t i = 0; i < record_count; i++) {
        line_number = lines[i];
        step(&records[i], records + record_count);
    }
    printf("LOCKSTEP guest=%s records=%u inputs=%u accepted=%u delivered=%u eoi_exits=%u "
           "silent_eois=%u bitmaps=%u statuses=%u self_ipis=%u\n",
           argv[2], count.records, count.inputs, count.accepted, count.delivered, count.eoi_exits,
           count.silent_eois, count.bitmaps, count.statuses, count.self_ipis);
    free(records);
    free(lines);
    return 0;
}
