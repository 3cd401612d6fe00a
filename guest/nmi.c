/* NMIs: how many there are of several, and where they are taken.
 *
 * One can be in service and one can wait: what comes meanwhile is lost. Two that come at once are
 * two. None is taken in the shadow of an STI, and none before the IRET of the one before;
 * until then it ends no HLT either.
 * xapic or x2apic on the command line chooses the mode, rounds=N how often; two vCPUs, further ones
 * spin. SDM Vol. 3A, "Nonmaskable Interrupt (NMI)" and "Masking Exceptions and Interrupts When
 * Switching Stacks". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"

#define NMI          (APIC_DELIVERY_NMI << 8)
#define VECTOR_FLUSH 0x44
#define ROUNDS       1000u         /* if the command line does not say */
#define NOWHERE      0x42000000ULL /* no memory: an access to it exits */
#define FEW          20            /* more than the one that may wait */
#define TIMER        100000

static atomic_uint received, flushed, turn_of_0, turn_of_1, shadowed, sti_rounds;
static _Atomic uint64_t last_rip;
static atomic_bool stop;
static void (*volatile in_handler)(void);
static uint32_t rounds;

extern const char behind_sti[]; /* the instruction in an STI's shadow, in sti_once() */

__attribute__((interrupt)) static void on_nmi(struct interrupted *frame) {
    atomic_store(&last_rip, frame->rip);
    if (frame->rip == (uint64_t)behind_sti)
        atomic_fetch_add(&shadowed, 1);
    if (atomic_fetch_add(&received, 1) == 0 && in_handler)
        in_handler();
}

static void on_flush(uint8_t vector) {
    (void)vector;
    atomic_fetch_add(&flushed, 1);
    apic_eoi();
}

static void nmi_to(uint32_t index) {
    apic_send(index, NMI);
}

/* ---- one vCPU alone ---- */

static void send_few(void) {
    for (unsigned i = 0; i < FEW; i++)
        nmi_to(0);
}

static volatile bool halted_until_timer;

/* Another NMI waits, but an NMI is in service: only the timer ends the HLT. */
static void halt_in_handler(void) {
    nmi_to(0);
    apic_write(APIC_TIMER_DIVIDE, 0xb);
    apic_write(APIC_LVT_TIMER, VECTOR_FLUSH);
    apic_write(APIC_TIMER_INITIAL, TIMER);
    interrupts_on_and_halt();
    halted_until_timer = flushed == 1;
    interrupts_off();
}

static void test_halt(void) {
    interrupt_handle(VECTOR_FLUSH, on_flush);
    atomic_store(&received, 0);
    atomic_store(&flushed, 0);
    in_handler = halt_in_handler;
    nmi_to(0);
    in_handler = 0;
    report(halted_until_timer, "an NMI that is blocked does not end a HLT, a timer does");
    report(received == 2, "and it is taken behind the IRET");
}

static void test_one(void) {
    atomic_store(&received, 0);
    nmi_to(0);
    report(received == 1, "an NMI to oneself is taken at once, with interrupts masked");
}

/* The rounds would not all pass if the second sometimes came late. */
static void test_pending(void) {
    uint32_t wrong = 0;

    in_handler = send_few;
    for (uint32_t i = 0; i < rounds; i++) {
        atomic_store(&received, 0);
        nmi_to(0);
        if (!wait_at_least(&received, 2))
            break;
        spin(2);
        wrong += received != 2;
    }
    report(received == 2 && !wrong, "of %u NMIs while one is in service one is taken", FEW);
    in_handler = 0;
}

static uint32_t in_service;

static void look_in_service(void) {
    nmi_to(0);
    in_service = received;
}

static void test_blocked_until_iret(void) {
    in_handler = look_in_service;
    atomic_store(&received, 0);
    nmi_to(0);
    report(in_service == 1 && received == 2, "the second waits for the first one's IRET");
    in_handler = 0;
}

/* ---- two vCPUs ---- */

/* Both step on in turn, so that both send in the same moment. */
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
        nmi_to(0);
        apic_send(0, VECTOR_FLUSH); /* when this has come the NMI has, too */
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
        nmi_to(0);
        if (!wait_at_least(&flushed, 1))
            break;
        wrong += received != 2;
        meet(&turn_of_0, &turn_of_1);
    }
    atomic_store(&stop, true);
    report(cpu_wait(1) && i == rounds, "%u rounds of both at once", rounds);
    report(!wrong, "two NMIs at once are two (%u times not)", wrong);
    interrupts_off();
    atomic_store(&stop, false);
}

/* An exit in the shadow, so that the NMI may come just there. */
static void sti_once(void) {
    __asm__ volatile("sti\n"
                     "behind_sti: testb $0, %0\n\t"
                     "nop\n\tnop\n\tcli"
                     :
                     : "m"(*(volatile uint8_t *)NOWHERE)
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
        nmi_to(1);
        if (!wait_at_least(&received, before + 1))
            break;
    }
    atomic_store(&stop, true);
    report(cpu_wait(1) && i == rounds, "%u NMIs came, one by one", rounds);
    report(shadowed == 0, "none in the shadow of the STI");
}

void guest_main(void) {
    rounds = command_line_number("rounds", ROUNDS);
    if (!apic_init(!command_line_has("xapic")))
        report_skip_all("no x2APIC mode");
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
