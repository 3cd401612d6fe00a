/* A vCPU's memory type range registers: see mtrr.h. */
#include "vmm/vcpu/mtrr.h"

#include "arch/msr.h"
#include "lib/index_clamp.h"

#define CAP_FIXED       (1ULL << 8)
#define CAP_WC          (1ULL << 10)
#define DEFAULT_FIXED   (1ULL << 10) /* fixed ranges enabled */
#define DEFAULT_ENABLED (1ULL << 11)
#define MASK_VALID      (1ULL << 11)
#define PAGE_BITS       0xfffULL
#define ALL_WB          0x0606060606060606ULL
#define DEVICES_BASE    0xc0000000ULL
#define DEVICES_SIZE    0x40000000ULL

/* The MSRs of the fixed ranges, by address. */
static const uint16_t fixed_msr[MTRR_FIXED_COUNT] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                                     0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
#define FIXED_VIDEO 2 /* A0000H to BFFFFH */

static int fixed_index(uint32_t msr) {
    for (int i = 0; i < MTRR_FIXED_COUNT; i++) {
        if (fixed_msr[i] == msr)
            return i;
    }
    return -1;
}

static bool is_variable(uint32_t msr) {
    return msr - MSR_IA32_MTRR_PHYSBASE0 < 2 * MTRR_VARIABLE_COUNT;
}

static uint32_t variable_index(uint32_t msr) {
    return index_clamp(msr - MSR_IA32_MTRR_PHYSBASE0, 2 * MTRR_VARIABLE_COUNT);
}

void mtrr_firmware_defaults(struct mtrr *mtrr, uint64_t physical_mask) {
    *mtrr = (struct mtrr){.default_type = DEFAULT_ENABLED | DEFAULT_FIXED | MEMORY_TYPE_WB};
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++)
        mtrr->fixed[i] = i == FIXED_VIDEO ? 0 : ALL_WB;
    mtrr->variable[0] = DEVICES_BASE; /* type 0: uncached */
    mtrr->variable[1] = (physical_mask & ~(DEVICES_SIZE - 1)) | MASK_VALID;
}

bool mtrr_has(uint32_t msr) {
    return msr == MSR_IA32_MTRRCAP || msr == MSR_IA32_MTRR_DEF_TYPE || is_variable(msr) ||
           fixed_index(msr) >= 0;
}

uint64_t mtrr_read(const struct mtrr *mtrr, uint32_t msr) {
    int fixed = fixed_index(msr);

    if (msr == MSR_IA32_MTRRCAP)
        return MTRR_VARIABLE_COUNT | CAP_FIXED | CAP_WC;
    if (msr == MSR_IA32_MTRR_DEF_TYPE)
        return mtrr->default_type;
    return fixed >= 0 ? mtrr->fixed[fixed] : mtrr->variable[variable_index(msr)];
}

/* UC, WC, WT, WP and WB: 0, 1, 4, 5, 6. */
static bool is_type(uint64_t type) {
    return type < 8 && (0x73u >> type & 1);
}

static bool are_types(uint64_t value) {
    for (unsigned i = 0; i < 64; i += 8) {
        if (!is_type(value >> i & 0xff))
            return false;
    }
    return true;
}

static bool write_variable(struct mtrr *mtrr, uint32_t index, uint64_t value,
                           uint64_t physical_mask) {
    uint64_t low = index & 1 ? MASK_VALID : 0xff;

    if (value & ~((physical_mask & ~PAGE_BITS) | low))
        return false;
    if (!(index & 1) && !is_type(value & 0xff))
        return false;
    mtrr->variable[index] = value;
    return true;
}

bool mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value, uint64_t physical_mask) {
    int fixed = fixed_index(msr);

    if (msr == MSR_IA32_MTRRCAP)
        return false;
    if (msr == MSR_IA32_MTRR_DEF_TYPE) {
        if ((value & ~(0xffULL | DEFAULT_FIXED | DEFAULT_ENABLED)) || !is_type(value & 0xff))
            return false;
        mtrr->default_type = value;
        return true;
    }
    if (fixed < 0)
        return write_variable(mtrr, variable_index(msr), value, physical_mask);
    if (!are_types(value))
        return false;
    mtrr->fixed[fixed] = value;
    return true;
}
