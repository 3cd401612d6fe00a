/* The memory type range registers: any sequence of RDMSR and WRMSR, of any MSR and value.
 * Assumed: the exit handler asks mtrr_has() first. */
#include "vmm/vcpu/mtrr.h"

#include "tests/analysis/any.h"

int main(void) {
    struct mtrr mtrr;
    uint64_t physical_mask = any();

    mtrr_firmware_defaults(&mtrr, physical_mask);
    while (any_bool()) {
        uint32_t msr = (uint32_t)any();

        if (!mtrr_has(msr))
            continue;
        mtrr_read(&mtrr, msr);
        mtrr_write(&mtrr, msr, any(), physical_mask);
    }
    return 0;
}
