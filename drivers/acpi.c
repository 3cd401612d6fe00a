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
        const uint8_t *entry = acpi->root.bytes + HEADER_SIZE + *index * acpi->entry_size;

        table = read_table(acpi, read_number(entry, acpi->entry_size), signature);
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

/* The entry at *offset, which is advanced behind it; NULL if there are no more. */
static const uint8_t *next_entry(const struct acpi_table *madt, uint32_t *offset) {
    if (*offset < MADT_ENTRIES)
        *offset = MADT_ENTRIES;
    if (*offset >= madt->size || madt->size - *offset < 2)
        return NULL;
    const uint8_t *entry = madt->bytes + *offset;
    if (entry[1] < 2 || entry[1] > madt->size - *offset)
        return NULL;
    *offset += entry[1];
    return entry;
}

bool acpi_next_ioapic(const struct acpi_table *madt, uint32_t *offset, uint64_t *address) {
    const uint8_t *entry;

    while ((entry = next_entry(madt, offset))) {
        if (entry[0] == MADT_IOAPIC && entry[1] >= 12) {
            *address = read_number(entry + 4, 4);
            return true;
        }
    }
    return false;
}

bool acpi_next_cpu(const struct acpi_table *madt, uint32_t *offset, uint32_t *apic_id) {
    const uint8_t *entry;

    while ((entry = next_entry(madt, offset))) {
        uint8_t type = entry[0], size = entry[1];
        uint64_t flags = 0;

        if (type == MADT_LAPIC && size >= 8) {
            *apic_id = entry[3];
            flags = read_number(entry + 4, 4);
        } else if (type == MADT_X2APIC && size >= 16) {
            *apic_id = (uint32_t)read_number(entry + 4, 4);
            flags = read_number(entry + 8, 4);
        }
        if (flags & MADT_CPU_ENABLED)
            return true;
    }
    return false;
}

/* ---- FADT ------------------------------------------------------------------------------------ */

#define FADT_1_SIZE 116 /* of revision 1, the shortest */
#define SPACE_IO    1   /* Generic Address Structure: the address is an I/O port */

/* A field of `size` bytes at `offset`; 0 if the table, of an older revision, does not have it. */
static uint64_t field(const struct acpi_table *table, uint32_t offset, unsigned size) {
    if (table->size < size || offset > table->size - size)
        return 0;
    return read_number(table->bytes + offset, size);
}

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

#define SERIAL_PORT_MAX   0xfff8 /* eight registers */
#define SPCR_SIZE         80     /* of revision 1; later ones are longer */
#define SPCR_TYPE         36
#define SPCR_ADDRESS      40 /* a Generic Address Structure */
#define SPCR_BAUD         58
#define SPCR_TYPE_16550   0x00
#define SPCR_TYPE_16450   0x01
#define SPCR_TYPE_GENERIC 0x12 /* a 16550 whose registers are as the address structure says */

/* The divisors of 9600, 19200, 57600 and 115200 baud, by the table's code. */
static uint16_t divisor_of(uint64_t code) {
    static const uint16_t divisor[] = {[3] = 12, [4] = 6, [6] = 2, [7] = 1};

    return code < sizeof(divisor) / sizeof(divisor[0]) ? divisor[code] : 0;
}

struct acpi_serial acpi_find_serial(const struct acpi *acpi) {
    uint32_t index = 0;
    struct acpi_table spcr = acpi_next_table(acpi, "SPCR", &index);

    if (spcr.size < SPCR_SIZE)
        return (struct acpi_serial){0, 0, false};
    uint64_t type = field(&spcr, SPCR_TYPE, 1), address = field(&spcr, SPCR_ADDRESS + 4, 8);
    bool is_16550 = type == SPCR_TYPE_16550 || type == SPCR_TYPE_16450 || type == SPCR_TYPE_GENERIC;
    if (!address) /* redirection is disabled */
        return (struct acpi_serial){0, 0, false};
    if (!is_16550 || field(&spcr, SPCR_ADDRESS, 1) != SPACE_IO || address > SERIAL_PORT_MAX)
        return (struct acpi_serial){0, 0, true};
    return (struct acpi_serial){(uint16_t)address, divisor_of(field(&spcr, SPCR_BAUD, 1)), false};
}

/* ---- \_S5 ------------------------------------------------------------------------------------ */

#define AML_ONE          0x01
#define AML_NAME         0x08
#define AML_BYTE_PREFIX  0x0a
#define AML_WORD_PREFIX  0x0b
#define AML_DWORD_PREFIX 0x0c
#define AML_PACKAGE      0x12
#define SLEEP_TYPE_MAX   7

struct aml {
    const uint8_t *at, *end;
};

/* Reads the integer at aml->at. False if there is none, or if it is too large for a sleep type. */
static bool take_sleep_type(struct aml *aml, uint8_t *type) {
    static const uint8_t size_of[] = {
        [AML_BYTE_PREFIX] = 1, [AML_WORD_PREFIX] = 2, [AML_DWORD_PREFIX] = 4};

    if (aml->at == aml->end)
        return false;
    uint8_t op = *aml->at++;
    unsigned size = op < sizeof(size_of) ? size_of[op] : 0;
    if (size > (size_t)(aml->end - aml->at) || (!size && op > AML_ONE))
        return false;
    uint64_t value = size ? read_number(aml->at, size) : op; /* ZeroOp is 0, OneOp 1 */
    aml->at += size;
    *type = (uint8_t)value;
    return value <= SLEEP_TYPE_MAX;
}

/* Reads the first two elements of a package: PackageOp, the length, the number of elements, the
 * elements. The upper two bits of the length's first byte are the number of bytes that follow it.
 * ACPI 6.5, "Package Length Encoding". */
static bool parse_package(struct aml aml, uint8_t type[2]) {
    if (aml.end - aml.at < 3 || *aml.at++ != AML_PACKAGE)
        return false;
    unsigned length_bytes = 1 + (*aml.at >> 6);
    if ((size_t)(aml.end - aml.at) < length_bytes + 1u)
        return false;
    aml.at += length_bytes;
    uint8_t elements = *aml.at++;
    return elements >= 2 && take_sleep_type(&aml, &type[0]) && take_sleep_type(&aml, &type[1]);
}

/* Searches for NameOp, an optional backslash, "_S5_" and a package. */
static bool search_s5(const struct acpi_table *table, uint8_t type[2]) {
    const uint8_t *end = table->bytes + table->size;

    for (const uint8_t *at = table->bytes + HEADER_SIZE; end - at >= 5; at++) {
        if (*at != AML_NAME)
            continue;
        const uint8_t *name = at + 1 + (at[1] == '\\');
        if (end - name >= 4 && memcmp(name, "_S5_", 4) == 0 &&
            parse_package((struct aml){name + 4, end}, type))
            return true;
    }
    return false;
}

bool acpi_find_soft_off(const struct acpi *acpi, struct acpi_soft_off *off) {
    uint32_t fadt_index = 0, ssdt_index = 0;
    struct acpi_table fadt = acpi_next_table(acpi, "FACP", &fadt_index);
    uint8_t type[2];

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
