/* Writes each ACPI table of a guest to a file for iasl: write_tables DSDT DIRECTORY VCPUS. The file
 * has the name of the table's signature. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/acpi.h"
#include "vmm/devices/acpi_tables.h"
#include "vmm/devices/pc_map.h"

static uint8_t tables[PC_ACPI_SIZE];

static const void *map(uint64_t physical, uint64_t size) {
    uint64_t offset = physical - PC_ACPI_BASE;

    return offset <= sizeof(tables) && size <= sizeof(tables) - offset ? tables + offset : NULL;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void write_file(const char *directory, const char *name, const uint8_t *bytes, size_t size) {
    char path[4096];

    snprintf(path, sizeof(path), "%s/%.4s.bin", directory, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        fail(path, "cannot be written");
}

static size_t read_file(const char *path, uint8_t *bytes, size_t room) {
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, room, file) : 0;

    if (size == 0 || size == room)
        fail(path, "cannot be read");
    fclose(file);
    return size;
}

static uint32_t length_of(const uint8_t *table) {
    uint32_t length;

    memcpy(&length, table + 4, sizeof(length));
    return length;
}

int main(int argc, char **argv) {
    static uint8_t dsdt[PC_ACPI_SIZE];
    struct acpi acpi = {.map = map};

    if (argc != 4)
        fail("write_tables", "DSDT DIRECTORY VCPUS");
    struct acpi_tables_request request = {.at = tables,
                                          .physical = PC_ACPI_BASE,
                                          .size = sizeof(tables),
                                          .vcpus = (uint32_t)atoi(argv[3]),
                                          .dsdt = dsdt,
                                          .dsdt_size = read_file(argv[1], dsdt, sizeof(dsdt))};
    const char *problem = acpi_tables_build(&request);
    if (problem || !acpi_open(&acpi, PC_ACPI_BASE))
        fail("write_tables", problem ? problem : "no root table");

    write_file(argv[2], "RSDP", tables, 36);
    write_file(argv[2], "XSDT", acpi.root.bytes, acpi.root.size);
    for (uint32_t at = 36; at < acpi.root.size; at += 8) {
        uint64_t address;
        memcpy(&address, acpi.root.bytes + at, sizeof(address));
        const uint8_t *table = map(address, 36);
        write_file(argv[2], (const char *)table, table, length_of(table));
    }
    uint32_t index = 0, rsdt;
    uint64_t address;
    memcpy(&rsdt, tables + 16, sizeof(rsdt));
    write_file(argv[2], "RSDT", map(rsdt, 36), length_of(map(rsdt, 36)));
    memcpy(&address, acpi_next_table(&acpi, "FACP", &index).bytes + 140, sizeof(address));
    const uint8_t *table = map(address, 36);
    write_file(argv[2], (const char *)table, table, length_of(table));
    return 0;
}
