/* What a test of an invariant needs: vCPUs 1 to 3 whose handlers wait and send their EOI on demand,
 * while vCPU 0 directs them and reads the I/O APIC.
 *
 * vCPUs 1 to 3 have interrupts enabled unless they are held. A handler counts and sends the EOI;
 * before that it may drop lines, or wait at its vCPU's gate until the gate is opened. Unless stated
 * otherwise, the functions here are called on vCPU 0 and outside handlers. Waits are bounded. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPUS 4
#define PIN   16u /* the first of four pins that no device uses in these guests */
#define PINS  4

/* Each invariant has eight vectors of its own, 0x38 to 0xf7, so that the hypervisor counts them
 * separately. */
#define VECTOR(invariant, n) ((uint8_t)(0x30 + 8 * (invariant) + (n)))

/* A line that tests raise and lower: its pin of the I/O APIC, and how its level is set; NULL: it
 * stays inactive. By default the pins from PIN on, by the test device's ports. */
struct scene_line {
    uint8_t pin;
    void (*set)(uint8_t pin, uint8_t level);
};
extern struct scene_line scene_lines[PINS];

/* Whether the hypervisor does not report EOI exits. Then all their numbers count as right. */
extern bool scene_exits_unknown;

/* ---- beginning and end ---- */

/* Starts the vCPUs and sets each of them up. False: they are fewer than VCPUS, or do not answer. */
bool scene_start(void);

/* Sets this vCPU's logical ID and enables interrupts. */
void set_up_vcpu(void);

/* Masks all pins, makes them edge-triggered, drops their lines, and resets the counts and gates. */
void scene_begin(void);

/* Reports whether all IRRs, ISRs and Remote IRRs are clear. */
void scene_end(unsigned invariant);

/* ---- vCPUs ---- */

/* Disables interrupts on that vCPU; enables them again. */
void hold(uint32_t cpu);
void release(uint32_t cpu);

/* The bit of a vector in that vCPU's APIC_IRR, APIC_ISR or APIC_TMR. */
bool bit_of(uint32_t cpu, uint32_t reg, uint8_t vector);

void write_apic(uint32_t cpu, uint32_t reg, uint32_t value);

/* How many EOIs on that vCPU have caused a VM exit; UINT64_MAX if it does not answer. */
uint64_t eoi_exits(uint32_t cpu);

/* Whether that many have since eoi_exits() returned `before`. */
bool exited(uint32_t cpu, uint64_t before, uint64_t count);

/* Has a vCPU send itself `count` IPIs, each after the previous one's handler. Whether each was
 * handled exactly once, and `exits` of their EOIs caused a VM exit. */
bool ipis_exit(uint32_t cpu, uint8_t vector, uint32_t count, uint64_t exits);

/* Sends an IPI from vCPU 0. */
void send_ipi(uint32_t cpu, uint8_t vector);

/* ---- handlers ---- */

/* Installs a handler that counts and sends the EOI. */
void watch(uint8_t vector);
/* The same, but it drops the lines of these pins before the EOI; bit 0 stands for pin 0. */
void watch_lines(uint8_t vector, uint32_t pins);
/* The same, but it waits at its vCPU's gate before the EOI; nested: with interrupts enabled. */
void watch_at_gate(uint8_t vector);
void watch_at_gate_nested(uint8_t vector);

/* Waits for handlers at that vCPU's gate: whether n have arrived there since scene_begin(). */
bool at_gate(uint32_t cpu, uint32_t n);
/* Has the handler at the gate call the function and stay there. */
bool at_gate_do(uint32_t cpu, void (*function)(void));
/* Lets the handler at the gate, the innermost one, continue to its EOI. */
void open_gate(uint32_t cpu);

/* Waits and settles: whether that vCPU has handled the vector exactly n times. */
bool arrived(uint8_t vector, uint32_t cpu, uint32_t n);
/* How often the vector has been handled, by all vCPUs. */
uint32_t handled(uint8_t vector);

/* ---- pins: n is an index of scene_lines ---- */

uint8_t scene_pin(unsigned n);

/* Writes an entry: level-triggered, unmasked, fixed delivery to one vCPU by its APIC ID. */
void route(unsigned n, uint8_t vector, uint32_t cpu);
void reroute(unsigned n, uint32_t cpu);
void write_low(unsigned n, uint64_t low);
void line(unsigned n, bool level);
bool remote_irr(unsigned n);
bool delivery_status(unsigned n);

/* Routes a pin to vCPU 1 and raises its line: whether the handler of the vector, which
 * watch_at_gate() installs, is the first at vCPU 1's gate. */
bool bring_into_service(unsigned n, uint8_t vector);

/* Waits until every interrupt that was sent has been delivered. */
void settle(void);
