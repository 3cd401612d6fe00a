/* What is printed when guests end: see results.h. */
#include "vmm/vm/results.h"

#include "drivers/console.h"
#include "drivers/power.h"
#include "vmm/devices/vga_text.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

#define STORY_LINE 200

static uint32_t ended, passed; /* guests */

static const char *result_name(enum vm_result result) {
    static const char *const name[] = {
        [VM_PASSED] = "pass", [VM_FAILED] = "fail", [VM_KILLED] = "killed"};
    return name[result];
}

static void results_print_interrupts(const struct vm *vm) {
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        const struct routing_counters *c = &vm->routing.counters[i];
        for (unsigned v = 0; v < VECTOR_COUNT; v++) {
            if (!(c->eoi_live[v] | c->eoi_stale[v] | c->eoi_coincidental[v]))
                continue;
            console_print("COUNTERS guest=%s vcpu=%u vector=0x%02x eoi_live=%lu eoi_stale=%lu "
                          "eoi_coincidental=%lu delivered_level=%lu\n",
                          vm->name, i, v, c->eoi_live[v], c->eoi_stale[v], c->eoi_coincidental[v],
                          c->delivered_level[v]);
        }
    }
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        const struct routing_counters *c = &vm->routing.counters[i];
        console_print("SCANS guest=%s vcpu=%u scans=%lu reason_rte=%lu reason_lapic=%lu "
                      "reason_stale=%lu stale_marked=%lu\n",
                      vm->name, i, routing_scans(c, ~0u), routing_scans(c, SCAN_RTE),
                      routing_scans(c, SCAN_LAPIC), routing_scans(c, SCAN_STALE), c->stale_marked);
    }
}

static void results_print_exits(const struct vm *vm) {
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        const struct vcpu *vcpu = vm->vcpu[i];
        for (uint32_t r = 0; r < EXIT_REASON_COUNT; r++) {
            if (vcpu->exits_by_reason[r])
                console_print("EXITS guest=%s vcpu=%u reason=%u count=%lu name=\"%s\"\n", vm->name,
                              i, r, vcpu->exits_by_reason[r], exit_reason_name(r));
        }
    }
}

void results_print_counters(const struct vm *vm) {
    results_print_interrupts(vm);
    results_print_exits(vm);
}

static void results_print_sentence(const struct trace_record *record, uint64_t start,
                                   unsigned cpu) {
    char line[STORY_LINE];

    (void)cpu;
    if (trace_story(line, sizeof(line), record, start) > 0)
        console_print("  %s\n", line);
}

/* For programs: tests/lockstep/replay.c reads it. */
static void results_print_record(const struct trace_record *r, uint64_t start, unsigned cpu) {
    (void)start;
    console_print("TRACE %u %u %x %u %lx %lx %u %u\n", r->event, r->vcpu, r->vector, r->pin, r->a,
                  r->b, r->repeats, cpu);
}

/* Calls `show` for each record of this guest among the last `most` of each CPU, merged by time,
 * with the time of the first. Returns how many records of any guest are older. The other CPUs may
 * add records meanwhile, which are left out. */
static uint64_t results_each_record(const struct vm *vm, uint64_t most,
                                    void (*show)(const struct trace_record *, uint64_t start,
                                                 unsigned cpu)) {
    struct trace_cursor cursor[BOOT_MAX_CPUS];
    const struct trace_record *record;
    uint64_t start = 0, before = 0, left = 0;
    unsigned cpu;

    host_trace_last(cursor, most);
    for (uint32_t i = 0; i < host.cpu_count; i++) {
        before += cursor[i].next;
        left += cursor[i].ring->count - cursor[i].next;
    }
    while (left-- && (record = trace_next(cursor, host.cpu_count, &cpu))) {
        if (record->guest != vm->index)
            continue;
        if (!start)
            start = record->time;
        show(record, start, cpu);
    }
    return before;
}

void results_tell_story(const struct vm *vm, uint64_t most) {
    console_print("\n  The interrupts of guest %s, in order (time in TSC ticks):\n", vm->name);
    results_each_record(vm, most, results_print_sentence);
    console_print("\n");
}

static void results_print_trace(const struct vm *vm) {
    console_print("TRACE guest=%s vcpus=%u version=%x\n", vm->name, vm->vcpu_count,
                  vm->routing.ioapic.version);
    uint64_t lost = results_each_record(vm, TRACE_RING_RECORDS, results_print_record);
    console_print("TRACE end lost=%lu\n", lost);
}

/* At most 25 lines; a frame at their left keeps them from looking like another's. */
bool results_print_screen(const struct vm *vm) {
    const uint8_t *memory = vm_ram(vm, VGA_TEXT_BASE, VGA_TEXT_SIZE);
    uint16_t start = vcrtc_start(&vm->pc.legacy.crtc);
    unsigned rows = memory ? vga_text_rows(memory, start) : 0;
    char text[VGA_TEXT_LINE];

    if (rows == 0)
        return false;
    console_print("pinwheel: guest %s has this on its text screen at 0x%x:\n", vm->name,
                  VGA_TEXT_BASE);
    for (unsigned row = 0; row < rows; row++) {
        vga_text_row(memory, start, row, text);
        console_print("  |%s\n", text);
    }
    return true;
}

void results_of_guest(struct vm *vm) {
    uint64_t exits = 0;

    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        for (uint32_t reason = 0; reason < EXIT_REASON_COUNT; reason++)
            exits += vm->vcpu[i]->exits_by_reason[reason];
    }
    results_print_screen(vm);
    if (vm->config->story)
        results_tell_story(vm, TRACE_RING_RECORDS);
    if (vm->trace)
        results_print_trace(vm);
    results_print_counters(vm);
    console_print("GUEST name=%s result=%s code=%u how=%s exits=%lu\n", vm->name,
                  result_name(vm->result), vm->code, vm->how, exits);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
    if (vm->result == VM_PASSED)
        __atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);
}

void results_not_started(const struct boot_guest *guest, const char *reason) {
    console_print("pinwheel: guest %s is not started: %s\n", guest->config.name, reason);
    console_print("GUEST name=%s result=fail code=0 how=none exits=0\n", guest->config.name);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
}

_Noreturn void results_and_power_off(void) {
    console_print("PINWHEEL done guests=%u passed=%u failed=%u\n", ended, passed, ended - passed);
    power_off();
}
