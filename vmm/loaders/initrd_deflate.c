/* Walking over a DEFLATE stream: see vmm/loaders/initrd.h.
 *
 * The stream has no length; only a symbol in its last block marks the end, so every code must be
 * decoded. RFC 1951: the bits of a byte are read from the lowest up. A block is stored, or coded
 * with two Huffman codes, one for literals and lengths (a length, 257 to 285, has extra bits and a
 * distance behind it) and one for distances. These codes are fixed, or the block begins with their
 * code lengths, which have a third Huffman code. The bytes themselves are not needed here. */
#include "lib/memory.h"
#include "vmm/loaders/initrd.h"
#include "vmm/loaders/initrd_internal.h"

#define CODE_BITS_MAX 15u
#define FAST_BITS     9u
#define LITERALS      288u
#define DISTANCES     32u
#define LENGTH_CODES  19u
#define END_OF_BLOCK  256u
#define LAST_LENGTH   285u
#define LAST_DISTANCE 29u

enum block_type { BLOCK_STORED, BLOCK_FIXED, BLOCK_DYNAMIC };

/* The next bits; `count` of them are valid. */
struct bits {
    struct initrd_reader *reader;
    uint64_t hold;
    unsigned count;
};

/* A canonical Huffman code: how many codes have each length, and the symbols in the order of their
 * codes. `fast`, indexed by the next FAST_BITS bits, has symbol << 4 | length, or 0 if the code is
 * longer or undefined. */
struct code {
    uint16_t count[CODE_BITS_MAX + 1];
    uint16_t symbol[LITERALS];
    uint16_t fast[1u << FAST_BITS];
};

struct codes {
    struct code literal, distance;
    bool fixed; /* they are the fixed ones */
    uint8_t length[LITERALS + DISTANCES];
};

static void refill(struct bits *b) {
    struct initrd_reader *r = b->reader;
    uint64_t next;

    if (r->size >= sizeof(next) && r->at <= r->size - sizeof(next)) {
        memcpy(&next, r->file + r->at, sizeof(next));
        b->hold |= next << b->count;
        r->at += (63 - b->count) >> 3;
        b->count |= 56;
        return;
    }
    for (; b->count <= 55 && r->at < r->size; b->count += 8)
        b->hold |= (uint64_t)r->file[r->at++] << b->count;
}

/* Skips `count` bits, at most 32; false if fewer are left. */
static bool drop(struct bits *b, unsigned count) {
    if (count > b->count)
        return false;
    b->hold >>= count;
    b->count -= count;
    return true;
}

/* Reads `count` bits, at most 32; false if fewer are left. */
static bool take(struct bits *b, unsigned count, unsigned *value) {
    if (b->count < count)
        refill(b);
    *value = (unsigned)(b->hold & ((1ULL << count) - 1));
    return drop(b, count);
}

/* Returns the whole bytes that were not used to the reader. */
static void align(struct bits *b) {
    b->reader->at -= b->count >> 3;
    b->hold = b->count = 0;
}

static unsigned reversed(unsigned code, unsigned length) {
    unsigned bits = 0;

    for (; length; length--, code >>= 1)
        bits = bits << 1 | (code & 1);
    return bits;
}

/* Builds the code from the code length of each symbol; false if the lengths are not possible, or if
 * too many codes have been built for the bytes consumed so far: this is the one step whose time
 * does not depend on how many bits it reads. */
static bool make_code(struct bits *b, struct code *code, const uint8_t *length, unsigned symbols) {
    uint16_t place[CODE_BITS_MAX + 2] = {0}, next[CODE_BITS_MAX + 2] = {0};
    unsigned used = 0;

    uint64_t consumed = b->reader->at - (b->count >> 3);
    if (b->reader->codes >= INITRD_CODES_MAX(consumed))
        return false;
    b->reader->codes++;
    memset(code, 0, sizeof(*code));
    for (unsigned i = 0; i < symbols; i++)
        code->count[length[i]]++;
    code->count[0] = 0;
    for (unsigned n = 1; n <= CODE_BITS_MAX; n++) {
        used = used << 1;
        next[n] = (uint16_t)used;
        used += code->count[n];
        if (used > 1u << n)
            return false;
        place[n + 1] = (uint16_t)(place[n] + code->count[n]);
    }
    for (unsigned i = 0; i < symbols; i++) {
        unsigned n = length[i];
        if (n == 0)
            continue;
        unsigned at = place[n]++;
        if (at >= LITERALS)
            return false;
        code->symbol[at] = (uint16_t)i;
        for (unsigned bits = reversed(next[n]++, n); n <= FAST_BITS && bits < 1u << FAST_BITS;
             bits += 1u << n)
            code->fast[bits] = (uint16_t)(i << 4 | n);
    }
    return true;
}

/* Decodes bit by bit a code that is longer than FAST_BITS, or undefined. */
static enum initrd_walk slow_symbol(struct bits *b, const struct code *code, unsigned *symbol) {
    unsigned value = 0, first = 0, index = 0;

    for (unsigned n = 1; n <= CODE_BITS_MAX; n++) {
        unsigned count = code->count[n];
        if (n > b->count)
            return INITRD_CUT_OFF;
        value |= (unsigned)(b->hold >> (n - 1) & 1);
        unsigned place = index + value - first;
        if (value - first < count && place < LITERALS) {
            *symbol = code->symbol[place];
            return drop(b, n) ? INITRD_ENDED : INITRD_CUT_OFF;
        }
        index += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    return INITRD_UNKNOWN;
}

static enum initrd_walk next_symbol(struct bits *b, const struct code *code, unsigned *symbol) {
    if (b->count < CODE_BITS_MAX)
        refill(b);
    unsigned entry = code->fast[b->hold & ((1u << FAST_BITS) - 1)];
    if (entry == 0)
        return slow_symbol(b, code, symbol);
    *symbol = entry >> 4;
    return drop(b, entry & 0xf) ? INITRD_ENDED : INITRD_CUT_OFF;
}

/* How many extra bits follow the symbol of a length, or of a distance. */
static unsigned length_extra(unsigned symbol) {
    unsigned i = symbol - (END_OF_BLOCK + 1);

    return i < 8 || symbol == LAST_LENGTH ? 0 : i / 4 - 1;
}

static unsigned distance_extra(unsigned symbol) {
    return symbol < 4 ? 0 : symbol / 2 - 1;
}

/* What follows a length symbol: its extra bits and the distance. */
static enum initrd_walk walk_match(struct bits *b, const struct codes *codes, unsigned symbol) {
    unsigned value, distance = 0;

    if (symbol > LAST_LENGTH)
        return INITRD_UNKNOWN;
    if (!take(b, length_extra(symbol), &value))
        return INITRD_CUT_OFF;
    enum initrd_walk result = next_symbol(b, &codes->distance, &distance);
    if (result != INITRD_ENDED)
        return result;
    if (distance > LAST_DISTANCE)
        return INITRD_UNKNOWN;
    return take(b, distance_extra(distance), &value) ? INITRD_ENDED : INITRD_CUT_OFF;
}

/* Each symbol has at least one bit, so the loop ends with the file. */
static enum initrd_walk walk_coded(struct bits *b, const struct codes *codes) {
    unsigned symbol = 0;
    enum initrd_walk result;

    do {
        result = next_symbol(b, &codes->literal, &symbol);
        if (result == INITRD_ENDED && symbol > END_OF_BLOCK)
            result = walk_match(b, codes, symbol);
    } while (result == INITRD_ENDED && symbol != END_OF_BLOCK);
    return result;
}

/* The codes of a fixed block: built once for all of them that are in sequence. */
static enum initrd_walk fixed_codes(struct bits *b, struct codes *codes) {
    uint8_t *length = codes->length;

    if (codes->fixed)
        return INITRD_ENDED;
    memset(length, 8, LITERALS);
    memset(length + 144, 9, 256 - 144);
    memset(length + 256, 7, 280 - 256);
    memset(length + LITERALS, 5, DISTANCES);
    codes->fixed = make_code(b, &codes->literal, length, LITERALS) &&
                   make_code(b, &codes->distance, length + LITERALS, DISTANCES);
    return codes->fixed ? INITRD_ENDED : INITRD_UNKNOWN;
}

/* One of the symbols 0 to 18 that code lengths: a code length, or a number of repetitions. */
static enum initrd_walk next_lengths(struct bits *b, struct codes *codes, unsigned *done,
                                     unsigned total) {
    static const uint8_t extra[] = {2, 3, 7}, least[] = {3, 3, 11};
    unsigned symbol = 0, more;
    uint8_t length = 0;
    enum initrd_walk result = next_symbol(b, &codes->distance, &symbol);

    if (result != INITRD_ENDED)
        return result;
    if (symbol < 16) {
        codes->length[(*done)++] = (uint8_t)symbol;
        return INITRD_ENDED;
    }
    if (symbol == 16) {
        if (*done == 0)
            return INITRD_UNKNOWN;
        length = codes->length[*done - 1];
    }
    if (symbol >= LENGTH_CODES)
        return INITRD_UNKNOWN;
    if (!take(b, extra[symbol - 16], &more))
        return INITRD_CUT_OFF;
    for (more += least[symbol - 16]; more; more--) {
        if (*done >= total)
            return INITRD_UNKNOWN;
        codes->length[(*done)++] = length;
    }
    return INITRD_ENDED;
}

/* The codes of a dynamic block. codes->distance holds the code of the code lengths first. */
static enum initrd_walk read_codes(struct bits *b, struct codes *codes) {
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    unsigned literals, distances, lengths, value, done = 0;
    enum initrd_walk result = INITRD_ENDED;

    codes->fixed = false;
    if (!take(b, 5, &literals) || !take(b, 5, &distances) || !take(b, 4, &lengths))
        return INITRD_CUT_OFF;
    literals += 257;
    distances += 1;
    memset(codes->length, 0, sizeof(codes->length));
    for (unsigned i = 0; i < lengths + 4; i++) {
        if (!take(b, 3, &value))
            return INITRD_CUT_OFF;
        codes->length[order[i]] = (uint8_t)value;
    }
    if (!make_code(b, &codes->distance, codes->length, LENGTH_CODES))
        return INITRD_UNKNOWN;
    while (result == INITRD_ENDED && done < literals + distances)
        result = next_lengths(b, codes, &done, literals + distances);
    if (result != INITRD_ENDED)
        return result;
    return make_code(b, &codes->literal, codes->length, literals) &&
                   make_code(b, &codes->distance, codes->length + literals, distances)
               ? INITRD_ENDED
               : INITRD_UNKNOWN;
}

/* A stored block begins with its length and the one's complement of that. */
static enum initrd_walk walk_stored(struct bits *b) {
    uint64_t length;

    align(b);
    if (!initrd_take(b->reader, 4, &length))
        return INITRD_CUT_OFF;
    if ((length & 0xffff) != (~length >> 16 & 0xffff))
        return INITRD_UNKNOWN;
    return initrd_skip(b->reader, length & 0xffff) ? INITRD_ENDED : INITRD_CUT_OFF;
}

static enum initrd_walk walk_block(struct bits *b, struct codes *codes, unsigned type) {
    enum initrd_walk result = INITRD_UNKNOWN;

    if (type == BLOCK_STORED)
        return walk_stored(b);
    if (type == BLOCK_FIXED)
        result = fixed_codes(b, codes);
    else if (type == BLOCK_DYNAMIC)
        result = read_codes(b, codes);
    return result == INITRD_ENDED ? walk_coded(b, codes) : result;
}

enum initrd_walk initrd_walk_deflate(struct initrd_reader *r) {
    struct bits b = {r, 0, 0};
    struct codes codes = {0};
    enum initrd_walk result;
    unsigned last, type;

    do { /* each block has at least 3 bits */
        if (!take(&b, 1, &last) || !take(&b, 2, &type))
            return INITRD_CUT_OFF;
        result = walk_block(&b, &codes, type);
    } while (result == INITRD_ENDED && !last);
    align(&b);
    return result;
}
