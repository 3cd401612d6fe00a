/* Pages of 4 KiB for the tests: the linear addresses from 2 MiB to 4 MiB in 64-bit mode. */
#pragma once
#include "tests/machine/one_vm.h"

#define PAGES      0x200000ULL /* linear */
#define PAGE_TABLE 0x104000u
#define PAGE       0x1000ULL

/* Bits of an entry: SDM Vol. 3A, "Paging-Structure Entries". */
#define PRESENT     1ULL
#define WRITABLE    2ULL
#define USER        4ULL
#define ACCESSED    0x20ULL
#define DIRTY       0x40ULL

#define KERNEL_DATA (PRESENT | WRITABLE)

static inline uint64_t *page_entry(unsigned number) {
    return (uint64_t *)(vm->ram + PAGE_TABLE) + number;
}

/* Page `number` of the linear addresses from PAGES on is at this physical address. */
static inline void map(unsigned number, uint64_t physical, uint64_t flags) {
    *page_entry(number) = physical | flags;
}

static inline int set_up_paging(void **state) {
    set_up_long_mode(state);
    ((uint64_t *)(vm->ram + MACHINE_TABLES + 0x2000))[1] = PAGE_TABLE | PRESENT | WRITABLE | USER;
    return 0;
}

static inline void be_user(void) {
    machine_set(VMCS_GUEST_SS_ACCESS_RIGHTS, 0xc0f3);
    machine_set(VMCS_GUEST_CS_ACCESS_RIGHTS, 0xa0fb);
}
