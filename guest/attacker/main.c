/* The attacker's loop: see attacker.h.
 *
 * Command line: seed=N, actions=N (of vCPU 0, after which the guest ends), vcpus=N. The line
 * ATTACK at the end, and now and then before, has the counts so far. */
#include "guest/attacker/attacker.h"

#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/pic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/format.h"
#include "lib/memory.h"

#define UART_DATA      0x3f8
#define UART_LCR       0x3fb
#define UART_8N1       0x03
#define REPORTS        8
#define STORM_ENDS     2000 /* interrupts in a row */
#define COUNTS_IN_LINE 5
#define PAGES_BELOW    0x9f /* of 4 KiB, at any of which a SIPI may start a vCPU */

struct attacker attackers[CPU_MAX];
uint32_t vcpus;
static uint32_t wanted;

static const struct {
    const char *name;
    void (*act)(void);
    uint8_t weight;
} kinds[KINDS] = {
    [KIND_RDMSR] = {"rdmsr", act_rdmsr, 12},
    [KIND_WRMSR] = {"wrmsr", act_wrmsr, 12},
    [KIND_PORT] = {"port", act_port, 12},
    [KIND_STRING_PORT] = {"string_port", act_string_port, 4},
    [KIND_DEVICE_MEMORY] = {"device_memory", act_device_memory, 16},
    [KIND_INSTRUCTION] = {"instruction", act_instruction, 12},
    [KIND_USER_CODE] = {"user_code", act_user_code, 12},
    [KIND_CONTROL_REGISTER] = {"control_register", act_control_register, 6},
    [KIND_DEBUG_REGISTER] = {"debug_register", act_debug_register, 4},
    [KIND_DESCRIPTORS] = {"descriptors", act_descriptors, 6},
    [KIND_IPI] = {"ipi", act_ipi, 8},
    [KIND_NMI] = {"nmi", act_nmi, 4},
    [KIND_INIT] = {"init", act_init, 1},
    [KIND_SIPI] = {"sipi", act_sipi, 4},
    [KIND_VIRTQUEUE] = {"virtqueue", act_virtqueue, 8},
    [KIND_ROUTE] = {"route", act_route, 8},
    [KIND_LINE] = {"line", act_line, 6},
    [KIND_APIC_REGISTER] = {"apic_register", act_apic_register, 8},
    [KIND_APIC_MODE] = {"apic_mode", act_apic_mode, 1},
    [KIND_TIMER] = {"timer", act_timer, 4},
};

/* ---- random numbers: xorshift ---- */

uint32_t any(void) {
    uint64_t *x = &me()->random;

    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (uint32_t)(*x >> 16);
}

uint32_t below(uint32_t count) {
    return any() % count;
}

uint64_t any_number(void) {
    switch (below(6)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return 1ULL << below(64);
    case 3:
        return (1ULL << below(64)) - 1;
    case 4:
        return below(256);
    default:
        return (uint64_t)any() << 32 | any();
    }
}

void also(enum kind kind) {
    me()->actions[kind]++;
}

/* ---- recovery ---- */

/* Never returns to what raised the exception. */
static void on_exception(uint8_t vector) {
    struct attacker *it = me();

    (void)vector;
    it->exceptions++;
    if (it->armed)
        __builtin_longjmp(it->next, 1);
    print("# vCPU %u: exception %u before its first action\n", my_index(), vector);
    guest_exit(2);
}

/* User code that has switched off its single-stepping may never end. */
static void end_user_code(void) {
    struct attacker *it = me();

    if (!it->in_user)
        return;
    it->in_user = false;
    __builtin_longjmp(it->next, 1);
}

static void on_nmi(uint8_t vector) {
    (void)vector;
    me()->nmis++;
    end_user_code();
}

/* A line that is active most of the time, as the 8254's, with a level-triggered entry: each
 * interrupt follows the EOI before it, and storm control does not see an unbroken run. Or a line
 * that is active at an 8259 which ends its interrupts by itself. No action would follow. */
static void end_storm(void) {
    outb(PIC_MASTER + 1, 0xff);
    outb(PIC_SLAVE + 1, 0xff);
    for (uint8_t pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
        ioapic_write_entry(pin, RTE_MASKED);
}

static void on_interrupt(uint8_t vector) {
    struct attacker *it = me();

    (void)vector;
    it->interrupts++;
    if (++it->in_a_row % STORM_ENDS == 0)
        end_storm();
    signals_eoi();
    end_user_code();
}

/* ---- output: vCPU 0 alone, without a lock that an INIT could leave held ---- */

static void say(const char *text) {
    outb(UART_LCR, UART_8N1);
    for (; *text; text++)
        outb(UART_DATA, (uint8_t)*text);
}

static uint32_t sum(enum kind kind) {
    uint32_t all = 0;

    for (uint32_t i = 0; i < vcpus; i++)
        all += attackers[i].actions[kind];
    return all;
}

/* In lines of a few counts, because a line of a guest's output has a limit. */
static uint32_t said;

static void say_count(const char *name, uint32_t value) {
    char text[64];

    format(text, sizeof(text), "%s %s=%u", said++ % COUNTS_IN_LINE ? "" : "\nATTACK", name, value);
    say(text);
}

static void show_counts(void) {
    struct attacker all = {0};
    uint32_t actions = 0;

    said = 0;
    for (uint32_t i = 0; i < vcpus; i++) {
        all.exceptions += attackers[i].exceptions;
        all.interrupts += attackers[i].interrupts;
        all.nmis += attackers[i].nmis;
        all.starts += attackers[i].starts;
    }
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        say_count(kinds[kind].name, sum((enum kind)kind));
        actions += sum((enum kind)kind);
    }
    say_count("exceptions", all.exceptions);
    say_count("interrupts", all.interrupts);
    say_count("nmis_received", all.nmis);
    say_count("starts", all.starts);
    say_count("actions", actions);
    say("\n");
}

/* ---- the loop ---- */

static enum kind any_kind(void) {
    uint32_t total = 0, kind = 0;

    for (uint32_t i = 0; i < KINDS; i++)
        total += kinds[i].weight;
    uint32_t at = below(total);
    while (at >= kinds[kind].weight)
        at -= kinds[kind++].weight;
    return (enum kind)kind;
}

static uint32_t my_actions(void) {
    uint32_t all = 0;

    for (uint32_t kind = 0; kind < KINDS; kind++)
        all += me()->actions[kind];
    return all;
}

/* vCPU 0 ends the guest. */
static void check_end(void) {
    static uint32_t shown;
    uint32_t actions = my_actions();

    if (my_index() || actions / (wanted / REPORTS) <= shown)
        return;
    shown = actions / (wanted / REPORTS);
    show_counts();
    if (shown >= REPORTS)
        guest_exit(0);
}

/* An exception continues in the loop; INIT and SIPI lead here again, by cpu_serve(). */
static void attack(void) {
    stage_enter();
    signals_look();
    me()->starts++;
    (void)__builtin_setjmp(me()->next);
    me()->armed = true;
    me()->ready = true;
    for (;;) {
        me()->in_user = false;
        me()->in_a_row = 0;
        stage_repair();
        check_end();
        enum kind kind = any_kind();
        me()->actions[kind]++;
        kinds[kind].act();
    }
}

/* ---- the start ---- */

/* JMP to the trampoline, wherever a SIPI or an INIT starts a vCPU. */
static void place_jumps(void) {
    static const uint8_t jump[] = {0xea, 0, 0, TRAMPOLINE >> 4 & 0xff, TRAMPOLINE >> 12};

    for (uintptr_t page = 1; page < PAGES_BELOW; page++)
        if (page << 12 != TRAMPOLINE)
            memcpy((void *)(page << 12), jump, sizeof(jump));
    memcpy((void *)0xffff0, jump, sizeof(jump));
}

static void handle_all(void) {
    for (uint32_t vector = 0; vector < 256; vector++)
        interrupt_handle((uint8_t)vector, vector < 32 ? on_exception : on_interrupt);
    interrupt_handle(2, on_nmi);
}

void guest_main(void) {
    uint32_t seed = command_line_number("seed", 1);

    wanted = command_line_number("actions", 20000);
    vcpus = command_line_number("vcpus", 2);
    apic_init(seed % 3 != 1 && apic_has_x2apic());
    if (!report(cpus_start(vcpus) == vcpus && wanted >= REPORTS, "%u vCPUs", vcpus))
        report_done();
    for (uint32_t i = 0; i < vcpus; i++)
        attackers[i].random = (seed * 0x9e3779b97f4a7c15ULL + i) | 1;
    report_plan();
    handle_all();
    place_jumps();
    for (uint32_t i = 0; i < vcpus; i++)
        cpu_run(i, attack);
    attack();
}
