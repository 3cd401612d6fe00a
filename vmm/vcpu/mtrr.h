/* A vCPU's memory type range registers.
 *
 * On a processor they set the memory type of physical addresses. For a guest they are storage that
 * its operating system reads, checks and may rewrite: the type in effect comes from EPT, which maps
 * guest RAM write-back, and all other memory is emulated. SDM Vol. 3A, "Memory Type Range Registers
 * (MTRRs)". Pure. Read next: arch/vmx/ept.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MTRR_VARIABLE_COUNT 8
#define MTRR_FIXED_COUNT    11

struct mtrr {
    uint64_t default_type;                      /* IA32_MTRR_DEF_TYPE */
    uint64_t fixed[MTRR_FIXED_COUNT];           /* 64K_00000, 16K_80000, 16K_A0000, 4K_C0000... */
    uint64_t variable[2 * MTRR_VARIABLE_COUNT]; /* base, mask, base, mask... */
};

/* The state in which firmware leaves them: write-back, except video memory (A0000H to BFFFFH) and
 * device memory (3 to 4 GiB), which are uncached. physical_mask: the valid bits of a physical
 * address, here and below. */
void mtrr_firmware_defaults(struct mtrr *mtrr, uint64_t physical_mask);

/* Whether the MSR is an MTRR or IA32_MTRRCAP. */
bool mtrr_has(uint32_t msr);

/* RDMSR and WRMSR; only for an MSR that mtrr_has(). mtrr_write() returns false for #GP: a reserved
 * bit, an undefined memory type, or IA32_MTRRCAP, which is read-only. */
uint64_t mtrr_read(const struct mtrr *mtrr, uint32_t msr);
bool mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value, uint64_t physical_mask);
