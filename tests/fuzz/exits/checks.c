/* What must hold at each VM entry, and the reference that says which pins each EOI is owed to: see
 * exits.h. docs/interrupts.md, "Invariants". The machine itself checks each VM entry by the rules
 * of the SDM (arch/vmx/entry_check.h). */
#include <inttypes.h>
#include <string.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "arch/vmx/exit_reason.h"
#include "tests/fuzz/exits/exits.h"
#include "vmm/vcpu/msr.h"
#include "vmm/vcpu/virq.h"

/* What the hypervisor may spend on one exit: VMWRITEs, WRMSRs and the like, and VMREADs too. */
#define MOST_RECORDS      600
#define MOST_INSTRUCTIONS 5000

static unsigned steps; /* until the last check */

static struct owed owed[ROUTING_MAX_VCPUS];

/* Fields that a guest never changes, and their values at the vCPU's first entry. */
static const uint32_t constant[] = {
    VMCS_PIN_BASED_CONTROLS,
    VMCS_EXIT_CONTROLS,
    VMCS_EXCEPTION_BITMAP,
    VMCS_IO_BITMAP_A,
    VMCS_IO_BITMAP_B,
    VMCS_VPID,
    VMCS_CR0_MASK,
    VMCS_CR4_MASK,
    VMCS_VIRTUAL_APIC_ADDRESS,
    VMCS_APIC_ACCESS_ADDRESS,
    VMCS_TPR_THRESHOLD,
    VMCS_LINK_POINTER,
    VMCS_CR3_TARGET_COUNT,
    VMCS_EXIT_MSR_STORE_COUNT,
    VMCS_EXIT_MSR_LOAD_COUNT,
    VMCS_ENTRY_MSR_LOAD_COUNT,
    VMCS_GUEST_ACTIVITY,
    VMCS_HOST_CR0,
    VMCS_HOST_CR3,
    VMCS_HOST_CR4,
    VMCS_HOST_RIP,
    VMCS_HOST_EFER,
    VMCS_HOST_PAT,
    VMCS_HOST_GS_BASE,
    VMCS_HOST_TR_BASE,
    VMCS_HOST_GDTR_BASE,
    VMCS_HOST_IDTR_BASE,
    VMCS_HOST_CS_SELECTOR,
    VMCS_HOST_TR_SELECTOR,
    VMCS_ENCLS_EXITING_BITMAP,
};
#define CONSTANTS (sizeof(constant) / sizeof(constant[0]))
static uint64_t first[ROUTING_MAX_VCPUS][CONSTANTS];
static bool has_first[ROUTING_MAX_VCPUS];

static uint64_t exit_rip[ROUTING_MAX_VCPUS];

static uint64_t get(uint64_t field) {
    return machine_get(field);
}

static void require(bool holds, const char *what) {
    if (!holds)
        machine_fail("vCPU %u: %s", self->index, what);
}

/* ---- the reference ---- */

static void eoi_was_handled(const struct trace_record *event) {
    uint32_t pins = owed_eoi(&owed[event->vcpu], event->vector);

    if (event->a != pins)
        machine_fail("invariant 5: the EOI of vector 0x%x at vCPU %u is owed to pins 0x%x, and "
                     "pins 0x%" PRIx64 " received it",
                     event->vector, event->vcpu, pins, event->a);
}

static void learn(const struct trace_record *event) {
    if (event->guest != guest->index)
        return;
    switch (event->event) {
    case TRACE_ACCEPT_LEVEL:
        owed_accept(&owed[event->vcpu], event->vector, (uint32_t)event->a);
        break;
    case TRACE_DROPPED:
        owed[event->vcpu].waiting[event->vector] = 0;
        owed[event->vcpu].served[event->vector] = 0;
        break;
    case TRACE_EOI_LIVE:
    case TRACE_EOI_STALE:
    case TRACE_EOI_COINCIDENTAL:
        eoi_was_handled(event);
        break;
    default:
        break;
    }
}

void checks_begin(void) {
    memset(owed, 0, sizeof(owed));
    memset(has_first, 0, sizeof(has_first));
    machine.traced = learn;
    steps = machine.steps;
}

/* ---- the processor's part in virtual interrupts ---- */

static struct processor load_processor(void) {
    struct processor processor = {.page = self->apic_page,
                                  .rvi = (uint8_t)get(VMCS_GUEST_INTERRUPT_STATUS),
                                  .svi = (uint8_t)(get(VMCS_GUEST_INTERRUPT_STATUS) >> 8)};

    for (unsigned i = 0; i < 4; i++)
        processor.exit_bitmap.word[i] = get(VMCS_EOI_EXIT_BITMAP0 + 2 * i);
    return processor;
}

static void store_processor(const struct processor *processor) {
    machine_set(VMCS_GUEST_INTERRUPT_STATUS, processor->rvi | (uint64_t)processor->svi << 8);
}

void interrupt_deliver(void) {
    struct processor processor = load_processor();

    processor_update_ppr(&processor);
    if (!(get(VMCS_GUEST_RFLAGS) & RFLAGS_IF) ||
        (get(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_SHADOW) ||
        !processor_recognizes(processor.rvi, apic_page_read(processor.page, APIC_PPR)))
        return;
    uint8_t vector = processor_deliver(&processor);
    require(!owed[self->index].waiting[vector] || vector_set_has(&processor.exit_bitmap, vector),
            "invariant 2: delivered before its EOI-exit bit was set");
    owed_deliver(&owed[self->index], vector);
    store_processor(&processor);
}

bool interrupt_eoi(uint8_t *vector) {
    struct processor processor = load_processor();
    bool exits = processor_eoi(&processor, vector);

    store_processor(&processor);
    if (!exits)
        require(!owed_eoi(&owed[self->index], *vector),
                "invariant 1: the EOI of a level interrupt is lost");
    return exits;
}

void interrupt_self(uint8_t vector) {
    struct processor processor = load_processor();

    processor_self_ipi(&processor, vector);
    store_processor(&processor);
}

void interrupt_tpr(uint8_t value) {
    apic_page_write(self->apic_page, APIC_TPR, value);
}

/* ---- at an entry ---- */

static void check_constant_fields(void) {
    for (unsigned i = 0; i < CONSTANTS; i++) {
        uint64_t value = get(constant[i]);
        if (!has_first[self->index])
            first[self->index][i] = value;
        if (value != first[self->index][i])
            machine_fail("the guest has changed VMCS field 0x%x to 0x%" PRIx64, constant[i], value);
    }
    has_first[self->index] = true;
}

/* Nothing is left to do, and no timer is late, nor the end of the turn, but by an eighth of its
 * time.
 */
static void check_work_is_done(void) {
    uint64_t timer = get(VMCS_PREEMPTION_TIMER) << (host.capabilities.misc & 31);
    uint64_t end = self->timer_next < self->slice_end ? self->timer_next : self->slice_end;
    uint64_t late = MACHINE_HZ / 100 / 8 + 1000;

    require(self->state == VCPU_RUNNABLE, "runs, and is not runnable");
    require(atomic_load(&self->awake), "runs, and is not awake");
    require(!(atomic_load(self->requests) & ~(uint32_t)REQUEST_INTERRUPTS),
            "invariant 18: a request is left");
    require(inbox_is_empty(&self->routed->apic.inbox), "invariant 18: an interrupt is left");
    require(!routing_wants_scan(self->routed), "invariant 18: the routes have changed");
    require(timer == 0 || machine.tsc + timer <= end + late, "the timer expires too late");
}

void check_exit(void) {
    exit_rip[self->index] = get(VMCS_GUEST_RIP);
}

void check_bounds(void) {
    require(machine.records <= MOST_RECORDS && machine.steps - steps <= MOST_INSTRUCTIONS,
            "the work for an exit is not bounded");
    steps = machine.steps;
    machine_forget();
}

/* The vectors that a level entry of the I/O APIC sends to this vCPU. */
static struct vector_set routes(void) {
    struct vector_set set = {{0}};

    for (unsigned pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
        uint64_t entry = guest->routing.ioapic.entry[pin];
        if ((entry & RTE_LEVEL) &&
            destination_of_entry_matches(&self->routed->apic.identity, entry))
            vector_set_add(&set, rte_vector(entry));
    }
    return set;
}

static void check_vector(uint8_t vector, bool routed, bool exits) {
    const struct owed *mine = &owed[self->index];
    bool waits = mine->waiting[vector], served = mine->served[vector];
    const struct apic_page *page = self->apic_page;

    require(!waits || apic_page_has(page, APIC_IRR, vector), "a level interrupt is lost");
    require(!served || apic_page_has(page, APIC_ISR, vector),
            "invariant 5: the EOI of a level interrupt did not reach its pin");
    require((waits || served) == vector_set_has(&self->routed->apic.tokens.inflight, vector),
            "tokens: not exactly what is in flight");
    require((!waits && !served) || exits, "invariant 1: in flight, and its EOI does not exit");
    require(!routed || exits, "invariant 2: routed here, and its EOI does not exit");
    require(!exits || routed || waits || served,
            "invariant 3: an EOI-exit bit without a route and with nothing in flight");
}

static void check_interrupts(void) {
    struct processor is = load_processor(), should = is;
    const struct vector_set routed = routes();

    processor_set_status(&should);
    require(is.rvi == should.rvi, "RVI is not the highest vector in the IRR");
    require(is.svi == should.svi, "SVI is not the highest vector in the ISR");
    require(vector_set_equal(&is.exit_bitmap, &self->routed->apic.map.exit),
            "the EOI-exit bitmap is not the map's");
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        check_vector((uint8_t)vector, vector_set_has(&routed, (uint8_t)vector),
                     vector_set_has(&is.exit_bitmap, (uint8_t)vector));
}

/* Controls, MSR bitmap and EPT fit the LAPIC's mode: CVE-2016-4440. A software-disabled LAPIC must
 * not have its self-IPIs virtualized, nor in x2APIC mode one with a TMR bit set (invariant 24). */
static void check_apic_mode(void) {
    uint64_t base = virq_base(self), secondary = get(VMCS_SECONDARY_CONTROLS);
    bool enabled = apic_page_read(self->apic_page, APIC_SVR) & APIC_SVR_ENABLE;
    bool x2apic = (base & APIC_BASE_ENABLE) && (base & APIC_BASE_X2APIC);
    bool open = enabled && !virq_lapic(self)->tmr_used;
    bool xapic = enabled && virq_apic_address(self) == APIC_DEFAULT_BASE;
    enum vmx_apic_mode mode = x2apic  ? open ? VMX_APIC_X2APIC : VMX_APIC_X2APIC_EXITING
                              : xapic ? VMX_APIC_XAPIC
                                      : VMX_APIC_HIDDEN;

    require(!(secondary & SECONDARY_VIRTUALIZE_X2APIC_MODE) == !x2apic &&
                !(secondary & SECONDARY_VIRTUALIZE_APIC_ACCESSES) == !xapic &&
                get(VMCS_EPT_POINTER) == guest->ept_pointer[xapic] &&
                get(VMCS_MSR_BITMAP) == msr_bitmap(mode),
            "controls, EPT and MSR bitmap do not fit the LAPIC's mode");
    require(virq_lapic(self)->tmr_used || apic_page_highest(self->apic_page, APIC_TMR) < 0,
            "invariant 24: a TMR bit is set, and self-IPIs may be virtualized");
}

static void check_registers(void) {
    require(get(VMCS_GUEST_RIP) == exit_rip[self->index] ||
                !(get(VMCS_GUEST_INTERRUPTIBILITY) & INTERRUPTIBILITY_SHADOW),
            "a shadow outlives its instruction");
    require((get(VMCS_GUEST_CR4) & CR4_MCE) != 0, "a machine check would end the machine");
    require(get(VMCS_TSC_OFFSET) == self->timer.tsc_offset, "the TSC offset is not the timer's");
    require(machine.xcr0 == self->registers.xcr0 && !(machine.xcr0 & ~host.xcr0),
            "XCR0 is not the guest's");
    require(this_host_cpu()->loaded == self, "another vCPU's registers are loaded");
}

void check_entry(void) {
    check_bounds();
    check_work_is_done();
    check_constant_fields();
    check_interrupts();
    check_apic_mode();
    check_registers();
}

/* ---- after a turn ---- */

void check_turn(const struct vcpu *vcpu) {
    const struct vm *vm = vcpu->vm;
    uint32_t state = atomic_load(&vm->state);

    require(!vcpu->host->cpu.entry_armed && !atomic_load(&vcpu->in_guest), "armed after its turn");
    require(vcpu->state != VCPU_STOPPED, "stopped by a turn");
    require(vcpu->state != VCPU_ENDED || state == VM_ENDING, "ended, and its guest has not");
    require(state != VM_ENDING || vm->how != NULL, "the guest ended without a word");
    require(state != VM_ENDING || vm->result != VM_KILLED || vm->reason[0],
            "the guest was killed without a reason");
    check_bounds();
}
