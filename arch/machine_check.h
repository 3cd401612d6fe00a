/* What a machine check was: the bank registers, in words. Pure. SDM Vol. 3B, "Machine-Check
 * Architecture" and "Interpreting Machine Check Error Codes". Read next: vmm/host/machine_check.h.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* One bank: the values of its registers; address and misc are 0 where the status says they are not
 * valid. */
struct machine_check_bank {
    unsigned number;
    uint64_t status, address, misc;
};

#define MC_STATUS_VALID          (1ULL << 63)
#define MC_STATUS_OVERFLOW       (1ULL << 62)
#define MC_STATUS_UNCORRECTED    (1ULL << 61)
#define MC_STATUS_MISC_VALID     (1ULL << 59)
#define MC_STATUS_ADDRESS_VALID  (1ULL << 58)
#define MC_STATUS_CONTEXT_BROKEN (1ULL << 57)

/* Writes one line without its newline to `out`. */
void machine_check_text(const struct machine_check_bank *bank, char *out, size_t size);
