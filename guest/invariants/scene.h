/* What a test of an invariant needs: vCPUs that can be told when to take an interrupt and when to
 * send its EOI, while vCPU 0 directs and looks at the I/O APIC.
 *
 * vCPUs 1 to 3 take interrupts all the time unless they are held. A handler counts and sends the
 * EOI; before that it may drop lines, or wait at its vCPU's gate until it is let go. All functions
 * here are for vCPU 0, outside handlers, if nothing else is said. Every wait is bounded. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VCPUS 4
#define PIN   16u /* this and the next three: no device of the machine's own is there */
#define PINS  4

/* Each invariant has eight vectors of its own, 0x38 to 0xf7, so that the counters can be told
 * apart.
 */
#define VECTOR(invariant, n) ((uint8_t)(0x30 + 8 * (invariant) + (n)))

/* ---- beginning and end ---- */

/* All pins masked and edge-triggered, their lines low; nothing counted, nobody at a gate. */
void scene_begin(void);

/* Reports that nothing is in any IRR, ISR or Remote IRR. */
void scene_end(unsigned invariant);

/* ---- vCPUs ---- */

/* Runs it on a vCPU, also on this one; false: it is busy, or does not come back. */
bool on(uint32_t cpu, void (*function)(void));

/* No interrupts there; interrupts again. */
void hold(uint32_t cpu);
void release(uint32_t cpu);

/* The bit of a vector in that vCPU's APIC_IRR, APIC_ISR or APIC_TMR. */
bool bit_of(uint32_t cpu, uint32_t reg, uint8_t vector);

void write_apic(uint32_t cpu, uint32_t reg, uint32_t value);

/* How many EOIs have exited there; UINT64_MAX if the hypervisor does not tell. */
uint64_t eoi_exits(uint32_t cpu);

/* Sends that many IPIs on a vector from a vCPU to itself, each after the last has been handled.
 * Returns how many of their EOIs exited; UINT64_MAX if one did not come, or came twice. */
uint64_t exits_of_ipis(uint32_t cpu, uint8_t vector, uint32_t count);

/* An IPI from here. */
void send_ipi(uint32_t cpu, uint8_t vector);

/* ---- handlers ---- */

/* Counts. */
void watch(uint8_t vector);
/* Drops these pins' lines first; bit 0 is PIN. */
void watch_lines(uint8_t vector, uint32_t pins);
/* Waits at the gate first; nested: with interrupts on. */
void watch_at_gate(uint8_t vector);
void watch_at_gate_nested(uint8_t vector);

/* Whether handlers arrive at that vCPU's gate until n have since the scene's beginning. */
bool at_gate(uint32_t cpu, uint32_t n);
/* Has the handler at the gate call the function and stay. */
bool at_gate_do(uint32_t cpu, void (*function)(void));
/* Lets the handler that waits there (the innermost one) go on to its EOI. */
void let_go(uint32_t cpu);

/* Whether the vector is handled n times at that vCPU, and not once more while all settles. */
bool came(uint8_t vector, uint32_t cpu, uint32_t n);
/* How often it has been handled, by all. */
uint32_t handled(uint8_t vector);

/* ---- pins; n counts from PIN ---- */

/* Level-triggered, unmasked, fixed, to one vCPU by its APIC ID. */
void route(unsigned n, uint8_t vector, uint32_t cpu);
void reroute(unsigned n, uint32_t cpu);
void write_low(unsigned n, uint64_t low);
void line(unsigned n, bool level);
bool remote_irr(unsigned n);
bool delivery_status(unsigned n);

/* Time for whatever is on its way. */
void settle(void);
