/* A small driver for the PC's virtio devices: a disk, an entropy device and a console, each with
 * its own level-triggered pin. Then invalid queues, which must break only their own device.
 *
 * Command line: sectors=N, the size of the disk (default 0: there is no disk). Byte i of sector s
 * is 7 s + i; a sector that a guest writes changes for this guest only. Look at the COUNTERS: each
 * interrupt is one live EOI exit. VIRTIO 1.2, "Virtio Over MMIO", "Split Virtqueues". */
#include "guest/lib/apic.h"
#include "guest/lib/command_line.h"
#include "guest/lib/cpus.h"
#include "guest/lib/instructions.h"
#include "guest/lib/interrupts.h"
#include "guest/lib/ioapic.h"
#include "guest/lib/report.h"
#include "guest/lib/start.h"
#include "lib/memory.h"

#define BASE             0xfeb00000
#define STRIDE           0x1000
#define IRQ              16
#define VECTOR           0x71 /* of slot 0; the next two are those of slots 1 and 2 */

#define MAGIC_VALUE      0x000
#define VERSION          0x004
#define DEVICE_ID        0x008
#define DRIVER_FEATURES  0x020
#define DRIVER_SEL       0x024
#define QUEUE_SEL        0x030
#define QUEUE_NUM_MAX    0x034
#define QUEUE_NUM        0x038
#define QUEUE_READY      0x044
#define QUEUE_NOTIFY     0x050
#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK    0x064
#define STATUS           0x070
#define QUEUE_DESC       0x080
#define QUEUE_DRIVER     0x090
#define QUEUE_DEVICE     0x0a0
#define CONFIG           0x100

#define DRIVER_OK        15 /* with ACKNOWLEDGE, DRIVER and FEATURES_OK */
#define NEEDS_RESET      64
#define INTERRUPT_USED   1
#define INTERRUPT_CONFIG 2

#define NEXT             1
#define WRITE            2
#define QUEUE_SIZE       4
#define SECTOR           512
#define TYPE_IN          0
#define TYPE_OUT         1
#define STATUS_OK        0
#define STATUS_IOERR     1
#define TEXT_SIZE        600 /* more than the console sends in one transfer */
#define SPIN             2000
#define REPEATS          4

enum slot { BLOCK, RNG, CONSOLE, SLOTS };
static const uint32_t device_id[SLOTS] = {2, 4, 3};

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

struct queue {
    struct descriptor descriptor[QUEUE_SIZE];
    struct {
        uint16_t flags, index, ring[QUEUE_SIZE];
    } available;
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, size;
        } ring[QUEUE_SIZE];
    } used;
} __attribute__((aligned(16)));

static volatile struct queue queues[SLOTS][2];
static volatile uint32_t count[SLOTS];     /* interrupts */
static volatile uint32_t status_of[SLOTS]; /* InterruptStatus at the last interrupt */
static volatile uint32_t ignore;           /* how many interrupts are not acknowledged */

static volatile uint32_t *reg(enum slot slot, uint32_t offset) {
    return (volatile uint32_t *)(uint64_t)(BASE + slot * STRIDE + offset);
}

static void on_interrupt(uint8_t vector) {
    enum slot slot = vector - VECTOR;
    uint32_t status = *reg(slot, INTERRUPT_STATUS);

    count[slot]++;
    status_of[slot] = status;
    if (ignore)
        ignore--;
    else
        *reg(slot, INTERRUPT_ACK) = status;
    apic_eoi();
}

/* ---- the driver ---- */

static void set_address(enum slot slot, uint32_t offset, uint64_t address) {
    *reg(slot, offset) = (uint32_t)address;
    *reg(slot, offset + 4) = (uint32_t)(address >> 32);
}

static void place_queue(enum slot slot, uint32_t index, uint64_t descriptors) {
    volatile struct queue *queue = &queues[slot][index];

    queue->available.index = 0;
    queue->used.index = 0;
    *reg(slot, QUEUE_SEL) = index;
    *reg(slot, QUEUE_NUM) = QUEUE_SIZE;
    set_address(slot, QUEUE_DESC, descriptors);
    set_address(slot, QUEUE_DRIVER, (uint64_t)&queue->available);
    set_address(slot, QUEUE_DEVICE, (uint64_t)&queue->used);
    *reg(slot, QUEUE_READY) = 1;
}

/* VIRTIO 1.2, "Device Initialization"; VERSION_1 is the only feature. */
static bool start(enum slot slot) {
    *reg(slot, STATUS) = 0;
    *reg(slot, STATUS) = 1;
    *reg(slot, STATUS) = 3;
    *reg(slot, DRIVER_SEL) = 1;
    *reg(slot, DRIVER_FEATURES) = 1;
    *reg(slot, STATUS) = 11;
    for (uint32_t i = 0; i < (slot == CONSOLE ? 2u : 1u); i++)
        place_queue(slot, i, (uint64_t)queues[slot][i].descriptor);
    *reg(slot, STATUS) = DRIVER_OK;
    return *reg(slot, STATUS) == DRIVER_OK;
}

static void describe(enum slot slot, uint32_t index, uint32_t number, const volatile void *at,
                     uint32_t size, uint16_t flags) {
    queues[slot][index].descriptor[number] =
        (struct descriptor){(uint64_t)at, size, flags, (uint16_t)(number + 1)};
}

/* Makes the chain from descriptor 0 available, notifies the device, and waits for its interrupt.
 * Returns how many bytes were written, or UINT32_MAX if the device did not use the chain. */
static uint32_t submit(enum slot slot, uint32_t index) {
    volatile struct queue *queue = &queues[slot][index];
    uint16_t done = queue->used.index;

    queue->available.ring[queue->available.index % QUEUE_SIZE] = 0;
    __asm__ volatile("" : : : "memory");
    queue->available.index++;
    __asm__ volatile("" : : : "memory");
    *reg(slot, QUEUE_NOTIFY) = index;
    interrupts_on();
    spin(SPIN);
    interrupts_off();
    if (queue->used.index == done)
        return UINT32_MAX;
    return queue->used.ring[done % QUEUE_SIZE].size;
}

/* ---- the disk ---- */

static struct {
    uint32_t type, reserved;
    uint64_t sector;
} header;
static volatile uint8_t block_status;
static uint8_t data[SECTOR];

static uint32_t request(uint32_t type, uint64_t sector) {
    header.type = type;
    header.sector = sector;
    block_status = 0xee;
    describe(BLOCK, 0, 0, &header, sizeof(header), NEXT);
    describe(BLOCK, 0, 1, data, SECTOR, (uint16_t)(NEXT | (type == TYPE_IN ? WRITE : 0)));
    describe(BLOCK, 0, 2, &block_status, 1, WRITE);
    return submit(BLOCK, 0);
}

static bool is_pattern(uint32_t first) {
    for (uint32_t i = 0; i < SECTOR; i++) {
        if (data[i] != (uint8_t)(first + i))
            return false;
    }
    return true;
}

static void test_block(uint32_t sectors) {
    report(start(BLOCK), "the block device accepts its driver");
    report(*reg(BLOCK, CONFIG) == sectors && *reg(BLOCK, CONFIG + 4) == 0,
           "the disk has %u sectors", sectors);
    memset(data, 0, SECTOR);
    report(request(TYPE_IN, 1) == SECTOR + 1 && block_status == STATUS_OK && is_pattern(7),
           "a sector is read");
    report(count[BLOCK] == 1 && status_of[BLOCK] == INTERRUPT_USED,
           "the disk interrupts once per request");
    request(TYPE_IN, sectors - 1);
    report(block_status == STATUS_OK && is_pattern(7 * (sectors - 1)), "the last sector is read");
    request(TYPE_IN, sectors);
    report(block_status == STATUS_IOERR, "reading after the last sector is an error");
    for (uint32_t i = 0; i < SECTOR; i++)
        data[i] = (uint8_t)(i + 100);
    report(request(TYPE_OUT, 1) == 1 && block_status == STATUS_OK, "a sector is written");
    memset(data, 0, SECTOR);
    request(TYPE_IN, 2);
    report(is_pattern(14), "the next sector is unchanged");
    request(TYPE_IN, 1);
    report(is_pattern(100), "the written sector reads back");
}

/* The line stays active until the driver acknowledges the interrupt: it is delivered again after
 * each EOI. */
static void test_level(void) {
    uint32_t before = count[BLOCK];

    ignore = REPEATS - 1;
    request(TYPE_IN, 0);
    report(count[BLOCK] == before + REPEATS,
           "an interrupt is delivered again until it is acknowledged");
    report(*reg(BLOCK, INTERRUPT_STATUS) == 0, "InterruptStatus is 0 after the acknowledgement");
}

/* ---- the entropy device and the console ---- */

static bool get_random(uint8_t *bytes, uint32_t size) {
    describe(RNG, 0, 0, bytes, size, WRITE);
    return submit(RNG, 0) == size;
}

static void test_rng(void) {
    static uint8_t first[32], second[32];

    report(start(RNG), "the entropy device accepts its driver");
    report(get_random(first, sizeof(first)) && get_random(second, sizeof(second)),
           "the entropy device fills two buffers");
    report(memcmp(first, second, sizeof(first)) != 0, "the two buffers differ");
    report(count[RNG] == 2, "the entropy device interrupts once per buffer");
}

static void test_console(void) {
    static const char text[] = "This line was sent by the virtio console.\n";
    static char long_text[TEXT_SIZE];

    report(start(CONSOLE), "the console accepts its driver");
    describe(CONSOLE, 1, 0, text, sizeof(text) - 1, 0);
    report(submit(CONSOLE, 1) == 0, "the console sends a line");
    memset(long_text, '=', TEXT_SIZE);
    long_text[TEXT_SIZE - 1] = '\n';
    describe(CONSOLE, 1, 0, long_text, TEXT_SIZE, 0);
    report(submit(CONSOLE, 1) == 0, "the console sends a line of several transfers");
    report(count[CONSOLE] == 2, "the console interrupts once per line");
}

/* ---- invalid queues ---- */

static bool is_broken(enum slot slot) {
    return *reg(slot, STATUS) == (DRIVER_OK | NEEDS_RESET) && status_of[slot] & INTERRUPT_CONFIG;
}

static bool rng_works(void) {
    static uint8_t bytes[8];

    return get_random(bytes, sizeof(bytes));
}

static void test_hostile(enum slot slot, uint32_t index) {
    start(slot);
    describe(slot, index, 0, data, 0, NEXT);
    queues[slot][index].descriptor[0].next = 0;
    report(submit(slot, index) == UINT32_MAX && is_broken(slot),
           "slot %u: a loop of descriptors breaks it", slot);
    start(slot);
    describe(slot, index, 0, (void *)BASE, 1, 0);
    report(submit(slot, index) == UINT32_MAX && is_broken(slot),
           "slot %u: a buffer outside RAM breaks it", slot);
    start(slot);
    describe(slot, index, 0, data, UINT32_MAX, 0);
    report(submit(slot, index) == UINT32_MAX && is_broken(slot),
           "slot %u: a buffer of 4 GiB breaks it", slot);
    start(slot);
    queues[slot][index].available.index += QUEUE_SIZE;
    report(submit(slot, index) == UINT32_MAX && is_broken(slot),
           "slot %u: more chains than descriptors break it", slot);
    *reg(slot, STATUS) = 0;
    place_queue(slot, index, 0ULL - 64);
    report(*reg(slot, STATUS) == NEEDS_RESET && *reg(slot, QUEUE_READY) == 0,
           "slot %u: a ring outside RAM breaks it", slot);
}

void guest_main(void) {
    uint32_t sectors = command_line_number("sectors", 0);

    apic_init(false);
    for (uint8_t slot = 0; slot != SLOTS; slot++) {
        bool exists = slot != BLOCK || sectors;
        report(*reg(slot, MAGIC_VALUE) == 0x74726976 && *reg(slot, VERSION) == 2 &&
                   *reg(slot, DEVICE_ID) == (exists ? device_id[slot] : 0),
               "slot %u has the right device ID", slot);
        interrupt_handle(VECTOR + slot, on_interrupt);
        ioapic_write_entry(IRQ + slot, rte_level(VECTOR + slot, 0));
    }
    if (sectors) {
        test_block(sectors);
        test_level();
    }
    test_rng();
    test_console();
    if (sectors)
        test_hostile(BLOCK, 0);
    test_hostile(CONSOLE, 1);
    report(rng_works(), "the entropy device still works");
    start(CONSOLE);
    describe(CONSOLE, 1, 0, "The virtio console works again.\n", 32, 0);
    report(submit(CONSOLE, 1) == 0, "the console works after a reset");
    memset(data, 0, SECTOR);
    if (sectors)
        report(start(BLOCK) && request(TYPE_IN, 1) == SECTOR + 1 && is_pattern(100),
               "the disk works after a reset");
    report_done();
}
