/* json/scan_blocks.h: how a container is skipped, for scan_sse2.c, scan_avx2.c and scan_avx512.c, which say before they include this what
 * a block of BLOCK_BYTES is: struct block, load_block(), block_equals(), block_brackets(), prefix_xor().
 *
 * Each block becomes bit masks, one bit a byte, lowest bit first:
 *
 *     text        { " a " : " [ \ " " , " b " : [ 1 ] }
 *     quotes        1   1   1       1   1   1              those that no backslash escapes
 *     in_string     1 1     1 1 1 1     1 1                every bit is the XOR of all quotes up to it
 *     brackets    1                             1   1 1    outside of strings
 *
 * Counting goes on only over the brackets, so the time does not depend on how many strings, escapes and numbers there
 * are. What crosses a block's end are two bits: inside a string, behind a backslash. (The idea is Langdale and Lemire's,
 * "Parsing gigabytes of JSON per second", 2019.) */
#ifndef WEIR_JSON_SCAN_BLOCKS_H
#define WEIR_JSON_SCAN_BLOCKS_H

/* Less than a block, with zeros behind it. */
static struct block load_rest(const char *at, size_t bytes)
{
    char copy[BLOCK_BYTES] = {0};
    memcpy(copy, at, bytes);
    return load_block(copy);
}

/* The bytes that a backslash escapes, backslashes left out: those behind a run of backslashes of odd length. A run is
 * as long as its first and its last bit differ; adding its first bit to it carries to the bit behind it.
 * *carry: the block before ended (in), this one ends (out) in the middle of an escape. */
static inline uint64_t escaped_by_runs(uint64_t backslashes, uint64_t *carry)
{
    const uint64_t even_bits = 0x5555555555555555;
    uint64_t first_is_escaped = *carry;
    backslashes &= ~first_is_escaped;
    uint64_t starts = backslashes & ~(backslashes << 1);
    uint64_t even_ends, odd_ends = backslashes + (starts & ~even_bits);
    bool even_overflows = __builtin_add_overflow(backslashes, starts & even_bits, &even_ends);
    (void)even_overflows; /* bit 64 is even: a run from an even bit up to here is of even length */
    *carry = odd_ends < backslashes;
    return ((even_ends & ~backslashes & ~even_bits) | (odd_ends & ~backslashes & even_bits)) |
           first_is_escaped;
}

/* The same; mostly no two backslashes meet. */
static inline uint64_t escaped_bytes(uint64_t backslashes, uint64_t *carry)
{
    uint64_t escaped = backslashes << 1 | *carry;
    if (UNLIKELY(backslashes & escaped)) return escaped_by_runs(backslashes, carry);
    *carry = backslashes >> 63;
    return escaped;
}

static inline const char *scan_container(const char *at, const char *end)
{
    const char *const start = at;
    uint64_t escape_carry = 0, string_carry = 0; /* one bit; all ones or none */
    size_t depth = 0;
    for (; at < end; at += BLOCK_BYTES) {
        struct block x;
        uint64_t fresh = UINT64_MAX; /* but of the last block, which overlaps the one before */
        if (LIKELY(end - at >= BLOCK_BYTES)) {
            x = load_block(at);
        } else if (end - start < BLOCK_BYTES) {
            x = load_rest(at, (size_t)(end - at));
        } else {
            unsigned seen = BLOCK_BYTES - (unsigned)(end - at);
            fresh <<= seen;
            escape_carry <<= seen;
            at -= seen;
            x = load_block(at);
        }
        uint64_t escaped = escaped_bytes(block_equals(x, '\\') & fresh, &escape_carry);
        uint64_t quotes = block_equals(x, '"') & fresh & ~escaped;
        if (quotes == 0 && string_carry) continue;
        uint64_t in_string = prefix_xor(quotes) ^ string_carry;
        string_carry = 0 - (in_string >> 63);
        for (uint64_t brackets = block_brackets(x) & fresh & ~in_string; brackets; brackets &= brackets - 1) {
            const char *bracket = at + __builtin_ctzll(brackets);
            depth += *bracket & 2 ? 1 : (size_t)-1; /* [ and { have that bit */
            if (depth == 0) return bracket + 1;
        }
    }
    return NULL;
}

#endif
