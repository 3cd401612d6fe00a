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
 * them. The world checks its invariants at each step.
 *
 * With several CPUs their records are interleaved. The records of each CPU must come in the order
 * in which the world makes them for that CPU. What a CPU does under the routing lock is done here
 * at the first record that it made under the lock, so these are in the order of the lock.
 * Everything else concerns only a vCPU of that CPU, except for what other CPUs post to it: that may
 * be in the inbox here some entries before the run accepts it.
 */
#include "tests/lockstep/replay.h"

#include <stdio.h>

#include "arch/msr.h"
#include "arch/vmx/exit_reason.h"
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
    const struct trace_record *held; /* the EOI's record, until the I/O APIC receives it */
} cpus[LOG_CPUS];
static struct cpu *cpu; /* the CPU that made it */

static unsigned late[WORLD_VCPUS]; /* entries since the model has work before an entry */

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

/* The EOI retires tokens, and the I/O APIC receives it. */
static void end_eoi(const struct trace_record *record) {
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

    if (!cpu->eoi)
        differ("an EOI that has not exited is retired");
    if (event == TRACE_RESCAN || event == TRACE_REMOTE_IRR || event == TRACE_ORPHANED ||
        log_is_cleared_elsewhere(run, now, record->vector))
        cpu->held = record;
    else
        end_eoi(record);
}

static void on_exit_record(const struct trace_record *record) {
    unsigned status = (unsigned)record->a & 0xffff;

    if (next_made() || cpu->eoi)
        differ("the guest continues and the model still has work");
    if (record->vector == EXIT_REASON_VIRTUALIZED_EOI) {
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

/* Accepts exactly what this record says, although more may be in the inbox: the rest was posted
 * later. An edge may come from anywhere, a level only from the I/O APIC. */
static void accept(const struct trace_record *record) {
    struct vlapic *apic = routing_vlapic(&world.routing, record->vcpu);
    struct inbox rest = apic->inbox;
    uint8_t v = record->vector;

    inbox_reset(&apic->inbox);
    if (record->event == TRACE_ACCEPT_EDGE) {
        inbox_post_edge(&apic->inbox, v);
        rest.pir[v / 64] &= ~(1ULL << v % 64);
    } else {
        if (record->a & ~(uint64_t)rest.posted_pins[v])
            differ("a level interrupt is accepted that was not posted");
        for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
            if (record->a >> pin & 1)
                inbox_post_level(&apic->inbox, v, pin);
        }
        rest.posted_pins[v] &= ~(uint32_t)record->a;
        if (!rest.posted_pins[v])
            rest.level[v / 64] &= ~(1ULL << v % 64);
    }
    vlapic_accept(apic);
    apic->inbox = rest;
}

/* What a scan accepts under the lock has been accepted here by the records before this one. */
static void scan(unsigned vcpu) {
    struct routing_vcpu *it = &world.routing.vcpu[vcpu];
    struct inbox rest = it->apic.inbox;
    bool accepted = false;

    if (run->cpus == 1 && !routing_wants_scan(it))
        differ("a scan that was not requested");
    inbox_reset(&it->apic.inbox);
    unsigned changed = routing_scan(it, &accepted);
    it->apic.inbox = rest;
    for (unsigned i = 0; i < 4; i++) {
        if (changed >> i & 1)
            world.processor[vcpu].exit_bitmap.word[i] = it->apic.map.exit.word[i];
    }
}

/* A record that the world does not produce by itself. */
static void input(const struct trace_record *record) {
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
            accept(record);
        break;
    case TRACE_ACCEPT_LEVEL:
        accept(record);
        break;
    case TRACE_SCAN:
        scan(record->vcpu);
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
        late[v] = 0;
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
