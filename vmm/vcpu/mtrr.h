/* A vCPU's memory type range registers.
 *
 * They are storage that an operating system reads, checks and may rewrite; what really decides is
 * EPT, where guest memory is write-back and everything else is emulated. SDM Vol. 3A, "Memory Type
 * Range Registers (MTRRs)". Pure. */
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

/* As firmware leaves them: write-back, but for the video memory and for the devices' addresses, 3
 * to 4 GiB. physical_mask: the valid address bits, here and below. */
void mtrr_firmware_defaults(struct mtrr *mtrr, uint64_t physical_mask);

/* Whether the MSR is one of them, IA32_MTRRCAP included. */
bool mtrr_has(uint32_t msr);

/* RDMSR and WRMSR of one that mtrr_has(). A write returns false for #GP: a reserved bit, a type
 * that does not exist, or the read-only capability register. */
uint64_t mtrr_read(const struct mtrr *mtrr, uint32_t msr);
bool mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value, uint64_t physical_mask);
