/* What a vCPU finds in its registers when it starts.
 *
 * look.asm saves what the mode of the start shows, before an instruction changes it, and in 64-bit
 * mode what only that shows. look.c adds MSRs and the local APIC, before start.c enables it. One
 * vCPU starts at a time, because all use the same memory. Read next: main.c. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/apic_registers.h"
#include "arch/msr.h"

#define LOOK_PAGE       0x9000u     /* where a SIPI starts a vCPU that saves its registers */
#define LOOK_AT         0xa000u     /* struct look: below 64 KiB, for real mode */
#define LOOK_MARK       0x600d1234u /* the word that is read through each segment */
#define LOOK_XSAVE_SIZE 4096

/* An MSR that nothing changes before look.c reads it. A value that is not `start` is written by
 * fill(); after_init: what INIT makes of that. */
struct start_msr {
    uint32_t number;
    const char *name;
    uint64_t start, filled, after_init;
};

/* A register of the local APIC: its value after reset and INIT. */
struct start_apic {
    uint32_t offset;
    uint32_t value;
};

#define START_MSR_COUNT  47
#define START_APIC_COUNT 41
extern const struct start_msr start_msrs[START_MSR_COUNT];
extern const struct start_apic start_apic[START_APIC_COUNT];

/* Whether CPUID offers the MSR. */
bool start_has_msr(uint32_t number);

struct look {
    uint64_t general[8]; /* as encoded: EAX ECX EDX EBX ESP EBP ESI EDI */
    uint64_t upper[8];   /* R8 to R15 */
    uint64_t flags;
    uint64_t segment[6]; /* as encoded: ES CS SS DS FS GS */
    uint64_t through[6]; /* `mark`, read through each */
    uint64_t mark;
    uint64_t gdtr, idtr; /* the limit in bits 15:0, then the base */
    uint64_t ldtr, tr, cr0, cr2, cr3, cr4, cr8, dr[4], dr6, dr7, xcr0, efer, fs_base, gs_base;
    uint64_t msr[START_MSR_COUNT]; /* from here on by look.c */
    uint32_t apic[START_APIC_COUNT];
};
_Static_assert(offsetof(struct look, msr) == 49 * 8, "as in look.asm");

/* Written by look.asm: all components that CPUID offers. */
extern uint8_t look_xsave[LOOK_XSAVE_SIZE];

/* In look.asm: the code for LOOK_PAGE; fills the general-purpose registers and waits. */
extern const char look_real_mode[], look_real_mode_end[];
_Noreturn void fill_and_wait(void);

/* Called by look.asm. */
void look_at_others(void);

/* Fills every register but those of fill_and_wait(). fill_xsave: what XSAVE shows then. */
extern uint8_t fill_xsave[LOOK_XSAVE_SIZE];
void fill(void);
