/* Printing machine checks: see machine_check.h. */
#include "vmm/host/machine_check.h"

#include <stdint.h>

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/machine_check.h"
#include "arch/msr.h"
#include "drivers/console.h"

#define BANKS_MAX 32 /* more are not architectural */
#define LINE_SIZE 160

unsigned machine_check_print(void) {
    char line[LINE_SIZE];
    unsigned printed = 0;

    if (!(cpuid(CPUID_LEAF_FEATURES, 0).edx & CPUID_1_EDX_MCA))
        return 0;
    uint32_t banks = rdmsr(MSR_IA32_MCG_CAP) & 0xff;
    for (uint32_t i = 0; i < banks && i < BANKS_MAX; i++) {
        struct machine_check_bank bank = {.number = i,
                                          .status = rdmsr(MSR_IA32_MC0_STATUS + 4 * i)};

        if (!(bank.status & MC_STATUS_VALID))
            continue;
        if (bank.status & MC_STATUS_ADDRESS_VALID)
            bank.address = rdmsr(MSR_IA32_MC0_ADDR + 4 * i);
        if (bank.status & MC_STATUS_MISC_VALID)
            bank.misc = rdmsr(MSR_IA32_MC0_MISC + 4 * i);
        machine_check_text(&bank, line, sizeof(line));
        console_print("pinwheel: machine check, %s\n", line);
        printed++;
    }
    return printed;
}
