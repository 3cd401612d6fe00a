/* Lock-step: replays the interrupt trace of a run in the emulator and compares. See replay.h.
 *
 * Three parties must agree about the records of a guest with `trace = on`: the hypervisor in the
 * emulator, which wrote them; the same modules here, in tests/world.c; and the emulated processor,
 * whose guest interrupt status (RVI, SVI) was read at each exit, and whose EOI-exit bitmaps were
 * read back after each change.
 *
 * Inputs are taken from the trace: line changes, entry writes, writes to LAPIC registers on which
 * destinations depend, IPIs, and when a vCPU accepts and scans. All else the world must produce by
 * itself: deliveries, what is accepted, each bit that a scan changes, Remote IRR, EOIs and what
 * they retire. Between two exits the processor delivers interrupts and performs EOIs without a
 * record; which ones follows from RVI and SVI, and the processor of tests/processor.h must allow
 * them. The world checks its invariants at each step. With delivery in software the hypervisor does
 * both, and RVI and SVI are those of its virtual-APIC page: software.h.
 *
 * With several CPUs their records are interleaved. The records of each CPU must come in the order
 * in which the world makes them for that CPU. What a CPU does under the routing lock is done here
 * at the first record that it made under the lock, so these are in the order of the lock.
 * Everything else concerns only a vCPU of that CPU, except for what other CPUs post to it: that may
 * be in the inbox here some entries before the run accepts it.
 */
#include "tests/lockstep/replay.h"

#include <stdio.h>

#include "arch/vmx/exit_reason.h"
#include "tests/lockstep/inputs.h"
#include "tests/lockstep/software.h"
#include "tests/world.h"

#define STEPS_MAX 512 /* steps of the processor without a record, between two exits */
#define LATE_MAX  64  /* entries while a kick is on its way, on several CPUs */

static struct world world;
static const struct log *run;
static const struct logged *now; /* the record being replayed */

static struct cpu {
    struct trace_ring made; /* what the world has recorded and the log must still show */
    uint64_t made_at;
    bool eoi; /* an EOI has exited; its vector; RVI and SVI after it */
    uint8_t eoi_vector;
    unsigned eoi_status;
    bool
        write; /* in software: the last record is an exit that may be a write to the EOI register */
    const struct trace_record *held; /* the EOI's record, until the I/O APIC receives it */
} cpus[LOG_CPUS];
static struct cpu *cpu; /* the CPU that made it */

static unsigned late[WORLD_VCPUS];    /* entries since the model has work before an entry */
static bool window_open[WORLD_VCPUS]; /* in software: the exit told that the guest accepts */

static struct replay_count count;

_Noreturn static void differ(const char *what) {
    replay_differs(now ? now->line : 0, what);
}

/* ---- the world's own records ---- */

/* The next record that the world has made for this CPU, once for each repeat; NULL if there is
 * none. */
static struct trace_record *next_made(void) {
    if (cpu->made_at < cpu->made.count)
        return &cpu->made.record[cpu->made_at];
    cpu->made.count = cpu->made_at = 0;
    return NULL;
}

static void take_made(void) {
    struct trace_record *record = &cpu->made.record[cpu->made_at];

    if (record->repeats)
        record->repeats--;
    else
        cpu->made_at++;
}

/* A change of a LAPIC requests scans under the lock without a record of its own. On several CPUs it
 * is not known whether a scan came before or after that, so this reason is not compared there. */
static uint64_t certain(const struct trace_record *record) {
    bool uncertain = record->event == TRACE_SCAN && run->cpus > 1;

    return uncertain ? record->a & ~(uint64_t)SCAN_LAPIC : record->a;
}

static bool is_same(const struct trace_record *a, const struct trace_record *b) {
    return a->event == b->event && a->vcpu == b->vcpu && a->vector == b->vector &&
           a->pin == b->pin && certain(a) == certain(b) && a->b == b->b;
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
    snprintf(text, sizeof(text), "the run recorded \"%s\", the model %s%s", there,
             mine ? "" : "nothing", mine ? here : "");
    differ(text);
}

/* ---- the processor ---- */

static unsigned status_of(unsigned vcpu) {
    int rvi = apic_page_highest(&world.page[vcpu], APIC_IRR);
    int svi = apic_page_highest(&world.page[vcpu], APIC_ISR);

    return (unsigned)(rvi < 0 ? 0 : rvi) | (unsigned)(svi < 0 ? 0 : svi) << 8;
}

/* The entry before this exit. With one CPU everything that was posted is accepted by then. With
 * several a kick may be on its way; then the entry is not checked. */
static void be_in_guest(unsigned vcpu) {
    struct routing_vcpu *it = &world.routing.vcpu[vcpu];

    if (world.in_guest[vcpu])
        return;
    world.in_guest[vcpu] = true;
    if (inbox_is_empty(&it->apic.inbox) && !routing_wants_scan(it)) {
        late[vcpu] = 0;
        world_check_entry(&world, vcpu);
    } else if (run->cpus == 1 || ++late[vcpu] > LATE_MAX) {
        differ("the model has work before this entry and the run had none");
    }
}

/* A self-IPI that the processor has virtualized: only edges may appear without a record. */
static void self_ipi(unsigned vcpu, uint8_t vector) {
    world_posted_interrupt(&world, vcpu, vector);
    count.self_ipis++;
}

static void silent_eoi(unsigned vcpu) {
    be_in_guest(vcpu);
    if (world_eoi(&world, vcpu) != WORLD_EOI_NO_EXIT)
        differ("an EOI did not exit although the vector's EOI-exit bit is set");
    count.silent_eois++;
}

/* SVI is only the highest vector in service. But the handlers of these guests run with interrupts
 * masked (guest/lib/interrupts.h), so a vector in service gets its EOI before another is delivered;
 * if its EOI-exit bit is set, that EOI has a record of its own. */
static void deliver(unsigned vcpu, uint8_t vector) {
    int svi = apic_page_highest(&world.page[vcpu], APIC_ISR);

    if (svi >= 0 && !vector_set_has(&world.processor[vcpu].exit_bitmap, (uint8_t)svi))
        silent_eoi(vcpu);
    be_in_guest(vcpu);
    if (!apic_page_has(&world.page[vcpu], APIC_IRR, vector))
        self_ipi(vcpu, vector);
    if (world_deliver(&world, vcpu) != vector)
        differ("the processor delivered a vector that the model does not allow");
    count.delivered++;
}

/* Delivers interrupts and performs EOIs until the world's RVI and SVI are the processor's. */
static void catch_up(unsigned vcpu, unsigned status) {
    unsigned rvi = status & 0xff, svi = status >> 8 & 0xff;

    for (unsigned steps = 0; status_of(vcpu) != status; steps++) {
        unsigned my_rvi = status_of(vcpu) & 0xff, my_svi = status_of(vcpu) >> 8;
        if (steps == STEPS_MAX)
            differ("the processor's RVI and SVI do not follow from the model's");
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

/* An EOI-induced exit: by then the processor has performed the EOI. */
static void eoi_exit(unsigned vcpu, uint8_t vector, unsigned status) {
    int svi;

    be_in_guest(vcpu);
    while ((svi = apic_page_highest(&world.page[vcpu], APIC_ISR)) > vector)
        silent_eoi(vcpu);
    if (svi != vector)
        deliver(vcpu, vector);
    cpu->eoi = true;
    cpu->eoi_vector = vector;
    cpu->eoi_status = status;
}

static bool eoi_in_software(unsigned vcpu) {
    bool sent = software_eoi(&world, vcpu);

    if (world.violation)
        differ(world.violation);
    return sent;
}

/* The same in software: the exit is the write, and the EOI has not been performed. */
static void end_eoi_in_software(const struct trace_record *record) {
    if (record->vector != status_of(record->vcpu) >> 8)
        differ("the vector that is retired is not the highest in service");
    if (!eoi_in_software(record->vcpu))
        differ("an EOI was sent to the I/O APIC that is not in the model");
    count.eoi_exits++;
    expect_made(record);
}

/* The EOI retires tokens, and the I/O APIC receives it. */
static void end_eoi(const struct trace_record *record) {
    if (run->software) {
        end_eoi_in_software(record);
        return;
    }
    if (record->vector != cpu->eoi_vector)
        differ("the vector that is retired is not the one whose EOI has exited");
    cpu->eoi = false;
    if (world_eoi(&world, record->vcpu) == WORLD_EOI_NO_EXIT)
        differ("an EOI exited that does not exit in the model");
    count.eoi_exits++;
    if (status_of(record->vcpu) != cpu->eoi_status)
        differ("after the EOI the processor's RVI and SVI differ from the model's");
    expect_made(record);
}

/* What an EOI retires concerns only this vCPU; the I/O APIC receives the EOI later, under the lock.
 * So of two EOIs of a pin that broadcasts, the one recorded later may come first. */
static void on_eoi_record(const struct trace_record *record) {
    const struct logged *next = log_next(run, now);
    unsigned event = next ? next->record.event : TRACE_NONE;

    if (!cpu->eoi && !cpu->write)
        differ("an EOI that has not exited is retired");
    cpu->write = false;
    if (event == TRACE_RESCAN || event == TRACE_REMOTE_IRR || event == TRACE_ORPHANED ||
        log_is_cleared_elsewhere(run, now, record->vector))
        cpu->held = record;
    else
        end_eoi(record);
}

/* ---- delivery in software ---- */

/* At the entry before this exit at most one interrupt was injected: the IRR has lost its highest.
 * At an interrupt-window exit one must wait, and the next entry must inject it. */
static void on_software_exit(const struct trace_record *record, unsigned status) {
    unsigned vcpu = record->vcpu, rvi = status_of(vcpu) & 0xff;
    bool window = record->vector == EXIT_REASON_INTERRUPT_WINDOW;

    be_in_guest(vcpu);
    if ((status & 0xff) < rvi) {
        if (software_deliver(&world, vcpu) != (int)rvi)
            differ("an interrupt was injected that the model does not allow");
        count.delivered++;
    } else if (window_open[vcpu] && software_waits(&world, vcpu)) {
        differ("the interrupt window was open, and nothing was injected");
    }
    if (status_of(vcpu) != status)
        differ("the hypervisor's RVI and SVI differ from the model's");
    if (window && !software_waits(&world, vcpu))
        differ("an interrupt-window exit, and no interrupt waits");
    count.windows += window;
    window_open[vcpu] = window;
    world.in_guest[vcpu] = false;
    cpu->write = software_may_write(record);
    if (software_is_silent_eoi(run, now, &world.page[vcpu])) {
        if (eoi_in_software(vcpu))
            differ("an EOI was not sent to the I/O APIC although its EOI-exit bit is set");
        count.silent_eois++;
    }
}

static void on_exit_record(const struct trace_record *record) {
    unsigned status = (unsigned)record->a & 0xffff;

    if (next_made() || cpu->eoi)
        differ("the guest continues and the model still has work");
    if (run->software) {
        on_software_exit(record, status);
    } else if (record->vector == EXIT_REASON_VIRTUALIZED_EOI) {
        eoi_exit(record->vcpu, (uint8_t)record->b, status);
    } else {
        catch_up(record->vcpu, status);
        world.in_guest[record->vcpu] = false;
    }
    count.statuses++;
}

static void on_bitmap(const struct trace_record *record) {
    const struct vector_set *bitmap = &world.processor[record->vcpu].exit_bitmap;
    unsigned first = record->vector / 64;

    if (next_made())
        differ("the bitmap is written and the model still has work before that");
    if (first > 2 || bitmap->word[first] != record->a || bitmap->word[first + 1] != record->b)
        differ("the EOI-exit bitmap in the VMCS differs from the model's");
    count.bitmaps++;
}

/* ---- inputs ---- */

/* A record that the world does not produce by itself. */
static void input(const struct trace_record *record) {
    switch (record->event) {
    case TRACE_LINE:
        world_line(&world, record->pin, record->a != 0);
        break;
    case TRACE_RTE_WRITE:
        input_write_entry(&world, record);
        break;
    case TRACE_REGISTER:
        input_write_register(&world, record);
        break;
    case TRACE_ACCEPT_EDGE:
    case TRACE_ACCEPT_LEVEL:
        if (!input_accept(&world, record))
            differ(
                "an interrupt is accepted that the model does not accept, or that was not posted");
        break;
    case TRACE_SCAN:
        if (run->cpus == 1 && !routing_wants_scan(&world.routing.vcpu[record->vcpu]))
            differ("a scan that was not requested");
        input_scan(&world, record->vcpu);
        break;
    case TRACE_DELIVER: /* the tick of storm control */
        routing_tick(&world.routing);
        break;
    default:
        break; /* expect_made() reports it */
    }
    count.inputs++;
}

static bool is_eoi(const struct trace_record *record) {
    return record->event == TRACE_EOI_LIVE || record->event == TRACE_EOI_STALE ||
           record->event == TRACE_EOI_COINCIDENTAL;
}

static void step(const struct trace_record *record) {
    count.records++;
    if (record->event == TRACE_VCPU_START)
        return;
    if (cpu->held) {
        end_eoi(cpu->held);
        cpu->held = NULL;
    }
    if (record->event == TRACE_EXIT) {
        on_exit_record(record);
    } else if (record->event == TRACE_BITMAP) {
        on_bitmap(record);
    } else if (is_eoi(record)) {
        on_eoi_record(record);
    } else {
        cpu->write = false;
        if (!next_made())
            input(record);
        expect_made(record);
        count.accepted += record->event == TRACE_ACCEPT_EDGE || record->event == TRACE_ACCEPT_LEVEL;
    }
    if (world.violation)
        differ(world.violation);
}

void replay_start(const struct log *log) {
    run = log;
    now = NULL;
    count = (struct replay_count){0};
    for (unsigned i = 0; i < LOG_CPUS; i++)
        cpus[i] = (struct cpu){0};
    for (unsigned v = 0; v < WORLD_VCPUS; v++)
        late[v] = window_open[v] = 0;
    world_power_on(&world, run->vcpus, run->version);
    world.routing.stale_rescan = run->stale_rescan;
}

void replay_step(size_t number) {
    now = &run->at[number];
    cpu = &cpus[now->cpu];
    world.trace = &cpu->made;
    step(&now->record);
}

const struct replay_count *replay_counted(void) {
    return &count;
}

const struct world *replay_world(void) {
    return &world;
}
