/* ACPI tables: see acpi.h.
 *
 * Every table begins with the same header: signature, length, revision, checksum; the bytes of the
 * whole sum up to 0. read_table() checks that, and after it every access stays within the length.
 * Numbers are little endian and may be unaligned. */
#include "drivers/acpi.h"

#include "arch/memory.h"

#define HEADER_SIZE 36
#define TABLE_MAX   (16u << 20)
#define RSDP_1_SIZE 20
#define RSDP_2_SIZE 36
#define SSDT_MAX    64 /* tables searched for \_S5 */

static uint64_t read_number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    while (size--)
        value = value << 8 | bytes[size];
    return value;
}

static uint32_t read32(const uint8_t *bytes)
{
    return (uint32_t)read_number(bytes, 4);
}

static uint64_t read64(const uint8_t *bytes)
{
    return read_number(bytes, 8);
}

static bool sums_to_zero(const uint8_t *bytes, uint32_t size)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* signature: four letters, or NULL for any. */
static enum acpi_result read_table(const struct acpi *acpi, uint64_t phys, const char *signature,
                                   struct acpi_table *table)
{
    const uint8_t *header = acpi->map(acpi->ctx, phys, HEADER_SIZE);

    if (!header)
        return ACPI_NOT_READABLE;
    if (signature && memcmp(header, signature, 4) != 0)
        return ACPI_BAD_SIGNATURE;
    table->size = read32(header + 4);
    if (table->size < HEADER_SIZE || table->size > TABLE_MAX)
        return ACPI_BAD_LENGTH;
    table->bytes = acpi->map(acpi->ctx, phys, table->size);
    if (!table->bytes)
        return ACPI_NOT_READABLE;
    return sums_to_zero(table->bytes, table->size) ? ACPI_OK : ACPI_BAD_CHECKSUM;
}

/* ---- root ------------------------------------------------------------------------------------ */

static enum acpi_result open_root(struct acpi *acpi, uint64_t phys, bool is_xsdt)
{
    struct acpi_table table;
    enum acpi_result result = read_table(acpi, phys, is_xsdt ? "XSDT" : "RSDT", &table);

    if (result == ACPI_OK) {
        acpi->root = phys;
        acpi->entry_size = is_xsdt ? 8 : 4;
    }
    return result;
}

/* The address of the XSDT, or 0: only revision 2 and later have one, with its own checksum. */
static uint64_t xsdt_of(const struct acpi *acpi, uint64_t rsdp, uint8_t revision)
{
    const uint8_t *bytes = revision >= 2 ? acpi->map(acpi->ctx, rsdp, RSDP_2_SIZE) : NULL;

    if (!bytes || read32(bytes + 20) < RSDP_2_SIZE || !sums_to_zero(bytes, RSDP_2_SIZE))
        return 0;
    return read64(bytes + 24);
}

enum acpi_result acpi_open(struct acpi *acpi, uint64_t rsdp)
{
    const uint8_t *bytes = acpi->map(acpi->ctx, rsdp, RSDP_1_SIZE);

    acpi->root = 0;
    if (!bytes)
        return ACPI_NOT_READABLE;
    if (memcmp(bytes, "RSD PTR ", 8) != 0)
        return ACPI_BAD_SIGNATURE;
    if (!sums_to_zero(bytes, RSDP_1_SIZE))
        return ACPI_BAD_CHECKSUM;
    uint64_t rsdt = read32(bytes + 16), xsdt = xsdt_of(acpi, rsdp, bytes[15]);
    enum acpi_result result = xsdt ? open_root(acpi, xsdt, true) : ACPI_NOT_FOUND;
    if (result != ACPI_OK && rsdt)
        result = open_root(acpi, rsdt, false);
    return result;
}

enum acpi_result acpi_find_table(const struct acpi *acpi, const char *signature, uint32_t index,
                                 struct acpi_table *table)
{
    struct acpi_table root;
    enum acpi_result result =
        acpi->root ? read_table(acpi, acpi->root, NULL, &root) : ACPI_NOT_FOUND;

    if (result != ACPI_OK)
        return result;
    for (uint32_t at = HEADER_SIZE; root.size - at >= acpi->entry_size; at += acpi->entry_size) {
        uint64_t phys = read_number(root.bytes + at, acpi->entry_size);

        result = phys ? read_table(acpi, phys, signature, table) : ACPI_BAD_SIGNATURE;
        if (result == ACPI_BAD_SIGNATURE || result == ACPI_NOT_READABLE)
            continue;
        if (index-- == 0)
            return result;
    }
    return ACPI_NOT_FOUND;
}

/* ---- MADT ------------------------------------------------------------------------------------ */

#define MADT_ENTRIES       44
#define MADT_PCAT_COMPAT   1u
#define MADT_CPU_ENABLED   1u
#define MADT_LAPIC         0
#define MADT_IOAPIC        1
#define MADT_OVERRIDE      2
#define MADT_LAPIC_ADDRESS 5
#define MADT_X2APIC        9
#define POLARITY_MASK      0x3
#define POLARITY_LOW       0x3
#define TRIGGER_MASK       0xc
#define TRIGGER_LEVEL      0xc

/* The entry at *offset, which moves behind it; NULL at the end or where lengths are senseless. */
static const uint8_t *next_entry(const struct acpi_table *table, uint32_t *offset)
{
    if (*offset < MADT_ENTRIES)
        *offset = MADT_ENTRIES;
    if (*offset > table->size || table->size - *offset < 2)
        return NULL;
    const uint8_t *entry = table->bytes + *offset;
    if (entry[1] < 2 || entry[1] > table->size - *offset)
        return NULL;
    *offset += entry[1];
    return entry;
}

enum acpi_result acpi_find_madt(const struct acpi *acpi, struct acpi_madt *madt)
{
    enum acpi_result result = acpi_find_table(acpi, "APIC", 0, &madt->table);
    const uint8_t *entry;
    uint32_t offset = 0;

    if (result != ACPI_OK)
        return result;
    if (madt->table.size < MADT_ENTRIES)
        return ACPI_BAD_LENGTH;
    madt->lapic_base = read32(madt->table.bytes + 36);
    madt->has_8259 = read32(madt->table.bytes + 40) & MADT_PCAT_COMPAT;
    while ((entry = next_entry(&madt->table, &offset))) {
        if (entry[0] == MADT_LAPIC_ADDRESS && entry[1] >= 12)
            madt->lapic_base = read64(entry + 4);
    }
    return ACPI_OK;
}

/* False if the entry is of no interest or shorter than its kind. */
static bool decode_entry(const uint8_t *bytes, struct acpi_madt_entry *entry)
{
    uint8_t type = bytes[0], size = bytes[1];

    *entry = (struct acpi_madt_entry){0};
    if (type == MADT_LAPIC && size >= 8 && (read32(bytes + 4) & MADT_CPU_ENABLED)) {
        entry->type = ACPI_MADT_CPU;
        entry->apic_id = bytes[3];
        return true;
    }
    if (type == MADT_X2APIC && size >= 16 && (read32(bytes + 8) & MADT_CPU_ENABLED)) {
        entry->type = ACPI_MADT_CPU;
        entry->apic_id = read32(bytes + 4);
        return true;
    }
    if (type == MADT_IOAPIC && size >= 12) {
        entry->type = ACPI_MADT_IOAPIC;
        entry->apic_id = bytes[2];
        entry->base = read32(bytes + 4);
        entry->gsi = read32(bytes + 8);
        return true;
    }
    if (type == MADT_OVERRIDE && size >= 10) {
        entry->type = ACPI_MADT_OVERRIDE;
        entry->isa_irq = bytes[3];
        entry->gsi = read32(bytes + 4);
        entry->active_low = (bytes[8] & POLARITY_MASK) == POLARITY_LOW;
        entry->level = (bytes[8] & TRIGGER_MASK) == TRIGGER_LEVEL;
        return true;
    }
    return false;
}

bool acpi_madt_next(const struct acpi_madt *madt, uint32_t *offset, struct acpi_madt_entry *entry)
{
    const uint8_t *bytes;

    while ((bytes = next_entry(&madt->table, offset))) {
        if (decode_entry(bytes, entry))
            return true;
    }
    return false;
}

/* ---- FADT ------------------------------------------------------------------------------------ */

/* A field of `size` bytes at `offset`; 0 where the table, of an older revision, is too short. */
static uint64_t field(const struct acpi_table *table, uint32_t offset, unsigned size)
{
    if (table->size < size || offset > table->size - size)
        return 0;
    return read_number(table->bytes + offset, size);
}

/* A port given twice: as a Generic Address Structure, which counts, and as a plain number. */
static uint32_t port_field(const struct acpi_table *table, uint32_t plain, uint32_t generic)
{
    uint64_t address = field(table, generic + 4, 8);

    if (field(table, generic, 1) == ACPI_SPACE_IO && address && address <= UINT16_MAX)
        return (uint32_t)address;
    return (uint32_t)field(table, plain, 4);
}

enum acpi_result acpi_find_fadt(const struct acpi *acpi, struct acpi_fadt *fadt)
{
    struct acpi_table table;
    enum acpi_result result = acpi_find_table(acpi, "FACP", 0, &table);

    if (result != ACPI_OK)
        return result;
    if (table.size < 116)
        return ACPI_BAD_LENGTH;
    uint64_t x_dsdt = field(&table, 140, 8);
    *fadt = (struct acpi_fadt){
        .dsdt = x_dsdt ? x_dsdt : field(&table, 40, 4),
        .flags = (uint32_t)field(&table, 112, 4),
        .smi_command = (uint32_t)field(&table, 48, 4),
        .acpi_enable = (uint8_t)field(&table, 52, 1),
        .pm1a_control = port_field(&table, 64, 172),
        .pm1b_control = port_field(&table, 68, 184),
        .reset_space = (uint8_t)field(&table, 116, 1),
        .reset_address = field(&table, 120, 8),
        .reset_value = (uint8_t)field(&table, 128, 1),
    };
    return ACPI_OK;
}

/* ---- \_S5 ------------------------------------------------------------------------------------ */

#define AML_ZERO         0x00
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

/* The integer at the start; false if there is none or it is no sleep type. */
static bool take_sleep_type(struct aml *aml, uint8_t *type)
{
    size_t left = (size_t)(aml->end - aml->at);
    unsigned size = 0;
    uint64_t value = 0;

    if (left == 0)
        return false;
    switch (*aml->at++) {
    case AML_ZERO:
        break;
    case AML_ONE:
        value = 1;
        break;
    case AML_BYTE_PREFIX:
        size = 1;
        break;
    case AML_WORD_PREFIX:
        size = 2;
        break;
    case AML_DWORD_PREFIX:
        size = 4;
        break;
    default:
        return false;
    }
    if (left - 1 < size)
        return false;
    if (size)
        value = read_number(aml->at, size);
    aml->at += size;
    *type = (uint8_t)value;
    return value <= SLEEP_TYPE_MAX;
}

/* A package's contents: behind PackageOp come its length, whose first byte says in its upper two
 * bits how many bytes follow, and the number of elements. ACPI 6.5, "Package Length Encoding". */
static bool parse_package(struct aml aml, struct acpi_s5 *s5)
{
    if (aml.end - aml.at < 3 || *aml.at++ != AML_PACKAGE)
        return false;
    unsigned length_bytes = 1 + (*aml.at >> 6);
    if ((size_t)(aml.end - aml.at) < length_bytes + 1u)
        return false;
    aml.at += length_bytes;
    uint8_t elements = *aml.at++;
    return elements >= 2 && take_sleep_type(&aml, &s5->type_a) &&
           take_sleep_type(&aml, &s5->type_b);
}

/* NameOp, perhaps a backslash, "_S5_", a package. */
static bool search_s5(const struct acpi_table *table, struct acpi_s5 *s5)
{
    const uint8_t *end = table->bytes + table->size;

    for (const uint8_t *at = table->bytes + HEADER_SIZE; end - at >= 5; at++) {
        if (*at != AML_NAME)
            continue;
        const uint8_t *name = at + 1 + (at[1] == '\\');
        if (end - name >= 4 && memcmp(name, "_S5_", 4) == 0 &&
            parse_package((struct aml){name + 4, end}, s5))
            return true;
    }
    return false;
}

enum acpi_result acpi_find_s5(const struct acpi *acpi, const struct acpi_fadt *fadt,
                              struct acpi_s5 *s5)
{
    struct acpi_table table;
    struct acpi_s5 found;
    bool is_found = fadt->dsdt && read_table(acpi, fadt->dsdt, "DSDT", &table) == ACPI_OK &&
                    search_s5(&table, &found);

    for (uint32_t i = 0; !is_found && i < SSDT_MAX; i++) {
        enum acpi_result result = acpi_find_table(acpi, "SSDT", i, &table);

        if (result == ACPI_NOT_FOUND || result == ACPI_NOT_READABLE)
            break;
        is_found = result == ACPI_OK && search_s5(&table, &found);
    }
    if (is_found)
        *s5 = found;
    return is_found ? ACPI_OK : ACPI_NOT_FOUND;
}
