/* ACPI as an operating system uses it: finds the tables, checks them, and ends by a register that
 * they name.
 *
 * Command line: cpus=N, the number of vCPUs that the MADT must list; and how the guest ends:
 *   end=off       switches off by the sleep control register
 *   end=reset     resets by the FADT's reset register
 *   end=keyboard  resets by the keyboard controller
 *   end=chipset   resets by the chipset's port CF9H
 *   end=vector    the second vCPU jumps to the reset vector, in real-address mode
 *   end=init      INIT takes the first vCPU to the reset vector
 * Without end= it ends with exit code 2. Look at `how=` in the line GUEST. ACPI 6.5, "ACPI Software
 * Programming Model". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/console.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/pit.h"
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
#define PM_TIMER_TICKS      30000 /* 8.4 ms, in which the 8254 does not wrap around */
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

/* Reports whether the table is in the ACPI area and valid; returns it, or NULL. */
static const uint8_t *check_table(uint64_t address, const char *signature) {
    const uint8_t *table = (const uint8_t *)address;

    if (!report(address >= SEARCH_START && address < SEARCH_END - HEADER_SIZE,
                "%s is in the area of ACPI tables", signature))
        return NULL;
    bool valid = memcmp(table, signature, 4) == 0 && length(table) >= HEADER_SIZE &&
                 length(table) <= SEARCH_END - address && sums_to_zero(table, length(table));
    return report(valid, "%s has a valid signature, length and checksum", signature) ? table : NULL;
}

/* Finds a table by the root table, and checks it. */
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
    report(in_order, "all CPUs are enabled and have the APIC IDs 0, 1, 2...");
}

/* The sleep type of \_S5, as iasl compiles it: a name, a package of two elements, a byte. Or -1. */
static int find_s5(const uint8_t *dsdt) {
    static const uint8_t name[] = {0x08, '_', 'S', '5', '_', 0x12};

    for (uint32_t at = HEADER_SIZE; at + sizeof(name) + 4 <= length(dsdt); at++) {
        if (memcmp(dsdt + at, name, sizeof(name)) == 0 && dsdt[at + sizeof(name) + 2] == 0x0a)
            return dsdt[at + sizeof(name) + 3];
    }
    return -1;
}

/* Writes that must not end the guest: no sleep enable, another sleep type, another reset value. */
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
    outb(RESET_CONTROL, 0x02);    /* selects the kind of reset, does not start one */
    report(inb(control) == 0 && inb(status) == 0, "sleep control and sleep status read 0");
    report((inb(KEYBOARD_COMMAND) & 3) == 0,
           "the keyboard controller has no data and takes commands");
}

/* The PM timer ticks three times as fast as the 8254, within what passes between two exits. */
static void check_timer(uint16_t port) {
    uint32_t start = inl(port), timer = 0, largest = start;

    pit_start(2, 0); /* periodic, from 65536 */
    start = inl(port);
    uint16_t pit = pit_count();
    for (uint64_t i = 0; i < wait_bound && timer < PM_TIMER_TICKS; i++) {
        uint32_t now = inl(port);
        timer = (now - start) & PM_TIMER_MASK;
        largest = now > largest ? now : largest;
    }
    pit = (uint16_t)(pit - pit_count());
    report(timer >= PM_TIMER_TICKS && largest <= PM_TIMER_MASK, "the PM timer counts, in 24 bits");
    report(pit > timer / 3 - timer / 30 && pit < timer / 3 + timer / 30,
           "the PM timer counts three times as fast as the 8254");
    report(inw((uint16_t)(port + 2)) <= PM_TIMER_MASK >> 16,
           "the upper 16 bits of the PM timer can be read alone");
}

/* The first instruction of the second vCPU is a far jump to F000:FFF0. */
static void go_to_reset_vector(void) {
    static const uint8_t jump[] = {0xea, 0xf0, 0xff, 0x00, 0xf0};

    memcpy((void *)TRAMPOLINE, jump, sizeof(jump));
    apic_init(false);
    apic_send_init(1);
    apic_send_sipi(1, TRAMPOLINE);
    spin(wait_bound);
}

/* INIT restarts the bootstrap processor at the reset vector: SDM Vol. 3A, "MP Initialization
 * Protocol Algorithm for MP Systems". */
static void init_self(void) {
    apic_init(false);
    apic_send_init(0);
    spin(wait_bound);
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

/* Returns the FADT, or NULL if one of the tables is missing or invalid. */
static const uint8_t *check_tables(int *s5) {
    const uint8_t *rsdp = find_rsdp();

    if (!report(rsdp != NULL, "the RSDP is found in the BIOS area"))
        return NULL;
    report(sums_to_zero(rsdp, RSDP_1_SIZE) && sums_to_zero(rsdp, RSDP_SIZE),
           "both checksums of the RSDP are right");
    const uint8_t *xsdt = check_table(number(rsdp + 24, 8), "XSDT");
    const uint8_t *fadt = xsdt ? check_entry(xsdt, "FACP") : NULL;
    const uint8_t *madt = xsdt ? check_entry(xsdt, "APIC") : NULL;
    const uint8_t *rsdt = check_table(number(rsdp + 16, 4), "RSDT");
    report(rsdt && number(rsdt + HEADER_SIZE, 4) == (uint64_t)fadt,
           "the RSDT lists the same FADT as the XSDT");
    if (!fadt || !madt || length(fadt) < FADT_SIZE)
        return NULL;
    check_cpus(madt, command_line_number("cpus", 1));
    uint64_t flags = number(fadt + FADT_FLAGS, 4);
    report(flags & FLAG_REDUCED && flags & FLAG_RESET,
           "the FADT has the flags hardware-reduced ACPI and reset register");
    const uint8_t *dsdt = check_table(number(fadt + FADT_DSDT, 8), "DSDT");
    *s5 = dsdt ? find_s5(dsdt) : -1;
    return report(*s5 >= 0 && *s5 < 8, "the DSDT has the sleep type of S5") ? fadt : NULL;
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
