/* The model's world: the production structures, filled from a state and read back into one.
 *
 * routing.c and virq.c are compiled into world_routing.c and world_virq.c, so that the model can
 * make their single steps; all other objects are linked as they are. They are joined by
 * virq_effects_of(), as in production; what virq.c needs from the machine (VMWRITE, requests to
 * other CPUs, the trace) is in machine.c. */
#pragma once
#include "tests/model/state.h"
#include "tests/processor.h"
#include "vmm/interrupts/trace.h"
#include "vmm/vcpu/vcpu.h"

#define MODEL_DEVICE  MODEL_VCPUS /* as an actor: a CPU that runs neither of the two vCPUs */
#define STORM_ALLOWED 2           /* deliveries before storm control begins, in the model */

struct world {
    struct state now;
    struct vm vm;
    struct vcpu vcpu[MODEL_VCPUS];
    struct routing_vcpu routed[MODEL_VCPUS];
    struct routing_counters counters[MODEL_VCPUS]; /* not state of the machine */
    struct apic_page page[MODEL_VCPUS];
    struct processor processor[MODEL_VCPUS]; /* with the VMCS fields as production wrote them */
    uint8_t access[MODEL_VCPUS];             /* enum vmx_apic_mode, by the VMCS's MSR bitmap */
    unsigned current;                        /* the vCPU whose VMCS is current */
    unsigned actor; /* the vCPU whose CPU makes the move, or MODEL_DEVICE */
    bool locked;
    bool storms;
    bool suppresses;     /* as in struct bound */
    bool tmr_counts;     /* what happens may depend on the TMR: in x2APIC mode */
    uint8_t ldr_cluster; /* bits 7:4 of the LDRs */
    bool software;       /* interrupts are delivered in software: no virtual-interrupt delivery */
    bool posting[MODEL_VCPUS]; /* "process posted interrupts" in the VMCS */
    struct host_cpu cpu[MODEL_VCPUS];
    bool endless; /* the budget is not used up: start_free() */
    bool moving;  /* the production code or the processor makes a move, and no check runs */
    /* what has happened in this move */
    unsigned delivered[MODEL_PINS], accepted[MODEL_PINS];
    bool renamed;
    int eoi; /* of an EOI that exits and is handled like an EOI-induced exit: the vector; or -1 */
    struct trace_ring *trace; /* may be NULL */
    /* the first invariant that is violated; -1: none */
    int violated;
    const char *what;
};

extern struct world world;

extern bool model_software, model_posted; /* for world_power_on() */
struct bound;
void world_power_on(const struct bound *bound);
/* Fill the production structures from world.now, and read them back. */
void world_unpack(void);
void world_pack(void);
/* Whether the processor virtualizes the vCPU's EOIs, or its self-IPIs, or they exit. */
bool world_virtualizes_eoi(unsigned vcpu);
bool world_virtualizes_self_ipi(unsigned vcpu);
/* Records a violation: the number of the invariant and what is wrong. Only the first one counts. */
void world_violate(int invariant, const char *what);
/* Tells the reference: what is no longer in the inbox has been accepted. */
void world_note_acceptance(unsigned vcpu);
/* Whether everything that has changed is part of the state; slow. */
bool world_is_exact(void);

/* ---- world_routing.c: steps of routing.c ---- */

void steps_power_on(struct routing *routing, const struct routing_config *config,
                    const struct routing_effects *effects, void *context);
bool steps_wants_scan(struct routing *routing, unsigned vcpu);
unsigned steps_scan(struct routing *routing, unsigned vcpu);
void steps_retire(struct routing *routing, unsigned vcpu, uint8_t vector, uint32_t *pins,
                  bool *rescan);
void steps_report_eoi(struct routing *routing, unsigned vcpu, uint8_t vector, uint32_t pins,
                      bool rescan);
void steps_announce_identity(struct routing *routing, unsigned vcpu);

/* ---- world_virq.c: steps of virq.c, on world.current's VMCS ---- */

void steps_write_words(struct vcpu *vcpu, unsigned words);
void steps_write_status(struct vcpu *vcpu);
/* In guest mode or about to be, as vcpu->in_guest says. */
bool model_is_armed(unsigned phase);
void model_vmcs_write(uint64_t field, uint64_t value);
uint64_t model_vmcs_read(uint64_t field);
void model_lock(void);
void model_unlock(void);
