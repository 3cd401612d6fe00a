/* Walking a guest's page tables: any control registers, any memory, which other vCPUs write at any
 * time.
 * Assumed: the memory is as large as `ram_size` says, which the hypervisor sets. 64 KiB stand for
 * the up to 3 GiB of a guest: the code compares with the size and never counts up to it. */
#include "vmm/emulate/guest_walk.h"

#include "arch/control_registers.h"
#include "arch/msr.h"
#include "tests/analysis/any.h"

static volatile uint64_t ram[8192];

static void walk_all(const struct guest_paging *paging) {
    uint64_t physical;
    uint32_t error_code;

    guest_walk(paging, any());
    guest_walk_64bit(paging->ram, paging->ram_size, any(), any());
    guest_walk_data(paging, any(), (uint32_t)any(), any_bool(), &physical, &error_code);
}

/* One call for each paging mode: the bits that select it, and any others that the walk reads. */
int main(void) {
    struct guest_paging paging = {
        .cr0 = any(),
        .cr3 = any(),
        .cr4 = any_bool() ? CR4_PSE : 0,
        .pdpte = {any(), any(), any(), any()},
        .ram = (uint8_t *)ram,
        .ram_size = sizeof(ram),
    };

    walk_all(&paging); /* 32-bit, or none */
    paging.cr4 = CR4_PAE;
    walk_all(&paging);
    paging.cr4 = any_bool() ? CR4_PAE | CR4_LA57 : CR4_PAE;
    paging.efer = EFER_LMA;
    walk_all(&paging);
    return 0;
}
