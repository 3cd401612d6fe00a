/* Fuzzes the virtio devices: any access to any register, any bytes in the guest's memory, some of
 * which change while a device works. What must hold: no access outside the memory, the disk and the
 * texts (the sanitizers detect them); the line agrees with InterruptStatus; the work of one
 * notification is bounded; a device that needs a reset does nothing. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/devices/virtio_block.h"
#include "vmm/devices/virtio_console.h"
#include "vmm/devices/virtio_rng.h"

#define RAM_SIZE    0x4000u
#define DISK_BYTES  (7 * 512 + 1)
#define QUEUE_SIZE  8
#define DESCRIPTORS 0 /* of queue 0, as begin() places it; queue 1 is STRIDE behind it */
#define AVAILABLE   0x400
#define USED        0x500
#define STRIDE      0x800

/* One action of the guest. */
struct action {
    uint8_t what, a;
    uint16_t b;
    uint32_t c;
};
_Static_assert(sizeof(struct action) == 8, "as in the corpus");

struct machine {
    struct virtio_mmio mmio;
    struct virtio_block block;
    struct virtio_console console;
    const uint8_t *data;
    size_t left;
    bool line;
    unsigned effects; /* during the current action */
};

static bool next_action(struct machine *m, struct action *action) {
    if (m->left < sizeof(*action))
        return false;
    memcpy(action, m->data, sizeof(*action));
    m->data += sizeof(*action);
    m->left -= sizeof(*action);
    return true;
}

/* ---- effects ---- */

static void write_ram(struct machine *m, const struct action *action) {
    size_t size = action->what & 8 ? 4 : 2;

    memcpy(m->mmio.ram.bytes + action->b % (RAM_SIZE - 3), &action->c, size);
}

static void meanwhile(struct machine *m) {
    struct action action;

    if (m->effects++ % 2 == 0 && next_action(m, &action))
        write_ram(m, &action);
}

static void set_line(void *context, bool level) {
    struct machine *m = context;

    if (m->line == level)
        abort();
    m->line = level;
}

static void random_bytes(void *context, uint8_t *to, uint32_t size) {
    memset(to, 0x5a, size);
    meanwhile(context);
}

static uint32_t transmit(void *context, const uint8_t *from, uint32_t size) {
    unsigned sum = 0;

    if (size > VIRTIO_CONSOLE_PIECE)
        abort();
    for (uint32_t i = 0; i < size; i++)
        sum += from[i];
    if (sum > size * 255)
        abort();
    meanwhile(context);
    return size && sum % 5 == 0 ? size / 2 : size;
}

static const struct virtio_effects effects = {set_line, random_bytes, transmit};

/* ---- actions ---- */

static void reg(struct machine *m, uint32_t offset, uint32_t value) {
    virtio_mmio_write(&m->mmio, offset, 4, value);
}

/* A correct driver's start, so that the following actions reach the queues. */
static void begin(struct machine *m) {
    reg(m, VIRTIO_MMIO_STATUS, 0);
    reg(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    reg(m, VIRTIO_MMIO_DRIVER_FEATURES, 1);
    reg(m, VIRTIO_MMIO_STATUS, 11);
    for (uint32_t queue = 0; queue < 2; queue++) {
        reg(m, VIRTIO_MMIO_QUEUE_SEL, queue);
        reg(m, VIRTIO_MMIO_QUEUE_NUM, QUEUE_SIZE);
        reg(m, VIRTIO_MMIO_QUEUE_DESC_LOW, DESCRIPTORS + queue * STRIDE);
        reg(m, VIRTIO_MMIO_QUEUE_DRIVER_LOW, AVAILABLE + queue * STRIDE);
        reg(m, VIRTIO_MMIO_QUEUE_DEVICE_LOW, USED + queue * STRIDE);
        reg(m, VIRTIO_MMIO_QUEUE_READY, 1);
        memset(m->mmio.ram.bytes + AVAILABLE + queue * STRIDE, 0, 4);
    }
    reg(m, VIRTIO_MMIO_STATUS, 15);
}

/* Writes a descriptor that is likely to be valid, and may make a chain that begins with it
 * available. */
static void describe(struct machine *m, const struct action *action) {
    uint8_t *queue = m->mmio.ram.bytes + (action->what & 8 ? STRIDE : 0);
    uint64_t address = action->b % RAM_SIZE;
    uint64_t rest = (action->c & 0xfff) | (action->c & 0x70000ULL) << 16 |
                    (uint64_t)(action->c >> 20 & 15) << 48;
    uint16_t head = action->a % 8, index;

    memcpy(queue + DESCRIPTORS + 16 * head, &address, 8);
    memcpy(queue + DESCRIPTORS + 16 * head + 8, &rest, 8);
    if (!(action->c >> 31))
        return;
    memcpy(&index, queue + AVAILABLE + 2, 2);
    memcpy(queue + AVAILABLE + 4 + 2 * (index % QUEUE_SIZE), &head, 2);
    index++;
    memcpy(queue + AVAILABLE + 2, &index, 2);
}

static void put_block_header(struct machine *m, const struct action *action) {
    struct virtio_block_header header = {.type = action->a % 10, .sector = action->c % 9};

    memcpy(m->mmio.ram.bytes + action->b % (RAM_SIZE - sizeof(header)), &header, sizeof(header));
}

static void receive(struct machine *m, const struct action *action) {
    uint8_t text[64];
    uint32_t size = action->a % sizeof(text);

    memset(text, 'x', sizeof(text));
    if (m->mmio.device == &m->console && virtio_console_receive(&m->mmio, text, size) > size)
        abort();
}

static void act(struct machine *m, const struct action *action) {
    static const uint8_t sizes[] = {1, 2, 4, 8};
    uint32_t offset = action->b & 0x3ff;

    switch (action->what & 7) {
    case 0:
        virtio_mmio_write(&m->mmio, offset, sizes[action->a & 3], action->c);
        break;
    case 1:
        virtio_mmio_read(&m->mmio, offset, sizes[action->a & 3]);
        break;
    case 2:
        write_ram(m, action);
        break;
    case 3:
        describe(m, action);
        break;
    case 4:
        put_block_header(m, action);
        break;
    case 5:
        receive(m, action);
        break;
    case 6:
        begin(m);
        break;
    default:
        reg(m, VIRTIO_MMIO_QUEUE_NOTIFY, action->a & 1);
        break;
    }
}

/* Performs the action and checks what must hold. */
static void act_and_check(struct machine *m, const struct action *action) {
    struct virtio_registers before = m->mmio.reg;
    const struct virtio_registers *after = &m->mmio.reg;
    bool broken = before.status & VIRTIO_STATUS_NEEDS_RESET;

    m->effects = 0;
    act(m, action);
    if (m->line != (after->interrupt_status != 0))
        abort();
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        uint16_t served = (uint16_t)(after->queue[i].next - before.queue[i].next);
        bool again = !before.queue[i].entries || (action->what & 7) == 6;
        if (after->queue[i].entries && !again && served > 32 && after->status)
            abort();
    }
    if (m->effects > 32 || (broken && m->effects))
        abort();
    if (broken && after->status && !(after->status & VIRTIO_STATUS_NEEDS_RESET) &&
        (action->what & 7) != 6)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct machine m = {.data = data, .left = size};
    struct action action;
    uint8_t *disk = malloc(DISK_BYTES);

    if (!next_action(&m, &action)) {
        free(disk);
        return 0;
    }
    m.mmio.effects = &effects;
    m.mmio.context = &m;
    m.mmio.ram = (struct virtq_ram){aligned_alloc(4096, RAM_SIZE), RAM_SIZE};
    memset(m.mmio.ram.bytes, action.b, RAM_SIZE);
    memset(disk, 0xdd, DISK_BYTES);
    if (action.what % 4 == 0)
        virtio_block_init(&m.mmio, &m.block, disk, DISK_BYTES, action.a & 1);
    else if (action.what % 4 == 1)
        virtio_rng_init(&m.mmio);
    else if (action.what % 4 == 2)
        virtio_console_init(&m.mmio, &m.console);
    while (next_action(&m, &action))
        act_and_check(&m, &action);
    free(m.mmio.ram.bytes);
    free(disk);
    return 0;
}
