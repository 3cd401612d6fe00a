/* vCPUs whose handlers wait and send their EOI on demand: see scene.h. */
#include "guest/invariants/scene.h"

#include "guest/lib/apic.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"

#define SETTLE 3000u /* PAUSEs: twice as many as make the hypervisor run another vCPU */
#define TURNS  50u   /* of each other vCPU's waiting loop */

enum before_eoi { NOTHING, DROP_LINES, GATE, GATE_NESTED };

static struct {
    enum before_eoi before_eoi;
    uint32_t pins;
    atomic_uint handled[VCPUS];
} watched[256];

static struct {
    atomic_uint arrived, tickets;
    _Atomic(void (*)(void)) function;
} gates[VCPUS];

struct scene_line scene_lines[PINS] = {
    {PIN, line_set}, {PIN + 1, line_set}, {PIN + 2, line_set}, {PIN + 3, line_set}};
bool scene_exits_unknown;

/* The arguments and the result of what cpu_call() runs on another vCPU. */
static struct {
    uint32_t reg, value, count;
    uint8_t vector;
    uint64_t result;
} message;

/* ---- handlers ---- */

static bool take_ticket(atomic_uint *tickets) {
    uint32_t left = atomic_load(tickets);
    return left && atomic_compare_exchange_strong(tickets, &left, left - 1);
}

static void wait_at_gate(uint32_t cpu) {
    atomic_fetch_add(&gates[cpu].arrived, 1);
    for (uint32_t i = 0; i < wait_bound && !take_ticket(&gates[cpu].tickets); i++) {
        void (*function)(void) = atomic_load(&gates[cpu].function);
        if (function) {
            function();
            atomic_store(&gates[cpu].function, 0);
        }
        atomic_fetch_add_explicit(&cpus[cpu].turns, 1, memory_order_relaxed);
        pause();
    }
}

static void handle(uint8_t vector) {
    uint32_t cpu = cpu_self()->index;
    switch (watched[vector].before_eoi) {
    case NOTHING:
        break;
    case DROP_LINES:
        for (unsigned n = 0; n < PINS; n++) {
            if (watched[vector].pins >> n & 1)
                line(n, false);
        }
        break;
    case GATE:
        wait_at_gate(cpu);
        break;
    case GATE_NESTED:
        interrupts_on();
        wait_at_gate(cpu);
        interrupts_off();
        break;
    }
    apic_eoi();
    atomic_fetch_add(&watched[vector].handled[cpu], 1);
}

static void watch_with(uint8_t vector, enum before_eoi before_eoi, uint32_t pins) {
    watched[vector].before_eoi = before_eoi;
    watched[vector].pins = pins;
    interrupt_handle(vector, handle);
}

void watch(uint8_t vector) {
    watch_with(vector, NOTHING, 0);
}

void watch_lines(uint8_t vector, uint32_t pins) {
    watch_with(vector, DROP_LINES, pins);
}

void watch_at_gate(uint8_t vector) {
    watch_with(vector, GATE, 0);
}

void watch_at_gate_nested(uint8_t vector) {
    watch_with(vector, GATE_NESTED, 0);
}

bool at_gate(uint32_t cpu, uint32_t n) {
    return wait_at_least(&gates[cpu].arrived, n) && atomic_load(&gates[cpu].arrived) == n;
}

bool at_gate_do(uint32_t cpu, void (*function)(void)) {
    atomic_store(&gates[cpu].function, function);
    for (uint32_t i = 0; i < wait_bound && atomic_load(&gates[cpu].function); i++)
        pause();
    return !atomic_load(&gates[cpu].function);
}

void open_gate(uint32_t cpu) {
    atomic_fetch_add(&gates[cpu].tickets, 1);
}

bool arrived(uint8_t vector, uint32_t cpu, uint32_t n) {
    bool enough = wait_at_least(&watched[vector].handled[cpu], n);
    settle();
    return enough && atomic_load(&watched[vector].handled[cpu]) == n;
}

uint32_t handled(uint8_t vector) {
    uint32_t sum = 0;
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++)
        sum += atomic_load(&watched[vector].handled[cpu]);
    return sum;
}

/* ---- vCPUs ---- */

void hold(uint32_t cpu) {
    cpu_call(cpu, interrupts_off);
}

void release(uint32_t cpu) {
    cpu_call(cpu, interrupts_on);
}

static void read_bit(void) {
    message.result = apic_vector_bit(message.reg, message.vector);
}

bool bit_of(uint32_t cpu, uint32_t reg, uint8_t vector) {
    message.reg = reg;
    message.vector = vector;
    return cpu_call(cpu, read_bit) && message.result;
}

static void write_register(void) {
    apic_write(message.reg, message.value);
}

void write_apic(uint32_t cpu, uint32_t reg, uint32_t value) {
    message.reg = reg;
    message.value = value;
    cpu_call(cpu, write_register);
}

static uint64_t own_exits(void) {
    return scene_exits_unknown ? 0 : vmcall(HYPERCALL_EOI_EXITS);
}

static void read_exits(void) {
    message.result = own_exits();
}

uint64_t eoi_exits(uint32_t cpu) {
    return cpu_call(cpu, read_exits) ? message.result : UINT64_MAX;
}

bool exited(uint32_t cpu, uint64_t before, uint64_t count) {
    return eoi_exits(cpu) == before + (scene_exits_unknown ? 0 : count);
}

static void send_ipis(void) {
    atomic_uint *seen = &watched[message.vector].handled[cpu_self()->index];
    uint32_t first = atomic_load(seen);
    uint64_t before = own_exits();
    message.result = UINT64_MAX;
    for (uint32_t i = 1; i <= message.count; i++) {
        apic_self_ipi(message.vector);
        if (!wait_at_least(seen, first + i))
            return;
    }
    if (before != HYPERCALL_UNKNOWN && atomic_load(seen) == first + message.count)
        message.result = own_exits() - before;
}

bool ipis_exit(uint32_t cpu, uint8_t vector, uint32_t count, uint64_t exits) {
    watch(vector);
    message.vector = vector;
    message.count = count;
    return cpu_call(cpu, send_ipis) && message.result == (scene_exits_unknown ? 0 : exits);
}

void send_ipi(uint32_t cpu, uint8_t vector) {
    apic_send_ipi(cpu_apic_id(cpu), vector);
}

/* ---- pins ---- */

uint8_t scene_pin(unsigned n) {
    return scene_lines[n].pin;
}

void route(unsigned n, uint8_t vector, uint32_t cpu) {
    ioapic_write_entry(scene_pin(n), rte_level(vector, (uint8_t)cpu_apic_id(cpu)));
}

void reroute(unsigned n, uint32_t cpu) {
    ioapic_reroute(scene_pin(n), (uint8_t)cpu_apic_id(cpu));
}

void write_low(unsigned n, uint64_t low) {
    ioapic_write(ioapic_low_half(scene_pin(n)), (uint32_t)low);
}

void line(unsigned n, bool level) {
    if (scene_lines[n].set)
        scene_lines[n].set(scene_pin(n), level);
}

bool remote_irr(unsigned n) {
    return ioapic_read_entry(scene_pin(n)) & RTE_REMOTE_IRR;
}

bool delivery_status(unsigned n) {
    return ioapic_read_entry(scene_pin(n)) & RTE_DELIVERY_STATUS;
}

bool bring_into_service(unsigned n, uint8_t vector) {
    watch_at_gate(vector);
    route(n, vector, 1);
    line(n, true);
    return at_gate(1, 1);
}

/* A vCPU that shares its CPU with others may not run for longer than SETTLE. */
void settle(void) {
    uint32_t before[VCPUS];
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++)
        before[cpu] = atomic_load(&cpus[cpu].turns);
    spin(SETTLE);
    for (uint32_t cpu = 1; cpu < VCPUS; cpu++) {
        for (uint32_t i = 0; i < wait_bound; i++) {
            if (atomic_load(&cpus[cpu].turns) - before[cpu] >= TURNS)
                break;
            pause();
        }
    }
}

/* ---- beginning and end ---- */

void set_up_vcpu(void) {
    apic_set_logical_id();
    interrupts_on();
}

bool scene_start(void) {
    bool ready = cpus_start(VCPUS) == VCPUS;
    for (uint32_t cpu = 0; ready && cpu < VCPUS; cpu++)
        ready = cpu_call(cpu, set_up_vcpu);
    return ready;
}

void scene_begin(void) {
    for (unsigned n = 0; n < PINS; n++) {
        line(n, false);
        ioapic_write_entry(scene_pin(n), RTE_MASKED);
    }
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++) {
        atomic_store(&gates[cpu].arrived, 0);
        atomic_store(&gates[cpu].tickets, 0);
        for (unsigned vector = 0; vector < 256; vector++)
            atomic_store(&watched[vector].handled[cpu], 0);
    }
}

static void check_idle(void) {
    message.result = apic_is_idle();
}

void scene_end(unsigned invariant) {
    bool idle = true;
    settle();
    for (uint32_t cpu = 0; cpu < VCPUS; cpu++)
        idle = cpu_call(cpu, check_idle) && message.result && idle;
    for (unsigned n = 0; n < PINS; n++)
        idle = !remote_irr(n) && idle;
    report(idle, "I%u: IRR, ISR and Remote IRR are clear at the end", invariant);
}
