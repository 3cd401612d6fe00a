/* Looks up an address in the image's symbol table: see symbols.h. */
#include "arch/symbols.h"

/* Set by linker.ld. In the first link image_symbols equals image_end: there is no table yet. */
extern const uint8_t image_text[], image_rodata[], image_symbols[], image_end[];

struct symbol {
    uint32_t address; /* from SYMBOLS_BASE */
    uint32_t name;    /* from the start of the strings */
};

struct symbol_table {
    uint32_t count;
    uint32_t reserved;
    struct symbol symbol[];
};
_Static_assert(sizeof(struct symbol) == 8, "what tools/symbols.awk writes");
_Static_assert(offsetof(struct symbol_table, symbol) == 8, "what tools/symbols.awk writes");

const char *symbols_find(const void *start, size_t size, uint64_t address, uint64_t *offset) {
    const struct symbol_table *table = start;
    if (size < sizeof(*table) || table->count > (size - sizeof(*table)) / sizeof(struct symbol))
        return NULL;

    uint64_t wanted = address - SYMBOLS_BASE;
    if (table->count == 0 || address < SYMBOLS_BASE || wanted < table->symbol[0].address)
        return NULL;

    /* Invariant: the last symbol at or below `wanted` is in [low, high). */
    uint32_t low = 0, high = table->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (table->symbol[middle].address <= wanted)
            low = middle;
        else
            high = middle;
    }

    const char *strings = (const char *)&table->symbol[table->count];
    size_t strings_size = size - sizeof(*table) - table->count * sizeof(struct symbol);
    size_t name = table->symbol[low].name, end = name;
    while (end < strings_size && strings[end])
        end++;
    if (end >= strings_size)
        return NULL;

    *offset = wanted - table->symbol[low].address;
    return strings + name;
}

const char *symbol_lookup(uint64_t address, uint64_t *offset) {
    if (address < (uintptr_t)image_text || address >= (uintptr_t)image_rodata)
        return NULL;
    return symbols_find(image_symbols, (uintptr_t)image_end - (uintptr_t)image_symbols, address,
                        offset);
}
