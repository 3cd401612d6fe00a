/* What vmm/host and the drivers do for the rooms under test, and VMs for the tests: see machine.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/control_registers.h"
#include "arch/idt.h"
#include "arch/msr.h"
#include "arch/panic.h"
#include "drivers/console.h"
#include "drivers/lapic.h"
#include "drivers/tsc.h"
#include "tests/machine/machine.h"
#include "tests/unit/processor.h"
#include "vmm/host/host_memory.h"
#include "vmm/host/mitigations.h"
#include "vmm/host/panic.h"
#include "vmm/host/stop.h"
#include "vmm/vcpu/guest_cpuid.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/run.h"
#include "vmm/vcpu/virq.h"
#include "vmm/vcpu/vmcs_setup.h"
#include "vmm/vm/pc_wiring.h"

#define PIECES          4096
#define FIRST_PHYSICAL  0x100000ULL
#define DEFAULT_MEMORY  0x200000ULL
#define FIRST_APIC_ID   0x10 /* an APIC ID is not an index */
#define EPT_TABLE_FLAGS 0x1e /* write-back, four levels */

struct host host;
struct speculation mitigations;

/* ---- memory ---- */

static struct {
    void *at;
    uint64_t physical, size;
} piece[PIECES];
static unsigned pieces;
static uint64_t next_physical;
static struct trace_ring *ring[MACHINE_CPUS];

/* What machine_reset() has released, for the next machine: a fuzzer makes a new one for each input.
 */
static struct {
    void *at;
    uint64_t size;
} spare[PIECES];
static unsigned spares; /* entries that have been used */

static void release(void *at, uint64_t size) {
    for (unsigned i = 0; i < PIECES; i++) {
        if (spare[i].at)
            continue;
        spares = i < spares ? spares : i + 1;
        spare[i].at = at;
        spare[i].size = size;
        return;
    }
    free(at);
}

/* Of exactly this size, so that ASan sees what lies behind it. */
static void *allocate(uint64_t size) {
    void *at = NULL;

    for (unsigned i = 0; i < spares && !at; i++) {
        if (!spare[i].at || spare[i].size != size)
            continue;
        at = spare[i].at;
        spare[i].at = NULL;
    }
    if (!at && posix_memalign(&at, PAGE_SIZE, size))
        machine_fail("no memory");
    memset(at, 0, size);
    return at;
}

void *memory_alloc_pages(uint64_t size, uint64_t *physical) {
    if (pieces == PIECES)
        machine_fail("no memory");
    void *at = allocate(size);
    piece[pieces].at = at;
    piece[pieces].physical = next_physical;
    piece[pieces++].size = size;
    if (physical)
        *physical = next_physical;
    next_physical += (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    return at;
}

void *machine_memory(uint64_t physical) {
    for (unsigned i = 0; i < pieces; i++) {
        if (physical - piece[i].physical < piece[i].size)
            return (uint8_t *)piece[i].at + (physical - piece[i].physical);
    }
    return NULL;
}

uint64_t *memory_alloc_table(uint64_t *physical) {
    return memory_alloc_pages(PAGE_SIZE, physical);
}

uint64_t *memory_table(uint64_t physical) {
    return machine_memory(physical);
}

uint64_t memory_root(void) {
    return 0x7000;
}

/* ---- the host's side ---- */

void host_wake(struct host_cpu *cpu) {
    machine_record(MACHINE_WAKE, cpu->cpu.index, 0);
    atomic_store(&cpu->wake, 1);
    if (atomic_load(&cpu->idle))
        lapic_send_nmi(cpu->cpu.apic_id);
}

static void trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b, bool fold) {
    const struct trace_record record = {
        .what = what | (uint64_t)guest << TRACE_SHIFT(guest), .a = a, .b = b};

    trace_add(this_host_cpu()->trace, machine.tsc, record.what, a, b, fold);
    if (machine.traced)
        machine.traced(&record);
}

void host_trace(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    trace(guest, what, a, b, true);
}

void host_trace_each(unsigned guest, uint64_t what, uint64_t a, uint64_t b) {
    trace(guest, what, a, b, false);
}

void panic(const char *fmt, ...) {
    char text[PANIC_TEXT_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    machine_fail("panic: %s", text);
}

void panic_machine_check(const char *guest) {
    panic("machine check in guest %s", guest);
}

uint32_t stop_others(void) {
    machine_record(MACHINE_OTHERS, machine.now, 0);
    return 0;
}

void stop_if_asked(void) {
    machine_record(MACHINE_STOPPED, machine.now, 0);
}

uint64_t idt_base(void) {
    return 0xffffffff80005000ULL;
}

void cpu_idle(const _Atomic uint32_t *wake) {
    machine_record(MACHINE_IDLE, machine.now, 0);
    if (atomic_load(wake))
        return;
    if (!machine.idle)
        machine_fail("the CPU waits, and nothing wakes it");
    machine.idle();
}

/* ---- drivers ---- */

uint64_t tsc_frequency(void) {
    return machine.tsc_hz ? machine.tsc_hz : MACHINE_HZ;
}

void lapic_send_nmi(uint32_t apic_id) {
    machine_record(MACHINE_NMI, apic_id, 0);
    for (unsigned i = 0; i < host.cpu_count; i++) {
        if (machine.cpu[i].cpu.apic_id == apic_id)
            machine_nmi(i);
    }
}

void lapic_send_fixed(uint32_t apic_id, uint8_t vector) {
    machine_record(MACHINE_FIXED, apic_id, vector);
    for (unsigned i = 0; i < host.cpu_count; i++) {
        if (machine.cpu[i].cpu.apic_id == apic_id)
            machine_interrupt(i, vector);
    }
}

bool lapic_in_service(uint8_t vector) {
    return vector && machine.in_service[machine.now] == vector;
}

bool lapic_requested(uint8_t vector) {
    return vector && machine.interrupt[machine.now] == vector;
}

void lapic_eoi(void) {
    if (!machine.in_service[machine.now])
        machine_fail("an EOI, and no interrupt is in service");
    machine_record(MACHINE_EOI, machine.in_service[machine.now], 0);
    machine.in_service[machine.now] = 0;
}

void lapic_timer_start(uint64_t tsc) {
    machine_record(MACHINE_TIMER, 0, tsc);
}

void lapic_timer_stop(void) {
    machine_record(MACHINE_NO_TIMER, 0, 0);
}

static void add(struct machine_text *to, const char *text, size_t size) {
    if (size >= sizeof(to->text) - to->length)
        machine_fail("more text than there is room for");
    memcpy(to->text + to->length, text, size);
    to->length += size;
    to->text[to->length] = 0;
}

void console_write(const char *text, size_t size) {
    add(&machine.console, text, size);
}

uint64_t console_line(unsigned outputs, const void *owner, const char *line, size_t shown,
                      size_t size) {
    (void)owner;
    if (outputs & CONSOLE_SERIAL)
        add(&machine.console, line + shown, size - shown);
    if (outputs & CONSOLE_SCREEN)
        add(&machine.screen, line + shown, size - shown);
    return console_position();
}

uint64_t console_position(void) {
    return machine.console_before + machine.console.length;
}

/* Nothing is sent before the test says so. */
bool console_has_room(uint64_t position) {
    return position < machine.console_sent || position - machine.console_sent < CONSOLE_AHEAD;
}

void console_step(void) {
    machine.console_steps++;
}

static void print(const char *fmt, va_list args) {
    char text[CONSOLE_LINE];

    vsnprintf(text, sizeof(text), fmt, args);
    console_write(text, strlen(text));
}

void console_print(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    print(fmt, args);
    va_end(args);
}

void console_verdict(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    print(fmt, args);
    va_end(args);
}

/* ---- for tests ---- */

void machine_reset(void) {
    for (unsigned i = 0; i < pieces; i++)
        release(piece[i].at, piece[i].size);
    for (unsigned i = 0; i < MACHINE_CPUS; i++) {
        if (ring[i])
            release(ring[i], sizeof(*ring[i]));
        ring[i] = NULL;
    }
    pieces = 0;
    next_physical = FIRST_PHYSICAL;
    machine_processor_reset();
    host = (struct host){.capabilities = broadwell(), .xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX};
    host.xsave_size = machine_leaf(0x0d, 0)->ebx;
    mitigations = (struct speculation){.on = MITIGATION_IBPB};
}

void machine_start(unsigned cpus) {
    for (unsigned i = 0; i < MACHINE_CPUS; i++) {
        struct host_cpu *cpu = &machine.cpu[i];
        ring[i] = allocate(sizeof(*ring[i]));
        *cpu = (struct host_cpu){.trace = ring[i]};
        cpu->cpu.self = &cpu->cpu;
        cpu->cpu.index = i;
        cpu->cpu.apic_id = FIRST_APIC_ID + 2 * i;
        host.cpu[i] = cpu;
    }
    host.cpu_count = cpus;
    guest_cpuid_init(host.xcr0, MACHINE_HZ);
    msr_init();
    vmcs_setup_init();
    virq_init();
    run_init();
}

struct guest_config machine_guest(void) {
    return (struct guest_config){
        .name = "tested",
        .memory = DEFAULT_MEMORY,
        .vcpus = 1,
        .ioapic_version = 0x20,
        .stale_rescan = true,
        .x2apic = true,
    };
}

static void power_on(struct vm *vm) {
    struct pc_config config = {
        .effects = &pc_wiring,
        .context = vm,
        .tsc_hz = MACHINE_HZ,
        .ram = vm->ram,
        .ram_size = vm->ram_size,
        .vcpu_count = vm->vcpu_count,
        .ioapic_version = (uint8_t)vm->config->ioapic_version,
        .time = 1700000000000000000ULL,
        .time_tsc = machine.tsc,
    };
    const char *problem = pc_power_on(&vm->pc, &config);

    if (problem)
        machine_fail("the PC cannot be powered on: %s", problem);
}

/* As vmm/vm/vm_create.c does it. */
struct vm *machine_vm(uint32_t index, const struct guest_config *config) {
    struct vm *vm = memory_alloc_pages(sizeof(*vm), NULL);
    struct guest_config *own = memory_alloc_pages(sizeof(*own), NULL);

    *own = *config;
    vm->config = own;
    vm->name = own->name;
    vm->index = index;
    vm->trace = config->trace;
    vm->software = config->delivery == BOOT_DELIVERY_SOFTWARE;
    vm->posted = config->delivery == BOOT_DELIVERY_POSTED;
    vm->ram_size = config->memory;
    vm->ram = memory_alloc_pages(vm->ram_size, &vm->ram_physical);
    vm->vcpu_count = config->vcpus;
    for (unsigned i = 0; i < 2; i++) {
        memory_alloc_pages(PAGE_SIZE, &vm->ept_pointer[i]);
        vm->ept_pointer[i] |= EPT_TABLE_FLAGS;
    }
    power_on(vm);
    struct routing_config routing = {
        .vcpu_count = vm->vcpu_count,
        .ioapic_version = config->ioapic_version,
        .physical_address_mask = host_physical_mask(),
        .stale_rescan = config->stale_rescan,
        .x2apic_offered = config->x2apic,
    };
    vcpu_allocate_routed(vm);
    for (uint32_t i = 0; i < vm->vcpu_count; i++) {
        vm->vcpu[i] = vcpu_create(vm, i, host.cpu[i % host.cpu_count]);
        routing.page[i] = vm->vcpu[i]->apic_page;
    }
    routing_power_on(&vm->routing, &routing, virq_effects_of(vm), vm);
    atomic_store(&vm->state, VM_RUNNING);
    atomic_store(&vm->live_vcpus, vm->vcpu_count);
    return vm;
}

void machine_load(struct vcpu *vcpu) {
    machine_run_on(vcpu->host->cpu.index);
    vcpu_load(vcpu);
}
