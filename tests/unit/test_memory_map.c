/* Guards boot/memory_map.c: sorting, merging, contradictory and invalid descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/memory_map.h"

#define MIB (1ULL << 20)

/* EFI_MEMORY_TYPE. */
enum efi_memory {
    EFI_MEMORY_RESERVED,
    EFI_MEMORY_LOADER_CODE,
    EFI_MEMORY_LOADER_DATA,
    EFI_MEMORY_BOOT_SERVICES_CODE,
    EFI_MEMORY_BOOT_SERVICES_DATA,
    EFI_MEMORY_RUNTIME_SERVICES_CODE,
    EFI_MEMORY_RUNTIME_SERVICES_DATA,
    EFI_MEMORY_CONVENTIONAL,
    EFI_MEMORY_UNUSABLE,
    EFI_MEMORY_ACPI_RECLAIM,
    EFI_MEMORY_ACPI_NVS,
    EFI_MEMORY_MAPPED_IO,
    EFI_MEMORY_MAPPED_IO_PORT_SPACE,
};

static struct boot_region region[BOOT_MAX_REGIONS];
static uint32_t count;

static struct efi_memory_descriptor range(uint32_t type, uint64_t start, uint64_t size) {
    return (struct efi_memory_descriptor){
        .type = type, .physical_start = start, .number_of_pages = size / 4096};
}

static bool convert(const struct efi_memory_descriptor *map, size_t entries) {
    memset(region, 0xee, sizeof(region));
    return memory_map_regions(map, entries * sizeof(*map), sizeof(*map), region, BOOT_MAX_REGIONS,
                              &count);
}

static void assert_region(uint32_t index, uint64_t base, uint64_t size,
                          enum boot_memory_kind kind) {
    assert_true(index < count);
    assert_int_equal(region[index].base, base);
    assert_int_equal(region[index].size, size);
    assert_int_equal(region[index].kind, kind);
    assert_int_equal(region[index].reserved, 0);
}

static void every_type_has_its_kind(void **state) {
    static const enum boot_memory_kind kind[] = {
        [EFI_MEMORY_RESERVED] = BOOT_MEMORY_RESERVED,
        [EFI_MEMORY_LOADER_CODE] = BOOT_MEMORY_LOADER,
        [EFI_MEMORY_LOADER_DATA] = BOOT_MEMORY_LOADER,
        [EFI_MEMORY_BOOT_SERVICES_CODE] = BOOT_MEMORY_USABLE,
        [EFI_MEMORY_BOOT_SERVICES_DATA] = BOOT_MEMORY_USABLE,
        [EFI_MEMORY_RUNTIME_SERVICES_CODE] = BOOT_MEMORY_RUNTIME,
        [EFI_MEMORY_RUNTIME_SERVICES_DATA] = BOOT_MEMORY_RUNTIME,
        [EFI_MEMORY_CONVENTIONAL] = BOOT_MEMORY_USABLE,
        [EFI_MEMORY_UNUSABLE] = BOOT_MEMORY_RESERVED,
        [EFI_MEMORY_ACPI_RECLAIM] = BOOT_MEMORY_ACPI,
        [EFI_MEMORY_ACPI_NVS] = BOOT_MEMORY_ACPI,
        [EFI_MEMORY_MAPPED_IO] = BOOT_MEMORY_MMIO,
        [EFI_MEMORY_MAPPED_IO_PORT_SPACE] = BOOT_MEMORY_MMIO,
        [13] = BOOT_MEMORY_RESERVED, /* PAL code */
        [14] = BOOT_MEMORY_RESERVED, /* persistent memory */
        [15] = BOOT_MEMORY_RESERVED, /* unaccepted memory */
    };

    (void)state;
    for (uint32_t type = 0; type < sizeof(kind) / sizeof(kind[0]); type++) {
        struct efi_memory_descriptor map = range(type, 16 * MIB, 0x3000);

        assert_true(convert(&map, 1));
        assert_int_equal(count, 1);
        assert_region(0, 16 * MIB, 0x3000, kind[type]);
    }
    struct efi_memory_descriptor vendor = range(0x80000000, 16 * MIB, 0x3000);
    assert_true(convert(&vendor, 1));
    assert_region(0, 16 * MIB, 0x3000, BOOT_MEMORY_RESERVED);
}

static void neighbours_of_one_kind_are_merged_in_order(void **state) {
    struct efi_memory_descriptor map[] = {
        range(EFI_MEMORY_CONVENTIONAL, 8 * MIB, 4 * MIB),
        range(EFI_MEMORY_LOADER_DATA, 12 * MIB, MIB),
        range(EFI_MEMORY_BOOT_SERVICES_DATA, 4 * MIB, 4 * MIB),
        range(EFI_MEMORY_CONVENTIONAL, 20 * MIB, MIB),
        range(EFI_MEMORY_BOOT_SERVICES_CODE, 13 * MIB, MIB),
    };

    (void)state;
    assert_true(convert(map, 5));
    assert_int_equal(count, 4);
    assert_region(0, 4 * MIB, 8 * MIB, BOOT_MEMORY_USABLE);
    assert_region(1, 12 * MIB, MIB, BOOT_MEMORY_LOADER);
    assert_region(2, 13 * MIB, MIB, BOOT_MEMORY_USABLE);
    assert_region(3, 20 * MIB, MIB, BOOT_MEMORY_USABLE);
    assert_int_equal(memory_map_usable(region, count), 10 * MIB);
}

static void memory_below_1_mib_is_never_usable(void **state) {
    struct efi_memory_descriptor map[] = {
        range(EFI_MEMORY_CONVENTIONAL, 0, 0x9f000),
        range(EFI_MEMORY_LOADER_DATA, 0x9f000, 0x1000),
        range(EFI_MEMORY_CONVENTIONAL, 0xf0000, 0x110000),
    };

    (void)state;
    assert_true(convert(map, 3));
    assert_int_equal(count, 4);
    assert_region(0, 0, 0x9f000, BOOT_MEMORY_RESERVED);
    assert_region(1, 0x9f000, 0x1000, BOOT_MEMORY_LOADER);
    assert_region(2, 0xf0000, 0x10000, BOOT_MEMORY_RESERVED);
    assert_region(3, MIB, MIB, BOOT_MEMORY_USABLE);
}

static void the_more_restrictive_claim_wins(void **state) {
    struct efi_memory_descriptor map[] = {
        range(EFI_MEMORY_CONVENTIONAL, 2 * MIB, 8 * MIB),
        range(EFI_MEMORY_ACPI_NVS, 4 * MIB, 2 * MIB),
        range(EFI_MEMORY_RESERVED, 5 * MIB, 2 * MIB),
        range(EFI_MEMORY_CONVENTIONAL, 5 * MIB, MIB),
    };

    (void)state;
    assert_true(convert(map, 4));
    assert_int_equal(count, 4);
    assert_region(0, 2 * MIB, 2 * MIB, BOOT_MEMORY_USABLE);
    assert_region(1, 4 * MIB, MIB, BOOT_MEMORY_ACPI);
    assert_region(2, 5 * MIB, 2 * MIB, BOOT_MEMORY_RESERVED);
    assert_region(3, 7 * MIB, 3 * MIB, BOOT_MEMORY_USABLE);
}

static void invalid_descriptors_are_ignored_or_shortened(void **state) {
    struct efi_memory_descriptor map[] = {
        range(EFI_MEMORY_CONVENTIONAL, 2 * MIB, 0),
        range(EFI_MEMORY_CONVENTIONAL, 4 * MIB + 1, MIB),
        range(EFI_MEMORY_CONVENTIONAL, 1ULL << 46, MIB),
        range(EFI_MEMORY_CONVENTIONAL, 0xfffffffffffff000, MIB),
        {.type = EFI_MEMORY_RESERVED,
         .physical_start = (1ULL << 46) - MIB,
         .number_of_pages = UINT64_MAX},
        {.type = EFI_MEMORY_RESERVED, .physical_start = 1ULL << 45, .number_of_pages = 1ULL << 52},
    };

    (void)state;
    assert_true(convert(map, 6));
    assert_int_equal(count, 1);
    assert_region(0, 1ULL << 45, 1ULL << 45, BOOT_MEMORY_RESERVED);
}

static void larger_descriptors_of_newer_firmware_are_read(void **state) {
    uint8_t map[3 * 56 + 1], *bytes = map + 1; /* unaligned as well */

    (void)state;
    memset(map, 0xff, sizeof(map));
    for (unsigned i = 0; i < 3; i++) {
        struct efi_memory_descriptor d = range(EFI_MEMORY_CONVENTIONAL, (i + 1) * 4 * MIB, MIB);
        memcpy(bytes + i * 56, &d, sizeof(d));
    }
    assert_true(memory_map_regions(bytes, 3 * 56, 56, region, BOOT_MAX_REGIONS, &count));
    assert_int_equal(count, 3);
    assert_region(2, 12 * MIB, MIB, BOOT_MEMORY_USABLE);
}

static void malformed_sizes_are_refused(void **state) {
    struct efi_memory_descriptor map[2] = {range(EFI_MEMORY_CONVENTIONAL, 2 * MIB, MIB)};
    static const size_t bad[][2] = {{80, 0}, {80, 39}, {79, 40}, {1, 40}, {80, 48}};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        count = 77;
        assert_false(memory_map_regions(map, bad[i][0], bad[i][1], region, 4, &count));
        assert_int_equal(count, 0);
    }
    assert_true(memory_map_regions(map, 0, 40, region, 4, &count));
    assert_int_equal(count, 0);
}

static void too_many_regions_keep_the_lowest(void **state) {
    struct efi_memory_descriptor map[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        map[i] = range(EFI_MEMORY_CONVENTIONAL, (8 - i) * 2 * MIB, MIB);
    assert_false(memory_map_regions(map, sizeof(map), 40, region, 3, &count));
    assert_int_equal(count, 3);
    assert_region(0, 8 * MIB, MIB, BOOT_MEMORY_USABLE);
    assert_region(2, 12 * MIB, MIB, BOOT_MEMORY_USABLE);
}

/* For random maps the result is sorted, without overlap, empty regions or usable low memory. */
static void any_map_gives_a_valid_list(void **state) {
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 2000; round++) {
        struct efi_memory_descriptor map[20];
        size_t entries = (size_t)rand() % 20;

        for (size_t i = 0; i < entries; i++)
            map[i] = range((uint32_t)rand() % 18, (uint64_t)(rand() % 512) * 4096,
                           (uint64_t)(rand() % 128) * 4096);
        assert_true(convert(map, entries));
        for (uint32_t i = 0; i < count; i++) {
            assert_true(region[i].size > 0 && region[i].size % 4096 == 0);
            assert_true(region[i].kind != BOOT_MEMORY_USABLE || region[i].base >= MIB);
            if (i > 0) {
                uint64_t end = region[i - 1].base + region[i - 1].size;
                assert_true(end <= region[i].base);
                assert_true(end < region[i].base || region[i].kind != region[i - 1].kind);
            }
        }
    }
}

/* UEFI 2.10, "EFI_BOOT_SERVICES.GetMemoryMap()", the attributes. */
static void ram_of_another_kind_is_not_used(void **state) {
    struct efi_memory_descriptor map[] = {
        range(EFI_MEMORY_CONVENTIONAL, 16 * MIB, MIB),
        range(EFI_MEMORY_CONVENTIONAL, 32 * MIB, MIB),
        range(EFI_MEMORY_CONVENTIONAL, 48 * MIB, MIB),
        range(EFI_MEMORY_CONVENTIONAL, 64 * MIB, MIB),
        range(EFI_MEMORY_ACPI_RECLAIM, 80 * MIB, MIB),
    };

    (void)state;
    map[0].attribute = 0xf;        /* any cache type */
    map[1].attribute = 0x4000f;    /* special purpose */
    map[2].attribute = 1;          /* uncacheable only */
    map[3].attribute = 1ULL << 63; /* says nothing about it */
    map[4].attribute = 1;
    assert_true(convert(map, 5));
    assert_region(0, 16 * MIB, MIB, BOOT_MEMORY_USABLE);
    assert_region(1, 32 * MIB, MIB, BOOT_MEMORY_RESERVED);
    assert_region(2, 48 * MIB, MIB, BOOT_MEMORY_RESERVED);
    assert_region(3, 64 * MIB, MIB, BOOT_MEMORY_USABLE);
    assert_region(4, 80 * MIB, MIB, BOOT_MEMORY_ACPI);
}

/* As a server with several sockets describes itself: the firmware's own memory in hundreds of
 * pieces of every kind, in no order, then RAM far above 1 TiB with special-purpose memory behind
 * each socket's. */
#define SOCKETS 8
#define PIECES  640
#define TIB     (1024ULL * 1024 * MIB)

static void a_large_server_fits_the_list(void **state) {
    static const uint32_t merged[] = {EFI_MEMORY_CONVENTIONAL, EFI_MEMORY_BOOT_SERVICES_DATA,
                                      EFI_MEMORY_BOOT_SERVICES_CODE};
    static struct efi_memory_descriptor map[PIECES + 2 * SOCKETS];
    uint64_t at = 16 * MIB, usable = 0;

    (void)state;
    for (unsigned i = 0; i < PIECES; i++) {
        bool kept =
            i % 16 == 15; /* each 16th piece is kept by the firmware, of two kinds in turn */
        uint32_t type = i % 32 == 31 ? EFI_MEMORY_RUNTIME_SERVICES_DATA : EFI_MEMORY_ACPI_NVS;
        map[i] = range(kept ? type : merged[i % 3], at, MIB);
        at += MIB;
        usable += kept ? 0 : MIB;
    }
    for (unsigned i = 0; i < SOCKETS; i++) {
        map[PIECES + 2 * i] = range(EFI_MEMORY_CONVENTIONAL, (i + 1) * TIB, TIB / 2);
        map[PIECES + 2 * i + 1] = range(EFI_MEMORY_CONVENTIONAL, (i + 1) * TIB + TIB / 2, TIB / 4);
        map[PIECES + 2 * i + 1].attribute = 0x4000f; /* special purpose */
        usable += TIB / 2;
    }
    srand(2);
    for (size_t i = sizeof(map) / sizeof(map[0]); i-- > 1;) {
        size_t other = (size_t)rand() % (i + 1);
        struct efi_memory_descriptor last = map[i];
        map[i] = map[other];
        map[other] = last;
    }
    assert_true(convert(map, sizeof(map) / sizeof(map[0])));
    assert_int_equal(count, 2 * PIECES / 16 + 2 * SOCKETS);
    assert_int_equal(memory_map_usable(region, count), usable);
    assert_region(count - 2, SOCKETS * TIB, TIB / 2, BOOT_MEMORY_USABLE);
    assert_region(count - 1, SOCKETS * TIB + TIB / 2, TIB / 4, BOOT_MEMORY_RESERVED);
}

static void ram_is_told_from_devices(void **state) {
    static const struct boot_region list[] = {
        {.base = 0x1000, .size = 0x1000, .kind = BOOT_MEMORY_RUNTIME},
        {.base = 0x2000, .size = 0x1000, .kind = BOOT_MEMORY_MMIO},
        {.base = 0x3000, .size = 0x1000, .kind = BOOT_MEMORY_RESERVED},
        {.base = 0x4000, .size = 0x1000, .kind = BOOT_MEMORY_USABLE},
    };

    (void)state;
    assert_false(memory_map_has_ram(list, 4, 0xfe034000, 32));
    assert_false(memory_map_has_ram(list, 4, 0x2000, 0x2000));
    assert_true(memory_map_has_ram(list, 4, 0x1fff, 32));
    assert_true(memory_map_has_ram(list, 4, 0x3fe1, 32));
    assert_false(memory_map_has_ram(list, 4, 0x3fe0, 32));
    assert_true(memory_map_has_ram(list, 4, 0x4fff, 32));
    assert_false(memory_map_has_ram(list, 4, 0x5000, 32));
    assert_false(memory_map_has_ram(list, 0, 0x1000, 32));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_server_fits_the_list),
        cmocka_unit_test(ram_of_another_kind_is_not_used),
        cmocka_unit_test(every_type_has_its_kind),
        cmocka_unit_test(neighbours_of_one_kind_are_merged_in_order),
        cmocka_unit_test(memory_below_1_mib_is_never_usable),
        cmocka_unit_test(the_more_restrictive_claim_wins),
        cmocka_unit_test(invalid_descriptors_are_ignored_or_shortened),
        cmocka_unit_test(larger_descriptors_of_newer_firmware_are_read),
        cmocka_unit_test(malformed_sizes_are_refused),
        cmocka_unit_test(too_many_regions_keep_the_lowest),
        cmocka_unit_test(any_map_gives_a_valid_list),
        cmocka_unit_test(ram_is_told_from_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
