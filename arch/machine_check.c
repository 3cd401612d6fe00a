/* Machine checks in words: see machine_check.h. */
#include "arch/machine_check.h"

#include "lib/format.h"

/* The kinds of error by the highest bit of the code that is 1, bit 12 (filtering) left out; a code
 * below 16 is one of the simple ones. */
static const char *kind_of(uint16_t code) {
    code &= 0xefff;
    if (code & 0x0800)
        return "bus or interconnect";
    if (code & 0x0400)
        return "internal";
    if (code & 0x0200)
        return "unknown kind";
    if (code & 0x0100)
        return "cache";
    if (code & 0x0080)
        return "memory controller";
    if (code & 0x0010)
        return "TLB";
    return code == 0 ? "no error code" : code < 16 ? "internal" : "unknown kind";
}

void machine_check_text(const struct machine_check_bank *bank, char *out, size_t size) {
    struct text text = {.out = out, .size = size};

    text_add(&text, "bank %u: %s error, status 0x%016lx", bank->number,
             kind_of((uint16_t)bank->status), bank->status);
    if (bank->status & MC_STATUS_ADDRESS_VALID)
        text_add(&text, ", address 0x%lx", bank->address);
    if (bank->status & MC_STATUS_MISC_VALID)
        text_add(&text, ", misc 0x%lx", bank->misc);
    text_add(&text, "%s%s%s",
             bank->status & MC_STATUS_UNCORRECTED ? ", uncorrected" : ", corrected",
             bank->status & MC_STATUS_CONTEXT_BROKEN ? ", processor context corrupt" : "",
             bank->status & MC_STATUS_OVERFLOW ? ", others lost" : "");
}
