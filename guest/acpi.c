/* ACPI as an operating system finds it: the tables are sound, list this guest's vCPUs, and name the
 * registers by which the guest then ends.
 *
 * Command line: `cpus=N`, and how to end: `end=off`, `end=reset`, one of the older ways to reset,
 * `end=keyboard` and `end=chipset`, `end=vector`, which takes the second vCPU, in real-address
 * mode, to the reset vector, or `end=init`, where INIT takes the first one there. ACPI 6.5, "ACPI
 * Software Programming Model". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/memory.h"

#define SEARCH_START        0xe0000ULL /* "Finding the RSDP on IA-PC Systems" */
#define SEARCH_END          0x100000ULL
#define RSDP_SIZE           36
#define RSDP_1_SIZE         20
#define HEADER_SIZE         36

#define FADT_PM_TIMER       76
#define FADT_FLAGS          112
#define FADT_RESET_PORT     120
#define FADT_RESET_VALUE    128
#define FADT_DSDT           140
#define FADT_SLEEP_CONTROL  248
#define FADT_SLEEP_STATUS   260
#define FADT_SIZE           276
#define FLAG_RESET          (1u << 10)
#define FLAG_REDUCED        (1u << 20)
#define SLEEP_ENABLE        0x20
#define SLEEP_TYPE_SHIFT    2
#define PM_TIMER_MASK       0xffffff
#define PM_TIMER_TICKS      30000 /* 8.4 ms: the 8254 counts less than once round meanwhile */
#define PIT                 0x40
#define PIT_CONTROL         0x43
#define MADT_ENTRIES        44
#define MADT_LAPIC          0
#define KEYBOARD_COMMAND    0x64
#define KEYBOARD_RESET      0xfe
#define RESET_CONTROL       0xcf9
#define RESET_CONTROL_RESET 0x06

static uint64_t number(const uint8_t *bytes, unsigned size) {
    uint64_t value = 0;

    while (size--)
        value = value << 8 | bytes[size];
    return value;
}

static bool sums_to_zero(const uint8_t *bytes, uint64_t size) {
    uint8_t sum = 0;

    while (size--)
        sum = (uint8_t)(sum + *bytes++);
    return sum == 0;
}

static uint32_t length(const uint8_t *table) {
    return (uint32_t)number(table + 4, 4);
}

static const uint8_t *find_rsdp(void) {
    for (uint64_t at = SEARCH_START; at < SEARCH_END; at += 16) {
        if (memcmp((const void *)at, "RSD PTR ", 8) == 0)
            return (const uint8_t *)at;
    }
    return NULL;
}

/* A whole sound table, where ACPI tables are; reported. */
static const uint8_t *check_table(uint64_t address, const char *signature) {
    const uint8_t *table = (const uint8_t *)address;

    if (!report(address >= SEARCH_START && address < SEARCH_END - HEADER_SIZE,
                "%s is where ACPI tables are", signature))
        return NULL;
    bool sound = memcmp(table, signature, 4) == 0 && length(table) >= HEADER_SIZE &&
                 length(table) <= SEARCH_END - address && sums_to_zero(table, length(table));
    return report(sound, "%s is sound", signature) ? table : NULL;
}

/* The entry of the root table that leads to this one. */
static const uint8_t *check_entry(const uint8_t *xsdt, const char *signature) {
    for (uint32_t at = HEADER_SIZE; at + 8 <= length(xsdt); at += 8) {
        uint64_t address = number(xsdt + at, 8);
        if (memcmp((const void *)address, signature, 4) == 0)
            return check_table(address, signature);
    }
    report(false, "the root table lists %s", signature);
    return NULL;
}

static void check_cpus(const uint8_t *madt, uint32_t expected) {
    uint32_t listed = 0;
    bool in_order = true;

    for (uint32_t at = MADT_ENTRIES; at + 2 <= length(madt) && madt[at + 1] >= 2;
         at += madt[at + 1]) {
        if (madt[at] != MADT_LAPIC)
            continue;
        in_order = in_order && madt[at + 3] == listed && number(madt + at + 4, 4) == 1;
        listed++;
    }
    report(listed == expected, "the MADT lists %u CPUs", expected);
    report(in_order, "each enabled, with the APIC IDs from 0");
}

/* \_S5 as iasl compiles it: a name, a package of two elements, a byte. -1 if there is none. */
static int find_s5(const uint8_t *dsdt) {
    static const uint8_t name[] = {0x08, '_', 'S', '5', '_', 0x12};

    for (uint32_t at = HEADER_SIZE; at + sizeof(name) + 4 <= length(dsdt); at++) {
        if (memcmp(dsdt + at, name, sizeof(name)) == 0 && dsdt[at + sizeof(name) + 2] == 0x0a)
            return dsdt[at + sizeof(name) + 3];
    }
    return -1;
}

/* Nothing of this may end the guest. */
static void check_registers(const uint8_t *fadt, int s5) {
    uint16_t control = (uint16_t)number(fadt + FADT_SLEEP_CONTROL, 8);
    uint16_t status = (uint16_t)number(fadt + FADT_SLEEP_STATUS, 8);

    outb(control, (uint8_t)(s5 << SLEEP_TYPE_SHIFT));
    for (int type = 0; type < 8; type++) {
        if (type != s5)
            outb(control, (uint8_t)(SLEEP_ENABLE | type << SLEEP_TYPE_SHIFT));
    }
    outb((uint16_t)number(fadt + FADT_RESET_PORT, 8), (uint8_t)~fadt[FADT_RESET_VALUE]);
    outb(KEYBOARD_COMMAND, 0xff); /* pulses no line */
    outb(RESET_CONTROL, 0x02);    /* which kind of reset, when there is one */
    report(inb(control) == 0 && inb(status) == 0, "nothing is asleep, and nothing has woken");
    report(inb(KEYBOARD_COMMAND) == 0xff, "there is no keyboard controller");
}

static uint16_t pit_count(void) {
    outb(PIT_CONTROL, 0x00); /* latches counter 0 */
    uint8_t low = inb(PIT);
    return (uint16_t)(low | inb(PIT) << 8);
}

/* It has three ticks for each of the 8254's, give or take what passes between two exits. */
static void check_timer(uint16_t port) {
    uint32_t start = inl(port), timer = 0, largest = start;

    outb(PIT_CONTROL, 0x34); /* from 65536 down, round and round */
    outb(PIT, 0);
    outb(PIT, 0);
    start = inl(port);
    uint16_t pit = pit_count();
    for (uint64_t i = 0; i < WAIT_BOUND && timer < PM_TIMER_TICKS; i++) {
        uint32_t now = inl(port);
        timer = (now - start) & PM_TIMER_MASK;
        largest = now > largest ? now : largest;
    }
    pit = (uint16_t)(pit - pit_count());
    report(timer >= PM_TIMER_TICKS && largest <= PM_TIMER_MASK, "the timer counts, in 24 bits");
    report(pit > timer / 3 - timer / 30 && pit < timer / 3 + timer / 30,
           "it counts three times as fast as the 8254");
    report(inw((uint16_t)(port + 2)) <= PM_TIMER_MASK >> 16, "its upper bytes can be read alone");
}

/* The second vCPU starts with a far jump to F000:FFF0. */
static void go_to_reset_vector(void) {
    static const uint8_t jump[] = {0xea, 0xf0, 0xff, 0x00, 0xf0};

    memcpy((void *)TRAMPOLINE, jump, sizeof(jump));
    apic_init(false);
    apic_send(1, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
    apic_send(1, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_SIPI << 8 | TRAMPOLINE >> 12);
    spin(WAIT_BOUND);
}

/* SDM Vol. 3A, "MP Initialization Protocol Algorithm": the bootstrap processor starts there. */
static void init_self(void) {
    apic_init(false);
    apic_send(0, (uint32_t)APIC_ICR_ASSERT | APIC_DELIVERY_INIT << 8);
    spin(WAIT_BOUND);
}

/* Returns only if the guest did not end. */
static void end(const uint8_t *fadt, int s5) {
    if (command_line_is("end", "off"))
        outb((uint16_t)number(fadt + FADT_SLEEP_CONTROL, 8),
             (uint8_t)(SLEEP_ENABLE | s5 << SLEEP_TYPE_SHIFT));
    else if (command_line_is("end", "reset"))
        outb((uint16_t)number(fadt + FADT_RESET_PORT, 8), fadt[FADT_RESET_VALUE]);
    else if (command_line_is("end", "keyboard"))
        outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
    else if (command_line_is("end", "chipset"))
        outb(RESET_CONTROL, RESET_CONTROL_RESET);
    else if (command_line_is("end", "vector"))
        go_to_reset_vector();
    else if (command_line_is("end", "init"))
        init_self();
}

/* NULL if something that is needed later is not sound. */
static const uint8_t *check_tables(int *s5) {
    const uint8_t *rsdp = find_rsdp();

    if (!report(rsdp != NULL, "a search finds the RSDP"))
        return NULL;
    report(sums_to_zero(rsdp, RSDP_1_SIZE) && sums_to_zero(rsdp, RSDP_SIZE), "it is sound");
    const uint8_t *xsdt = check_table(number(rsdp + 24, 8), "XSDT");
    const uint8_t *fadt = xsdt ? check_entry(xsdt, "FACP") : NULL;
    const uint8_t *madt = xsdt ? check_entry(xsdt, "APIC") : NULL;
    const uint8_t *rsdt = check_table(number(rsdp + 16, 4), "RSDT");
    report(rsdt && number(rsdt + HEADER_SIZE, 4) == (uint64_t)fadt, "which leads to the same FADT");
    if (!fadt || !madt || length(fadt) < FADT_SIZE)
        return NULL;
    check_cpus(madt, command_line_number("cpus", 1));
    uint64_t flags = number(fadt + FADT_FLAGS, 4);
    report(flags & FLAG_REDUCED && flags & FLAG_RESET, "ACPI is hardware-reduced, with a reset");
    const uint8_t *dsdt = check_table(number(fadt + FADT_DSDT, 8), "DSDT");
    *s5 = dsdt ? find_s5(dsdt) : -1;
    return report(*s5 >= 0 && *s5 < 8, "the DSDT says how to switch off") ? fadt : NULL;
}

void guest_main(void) {
    int s5;
    const uint8_t *fadt = check_tables(&s5);

    if (!fadt)
        report_done();
    check_registers(fadt, s5);
    check_timer((uint16_t)number(fadt + FADT_PM_TIMER, 4));
    report_plan();
    end(fadt, s5);
    guest_exit(2);
}
