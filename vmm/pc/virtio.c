/* A guest's virtio devices: see virtio.h. */
#include "vmm/pc/virtio.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "lib/index_clamp.h"
#include "lib/memory.h"
#include "vmm/devices/virtio_rng.h"
#include "vmm/host/host_memory.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/pc/serial.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

#define RDRAND_TRIES 10 /* SDM Vol. 1, "Random Number Generator Instructions" */

/* ---- what the devices do, under their locks ---- */

static void set_line(void *context, bool level) {
    const struct virtio_slot *slot = context;
    unsigned irq = PC_VIRTIO_IRQ + (unsigned)(slot - slot->vm->virtio.slot);

    irq_lines_set_line(slot->vm, IRQ_SOURCE_VIRTIO, irq, level);
}

/* Where RDRAND is missing or gives nothing: times of requests, mixed. What a guest makes of them
 * can be guessed, unlike RDRAND's; a guest that minds sees in CPUID that there is no RDRAND. */
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

static void random_bytes(void *context, uint8_t *to, uint32_t size) {
    bool has_rdrand = cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_RDRAND;
    uint64_t value = 0;

    (void)context;
    for (uint32_t done = 0; done < size; done += sizeof(value)) {
        uint32_t left = size - done;
        if (!has_rdrand || !try_rdrand(&value))
            value = mix_time(value);
        memcpy(to + done, &value, left < sizeof(value) ? left : sizeof(value));
    }
}

static void transmit(void *context, const uint8_t *from, uint32_t size) {
    struct vm *vm = ((struct virtio_slot *)context)->vm;

    atomic_store(&vm->virtio.speaks, true);
    for (uint32_t i = 0; i < size; i++)
        guest_console_put(&vm->console[GUEST_CONSOLE_VIRTIO], (char)from[i]);
}

static const struct virtio_effects effects = {set_line, random_bytes, transmit};

/* ---- the guest ---- */

void virtio_init(struct vm *vm) {
    const struct boot_guest *boot = vm->boot;
    struct virtio *virtio = &vm->virtio;

    for (unsigned i = 0; i < PC_VIRTIO_SLOTS; i++) {
        virtio->slot[i].vm = vm;
        virtio->slot[i].mmio = (struct virtio_mmio){
            .effects = &effects,
            .context = &virtio->slot[i],
            .ram = {vm->ram, vm->ram_size},
        };
    }
    if (boot->disk_size)
        virtio_block_init(&virtio->slot[PC_VIRTIO_BLOCK].mmio, &virtio->block,
                          phys_to_virt(boot->disk_base), boot->disk_size, false);
    virtio_rng_init(&virtio->slot[PC_VIRTIO_RNG].mmio);
    virtio_console_init(&virtio->slot[PC_VIRTIO_CONSOLE].mmio, &virtio->console);
}

uint32_t virtio_type(struct vm *vm, const uint8_t *bytes, uint32_t size) {
    struct virtio_slot *slot = &vm->virtio.slot[PC_VIRTIO_CONSOLE];

    spin_lock(&slot->lock);
    uint32_t taken = virtio_console_receive(&slot->mmio, bytes, size);
    spin_unlock(&slot->lock);
    return taken;
}

static struct virtio_slot *slot_at(struct vcpu *vcpu, uint64_t address) {
    uint32_t index = (uint32_t)(address - PC_VIRTIO_BASE) / PC_VIRTIO_STRIDE;

    return &vcpu->vm->virtio.slot[index_clamp(index, PC_VIRTIO_SLOTS)];
}

uint64_t virtio_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    struct virtio_slot *slot = slot_at(vcpu, address);

    spin_lock(&slot->lock);
    uint64_t value = virtio_mmio_read(&slot->mmio, address % PC_VIRTIO_STRIDE, size);
    spin_unlock(&slot->lock);
    return value;
}

bool virtio_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    struct virtio_slot *slot = slot_at(vcpu, address);

    spin_lock(&slot->lock);
    bool again = virtio_mmio_write(&slot->mmio, address % PC_VIRTIO_STRIDE, size, (uint32_t)value);
    spin_unlock(&slot->lock);
    if (slot == &vcpu->vm->virtio.slot[PC_VIRTIO_CONSOLE])
        serial_type_more(vcpu->vm); /* there may be buffers now */
    return !again;
}
