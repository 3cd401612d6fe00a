/* What is printed when guests end: see results.h.
 *
 * The job is a list of parts, each a function that prints one line, or nothing, and returns whether
 * it has more. Between two calls everything is in `job`: other guests have their turns then. */
#include "vmm/vm/results.h"

#include <stdatomic.h>

#include "arch/vmx/vmx.h"
#include "drivers/console.h"
#include "drivers/power.h"
#include "lib/memory.h"
#include "vmm/devices/vga_text.h"
#include "vmm/host/host.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/stop.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

#define STORY_LINE       200
#define RECORDS_PER_STEP 16 /* of any guest's, to find one of this guest */

typedef bool job_part(void);

/* Only the boot CPU has it. */
static struct {
    struct vm *vm; /* NULL: nothing is being printed */
    job_part *const *part;
    bool all;            /* the results of a guest that has ended; otherwise what was requested */
    uint32_t vcpu, item; /* the part's place: of what it prints next */
    uint64_t position;   /* for console_has_room() */
    /* Of the trace: */
    struct trace_cursor cursor[BOOT_MAX_CPUS];
    uint32_t cpu[BOOT_MAX_CPUS], rings; /* whose rings they are; how many */
    uint64_t start, before, left; /* time of the first record; records before and from there */
} job;

/* The guests that have ended, in this order. Any CPU adds one. */
static struct vm *_Atomic queue[BOOT_MAX_GUESTS];
static _Atomic uint32_t queued;
static uint32_t dequeued;

/* What was requested from the console; NULL: nothing. */
static struct vm *requested;
static job_part *const *requested_part;

static uint32_t ended, passed; /* guests */

/* ---- counters ---- */

/* Moves on to the next vCPU. */
static bool next_vcpu(void) {
    job.item = 0;
    return ++job.vcpu < job.vm->vcpu_count;
}

static bool results_print_interrupts(void) {
    const struct routing_counters *c = &job.vm->routing.counters[job.vcpu];
    uint32_t v = job.item;

    while (v < VECTOR_COUNT && !(c->eoi_live[v] | c->eoi_stale[v] | c->eoi_coincidental[v]))
        v++;
    if (v == VECTOR_COUNT)
        return next_vcpu();
    console_print("COUNTERS guest=%s vcpu=%u vector=0x%02x eoi_live=%lu eoi_stale=%lu "
                  "eoi_coincidental=%lu delivered_level=%lu\n",
                  job.vm->name, job.vcpu, v, c->eoi_live[v], c->eoi_stale[v],
                  c->eoi_coincidental[v], c->delivered_level[v]);
    job.item = v + 1;
    return true;
}

static bool results_print_scans(void) {
    const struct routing_counters *c = &job.vm->routing.counters[job.vcpu];

    console_print("SCANS guest=%s vcpu=%u scans=%lu reason_rte=%lu reason_lapic=%lu "
                  "reason_stale=%lu stale_marked=%lu\n",
                  job.vm->name, job.vcpu, routing_scans(c, ~0u), routing_scans(c, SCAN_RTE),
                  routing_scans(c, SCAN_LAPIC), routing_scans(c, SCAN_STALE), c->stale_marked);
    return next_vcpu();
}

static bool results_print_exits(void) {
    const uint64_t *count = job.vm->vcpu[job.vcpu]->exits_by_reason;
    uint32_t r = job.item;

    while (r < EXIT_REASON_COUNT && !count[r])
        r++;
    if (r == EXIT_REASON_COUNT)
        return next_vcpu();
    console_print("EXITS guest=%s vcpu=%u reason=%u count=%lu name=\"%s\"\n", job.vm->name,
                  job.vcpu, r, count[r], exit_reason_name(r));
    job.item = r + 1;
    return true;
}

/* ---- the trace ---- */

/* The rings with this guest's events: those of its vCPUs' CPUs, and of the boot CPU, which handles
 * what is typed. */
static uint32_t results_rings(const struct vm *vm, uint32_t cpu[BOOT_MAX_VCPUS + 1]) {
    uint32_t rings = 0, most = vm_trace_rings(vm, host.cpu_count);

    for (uint32_t i = 0; i < host.cpu_count && rings < most; i++) {
        bool has_vcpu = i == 0;
        for (uint32_t j = 0; j < vm->vcpu_count; j++)
            has_vcpu |= vm->vcpu[j]->host == host.cpu[i];
        if (has_vcpu)
            cpu[rings++] = i;
    }
    return rings;
}

void results_guest_starts(struct vm *vm) {
    if (!vm->kept)
        return;
    vm->kept_count = results_rings(vm, vm->kept_cpu);
    for (uint32_t i = 0; i < vm->kept_count; i++)
        vm->kept_since[i] = host.cpu[vm->kept_cpu[i]]->trace->count;
}

/* As soon as the guest has ended: other guests go on and would overwrite its records. */
static void results_keep_trace(struct vm *vm) {
    for (uint32_t i = 0; i < vm->kept_count; i++)
        memcpy(&vm->kept[i], host.cpu[vm->kept_cpu[i]]->trace, sizeof(struct trace_ring));
}

/* All that has been kept since the guest started, whose results are printed. */
static void results_place_kept(void) {
    const struct vm *vm = job.vm;

    job.rings = vm->kept_count;
    for (uint32_t i = 0; i < job.rings; i++) {
        const struct trace_ring *ring = &vm->kept[i];
        uint64_t first = trace_first(ring), since = vm->kept_since[i];
        job.cpu[i] = vm->kept_cpu[i];
        job.before += first > since ? first - since : 0;
        first = first > since ? first : since;
        job.cursor[i] = (struct trace_cursor){ring, first};
        job.left += ring->count - first;
    }
}

/* The last records of each CPU. */
static void results_place_last(void) {
    job.rings = host.cpu_count;
    for (uint32_t i = 0; i < job.rings; i++) {
        const struct trace_ring *ring = host.cpu[i]->trace;
        uint64_t first = trace_last(ring, RESULTS_RECORDS);
        job.cpu[i] = i;
        job.cursor[i] = (struct trace_cursor){ring, first};
        job.left += ring->count - first;
    }
}

static void results_place_cursors(void) {
    job.start = job.before = job.left = 0;
    if (job.all)
        results_place_kept();
    else
        results_place_last();
}

/* A ring that is still in use may have overwritten what is to be read next. */
static void results_catch_up(void) {
    for (uint32_t i = 0; i < job.rings; i++) {
        uint64_t first = trace_first(job.cursor[i].ring);
        if (job.cursor[i].next < first)
            job.cursor[i].next = first;
    }
}

/* The guest's next record. NULL, and *more says whether there may be one. */
static const struct trace_record *results_next_record(unsigned *cpu, bool *more) {
    const struct trace_record *record;
    unsigned ring;

    *more = true;
    results_catch_up();
    for (unsigned n = 0; n < RECORDS_PER_STEP; n++) {
        if (!job.left || !(record = trace_next(job.cursor, job.rings, &ring))) {
            *more = false;
            return NULL;
        }
        job.left--;
        if (record->guest != job.vm->index)
            continue;
        if (!job.start)
            job.start = record->time;
        *cpu = job.cpu[ring];
        return record;
    }
    return NULL;
}

static bool results_begin_story(void) {
    results_place_cursors();
    console_print("\n  The interrupts of guest %s, in order (time in TSC ticks):\n", job.vm->name);
    return false;
}

static bool results_print_sentence(void) {
    char line[STORY_LINE];
    unsigned cpu;
    bool more;
    const struct trace_record *record = results_next_record(&cpu, &more);

    if (record && trace_story(line, sizeof(line), record, job.start) > 0)
        console_print("  %s\n", line);
    return more;
}

static bool results_end_story(void) {
    console_print("\n");
    return false;
}

/* The trace for programs: tests/lockstep/replay.c reads it. */
static bool results_begin_trace(void) {
    results_place_cursors();
    console_print("TRACE guest=%s vcpus=%u version=%x%s%s\n", job.vm->name, job.vm->vcpu_count,
                  job.vm->routing.ioapic.version,
                  job.vm->routing.stale_rescan ? "" : " stale_rescan=off",
                  job.vm->software ? " delivery=software" : "");
    return false;
}

static bool results_print_record(void) {
    unsigned cpu;
    bool more;
    const struct trace_record *r = results_next_record(&cpu, &more);

    if (r)
        console_print("TRACE %u %u %x %u %lx %lx %u %u\n", r->event, r->vcpu, r->vector, r->pin,
                      r->a, r->b, r->repeats, cpu);
    return more;
}

static bool results_end_trace(void) {
    console_print("TRACE end lost=%lu\n", job.before);
    return false;
}

/* ---- the text screen ---- */

/* Line n: at most 25 rows behind a title; a frame at their left keeps them from looking like
 * another's lines. Returns whether there is one more. */
static bool results_print_row(const struct vm *vm, unsigned n) {
    const uint8_t *memory = vm_ram(vm, VGA_TEXT_BASE, VGA_TEXT_SIZE);
    uint16_t start = vcrtc_start(&vm->pc.legacy.crtc);
    unsigned rows = memory ? vga_text_rows(memory, start) : 0;
    char text[VGA_TEXT_LINE];

    if (n == 0 && rows > 0) {
        console_print("pinwheel: guest %s has this on its text screen at 0x%x:\n", vm->name,
                      VGA_TEXT_BASE);
    } else if (n > 0 && n <= rows) {
        vga_text_row(memory, start, n - 1, text);
        console_print("  |%s\n", text);
    }
    return n < rows;
}

bool results_print_screen(const struct vm *vm) {
    unsigned n = 0;

    while (results_print_row(vm, n))
        n++;
    return n > 0;
}

static bool results_print_text(void) {
    return results_print_row(job.vm, job.item++);
}

/* ---- the outcome ---- */

static const char *result_name(enum vm_result result) {
    static const char *const name[] = {
        [VM_PASSED] = "pass", [VM_FAILED] = "fail", [VM_KILLED] = "killed"};
    return name[result];
}

static bool results_print_outcome(void) {
    const struct vm *vm = job.vm;
    uint64_t exits = 0;

    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        for (uint32_t reason = 0; reason < EXIT_REASON_COUNT; reason++)
            exits += vm->vcpu[i]->exits_by_reason[reason];
    }
    console_print("GUEST name=%s result=%s code=%u how=%s exits=%lu\n", vm->name,
                  result_name(vm->result), vm->code, vm->how, exits);
    ended++;
    passed += vm->result == VM_PASSED;
    return false;
}

/* ---- jobs ---- */

#define STORY    results_begin_story, results_print_sentence, results_end_story
#define TRACE    results_begin_trace, results_print_record, results_end_trace
#define COUNTERS results_print_interrupts, results_print_scans, results_print_exits

static job_part *const counters[] = {COUNTERS, NULL};
static job_part *const story[] = {STORY, NULL};
static job_part *const all[] = {results_print_text, COUNTERS, results_print_outcome, NULL};
static job_part *const all_with_story[] = {results_print_text, STORY, COUNTERS,
                                           results_print_outcome, NULL};
static job_part *const all_with_trace[] = {results_print_text, TRACE, COUNTERS,
                                           results_print_outcome, NULL};
static job_part *const all_with_both[] = {results_print_text,    STORY, TRACE, COUNTERS,
                                          results_print_outcome, NULL};

static job_part *const *results_parts(const struct vm *vm) {
    if (vm->config->story)
        return vm->trace ? all_with_both : all_with_story;
    return vm->trace ? all_with_trace : all;
}

static void results_begin(struct vm *vm, job_part *const *part, bool all_of_it) {
    job.vm = vm;
    job.part = part;
    job.all = all_of_it;
    job.vcpu = job.item = 0;
}

/* A request first: a user waits for it. */
static void results_begin_next(void) {
    struct vm *vm = requested;

    requested = NULL;
    if (vm) {
        results_begin(vm, requested_part, false);
        return;
    }
    vm = dequeued < BOOT_MAX_GUESTS ? atomic_load(&queue[dequeued]) : NULL;
    if (vm) {
        dequeued++;
        results_begin(vm, results_parts(vm), true);
    }
}

void results_of_guest(struct vm *vm) {
    results_keep_trace(vm);
    atomic_store(&queue[atomic_fetch_add(&queued, 1)], vm);
}

void results_request_counters(struct vm *vm) {
    requested = vm;
    requested_part = counters;
}

void results_request_story(struct vm *vm) {
    requested = vm;
    requested_part = story;
}

bool results_wait(void) {
    return job.vm || requested || dequeued < atomic_load(&queued);
}

struct vm *results_step(void) {
    if (!job.vm)
        results_begin_next();
    for (unsigned n = 0; n < RESULTS_LINES && job.vm && console_has_room(job.position); n++) {
        bool more = (*job.part)();
        job.position = console_position();
        if (more)
            continue;
        job.part++;
        job.vcpu = job.item = 0;
        if (*job.part)
            continue;
        struct vm *vm = job.all ? job.vm : NULL;
        job.vm = NULL;
        return vm;
    }
    return NULL;
}

void results_not_started(const struct boot_guest *guest, const char *reason) {
    console_print("pinwheel: guest %s is not started: %s\n", guest->config.name, reason);
    console_print("GUEST name=%s result=fail code=0 how=none exits=0\n", guest->config.name);
    ended++;
}

_Noreturn void results_and_power_off(void) {
    console_verdict("PINWHEEL done guests=%u passed=%u failed=%u\n", ended, passed, ended - passed);
    stop_others();
    vmx_off();
    power_off();
}
