/* Lab 10: four vCPUs, lowest priority and broadcast.
 *
 * A pin may name a set of vCPUs. In lowest-priority mode one of them accepts each interrupt; in
 * fixed mode all of them do, and each sends an EOI. How many EOIs does the I/O APIC wait for?
 *
 * Read on: invariant 14 in docs/interrupts.md. SDM Vol. 3A, "Logical Destination Mode" and "Lowest
 * Priority Delivery Mode". */
#include "guest/labs/lab.h"
#include "guest/lib/apic.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/start.h"

#define PIN    11
#define VECTOR 0x51
#define VCPUS  4
#define ALL    0xf /* logical destination: one bit for each vCPU */
#define ROUNDS 8

static atomic_uint handled, handled_by[VCPUS], exits_by[VCPUS];

static void on_level(uint8_t vector) {
    (void)vector;
    uint32_t vcpu = cpu_self()->index;

    line_set(PIN, 0);
    atomic_fetch_add(&exits_by[vcpu], lab_eoi());
    atomic_fetch_add(&handled_by[vcpu], 1);
    atomic_fetch_add(&handled, 1);
}

/* Routes the pin to all four vCPUs and raises its line ROUNDS times. Each time `each` handlers have
 * to run. */
static void send(const char *first, const char *second, uint64_t mode, uint32_t each) {
    atomic_store(&handled, 0);
    for (uint32_t i = 0; i < VCPUS; i++)
        handled_by[i] = exits_by[i] = 0;

    ioapic_write_entry(PIN, RTE_LEVEL | RTE_LOGICAL | mode << RTE_DELIVERY_SHIFT | VECTOR |
                                (uint64_t)ALL << RTE_DESTINATION_SHIFT);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        line_set(PIN, 1);
        wait_at_least(&handled, round * each);
        lab_settle();
    }
    print("%s: %u,%u,%u,%u\n", first, handled_by[0], handled_by[1], handled_by[2], handled_by[3]);
    print("%s: %u,%u,%u,%u\n", second, exits_by[0], exits_by[1], exits_by[2], exits_by[3]);
}

void guest_main(void) {
    lab_begin("10: four vCPUs, lowest priority and broadcast", VCPUS);
    interrupt_handle(VECTOR, on_level);
    interrupts_on();
    send("10.1  Lowest priority: handled by each vCPU", "10.2  EOI exits on each vCPU",
         APIC_DELIVERY_LOWEST_PRIORITY, 1);
    send("10.3  Fixed: handled by each vCPU", "10.4  EOI exits on each vCPU", APIC_DELIVERY_FIXED,
         (uint32_t)__builtin_popcount(ALL));
    interrupts_off();
    print("10.5  Remote IRR at the end: %u\n",
          (uint32_t)((ioapic_read_entry(PIN) & RTE_REMOTE_IRR) != 0));
}
