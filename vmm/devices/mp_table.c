/* Writing the MP table: see mp_table.h. */
#include "vmm/devices/mp_table.h"

#include <stddef.h>

#include "arch/apic_registers.h"
#include "lib/memory.h"
#include "vmm/devices/pc_map.h"
#include "vmm/devices/table_writer.h"

#define PACKED __attribute__((packed))

/* "MP Floating Pointer Structure". Feature byte 1: 0, there is a configuration table; byte 2, bit
 * 7: 0, no IMCR, so the PC starts in virtual wire mode. */
struct floating_pointer {
    char signature[4];
    uint32_t table;
    uint8_t paragraphs, revision, checksum, feature[5];
} PACKED;
_Static_assert(sizeof(struct floating_pointer) == 16, "MP Floating Pointer Structure");

/* "MP Configuration Table Header". */
struct table_header {
    char signature[4];
    uint16_t length;
    uint8_t revision, checksum;
    char oem_id[8], product_id[12];
    uint32_t oem_table;
    uint16_t oem_table_size, entries;
    uint32_t lapic_address;
    uint16_t extended_length;
    uint8_t extended_checksum, reserved;
} PACKED;
_Static_assert(sizeof(struct table_header) == 44, "MP Configuration Table Header");

/* "Base MP Configuration Table Entries". */
struct processor {
    uint8_t type, apic_id, apic_version, flags;
    uint32_t signature, features, reserved[2];
} PACKED;
_Static_assert(sizeof(struct processor) == 20, "Processor Entry");

struct bus {
    uint8_t type, id;
    char name[6];
} PACKED;
_Static_assert(sizeof(struct bus) == 8, "Bus Entry");

struct ioapic {
    uint8_t type, id, version, flags;
    uint32_t address;
} PACKED;
_Static_assert(sizeof(struct ioapic) == 8, "I/O APIC Entry");

/* Both kinds: of an I/O APIC's pin, and of a local APIC's. */
struct interrupt {
    uint8_t type, kind;
    uint16_t flags;
    uint8_t bus, irq, apic_id, pin;
} PACKED;
_Static_assert(sizeof(struct interrupt) == 8, "Interrupt Assignment Entry");

enum entry_type {
    ENTRY_PROCESSOR = 0,
    ENTRY_BUS = 1,
    ENTRY_IOAPIC = 2,
    ENTRY_INTERRUPT = 3,
    ENTRY_LOCAL_INTERRUPT = 4
};
enum interrupt_kind { INTERRUPT_INT = 0, INTERRUPT_NMI = 1, INTERRUPT_EXTINT = 3 };

#define REVISION_1_4     4
#define PROCESSOR_USABLE 1
#define PROCESSOR_BOOT   2
/* The least that the specification allows, as for a P6: a kernel that wants more executes CPUID. */
#define PROCESSOR_P6       0x600
#define PROCESSOR_FEATURES 0x201 /* on-chip FPU, on-chip APIC */
#define IOAPIC_USABLE      1
#define LAPIC_INTEGRATED   0x14 /* the version that vlapic.c reports */
#define CONFORMS           0    /* polarity and trigger mode of the bus */
#define ACTIVE_HIGH        1
#define LEVEL              (3 << 2)
#define ALL_LAPICS         0xff
#define ISA_IRQS           16
#define CASCADE_IRQ        2
#define PIT_PIN            2
#define EXTINT_PIN         0
#define LINT_EXTINT        0
#define LINT_NMI           1

struct writer {
    struct table_writer table;
    uint16_t entries;
};

static void append_entry(struct writer *w, const void *entry, uint32_t size) {
    table_append(&w->table, entry, size);
    w->entries++;
}

static void append_processors(struct writer *w, uint32_t vcpus) {
    for (uint32_t id = 0; id < vcpus; id++) {
        struct processor processor = {
            .type = ENTRY_PROCESSOR,
            .apic_id = (uint8_t)id,
            .apic_version = LAPIC_INTEGRATED,
            .flags = PROCESSOR_USABLE | (id == 0 ? PROCESSOR_BOOT : 0),
            .signature = PROCESSOR_P6,
            .features = PROCESSOR_FEATURES,
        };
        append_entry(w, &processor, sizeof(processor));
    }
}

static void append_interrupt(struct writer *w, enum entry_type type, enum interrupt_kind kind,
                             uint16_t flags, uint8_t irq, uint8_t apic_id, uint8_t pin) {
    struct interrupt interrupt = {
        .type = type, .kind = kind, .flags = flags, .irq = irq, .apic_id = apic_id, .pin = pin};

    append_entry(w, &interrupt, sizeof(interrupt));
}

/* The 8259s' output is wired to pin 0 and to LINT0. IRQ 2 does not exist: the second 8259 has it.
 */
static void append_interrupts(struct writer *w) {
    append_interrupt(w, ENTRY_INTERRUPT, INTERRUPT_EXTINT, CONFORMS, 0, 0, EXTINT_PIN);
    for (uint8_t irq = 0; irq < ISA_IRQS; irq++) {
        if (irq != CASCADE_IRQ)
            append_interrupt(w, ENTRY_INTERRUPT, INTERRUPT_INT,
                             irq == PC_UART_IRQ ? ACTIVE_HIGH | LEVEL : CONFORMS, irq, 0,
                             irq == 0 ? PIT_PIN : irq);
    }
    append_interrupt(w, ENTRY_LOCAL_INTERRUPT, INTERRUPT_EXTINT, CONFORMS, 0, ALL_LAPICS,
                     LINT_EXTINT);
    append_interrupt(w, ENTRY_LOCAL_INTERRUPT, INTERRUPT_NMI, CONFORMS, 0, ALL_LAPICS, LINT_NMI);
}

const char *mp_table_build(const struct mp_table_request *request) {
    struct floating_pointer pointer = {
        .signature = "_MP_",
        .table = request->physical + (uint32_t)sizeof(pointer),
        .paragraphs = sizeof(pointer) / 16,
        .revision = REVISION_1_4,
    };
    struct table_header header = {
        .signature = "PCMP",
        .revision = REVISION_1_4,
        .oem_id = "PINWHEEL",
        .product_id = "PC          ",
        .lapic_address = APIC_DEFAULT_BASE,
    };
    const struct bus isa = {ENTRY_BUS, 0, "ISA   "};
    const struct ioapic ioapic = {ENTRY_IOAPIC, 0, request->ioapic_version, IOAPIC_USABLE,
                                  IOAPIC_DEFAULT_BASE};
    struct writer w = {.table = {.at = request->at, .size = request->size}};

    pointer.checksum = table_checksum((const uint8_t *)&pointer, sizeof(pointer));
    table_append(&w.table, &pointer, sizeof(pointer));
    table_append(&w.table, &header, sizeof(header));
    if (request->vcpus > MP_VCPUS_MAX)
        w.table.full = true;
    else
        append_processors(&w, request->vcpus);
    append_entry(&w, &isa, sizeof(isa));
    append_entry(&w, &ioapic, sizeof(ioapic));
    append_interrupts(&w);
    if (w.table.full)
        return "the MP table does not fit into its memory";
    header.length = (uint16_t)(w.table.used - sizeof(pointer));
    header.entries = w.entries;
    memcpy(request->at + sizeof(pointer), &header, sizeof(header));
    request->at[sizeof(pointer) + offsetof(struct table_header, checksum)] =
        table_checksum(request->at + sizeof(pointer), header.length);
    return NULL;
}
