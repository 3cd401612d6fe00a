/* NMIs: how many of several are delivered, and at which instruction.
 *
 * One can be in service and one pending; any more are lost. Two that arrive at the same time are
 * both delivered. None is delivered while STI blocks interrupts, and none before the IRET of the
 * one in service; until then a pending NMI does not end a HLT either.
 *
 * Command line: xapic or x2apic (default: x2APIC if CPUID offers it); rounds=N (default 1000).
 * Needs two vCPUs; others spin. SDM Vol. 3A, "Nonmaskable Interrupt (NMI)" and "Masking Exceptions
 * and Interrupts When Switching Stacks". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define VECTOR_FLUSH 0x44
#define ROUNDS       1000u         /* the default */
#define NO_MEMORY    0x42000000ULL /* an access to it causes a VM exit */
#define SEVERAL      20            /* more than the one that can be pending */
#define TIMER        100000

static atomic_uint received, flushed, turn_of_0, turn_of_1, shadowed, sti_rounds;
static _Atomic uint64_t last_rip;
static atomic_bool stop;
static void (*volatile in_handler)(void); /* runs in the first NMI's handler */
static uint32_t rounds;

extern const char after_sti[]; /* the instruction after STI in sti_once() */

__attribute__((interrupt)) static void on_nmi(struct interrupted *frame) {
    atomic_store(&last_rip, frame->rip);
    if (frame->rip == (uint64_t)after_sti)
        atomic_fetch_add(&shadowed, 1);
    if (atomic_fetch_add(&received, 1) == 0 && in_handler)
        in_handler();
}

static void on_flush(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&flushed, 1);
    apic_eoi();
}

/* ---- one vCPU alone ---- */

static void send_several(void) {
    for (unsigned i = 0; i < SEVERAL; i++)
        apic_send_nmi(0);
}

static volatile bool timer_ended_halt;

/* An NMI is in service and another one pending: only the timer ends the HLT. */
static void halt_in_handler(void) {
    apic_send_nmi(0);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, VECTOR_FLUSH);
    apic_write(APIC_TIMER_INITIAL, TIMER);
    interrupts_on_and_halt();
    timer_ended_halt = flushed == 1;
    interrupts_off();
}

static void test_halt(void) {
    interrupt_handle(VECTOR_FLUSH, on_flush);
    atomic_store(&received, 0);
    atomic_store(&flushed, 0);
    in_handler = halt_in_handler;
    apic_send_nmi(0);
    in_handler = 0;
    report(timer_ended_halt, "a blocked NMI does not end a HLT, a timer interrupt does");
    report(received == 2, "the blocked NMI is delivered after IRET");
}

static void test_one(void) {
    atomic_store(&received, 0);
    apic_send_nmi(0);
    report(received == 1, "an NMI to this vCPU is delivered at once, with interrupts disabled");
}

/* Many rounds, because a second NMI that is sometimes late fails only some of them. */
static void test_pending(void) {
    uint32_t wrong = 0;

    in_handler = send_several;
    for (uint32_t i = 0; i < rounds; i++) {
        atomic_store(&received, 0);
        apic_send_nmi(0);
        if (!wait_at_least(&received, 2))
            break;
        spin(2);
        wrong += received != 2;
    }
    report(received == 2 && !wrong, "of %u NMIs sent while one is in service, one is delivered",
           SEVERAL);
    in_handler = 0;
}

static uint32_t received_in_service;

static void send_in_service(void) {
    apic_send_nmi(0);
    received_in_service = received;
}

static void test_blocked_until_iret(void) {
    in_handler = send_in_service;
    atomic_store(&received, 0);
    apic_send_nmi(0);
    report(received_in_service == 1 && received == 2,
           "a second NMI waits for the IRET of the first");
    in_handler = 0;
}

/* ---- two vCPUs ---- */

/* A rendezvous of both vCPUs, so that both send at the same time. */
static void meet(atomic_uint *mine, atomic_uint *other) {
    uint32_t turn = atomic_fetch_add(mine, 1) + 1;

    while (atomic_load(other) < turn && !stop)
        pause();
}

static void send_to_0(void) {
    while (!stop) {
        meet(&turn_of_1, &turn_of_0);
        if (stop)
            break;
        apic_send_nmi(0);
        apic_send_ipi(0, VECTOR_FLUSH); /* arrives after the NMI */
        meet(&turn_of_1, &turn_of_0);
    }
}

static void test_two_at_once(void) {
    uint32_t wrong = 0, i;

    interrupt_handle(VECTOR_FLUSH, on_flush);
    interrupts_on();
    report(cpu_run(1, send_to_0), "vCPU 1 sends NMIs to vCPU 0");
    for (i = 0; i < rounds; i++) {
        atomic_store(&flushed, 0);
        atomic_store(&received, 0);
        meet(&turn_of_0, &turn_of_1);
        apic_send_nmi(0);
        if (!wait_at_least(&flushed, 1))
            break;
        wrong += received != 2;
        meet(&turn_of_0, &turn_of_1);
    }
    atomic_store(&stop, true);
    report(cpu_wait(1) && i == rounds, "%u rounds of two NMIs at the same time", rounds);
    report(!wrong, "both NMIs are delivered each time (not so in %u rounds)", wrong);
    interrupts_off();
    atomic_store(&stop, false);
}

/* The instruction after STI causes a VM exit, so that an NMI can become pending exactly there. */
static void sti_once(void) {
    __asm__ volatile("sti\n"
                     "after_sti: testb $0, %0\n\t"
                     "nop\n\tnop\n\tcli"
                     :
                     : "m"(*(volatile uint8_t *)NO_MEMORY)
                     : "cc");
}

static void sti_loop(void) {
    while (!stop) {
        sti_once();
        atomic_fetch_add(&sti_rounds, 1);
    }
}

static void test_shadow(void) {
    uint32_t i;

    atomic_store(&received, 0);
    atomic_store(&shadowed, 0);
    report(cpu_run(1, sti_loop) && wait_at_least(&sti_rounds, 1), "vCPU 1 runs STI and CLI");
    for (i = 0; i < rounds; i++) {
        uint32_t before = received;
        apic_send_nmi(1);
        if (!wait_at_least(&received, before + 1))
            break;
    }
    atomic_store(&stop, true);
    report(cpu_wait(1) && i == rounds, "%u NMIs are delivered, one by one", rounds);
    report(shadowed == 0, "no NMI is delivered between STI and the next instruction");
}

void guest_main(void) {
    rounds = command_line_number("rounds", ROUNDS);
    apic_init_by_command_line();
    interrupt_handle_raw(VECTOR_NMI, (uintptr_t)on_nmi);
    test_one();
    test_pending();
    test_blocked_until_iret();
    test_halt();
    if (report(cpus_start(0) >= 2, "a second vCPU runs")) {
        test_two_at_once();
        test_shadow();
    }
    report_done();
}
