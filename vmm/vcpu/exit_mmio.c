/* Accesses to addresses that are not RAM: see exit_mmio.h.
 *
 * Both exits report the address; the instruction's bytes say what the access does (mmio_decode.h).
 * They are copied before they are decoded, so another vCPU that rewrites them cannot change them in
 * between. An address without RAM or device reads as all ones, and writes to it are ignored. */
#include "vmm/vcpu/exit_mmio.h"

#include "arch/apic_registers.h"
#include "arch/msr.h"
#include "lib/memory.h"
#include "vmm/emulate/mmio_decode.h"
#include "vmm/emulate/mmio_operate.h"
#include "vmm/vcpu/guest_memory.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/virq.h"

#define PAGE_OFFSET       0xfffULL
#define INSTRUCTION_BYTES 16ULL /* what is fetched: the longest instruction, and a byte */

/* The access was to the linear address's own translation, not to a paging structure. */
#define EPT_VIOLATION_OF_ADDRESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED)

/* A device's access functions; `size` is in bytes. A write that returns false has done nothing: the
 * guest executes the instruction again. */
struct mmio_device {
    uint64_t (*read)(struct vcpu *vcpu, uint64_t address, unsigned size);
    bool (*write)(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value);
};

/* ---- devices ---- */

static uint64_t mmio_ioapic_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    return routing_ioapic_read(&vcpu->vm->routing, (uint32_t)(address & PAGE_OFFSET), size);
}

static bool mmio_ioapic_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    routing_ioapic_write(&vcpu->vm->routing, (uint32_t)(address & PAGE_OFFSET), size,
                         (uint32_t)value);
    return true;
}

static const struct mmio_device ioapic = {mmio_ioapic_read, mmio_ioapic_write};

/* SDM Vol. 3A, "The Local APIC Block Diagram": registers are accessed as aligned 32-bit words. The
 * SDM leaves other accesses undefined; here they read parts or 0, and their writes are ignored. */
static uint64_t mmio_lapic_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    uint32_t offset = (uint32_t)(address & PAGE_OFFSET);
    uint32_t value = offset % 16 + size <= 4 ? vlapic_read(virq_lapic(vcpu), offset & 0xff0) : 0;

    return value >> 8 * (offset % 4);
}

static bool mmio_lapic_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    uint32_t offset = (uint32_t)(address & PAGE_OFFSET);

    if (size == 4 && offset % 16 == 0)
        virq_apic_write(vcpu, offset, (uint32_t)value);
    return true;
}

static const struct mmio_device lapic = {mmio_lapic_read, mmio_lapic_write};

static uint64_t mmio_nothing_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    (void)size;
    vm_log_access(vcpu->vm, "read", address);
    return UINT64_MAX;
}

static bool mmio_nothing_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    (void)size;
    (void)value;
    vm_log_access(vcpu->vm, "write", address);
    return true;
}

static uint64_t mmio_page_read(struct vcpu *vcpu, uint64_t address, unsigned size) {
    return pc_page_read(&vcpu->vm->pc, address, size);
}

static bool mmio_page_write(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value) {
    return pc_page_write(&vcpu->vm->pc, address, size, value);
}

static const struct mmio_device virtio = {mmio_page_read, mmio_page_write};
static const struct mmio_device nothing = {mmio_nothing_read, mmio_nothing_write};

/* As on the processor, the local APIC takes precedence over anything else at its address. */
static const struct mmio_device *device_at(const struct vcpu *vcpu, uint64_t page) {
    if (page == virq_apic_address(vcpu))
        return &lapic;
    if (page == IOAPIC_DEFAULT_BASE)
        return &ioapic;
    if (page >= PC_VIRTIO_BASE && page < PC_VIRTIO_BASE + PC_VIRTIO_SLOTS * PC_VIRTIO_STRIDE)
        return &virtio;
    return &nothing;
}

/* ---- the instruction ---- */

/* The offset in RAM of a linear address of code. In 64-bit mode there is 4-level paging: guests are
 * not offered 5-level paging. */
static inline uint64_t find_code(const struct vcpu *vcpu, uint64_t linear, enum mmio_mode mode) {
    if (mode == MMIO_MODE_64)
        return guest_walk_64bit(vcpu->vm->ram, vcpu->vm->ram_size, vmcs_read(VMCS_GUEST_CR3),
                                linear);
    const struct guest_paging paging = guest_paging_now(vcpu);
    return guest_walk(&paging, linear);
}

/* For bytes that may cross a page boundary: copies page by page. */
__attribute__((noinline, cold)) static size_t mmio_fetch_pieces(const struct vcpu *vcpu,
                                                                uint64_t linear,
                                                                enum mmio_mode mode,
                                                                uint64_t bytes[2]) {
    size_t count = 0;

    bytes[0] = bytes[1] = 0;
    while (count < MMIO_INSTRUCTION_MAX) {
        uint64_t piece = PAGE_OFFSET + 1 - (linear & PAGE_OFFSET);
        if (piece > MMIO_INSTRUCTION_MAX - count)
            piece = MMIO_INSTRUCTION_MAX - count;
        const uint8_t *from = vm_ram(vcpu->vm, find_code(vcpu, linear, mode), piece);
        if (!from)
            break;
        memcpy((uint8_t *)bytes + count, from, piece);
        count += piece;
        linear += piece;
    }
    return count;
}

/* Copies the bytes at a linear address of code. Returns how many: at least MMIO_INSTRUCTION_MAX
 * unless the code is not mapped, or not in RAM, from there on. */
static inline size_t mmio_fetch(const struct vcpu *vcpu, uint64_t linear, enum mmio_mode mode,
                                uint64_t bytes[2]) {
    if ((linear & PAGE_OFFSET) > PAGE_OFFSET + 1 - INSTRUCTION_BYTES)
        return mmio_fetch_pieces(vcpu, linear, mode, bytes);
    uint64_t address = find_code(vcpu, linear, mode);
    if (address > vcpu->vm->ram_size - INSTRUCTION_BYTES)
        return bytes[0] = bytes[1] = 0;
    __builtin_memcpy(bytes, vcpu->vm->ram + address, INSTRUCTION_BYTES);
    return INSTRUCTION_BYTES;
}

/* ADD, XCHG and the like. Another vCPU's access may come between the read and the write, even with
 * a LOCK prefix: drivers do not share a device's register in this way. */
static void mmio_read_modify_write(struct vcpu *vcpu, const struct mmio_device *device,
                                   uint64_t address, const struct mmio_instruction *i) {
    uint64_t flags = vmcs_read(VMCS_GUEST_RFLAGS);
    uint64_t memory = device->read(vcpu, address, i->size);
    uint64_t result = mmio_operate(i, memory, vcpu->context.reg, &flags);

    if (i->store) /* not repeated if the device refuses it: the read has had its effect */
        device->write(vcpu, address, i->size, result);
    vmcs_write(VMCS_GUEST_RFLAGS, flags);
}

/* MOVS: one operand is the device, the other must be RAM. False: RIP stays. */
static bool mmio_move_string(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                             const struct mmio_instruction *i, bool to_device) {
    const uint64_t *reg = vcpu->context.reg;
    uint64_t offset = mmio_index(i->address_size, reg[to_device ? GUEST_RSI : GUEST_RDI]);
    enum guest_segment segment = to_device ? (enum guest_segment)i->segment : SEGMENT_ES;
    struct guest_span span;

    if (!guest_span_find(vcpu, segment, offset, i->size, !to_device, &span))
        return false;
    if (to_device)
        return device->write(vcpu, address, i->size, guest_span_read(&span));
    guest_span_write(&span, device->read(vcpu, address, i->size));
    return true;
}

/* False: RIP stays. */
static bool mmio_carry_out(struct vcpu *vcpu, const struct mmio_device *device, uint64_t address,
                           const struct mmio_instruction *i, bool write) {
    uint64_t *reg = vcpu->context.reg;

    if (i->string == MMIO_MOVS) {
        if (!mmio_move_string(vcpu, device, address, i, write))
            return false;
    } else if (i->operation != MMIO_MOVE) {
        mmio_read_modify_write(vcpu, device, address, i);
    } else if (i->store) {
        if (!device->write(vcpu, address, i->size, mmio_stored(i, reg)))
            return false;
    } else {
        mmio_load(i, device->read(vcpu, address, i->size), reg);
    }
    return !i->string || mmio_string_step(i, reg, vmcs_read(VMCS_GUEST_RFLAGS));
}

/* Another vCPU may have changed the code or the page tables since the processor fetched the
 * instruction. So the guest executes it again, with a TLB that holds nothing older, and gets the
 * page fault that is due, or executes what is there now. If bytes are missing, something must have
 * changed; otherwise the guest is killed if the same instruction is refused again. */
__attribute__((noinline, cold)) static enum exit_action
mmio_refuse_instruction(struct vcpu *vcpu, uint64_t address, const char *problem) {
    uint64_t rip = vmcs_read(VMCS_GUEST_RIP);

    if (problem == mmio_bytes_missing || vcpu->mmio_refused != rip) {
        vcpu->mmio_refused = rip;
        invvpid(INVVPID_SINGLE_CONTEXT, vcpu_vpid(vcpu));
        return EXIT_RESUME;
    }
    vm_kill(vcpu->vm, "vCPU %u: access to 0x%lx by the instruction at 0x%lx: %s", vcpu->index,
            address, rip, problem);
    return EXIT_RESUME;
}

static enum exit_action mmio_emulate(struct vcpu *vcpu, const struct mmio_device *device,
                                     uint64_t address, bool write) {
    uint64_t rights = vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS), efer = vmcs_read(VMCS_GUEST_EFER);
    uint64_t linear = vmcs_read(VMCS_GUEST_RIP), bytes[2];
    enum mmio_mode mode = MMIO_MODE_64;

    if (!(rights & ACCESS_RIGHTS_L) || !(efer & EFER_LMA)) {
        linear = (uint32_t)(linear + vmcs_read(VMCS_GUEST_CS_BASE));
        mode = rights & ACCESS_RIGHTS_DB ? MMIO_MODE_32 : MMIO_MODE_16;
    }
    size_t count = mmio_fetch(vcpu, linear, mode, bytes);
    struct mmio_memo *memo = &vcpu->mmio_memo[linear % MMIO_MEMOS];
    const struct mmio_instruction *instruction = &memo->instruction;
    const char *problem = mmio_decode_again(memo, bytes, count, mode);

    if (problem)
        return mmio_refuse_instruction(vcpu, address, problem);
    uint64_t *rsp = instruction->reg == GUEST_RSP ? &vcpu->context.reg[GUEST_RSP] : NULL;
    if (rsp)
        *rsp = vmcs_read(VMCS_GUEST_RSP);
    bool done = mmio_carry_out(vcpu, device, address, instruction, write);
    if (rsp)
        vmcs_write(VMCS_GUEST_RSP, *rsp);
    if (done)
        exit_advance(instruction->length);
    return EXIT_RESUME;
}

/* ---- the exits ---- */

__attribute__((noinline, cold)) static enum exit_action mmio_refuse(struct vcpu *vcpu, uint64_t q,
                                                                    uint64_t address) {
    if (q & EPT_VIOLATION_FETCH)
        vm_kill(vcpu->vm, "vCPU %u: instruction fetch at 0x%lx, which is not RAM (RIP 0x%lx)",
                vcpu->index, address, vmcs_read(VMCS_GUEST_RIP));
    else if ((q & EPT_VIOLATION_OF_ADDRESS) != EPT_VIOLATION_OF_ADDRESS)
        vm_kill(vcpu->vm, "vCPU %u: its page tables are at 0x%lx, which is not RAM", vcpu->index,
                address);
    else
        vm_kill(vcpu->vm,
                "vCPU %u: delivery of an interrupt or exception accesses 0x%lx, which is not RAM",
                vcpu->index, address);
    return EXIT_RESUME;
}

enum exit_action exit_ept_violation(struct vcpu *vcpu) {
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
    uint64_t address = vmcs_read(VMCS_GUEST_PHYSICAL_ADDRESS);

    if ((q & (EPT_VIOLATION_FETCH | EPT_VIOLATION_OF_ADDRESS)) != EPT_VIOLATION_OF_ADDRESS ||
        vcpu->event)
        return mmio_refuse(vcpu, q, address);
    return mmio_emulate(vcpu, device_at(vcpu, address & ~PAGE_OFFSET), address,
                        q & EPT_VIOLATION_WRITE);
}

enum exit_action exit_apic_access(struct vcpu *vcpu) {
    uint64_t q = vmcs_read(VMCS_EXIT_QUALIFICATION);
    uint64_t type = q >> APIC_ACCESS_TYPE_SHIFT & APIC_ACCESS_TYPE_MASK;

    if (type != APIC_ACCESS_TYPE_READ && type != APIC_ACCESS_TYPE_WRITE) {
        vm_kill(vcpu->vm,
                "vCPU %u: access to the local APIC's page that is not a plain read or write "
                "(access type %lu)",
                vcpu->index, type);
        return EXIT_RESUME;
    }
    return mmio_emulate(vcpu, &lapic, APIC_DEFAULT_BASE + (q & APIC_ACCESS_OFFSET_MASK),
                        type == APIC_ACCESS_TYPE_WRITE);
}
