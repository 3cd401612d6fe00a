/* GDT and TSS of a CPU.
 *
 * A VM exit loads the selectors of the VMCS's host-state area, so each CPU has one table that never
 * changes. The TSS provides the interrupt stack table (IST): NMI, #DF, #MC and #PF run on stacks of
 * their own, because they can arrive while the current stack is invalid or in use. SDM Vol. 3A,
 * "64-Bit Mode Stack Switching". Read next: cpu.h. */
#pragma once
#include <stdint.h>

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

enum interrupt_stack { IST_NMI = 1, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_PAGE_FAULT, IST_END };

struct task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
} __attribute__((packed));
_Static_assert(sizeof(struct task_state) == 104, "SDM Vol. 3A, \"64-Bit TSS Format\"");

struct segments {
    _Alignas(64) uint64_t gdt[5];
    struct task_state tss;
};

/* What LGDT and LIDT load. SDM Vol. 3A, "Memory-Management Registers". */
struct table_register {
    uint16_t limit; /* the table's last byte */
    uint64_t base;
} __attribute__((packed));

/* Fills in the tables and loads GDTR, the segment registers and TR on the current CPU. This sets
 * the base of GS to 0: the caller sets it afterwards. ist_top[i] is the top of stack i of enum
 * interrupt_stack. SDM Vol. 3A, "System Data Structure Initialization". */
void segments_load(struct segments *segments, const uint64_t ist_top[IST_END]);
