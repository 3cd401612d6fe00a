/* Formatting: each conversion with each flag, any numbers and strings, any room.
 * Assumed: formats are the hypervisor's own, and the compiler compares their arguments with them.
 * The texts here stand for other literals. */
#include "lib/format.h"

#include "tests/analysis/any.h"

static char odd[] = "%-09d %5 %q 100%"; /* the compiler would refuse this literal */
static char out[40], name[9];

int main(void) {
    size_t size = any_below(sizeof(out) + 1);
    struct text text = {.out = out, .size = size, .length = any()};

    any_bytes(name, sizeof(name) - 1);
    format(out, size, "%d", (int)any());
    format(out, size, "%-8ld|", (long)any());
    format(out, size, "%030ld|", (long)any());
    format(out, size, "%9999u%%", (unsigned)any());
    format(out, size, "0x%016lx", any());
    format(out, size, "%zu", (size_t)any());
    format(out, size, "%s|%12s|%-12s", name, name, name);
    format(out, size, "%s", any_bool() ? "text" : NULL);
    format(out, size, odd, (int)any());
    text_add(&text, "%x", (unsigned)any());
    return 0;
}
