/* The firmware's ACPI tables: any bytes at any address.
 * Assumed: what `map` returns is as large as it was asked for. In each run all tables are of one of
 * the sizes below, which lie around those that the parser compares with, or as small as a header:
 * it reads one table at a time, and only compares sizes and steps by them. */
#include "drivers/acpi.h"

#include "tests/analysis/any.h"

static uint8_t rsdp[20], bytes_36[36], bytes_46[46], bytes_80[80], bytes_116[116], bytes_244[244];
static uint8_t *table;
static uint64_t table_size;

/* The tables of a run are one object of their size, so that a byte too far is outside it. */
static const void *map(uint64_t phys, uint64_t size) {
    (void)phys;
    if (any_bool())
        return NULL;
    if (size == sizeof(rsdp))
        return rsdp;
    return size == 36 || size == table_size ? table : NULL;
}

static void parse(uint8_t *bytes, uint64_t size) {
    struct acpi acpi = {.map = map};
    struct acpi_soft_off off;
    uint32_t index = 0, cpu = 0, ioapic = 0, apic_id;
    uint64_t address;
    const char *problem;

    any_bytes(bytes, size);
    table = bytes;
    table_size = size;
    if (!acpi_open(&acpi, any()))
        return;
    struct acpi_table madt = acpi_next_table(&acpi, "APIC", &index);
    while (acpi_next_cpu(&madt, &cpu, &apic_id))
        ;
    while (acpi_next_ioapic(&madt, &ioapic, &address))
        ;
    acpi_find_pm_timer(&acpi);
    acpi_may_have_8042(&acpi);
    acpi_find_serial(&acpi, &problem);
    acpi_find_soft_off(&acpi, &off);
}

int main(void) {
    any_bytes(rsdp, sizeof(rsdp));
    parse(bytes_36, sizeof(bytes_36));
    parse(bytes_46, sizeof(bytes_46));
    parse(bytes_80, sizeof(bytes_80));
    parse(bytes_116, sizeof(bytes_116));
    parse(bytes_244, sizeof(bytes_244));
    return 0;
}
