/* A guest's virtio devices: see virtio.h. */
#include "vmm/pc/virtio.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "lib/index_clamp.h"
#include "lib/memory.h"
#include "vmm/devices/virtio_rng.h"
#include "vmm/pc/pc.h"

#define RDRAND_TRIES 10 /* SDM Vol. 1, "Random Number Generator Instructions" */

/* ---- what the devices call, their locks held ---- */

static void virtio_set_line(void *context, bool level) {
    const struct virtio_slot *slot = context;
    unsigned irq = PC_VIRTIO_IRQ + (unsigned)(slot - slot->pc->virtio.slot);

    irq_lines_set(slot->pc, IRQ_SOURCE_VIRTIO, irq, level);
}

/* Where RDRAND is missing or fails, the bytes are the times of requests, mixed. Unlike RDRAND's
 * they can be guessed; a guest that cares sees in CPUID that there is no RDRAND. */
static uint64_t mix_time(uint64_t before) {
    uint64_t x = before ^ rdtsc();

    x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL; /* MurmurHash3's finalizer, public domain */
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

static bool try_rdrand(uint64_t *value) {
    for (unsigned i = 0; i < RDRAND_TRIES; i++) {
        if (rdrand(value))
            return true;
    }
    return false;
}

static void virtio_random_bytes(void *context, uint8_t *to, uint32_t size) {
    bool has_rdrand = cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_RDRAND;
    uint64_t value = 0, next; /* not the same: an RDRAND that fails clears its operand */

    (void)context;
    for (uint32_t done = 0; done < size; done += sizeof(value)) {
        uint32_t left = size - done;
        value = has_rdrand && try_rdrand(&next) ? next : mix_time(value);
        memcpy(to + done, &value, left < sizeof(value) ? left : sizeof(value));
    }
}

static uint32_t virtio_transmit(void *context, const uint8_t *from, uint32_t size) {
    struct pc *pc = ((struct virtio_slot *)context)->pc;
    const struct pc_effects *outside = pc->config.effects;
    uint32_t taken = 0;

    atomic_store(&pc->virtio.receives_input, true);
    for (; taken < size && outside->console_has_room(pc->config.context, PC_CONSOLE_VIRTIO);
         taken++)
        outside->console_put(pc->config.context, PC_CONSOLE_VIRTIO, (char)from[taken]);
    atomic_store(&pc->virtio.output_waits, taken < size);
    return taken;
}

static const struct virtio_effects effects = {virtio_set_line, virtio_random_bytes,
                                              virtio_transmit};

/* ---- the guest ---- */

void virtio_reset(struct pc *pc) {
    const struct pc_config *config = &pc->config;
    struct virtio *virtio = &pc->virtio;

    for (unsigned i = 0; i < PC_VIRTIO_SLOTS; i++) {
        virtio->slot[i].pc = pc;
        virtio->slot[i].mmio = (struct virtio_mmio){
            .effects = &effects,
            .context = &virtio->slot[i],
            .ram = {config->ram, config->ram_size},
        };
    }
    if (config->disk)
        virtio_block_init(&virtio->slot[PC_VIRTIO_BLOCK].mmio, &virtio->block, config->disk,
                          config->disk_size, false);
    virtio_rng_init(&virtio->slot[PC_VIRTIO_RNG].mmio);
    virtio_console_init(&virtio->slot[PC_VIRTIO_CONSOLE].mmio, &virtio->console);
}

uint32_t virtio_type(struct pc *pc, const uint8_t *bytes, uint32_t size) {
    struct virtio_slot *slot = &pc->virtio.slot[PC_VIRTIO_CONSOLE];

    spin_lock(&slot->lock);
    uint32_t received = virtio_console_receive(&slot->mmio, bytes, size);
    spin_unlock(&slot->lock);
    return received;
}

static struct virtio_slot *slot_at(struct pc *pc, uint64_t address) {
    uint32_t index = (uint32_t)(address - PC_VIRTIO_BASE) / PC_VIRTIO_STRIDE;

    return &pc->virtio.slot[index_clamp(index, PC_VIRTIO_SLOTS)];
}

uint64_t virtio_read(struct pc *pc, uint64_t address, unsigned size) {
    struct virtio_slot *slot = slot_at(pc, address);

    spin_lock(&slot->lock);
    uint64_t value = virtio_mmio_read(&slot->mmio, address % PC_VIRTIO_STRIDE, size);
    spin_unlock(&slot->lock);
    return value;
}

bool virtio_write(struct pc *pc, uint64_t address, unsigned size, uint64_t value) {
    struct virtio_slot *slot = slot_at(pc, address);

    spin_lock(&slot->lock);
    bool again = virtio_mmio_write(&slot->mmio, address % PC_VIRTIO_STRIDE, size, (uint32_t)value);
    spin_unlock(&slot->lock);
    return !again;
}
