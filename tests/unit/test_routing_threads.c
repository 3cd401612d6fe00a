/* Guards vmm/interrupts/routing.c, vmm/interrupts/inbox.c and vmm/interrupts/vlapic.c on CPUs that
 * run at the same time: two threads are vCPUs, which handle level interrupts and reroute them; a
 * third thread raises the lines, reroutes too, and sends edges on the same vectors. No EOI may be
 * lost: every EOI that is owed to a pin exits, and at the end every Remote IRR is clear.
 *
 * It can also run under ThreadSanitizer: the atomics and the places of the lock are the production
 * code's; the lock itself is a mutex here. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/processor.h"
#include "vmm/interrupts/routing.h"

#define VCPUS  2
#define PINS   3
#define ROUNDS 30000

static const uint8_t vector_of[PINS] = {0x51, 0x51, 0x83};

static struct routing routing;
static struct routing_vcpu routed[VCPUS];
static struct routing_counters counters[VCPUS];
static struct apic_page page[VCPUS];
static pthread_mutex_t interrupt_lock = PTHREAD_MUTEX_INITIALIZER; /* the hypervisor's */
static pthread_mutex_t ioapic_lock = PTHREAD_MUTEX_INITIALIZER;    /* the guest's: IOREGSEL */
static _Atomic bool device_done;
static _Atomic unsigned lost, unexplained, handled;

/* Each is accessed by its vCPU's thread only. */
static struct cpu {
    unsigned index;
    struct processor processor;
    struct owed owed;
    uint32_t random;
} cpu[VCPUS];

static void lock(void *context) {
    (void)context;
    pthread_mutex_lock(&interrupt_lock);
}

static void unlock(void *context) {
    (void)context;
    pthread_mutex_unlock(&interrupt_lock);
}

static void notify(void *context, unsigned vcpu) {
    (void)context;
    (void)vcpu; /* every vCPU enters all the time anyway */
}

static void access_changed(void *context, unsigned vcpu) {
    (void)context;
    (void)vcpu;
}

static void trace(void *context, uint64_t what, uint64_t a, uint64_t b) {
    const struct trace_record event = {.what = what};

    (void)context;
    (void)b;
    if (event.event == TRACE_ACCEPT_LEVEL)
        owed_accept(&cpu[event.vcpu].owed, event.vector, (uint32_t)a);
}

static const struct routing_effects effects = {
    .lock = lock,
    .unlock = unlock,
    .notify = notify,
    .notify_edge = notify,
    .access_changed = access_changed,
    .trace = trace,
};

static uint32_t pick(uint32_t *random, uint32_t below) {
    *random = *random * 1664525 + 1013904223;
    return (*random >> 16) % below;
}

static void route(unsigned pin, unsigned vcpu) {
    pthread_mutex_lock(&ioapic_lock);
    routing_ioapic_write(&routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin + 1);
    routing_ioapic_write(&routing, IOAPIC_DATA, 4, vcpu << 24);
    routing_ioapic_write(&routing, IOAPIC_INDEX, 4, IOAPIC_REG_ENTRY + 2 * pin);
    routing_ioapic_write(&routing, IOAPIC_DATA, 4, (uint32_t)RTE_LEVEL | vector_of[pin]);
    pthread_mutex_unlock(&ioapic_lock);
}

static void enter(struct cpu *self) {
    const struct vlapic *apic = routing_vlapic(&routing, self->index);
    unsigned changed;

    routing_prepare_entry(&routing.vcpu[self->index], &changed);
    for (unsigned i = 0; i < 4; i++) {
        if (changed & 1u << i)
            self->processor.exit_bitmap.word[i] = apic->map.exit.word[i];
        if (apic->tokens.inflight.word[i] & ~self->processor.exit_bitmap.word[i])
            lost++; /* invariant 1 */
    }
    processor_set_status(&self->processor);
    processor_update_ppr(&self->processor);
}

static void eoi(struct cpu *self) {
    uint8_t vector;
    bool exits = processor_eoi(&self->processor, &vector);
    uint32_t owed = owed_eoi(&self->owed, vector);

    if (exits) {
        enum vlapic_eoi kind = routing_eoi_exit(&routing.vcpu[self->index], vector);
        unexplained += (kind == VLAPIC_EOI_COINCIDENTAL) != !owed;
    } else if (owed) {
        lost++;
    }
}

/* Delivers one interrupt, if there is one: its handler may reroute the pins and lowers their lines.
 */
static void handle_one(struct cpu *self) {
    uint8_t v;

    if (!processor_recognizes(self->processor.rvi, apic_page_read(self->processor.page, APIC_PPR)))
        return;
    v = processor_deliver(&self->processor);
    owed_deliver(&self->owed, v);
    for (unsigned pin = 0; pin < PINS; pin++) {
        if (vector_of[pin] != v)
            continue;
        if (pick(&self->random, 3) == 0)
            route(pin, pick(&self->random, VCPUS));
        routing_set_line(&routing, pin, false);
    }
    if (pick(&self->random, 4) == 0)
        enter(self); /* an exit within the handler: it may accept an instance behind this one */
    eoi(self);
    handled++;
}

static void *run_vcpu(void *argument) {
    struct cpu *self = argument;
    unsigned quiet = 0;

    while (quiet < 10) {
        enter(self);
        handle_one(self);
        quiet = atomic_load(&device_done) ? quiet + 1 : 0;
    }
    return NULL;
}

static void *run_device(void *argument) {
    struct apic_message edge = {.delivery_mode = APIC_DELIVERY_FIXED};
    uint32_t random = 99;

    (void)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned pin = pick(&random, PINS);

        routing_set_line(&routing, pin, true);
        route(pin, pick(&random, VCPUS)); /* as a third vCPU would, right after the post */
        edge.destination = pick(&random, VCPUS);
        edge.vector = vector_of[pick(&random, PINS)];
        routing_send(&routing, &edge);
    }
    for (unsigned pin = 0; pin < PINS; pin++)
        routing_set_line(&routing, pin, false);
    atomic_store(&device_done, true);
    return NULL;
}

static void power_on(void) {
    struct routing_config config = {
        .vcpu_count = VCPUS, .ioapic_version = 0x11, .stale_rescan = true, .x2apic_offered = true};

    for (unsigned i = 0; i < VCPUS; i++) {
        config.page[i] = &page[i];
        cpu[i] = (struct cpu){.index = i, .processor.page = &page[i], .random = i + 1};
    }
    routing.vcpu = routed;
    routing.counters = counters;
    routing_power_on(&routing, &config, &effects, NULL);
    for (unsigned i = 0; i < VCPUS; i++)
        vlapic_write(routing_vlapic(&routing, i), APIC_SVR, APIC_SVR_ENABLE | 0xff);
    for (unsigned pin = 0; pin < PINS; pin++)
        route(pin, 0);
}

static void invariant_1_no_eoi_is_lost_between_threads(void **state) {
    pthread_t thread[VCPUS + 1];

    (void)state;
    power_on();
    for (unsigned i = 0; i < VCPUS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_vcpu, &cpu[i]), 0);
    assert_int_equal(pthread_create(&thread[VCPUS], NULL, run_device, NULL), 0);
    for (unsigned i = 0; i <= VCPUS; i++)
        pthread_join(thread[i], NULL);

    assert_true(handled > 0);
    assert_int_equal(lost, 0);
    assert_int_equal(unexplained, 0);
    for (unsigned pin = 0; pin < PINS; pin++)
        assert_false(routing.ioapic.entry[pin] & RTE_REMOTE_IRR);
    for (unsigned i = 0; i < VCPUS; i++) {
        const struct vlapic *apic = routing_vlapic(&routing, i);
        assert_true(vector_set_is_empty(&apic->tokens.inflight));
        assert_true(vector_set_is_empty(&apic->map.stale));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_1_no_eoi_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
