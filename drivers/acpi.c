/* Reads ACPI tables: see acpi.h.
 *
 * Every table begins with the same header (signature, length, revision, checksum), and the sum of
 * all its bytes is 0. read_table() checks this; every later access stays within the length. Numbers
 * are little endian and may be unaligned. */
#include "drivers/acpi.h"

#include <stddef.h>

#include "lib/memory.h"

#define HEADER_SIZE 36
#define TABLE_MAX   (16u << 20)
#define RSDP_1_SIZE 20
#define RSDP_2_SIZE 36

static uint64_t read_number(const uint8_t *bytes, unsigned size) {
    uint64_t value = 0;

    while (size--)
        value = value << 8 | bytes[size];
    return value;
}

/* A field of `size` bytes at `offset`; 0 if the table, of an older revision, does not have it. What
 * a table contains is read by this function alone. */
static uint64_t field(const struct acpi_table *table, uint64_t offset, unsigned size) {
    if (!table->bytes || table->size < size || offset > table->size - size)
        return 0;
    return read_number(table->bytes + offset, size);
}

static bool sums_to_zero(const uint8_t *bytes, uint32_t size) {
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

static struct acpi_table read_table(const struct acpi *acpi, uint64_t phys, const char *signature) {
    const uint8_t *bytes = phys ? acpi->map(phys, HEADER_SIZE) : NULL;

    if (!bytes || memcmp(bytes, signature, 4) != 0)
        return (struct acpi_table){0};
    uint32_t size = (uint32_t)read_number(bytes + 4, 4);
    if (size < HEADER_SIZE || size > TABLE_MAX)
        return (struct acpi_table){0};
    bytes = acpi->map(phys, size);
    if (!bytes || !sums_to_zero(bytes, size))
        return (struct acpi_table){0};
    return (struct acpi_table){bytes, size};
}

/* The address of the XSDT, or 0. Only an RSDP of revision 2 or later has it, with a checksum of its
 * own. */
static uint64_t xsdt_of(const struct acpi *acpi, uint64_t rsdp, uint8_t revision) {
    const uint8_t *bytes = revision >= 2 ? acpi->map(rsdp, RSDP_2_SIZE) : NULL;

    if (!bytes || read_number(bytes + 20, 4) < RSDP_2_SIZE || !sums_to_zero(bytes, RSDP_2_SIZE))
        return 0;
    return read_number(bytes + 24, 8);
}

bool acpi_open(struct acpi *acpi, uint64_t rsdp) {
    const uint8_t *bytes = acpi->map(rsdp, RSDP_1_SIZE);

    acpi->root = (struct acpi_table){0};
    if (!bytes || memcmp(bytes, "RSD PTR ", 8) != 0 || !sums_to_zero(bytes, RSDP_1_SIZE))
        return false;
    acpi->entry_size = 8;
    acpi->root = read_table(acpi, xsdt_of(acpi, rsdp, bytes[15]), "XSDT");
    if (!acpi->root.size) {
        acpi->entry_size = 4;
        acpi->root = read_table(acpi, read_number(bytes + 16, 4), "RSDT");
    }
    return acpi->root.size;
}

struct acpi_table acpi_next_table(const struct acpi *acpi, const char *signature, uint32_t *index) {
    struct acpi_table table = {0};
    uint32_t count = acpi->root.size ? (acpi->root.size - HEADER_SIZE) / acpi->entry_size : 0;

    while (!table.size && *index < count) {
        uint64_t at = HEADER_SIZE + (uint64_t)*index * acpi->entry_size;
        uint64_t address =
            acpi->entry_size == 8 ? field(&acpi->root, at, 8) : field(&acpi->root, at, 4);

        table = read_table(acpi, address, signature);
        ++*index;
    }
    return table;
}

/* ---- MADT ------------------------------------------------------------------------------------ */

#define MADT_ENTRIES     44
#define MADT_CPU_ENABLED 1u
#define MADT_LAPIC       0
#define MADT_IOAPIC      1
#define MADT_X2APIC      9

struct entry {
    uint32_t offset; /* in the MADT */
    uint64_t type, size;
};

/* Reads the entry at *offset, which is advanced behind it. False if there are no more. */
static bool next_entry(const struct acpi_table *madt, uint32_t *offset, struct entry *entry) {
    if (*offset < MADT_ENTRIES)
        *offset = MADT_ENTRIES;
    *entry = (struct entry){*offset, field(madt, *offset, 1), field(madt, *offset + 1ULL, 1)};
    if (entry->size < 2 || entry->size > madt->size - *offset)
        return false;
    *offset += (uint32_t)entry->size;
    return true;
}

bool acpi_next_ioapic(const struct acpi_table *madt, uint32_t *offset, uint64_t *address) {
    struct entry entry;

    while (next_entry(madt, offset, &entry)) {
        if (entry.type == MADT_IOAPIC && entry.size >= 12) {
            *address = field(madt, entry.offset + 4, 4);
            return true;
        }
    }
    return false;
}

bool acpi_next_cpu(const struct acpi_table *madt, uint32_t *offset, uint32_t *apic_id) {
    struct entry entry;

    while (next_entry(madt, offset, &entry)) {
        uint64_t flags = 0;

        if (entry.type == MADT_LAPIC && entry.size >= 8) {
            *apic_id = (uint32_t)field(madt, entry.offset + 3, 1);
            flags = field(madt, entry.offset + 4, 4);
        } else if (entry.type == MADT_X2APIC && entry.size >= 16) {
            *apic_id = (uint32_t)field(madt, entry.offset + 4, 4);
            flags = field(madt, entry.offset + 8, 4);
        }
        if (flags & MADT_CPU_ENABLED)
            return true;
    }
    return false;
}

/* ---- FADT ------------------------------------------------------------------------------------ */

#define FADT_1_SIZE 116 /* of revision 1, the shortest */
#define SPACE_IO    1   /* Generic Address Structure: the address is an I/O port */

/* A port that a newer table gives as a Generic Address Structure, and every table as a plain
 * number. */
static uint16_t port_field(const struct acpi_table *table, uint32_t plain, uint32_t generic) {
    uint64_t address = field(table, generic + 4, 8);

    if (field(table, generic, 1) == SPACE_IO && address && address <= UINT16_MAX)
        return (uint16_t)address;
    return (uint16_t)field(table, plain, 4);
}

#define FADT_FLAGS        112
#define FADT_TIMER_32_BIT (1u << 8)

struct acpi_pm_timer acpi_find_pm_timer(const struct acpi *acpi) {
    uint32_t index = 0;
    struct acpi_table fadt = acpi_next_table(acpi, "FACP", &index);

    if (fadt.size < FADT_1_SIZE)
        return (struct acpi_pm_timer){0, false};
    return (struct acpi_pm_timer){.port = port_field(&fadt, 76, 208),
                                  .wide = field(&fadt, FADT_FLAGS, 4) & FADT_TIMER_32_BIT};
}

#define HEADER_REVISION  8
#define FADT_BOOT_FLAGS  109 /* since revision 3 */
#define FADT_BOOT_8042   (1u << 1)
#define FADT_BOOT_EXISTS 3

bool acpi_may_have_8042(const struct acpi *acpi) {
    uint32_t index = 0;
    struct acpi_table fadt = acpi_next_table(acpi, "FACP", &index);

    return fadt.size < FADT_1_SIZE || field(&fadt, HEADER_REVISION, 1) < FADT_BOOT_EXISTS ||
           (field(&fadt, FADT_BOOT_FLAGS, 2) & FADT_BOOT_8042);
}

/* ---- SPCR ------------------------------------------------------------------------------------ */

#define PORTS_END         0x10000
#define SERIAL_END        (1ULL << 46) /* nothing above is mapped */
#define SPCR_SIZE         80           /* of revision 1; later ones are longer */
#define SPCR_TYPE         36
#define SPCR_ADDRESS      40 /* a Generic Address Structure */
#define SPCR_BAUD         58
#define SPCR_CLOCK        76 /* Hz, since revision 3; 0: not known */
#define SPCR_EXACT_BAUD   80 /* since revision 4; 0: see SPCR_BAUD */
#define SPCR_TYPE_16550   0x00
#define SPCR_TYPE_16450   0x01
#define SPCR_TYPE_GENERIC 0x12    /* a 16550 whose registers are as the address structure says */
#define PC_CLOCK          1843200 /* Hz: of a serial port with I/O ports */

/* ACPI 6.5, "Generic Address Structure (GAS)". */
#define SPACE_MEMORY 0
#define GAS_WIDTH    1 /* bits of a register, here from one to the next */
#define GAS_ACCESS   3 /* 1 to 4: 1, 2, 4 or 8 bytes; 0: not defined */
#define GAS_ADDRESS  4

/* The baud rate and its divisor, if the clock is known; else both stay as they are. */
static void find_baud(const struct acpi_table *spcr, struct boot_serial *serial) {
    static const uint32_t rates[] = {[3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200};
    uint64_t revision = field(spcr, HEADER_REVISION, 1), code = field(spcr, SPCR_BAUD, 1);
    uint64_t clock = revision >= 3 ? field(spcr, SPCR_CLOCK, 4) : 0;
    uint64_t baud = revision >= 4 ? field(spcr, SPCR_EXACT_BAUD, 4) : 0;

    if (!clock && !serial->access)
        clock = PC_CLOCK;
    if (!baud && code < sizeof(rates) / sizeof(rates[0]))
        baud = rates[code];
    if (!baud)
        return;
    uint64_t divisor = (clock + 8 * baud) / (16 * baud);
    if (divisor && divisor <= UINT16_MAX) {
        serial->baud = (uint32_t)baud;
        serial->divisor = (uint16_t)divisor;
    }
}

/* For registers in memory: the size of an access and the distance of registers, of which firmware
 * gives one or both. Access 0: the processor cannot do that. */
static void find_layout(const struct acpi_table *spcr, struct boot_serial *serial) {
    uint64_t code = field(spcr, SPCR_ADDRESS + GAS_ACCESS, 1);
    uint64_t bits = field(spcr, SPCR_ADDRESS + GAS_WIDTH, 1);
    uint8_t width = bits == 16 || bits == 32 || bits == 64 ? (uint8_t)(bits / 8) : 1;

    if (code == 0)
        serial->access = width > 4 ? 4 : width;
    else if (code <= 3)
        serial->access = (uint8_t)(1u << (code - 1));
    serial->stride = serial->access > width ? serial->access : width;
}

static const char *serial_problem(uint64_t type, uint64_t space, const struct boot_serial *serial) {
    uint64_t size = BOOT_SERIAL_REGISTERS * serial->stride;

    if (type != SPCR_TYPE_16550 && type != SPCR_TYPE_16450 && type != SPCR_TYPE_GENERIC)
        return "it is no 16550";
    if (space != SPACE_IO && space != SPACE_MEMORY)
        return "it has neither I/O ports nor registers in memory";
    if (space == SPACE_MEMORY && !serial->access)
        return "its registers are not of 8, 16 or 32 bits";
    if (space == SPACE_MEMORY && serial->base % serial->access)
        return "its address is not aligned";
    if (serial->base > (space == SPACE_IO ? PORTS_END : SERIAL_END) - size)
        return "its address is too high";
    return NULL;
}

struct boot_serial acpi_find_serial(const struct acpi *acpi, const char **problem) {
    uint32_t index = 0;
    struct acpi_table spcr = acpi_next_table(acpi, "SPCR", &index);
    uint64_t space = field(&spcr, SPCR_ADDRESS, 1);
    struct boot_serial serial = {.base = field(&spcr, SPCR_ADDRESS + GAS_ADDRESS, 8), .stride = 1};

    *problem = NULL;
    if (spcr.size < SPCR_SIZE || !serial.base) /* address 0: redirection is disabled */
        return (struct boot_serial){0};
    if (space == SPACE_MEMORY)
        find_layout(&spcr, &serial);
    *problem = serial_problem(field(&spcr, SPCR_TYPE, 1), space, &serial);
    if (*problem)
        return (struct boot_serial){0};
    find_baud(&spcr, &serial);
    return serial;
}

/* ---- \_S5 ------------------------------------------------------------------------------------ */

#define AML_ONE          0x01
#define AML_NAME         0x08
#define AML_BYTE_PREFIX  0x0a
#define AML_WORD_PREFIX  0x0b
#define AML_DWORD_PREFIX 0x0c
#define AML_PACKAGE      0x12
#define AML_S5           0x5f35535f /* "_S5_" */
#define SLEEP_TYPE_MAX   7

/* A place in a table of AML. */
struct aml {
    const struct acpi_table *table;
    uint64_t at;
};

static uint64_t take(struct aml *aml, unsigned size) {
    uint64_t value = field(aml->table, aml->at, size);

    aml->at += size;
    return value;
}

/* Reads an integer. False if there is none, or if it is too large for a sleep type. */
static bool take_sleep_type(struct aml *aml, uint8_t *type) {
    uint64_t value = take(aml, 1); /* ZeroOp is 0, OneOp 1 */

    if (value == AML_BYTE_PREFIX)
        value = take(aml, 1);
    else if (value == AML_WORD_PREFIX)
        value = take(aml, 2);
    else if (value == AML_DWORD_PREFIX)
        value = take(aml, 4);
    else if (value > AML_ONE)
        return false;
    *type = (uint8_t)value;
    return value <= SLEEP_TYPE_MAX && aml->at <= aml->table->size;
}

/* Reads the first two elements of a package: PackageOp, the length, the number of elements, the
 * elements. The upper two bits of the length's first byte are the number of bytes that follow it.
 * ACPI 6.5, "Package Length Encoding". */
static bool parse_package(struct aml aml, uint8_t type[2]) {
    if (take(&aml, 1) != AML_PACKAGE)
        return false;
    uint64_t more = take(&aml, 1) >> 6;
    aml.at += more;
    uint64_t elements = take(&aml, 1);
    return elements >= 2 && take_sleep_type(&aml, &type[0]) && take_sleep_type(&aml, &type[1]);
}

/* Searches for NameOp, an optional backslash, "_S5_" and a package. */
static bool search_s5(const struct acpi_table *table, uint8_t type[2]) {
    for (uint64_t at = HEADER_SIZE; at < table->size; at++) {
        struct aml aml = {table, at};

        if (take(&aml, 1) != AML_NAME)
            continue;
        aml.at += field(table, aml.at, 1) == '\\';
        if (take(&aml, 4) == AML_S5 && parse_package(aml, type))
            return true;
    }
    return false;
}

bool acpi_find_soft_off(const struct acpi *acpi, struct acpi_soft_off *off) {
    uint32_t fadt_index = 0, ssdt_index = 0;
    struct acpi_table fadt = acpi_next_table(acpi, "FACP", &fadt_index);
    uint8_t type[2] = {0};

    if (fadt.size < FADT_1_SIZE)
        return false;
    uint64_t dsdt = field(&fadt, 140, 8);
    struct acpi_table table = read_table(acpi, dsdt ? dsdt : field(&fadt, 40, 4), "DSDT");
    while (!table.size || !search_s5(&table, type)) {
        table = acpi_next_table(acpi, "SSDT", &ssdt_index);
        if (!table.size)
            return false;
    }
    *off = (struct acpi_soft_off){
        .pm1a_control = port_field(&fadt, 64, 172),
        .pm1b_control = port_field(&fadt, 68, 184),
        .smi_command = (uint16_t)field(&fadt, 48, 4),
        .acpi_enable = (uint8_t)field(&fadt, 52, 1),
        .sleep_type_a = type[0],
        .sleep_type_b = type[1],
    };
    return true;
}
