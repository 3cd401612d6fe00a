/* The guest's segments and its mode: see exits.h. SDM Vol. 3A, "Mode Switching". */
#include <string.h>

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "tests/fuzz/exits/exits.h"
#include "vmm/vcpu/guest_segment.h"

#define CR3_MASK_PAE 0xffffffe0ULL

enum mode { REAL, VIRTUAL_8086, PROTECTED, PAGED_32, PAGED_PAE, COMPATIBILITY, LONG };

static uint64_t get(uint64_t field) {
    return machine_get(field);
}

/* ---- segments ---- */

static void set_segment(enum guest_segment segment, uint64_t selector, uint64_t base,
                        uint64_t limit, uint64_t rights) {
    machine_set(segment_field(VMCS_GUEST_ES_SELECTOR, segment), selector);
    machine_set(segment_field(VMCS_GUEST_ES_BASE, segment), base);
    machine_set(segment_field(VMCS_GUEST_ES_LIMIT, segment), limit);
    machine_set(segment_field(VMCS_GUEST_ES_ACCESS_RIGHTS, segment), rights);
}

static bool is_data(unsigned segment) {
    return segment != SEGMENT_CS && segment <= SEGMENT_GS;
}

static void set_flat(uint64_t code, uint64_t data, uint64_t limit) {
    for (unsigned i = 0; i <= SEGMENT_GS; i++)
        set_segment((enum guest_segment)i, i == SEGMENT_CS ? 8 : 16, 0, limit,
                    i == SEGMENT_CS ? code : data);
}

/* In virtual-8086 mode the selector determines everything. */
static void set_v8086_segment(unsigned segment, uint16_t selector) {
    set_segment((enum guest_segment)segment, selector, (uint64_t)selector << 4, 0xffff, 0xf3);
}

/* A data segment is loaded, with any base and limit that a descriptor can have. */
void mode_load_segment(void) {
    static const struct {
        uint32_t limit, flags;
    } limits[] = {{0xffff, 0},
                  {0xfffff, 0},
                  {0, 0},
                  {0xffffffff, ACCESS_RIGHTS_G | ACCESS_RIGHTS_DB},
                  {0xffffffff, ACCESS_RIGHTS_G},
                  {0xfff, ACCESS_RIGHTS_G | ACCESS_RIGHTS_DB},
                  {0x7, ACCESS_RIGHTS_DB}};
    static const uint8_t types[] = {3, 7, 1, 5, 0xb, 0xf};
    unsigned segment = input_below(SEGMENT_GS + 1), limit = input_below(7);
    uint64_t base = (uint32_t)input_number(), dpl = state_cpl();

    if (!is_data(segment))
        return;
    if (get(VMCS_GUEST_RFLAGS) & RFLAGS_VM) {
        set_v8086_segment(segment, (uint16_t)base);
        return;
    }
    uint64_t rights = ACCESS_RIGHTS_P | ACCESS_RIGHTS_S | dpl << ACCESS_RIGHTS_DPL_SHIFT |
                      types[segment == SEGMENT_SS ? input_below(2) : input_below(6)] |
                      limits[limit].flags;
    if (segment != SEGMENT_SS && input_below(8) == 0)
        rights = ACCESS_RIGHTS_UNUSABLE;
    set_segment((enum guest_segment)segment, input_byte(), base, limits[limit].limit, rights);
}

/* The task register: of 16 bits only outside IA-32e mode. */
void mode_load_task_register(void) {
    bool is_16bit = !(get(VMCS_GUEST_EFER) & EFER_LMA) && input_flag();

    if (!(get(VMCS_GUEST_CR0) & CR0_PE) || state_cpl())
        return;
    machine_set(VMCS_GUEST_TR_ACCESS_RIGHTS, ACCESS_RIGHTS_P | (is_16bit ? 3 : 11));
}

/* ---- modes ---- */

bool mode_load_pdptes(uint64_t cr3) {
    uint64_t pdpte[4], address = cr3 & CR3_MASK_PAE;

    if (address > guest->ram_size - sizeof(pdpte))
        return false;
    memcpy(pdpte, guest->ram + address, sizeof(pdpte));
    for (unsigned i = 0; i < 4; i++)
        if ((pdpte[i] & 1) && (pdpte[i] & (~host_physical_mask() | PDPTE_RESERVED)))
            return false;
    for (unsigned i = 0; i < 4; i++)
        machine_set(VMCS_GUEST_PDPTE0 + 2 * i, pdpte[i]);
    return true;
}

static bool may_enter(enum mode mode) {
    bool lme = get(VMCS_GUEST_EFER) & EFER_LME;
    bool is_16bit = (get(VMCS_GUEST_TR_ACCESS_RIGHTS) & ACCESS_RIGHTS_TYPE) == 3;

    if (mode < PAGED_32)
        return true;
    if (mode >= COMPATIBILITY)
        return lme && !is_16bit;
    return !lme && (mode != PAGED_PAE || mode_load_pdptes(PAE_TABLE));
}

/* CR0, CR3, CR4 and EFER.LMA of a mode; the bits that the guest owns are any. */
static void set_control_registers(enum mode mode) {
    uint64_t owned0 = ~get(VMCS_CR0_MASK), owned4 = ~get(VMCS_CR4_MASK);
    uint64_t cr0 = (get(VMCS_GUEST_CR0) & ~owned0) | CR0_ET | ((input_byte() * 0x1f1fULL) & owned0);
    uint64_t cr4 = (get(VMCS_GUEST_CR4) & ~owned4) | (input_number() & owned4);
    uint64_t entry = get(VMCS_ENTRY_CONTROLS) & ~(uint64_t)VM_ENTRY_CONTROL_IA32E_MODE_GUEST;
    uint64_t efer = get(VMCS_GUEST_EFER) & ~EFER_LMA;

    cr0 =
        (cr0 & ~(CR0_PE | CR0_PG)) | (mode == REAL ? 0 : CR0_PE) | (mode >= PAGED_32 ? CR0_PG : 0);
    if (mode >= PAGED_PAE)
        cr4 |= CR4_PAE;
    if (mode == PAGED_32)
        cr4 = (cr4 & ~CR4_PAE) | CR4_PSE;
    if (mode >= COMPATIBILITY) {
        entry |= VM_ENTRY_CONTROL_IA32E_MODE_GUEST;
        efer |= EFER_LMA;
    }
    machine_set(VMCS_GUEST_CR0, cr0);
    machine_set(VMCS_GUEST_CR4, cr4);
    machine_set(VMCS_GUEST_EFER, efer);
    machine_set(VMCS_ENTRY_CONTROLS, entry);
    if (mode >= PAGED_32)
        machine_set(VMCS_GUEST_CR3, mode == PAGED_32    ? TABLE_32
                                    : mode == PAGED_PAE ? PAE_TABLE
                                                        : LONG_TABLES);
}

void mode_enter_any(void) {
    enum mode mode = (enum mode)input_below(LONG + 1);
    unsigned cpl = mode == VIRTUAL_8086 || (mode > PROTECTED && input_below(4) == 0) ? 3 : 0;
    uint64_t dpl = (uint64_t)cpl << ACCESS_RIGHTS_DPL_SHIFT;
    bool big = input_flag();

    if (!may_enter(mode))
        return;
    set_control_registers(mode);
    machine_set(VMCS_GUEST_RFLAGS,
                (get(VMCS_GUEST_RFLAGS) & ~RFLAGS_VM) | (mode == VIRTUAL_8086 ? RFLAGS_VM : 0));
    if (mode == REAL) {
        set_flat(0x9b, 0x93, 0xffff);
    } else if (mode == VIRTUAL_8086) {
        for (unsigned i = 0; i <= SEGMENT_GS; i++)
            set_v8086_segment(i, 0);
    } else if (mode == LONG) {
        set_flat(0xa09b | dpl, 0xc093 | dpl, 0xffffffff);
    } else {
        set_flat((big ? 0xc09b : 0x809b) | dpl, 0xc093 | dpl, 0xffffffff);
    }
    machine_set(VMCS_GUEST_RIP, get(VMCS_GUEST_RIP) & 0x1fff);
}
