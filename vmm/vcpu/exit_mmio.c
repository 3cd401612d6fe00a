/* Accesses to addresses that are not RAM: see exit_mmio.h.
 *
 * Both exits report the address; the instruction's bytes say what the access does (mmio_decode.h).
 * They are copied before they are decoded, so another vCPU that rewrites them cannot change them in
 * between. An address without RAM or device reads as all ones, and writes to it are ignored. */
#include "vmm/vcpu/exit_mmio.h"

#include "arch/apic_registers.h"
#include "arch/msr.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "vmm/emulate/mmio_decode.h"
#include "vmm/emulate/mmio_operate.h"
#include "vmm/vcpu/exit_io.h"
#include "vmm/vcpu/guest_memory.h"
#include "vmm/vcpu/mmio_execute.h"
#include "vmm/vcpu/vcpu.h"

#define PAGE_OFFSET       0xfffULL
#define INSTRUCTION_BYTES 16ULL /* what is fetched: the longest instruction, and a byte */

/* The access was to the linear address's own translation, not to a paging structure. */
#define EPT_VIOLATION_OF_ADDRESS (EPT_VIOLATION_LINEAR_VALID | EPT_VIOLATION_TRANSLATED)

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

/* Another vCPU may have changed the code or the page tables since the processor fetched the
 * instruction. So the guest executes it again, with a TLB that holds nothing older, and gets the
 * page fault that is due, or executes what is there now. If bytes are missing, something must have
 * changed; otherwise the guest is killed if the same instruction is refused again at its next
 * access to a device. */
__attribute__((noinline, cold)) static enum exit_action
refuse_instruction(struct vcpu *vcpu, uint64_t address, const uint64_t bytes[2], size_t count,
                   const char *problem) {
    char text[3 * MMIO_INSTRUCTION_MAX + 1] = "";
    uint64_t rip = vmcs_read(VMCS_GUEST_RIP);
    uint64_t access = vcpu->exits_by_reason[EXIT_REASON_EPT_VIOLATION] +
                      vcpu->exits_by_reason[EXIT_REASON_APIC_ACCESS];
    bool again = vcpu->mmio_refused == rip && access == vcpu->mmio_refused_access + 1;

    vcpu->mmio_refused_access = access;
    if (problem == mmio_bytes_missing || !again) {
        vcpu->mmio_refused = rip;
        invvpid(INVVPID_SINGLE_CONTEXT, vcpu_vpid(vcpu));
        return EXIT_RESUME;
    }
    for (size_t i = 0; i < count && i < MMIO_INSTRUCTION_MAX; i++)
        format(text + 3 * i, 4, " %02x", ((const uint8_t *)bytes)[i]);
    vm_kill(vcpu->vm, "vCPU %u: access to 0x%lx by the instruction at 0x%lx: %s:%s", vcpu->index,
            address, rip, problem, text);
    return EXIT_RESUME;
}

/* Moves, which are most of all instructions on devices, are carried out here. False: RIP stays. */
static inline bool mmio_carry_out(struct vcpu *vcpu, const struct mmio_device *device,
                                  uint64_t address, const struct mmio_instruction *i, bool write) {
    uint64_t *reg = vcpu->context.reg;

    if (i->operation != MMIO_MOVE)
        return mmio_execute(vcpu, device, address, i, write);
    if (i->store)
        return device->write(vcpu, address, i->size, mmio_stored(i, reg));
    mmio_load(i, device->read(vcpu, address, i->size), reg);
    return true;
}

/* The linear address of the operand in memory. */
__attribute__((noinline)) static uint64_t
mmio_operand_linear(const struct vcpu *vcpu, const struct mmio_instruction *i, uint64_t rip) {
    uint64_t registers[GUEST_REGISTER_COUNT];
    const uint64_t *reg = vcpu->context.reg;

    if (i->base == GUEST_RSP) {
        memcpy(registers, reg, sizeof(registers));
        registers[GUEST_RSP] = vmcs_read(VMCS_GUEST_RSP);
        reg = registers;
    }
    uint64_t offset = mmio_operand_offset(i, reg, rip + i->length);
    return guest_linear((enum guest_segment)i->segment, offset);
}

/* Whether the operand may be in two pages: the part that is a device's begins or ends where its
 * page does. Mostly it is aligned, and begins there. */
static inline bool mmio_may_cross(const struct vcpu *vcpu, uint64_t address,
                                  const struct mmio_instruction *i) {
    uint64_t at = address & PAGE_OFFSET;

    if (at)
        return at + i->size > PAGE_OFFSET + 1;
    return !i->plain ||
           ((vcpu->context.reg[i->base] + (uint64_t)i->displacement) & PAGE_OFFSET) != 0;
}

/* The guest executes the instruction again: at once, or when there is room for its output. */
static __attribute__((noinline)) enum exit_action repeat_instruction(struct vcpu *vcpu) {
    return pc_output_waits(&vcpu->vm->pc) ? exit_wait_for_output(vcpu) : EXIT_RESUME;
}

static enum exit_action mmio_emulate(struct vcpu *vcpu, const struct mmio_device *device,
                                     uint64_t address, bool write) {
    uint64_t rights = vmcs_read(VMCS_GUEST_CS_ACCESS_RIGHTS);
    uint64_t rip = vmcs_read(VMCS_GUEST_RIP), linear = rip, bytes[2];
    enum mmio_mode mode = MMIO_MODE_64;

    if (!(rights & ACCESS_RIGHTS_L) || !(vmcs_read(VMCS_GUEST_EFER) & EFER_LMA)) {
        linear = (uint32_t)(rip + vmcs_read(VMCS_GUEST_CS_BASE));
        mode = rights & ACCESS_RIGHTS_DB ? MMIO_MODE_32 : MMIO_MODE_16;
    }
    size_t count = mmio_fetch(vcpu, linear, mode, bytes);
    struct mmio_memo *memo = &vcpu->mmio_memo[linear % MMIO_MEMOS];
    const struct mmio_instruction *instruction = &memo->instruction;
    const char *problem = mmio_decode_again(memo, bytes, count, mode);

    if (problem)
        return refuse_instruction(vcpu, address, bytes, count, problem);
    bool in_two_pages = mmio_may_cross(vcpu, address, instruction);
    uint64_t operand = in_two_pages ? mmio_operand_linear(vcpu, instruction, rip) : 0;
    if (in_two_pages)
        in_two_pages = (operand & PAGE_OFFSET) + instruction->size > PAGE_OFFSET + 1;
    uint64_t *rsp = instruction->reg == GUEST_RSP ? &vcpu->context.reg[GUEST_RSP] : NULL;
    if (rsp)
        *rsp = vmcs_read(VMCS_GUEST_RSP);
    bool done = in_two_pages ? mmio_execute_across(vcpu, operand, instruction, write)
                             : mmio_carry_out(vcpu, device, address, instruction, write);
    if (rsp)
        vmcs_write(VMCS_GUEST_RSP, *rsp);
    if (!done)
        return repeat_instruction(vcpu);
    exit_advance(rip, instruction->length);
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
    return mmio_emulate(vcpu, mmio_device_at(vcpu, address), address, q & EPT_VIOLATION_WRITE);
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
    return mmio_emulate(vcpu, &mmio_lapic, APIC_DEFAULT_BASE + (q & APIC_ACCESS_OFFSET_MASK),
                        type == APIC_ACCESS_TYPE_WRITE);
}
