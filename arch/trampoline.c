/* Copies the trampoline: see trampoline.h. */
#include "arch/trampoline.h"

#include "lib/memory.h"

extern const char trampoline_begin[], trampoline_end[], trampoline_arguments[];

void trampoline_place(void *page, const struct trampoline_arguments *arguments) {
    memcpy(page, trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
    memcpy((char *)page + (trampoline_arguments - trampoline_begin), arguments, sizeof(*arguments));
}
