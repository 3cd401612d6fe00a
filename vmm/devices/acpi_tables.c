/* Writing ACPI tables: see acpi_tables.h. */
#include "vmm/devices/acpi_tables.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/apic_registers.h"
#include "lib/memory.h"
#include "vmm/devices/pc_map.h"
#include "vmm/devices/table_writer.h"

#define PACKED __attribute__((packed))

/* ACPI 6.5, "System Description Table Header". */
struct header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} PACKED;
_Static_assert(sizeof(struct header) == 36, "System Description Table header");

/* ACPI 6.5, "Root System Description Pointer (RSDP) Structure". */
struct rsdp {
    char signature[8];
    uint8_t checksum; /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt_address, length;
    uint64_t xsdt_address;
    uint8_t extended_checksum, reserved[3];
} PACKED;
_Static_assert(sizeof(struct rsdp) == 36 && offsetof(struct rsdp, length) == 20, "RSDP");

struct xsdt {
    struct header header;
    uint64_t fadt, madt;
} PACKED;

struct rsdt {
    struct header header;
    uint32_t fadt, madt;
} PACKED;

/* ACPI 6.5, "Generic Address Structure (GAS)". */
struct generic_address {
    uint8_t space, bit_width, bit_offset, access_size;
    uint64_t address;
} PACKED;
_Static_assert(sizeof(struct generic_address) == 12, "Generic Address Structure");

/* ACPI 6.5, "Fixed ACPI Description Table (FADT)". The members that hardware-reduced ACPI ignores
 * have no names here and are 0, except three: Linux reads `century`, test programs the timer, and
 * kernels that do not know hardware-reduced ACPI switch off with PM1 control. */
struct fadt {
    struct header header;
    uint32_t facs, dsdt;
    uint8_t ignored1[20];
    uint32_t pm1_control;
    uint8_t ignored5[8];
    uint32_t pm_timer;
    uint8_t ignored2[9], pm1_control_length, ignored6, pm_timer_length, ignored3[16], century;
    uint16_t boot_architecture;
    uint8_t reserved;
    uint32_t flags;
    struct generic_address reset_register;
    uint8_t reset_value;
    uint16_t arm_boot_architecture;
    uint8_t minor_version;
    uint64_t x_facs, x_dsdt;
    uint8_t ignored4[96];
    struct generic_address sleep_control, sleep_status;
    char hypervisor_vendor[8];
} PACKED;
_Static_assert(sizeof(struct fadt) == 276, "FADT");
_Static_assert(offsetof(struct fadt, pm1_control) == 64, "FADT");
_Static_assert(offsetof(struct fadt, pm_timer) == 76, "FADT");
_Static_assert(offsetof(struct fadt, pm1_control_length) == 89, "FADT");
_Static_assert(offsetof(struct fadt, pm_timer_length) == 91, "FADT");
_Static_assert(offsetof(struct fadt, boot_architecture) == 109, "FADT");
_Static_assert(offsetof(struct fadt, reset_register) == 116, "FADT");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "FADT");
_Static_assert(offsetof(struct fadt, sleep_control) == 244, "FADT");

/* ACPI 6.5, "IA-PC Boot Architecture Flags": devices on the ISA bus; no 8042 (bit 1 is 0); no VGA;
 * a real-time clock (bit 5 is 0). */
#define BOOT_LEGACY_DEVICES (1u << 0)
#define BOOT_NO_VGA         (1u << 2)

/* ACPI 6.5, "Fixed ACPI Description Table Fixed Feature Flags". There are no fixed events, so
 * PWR_BUTTON and SLP_BUTTON are 1 (no fixed button), and FIX_RTC is 1 (no fixed wake-up alarm). */
#define FLAG_WBINVD          (1u << 0)
#define FLAG_PROC_C1         (1u << 2)
#define FLAG_PWR_BUTTON      (1u << 4)
#define FLAG_SLP_BUTTON      (1u << 5)
#define FLAG_FIX_RTC         (1u << 6)
#define FLAG_RESET_REG_SUP   (1u << 10)
#define FLAG_HW_REDUCED_ACPI (1u << 20)
#define FADT_REVISION        6
#define FADT_MINOR_VERSION   3

/* ACPI 6.5, "Multiple APIC Description Table (MADT)" and the sections after it. */
struct madt {
    struct header header;
    uint32_t lapic_address, flags;
} PACKED;
_Static_assert(sizeof(struct madt) == 44, "MADT");

struct madt_lapic {
    uint8_t type, length, processor, apic_id;
    uint32_t flags;
} PACKED;
_Static_assert(sizeof(struct madt_lapic) == 8, "Processor Local APIC");

struct madt_x2apic {
    uint8_t type, length, reserved[2];
    uint32_t apic_id, flags, processor;
} PACKED;
_Static_assert(sizeof(struct madt_x2apic) == 16, "Processor Local x2APIC");

struct madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, first_gsi;
} PACKED;
_Static_assert(sizeof(struct madt_ioapic) == 12, "I/O APIC");

struct madt_override {
    uint8_t type, length, bus, irq;
    uint32_t gsi;
    uint16_t flags;
} PACKED;
_Static_assert(sizeof(struct madt_override) == 10, "Interrupt Source Override");

struct madt_lapic_nmi {
    uint8_t type, length, processor;
    uint16_t flags;
    uint8_t lint;
} PACKED;
_Static_assert(sizeof(struct madt_lapic_nmi) == 6, "Local APIC NMI");

struct madt_x2apic_nmi {
    uint8_t type, length;
    uint16_t flags;
    uint32_t processor;
    uint8_t lint, reserved[3];
} PACKED;
_Static_assert(sizeof(struct madt_x2apic_nmi) == 12, "Local x2APIC NMI");

enum madt_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_NMI = 4,
    MADT_X2APIC = 9,
    MADT_X2APIC_NMI = 10
};

#define MADT_REVISION     5
#define MADT_PCAT_COMPAT  1u /* the PC also has 8259As */
#define MADT_CPU_ENABLED  1u
#define MADT_ALL_LAPICS   0xff
#define MADT_ALL_X2APICS  0xffffffffu
#define MADT_FIRST_X2APIC 255u /* larger IDs do not fit struct madt_lapic */
#define MADT_CONFORMS     0    /* polarity and trigger mode of the ISA bus */
#define MADT_ACTIVE_HIGH  1u
#define MADT_LEVEL        (3u << 2)
#define PIT_IRQ           0
#define PIT_GSI           2
#define NMI_LINT          1

/* ---- one table after the other ---- */

/* Appends at the next multiple of 16. Returns the offset. */
static uint64_t begin(struct table_writer *w, const void *data, uint64_t size) {
    static const uint8_t zero[16];

    table_append(w, zero, -w->used & 15);
    uint64_t start = w->used;
    table_append(w, data, size);
    return start;
}

/* Fills in the header of the table at offset `start`. Returns its address; 0 if it did not fit. */
static uint64_t finish(struct table_writer *w, uint64_t start, const char *signature,
                       uint8_t revision) {
    struct header header = {
        .length = (uint32_t)(w->used - start),
        .revision = revision,
        .oem_id = "PINWHL",
        .oem_table_id = "PINWHEEL",
        .oem_revision = 1,
        .creator_id = "PINW",
        .creator_revision = 1,
    };

    if (w->full)
        return 0;
    memcpy(header.signature, signature, sizeof(header.signature));
    memcpy(w->at + start, &header, sizeof(header));
    w->at[start + offsetof(struct header, checksum)] = table_checksum(w->at + start, header.length);
    return w->physical + start;
}

/* ---- the tables ---- */

static struct generic_address byte_port(uint16_t port) {
    return (struct generic_address){
        .space = 1 /* system I/O */, .bit_width = 8, .access_size = 1, .address = port};
}

static uint64_t write_fadt(struct table_writer *w, uint64_t dsdt) {
    struct fadt fadt = {
        .dsdt = (uint32_t)dsdt,
        .pm1_control = PC_PM1_CONTROL,
        .pm1_control_length = 2,
        .pm_timer = PC_PM_TIMER,
        .pm_timer_length = 4,
        .century = PC_RTC_CENTURY,
        .boot_architecture = BOOT_LEGACY_DEVICES | BOOT_NO_VGA,
        .flags = FLAG_WBINVD | FLAG_PROC_C1 | FLAG_PWR_BUTTON | FLAG_SLP_BUTTON | FLAG_FIX_RTC |
                 FLAG_RESET_REG_SUP | FLAG_HW_REDUCED_ACPI,
        .reset_register = byte_port(PC_RESET_PORT),
        .reset_value = PC_RESET_VALUE,
        .minor_version = FADT_MINOR_VERSION,
        .x_dsdt = dsdt,
        .sleep_control = byte_port(PC_SLEEP_CONTROL),
        .sleep_status = byte_port(PC_SLEEP_STATUS),
        .hypervisor_vendor = "Pinwheel",
    };

    return finish(w, begin(w, &fadt, sizeof(fadt)), "FACP", FADT_REVISION);
}

static void append_cpu(struct table_writer *w, uint32_t id) {
    if (id < MADT_FIRST_X2APIC) {
        struct madt_lapic lapic = {MADT_LAPIC, sizeof(lapic), (uint8_t)id, (uint8_t)id,
                                   MADT_CPU_ENABLED};
        table_append(w, &lapic, sizeof(lapic));
    } else {
        struct madt_x2apic x2apic = {MADT_X2APIC, sizeof(x2apic),   {0},
                                     id,          MADT_CPU_ENABLED, .processor = id};
        table_append(w, &x2apic, sizeof(x2apic));
    }
}

static uint64_t write_madt(struct table_writer *w, uint32_t vcpus) {
    struct madt madt = {.lapic_address = APIC_DEFAULT_BASE, .flags = MADT_PCAT_COMPAT};
    struct madt_ioapic ioapic = {MADT_IOAPIC, sizeof(ioapic), .address = IOAPIC_DEFAULT_BASE};
    struct madt_override override[] = {
        {MADT_OVERRIDE, sizeof(*override), 0, PIT_IRQ, PIT_GSI, MADT_CONFORMS},
        {MADT_OVERRIDE, sizeof(*override), 0, PC_UART_IRQ, PC_UART_IRQ,
         MADT_ACTIVE_HIGH | MADT_LEVEL},
    };
    struct madt_lapic_nmi nmi = {MADT_LAPIC_NMI, sizeof(nmi), MADT_ALL_LAPICS, MADT_CONFORMS,
                                 NMI_LINT};
    struct madt_x2apic_nmi nmi_x2apic = {MADT_X2APIC_NMI,  sizeof(nmi_x2apic), MADT_CONFORMS,
                                         MADT_ALL_X2APICS, NMI_LINT,           {0}};
    uint64_t start = begin(w, &madt, sizeof(madt));

    for (uint32_t id = 0; id < vcpus && !w->full; id++)
        append_cpu(w, id);
    table_append(w, &ioapic, sizeof(ioapic));
    table_append(w, override, sizeof(override));
    table_append(w, &nmi, sizeof(nmi));
    if (vcpus > MADT_FIRST_X2APIC)
        table_append(w, &nmi_x2apic, sizeof(nmi_x2apic));
    return finish(w, start, "APIC", MADT_REVISION);
}

static void write_rsdp(const struct table_writer *w, uint64_t xsdt, uint64_t rsdt) {
    struct rsdp rsdp = {
        .signature = "RSD PTR ",
        .oem_id = "PINWHL",
        .revision = 2,
        .rsdt_address = (uint32_t)rsdt,
        .length = sizeof(rsdp),
        .xsdt_address = xsdt,
    };

    rsdp.checksum = table_checksum((const uint8_t *)&rsdp, offsetof(struct rsdp, length));
    rsdp.extended_checksum = table_checksum((const uint8_t *)&rsdp, sizeof(rsdp));
    memcpy(w->at, &rsdp, sizeof(rsdp));
}

const char *acpi_tables_build(const struct acpi_tables_request *request) {
    static const struct rsdp none; /* reserves its place; it is written last */
    struct table_writer w = {
        .at = request->at, .physical = request->physical, .size = request->size};

    table_append(&w, &none, sizeof(none));
    uint64_t dsdt = w.physical + begin(&w, request->dsdt, request->dsdt_size);
    struct xsdt xsdt = {.fadt = write_fadt(&w, dsdt), .madt = write_madt(&w, request->vcpus)};
    struct rsdt rsdt = {.fadt = (uint32_t)xsdt.fadt, .madt = (uint32_t)xsdt.madt};
    uint64_t xsdt_address = finish(&w, begin(&w, &xsdt, sizeof(xsdt)), "XSDT", 1);
    uint64_t rsdt_address = finish(&w, begin(&w, &rsdt, sizeof(rsdt)), "RSDT", 1);
    if (w.full)
        return "the ACPI tables do not fit into their memory";
    write_rsdp(&w, xsdt_address, rsdt_address);
    return NULL;
}
