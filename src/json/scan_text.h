/* json/scan_text.h: how long strings are searched, for scan_avx2.c and scan_avx512.c, which say before they include this
 * (behind scan_blocks.h) what masks of a block they have: block_equals(), block_controls(), block_escapes(), block_high(),
 * and are_ordinary(), which judges GROUP_BYTES at once. */
#ifndef WEIR_JSON_SCAN_TEXT_H
#define WEIR_JSON_SCAN_TEXT_H

/* Where the lowest of `stops` is; bytes above 0x7f before it are remembered. */
static inline const char *stop_at(struct block x, const char *at, uint64_t stops, bool *is_ascii)
{
    if (block_high(x) & ((stops & -stops) - 1)) *is_ascii = false;
    return at + __builtin_ctzll(stops);
}

static inline const char *scan_string_long(const char *at, const char *end, bool *is_ascii)
{
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        struct block x = load_block(at);
        uint64_t stops = block_equals(x, '"') | block_equals(x, '\\') | block_controls(x);
        if (stops) return stop_at(x, at, stops, is_ascii);
        if (UNLIKELY(block_high(x))) *is_ascii = false;
    }
    return json_scan_string_long_sse2(at, end, is_ascii);
}

/* Long text is nearly all ordinary: no quote but behind a backslash, and behind each backslash a letter that may stand there.
 * Whole groups of it are told by one comparison, without a mask for each question. What is not ordinary may still be right
 * (two backslashes, \u): it is looked at block by block. A block that was clean comes before the first group, so that text
 * full of such things does not pay for both. */
static inline const char *scan_text(const char *at, const char *end, bool *is_ascii)
{
    uint64_t carry = 0; /* one bit: the block before ended with a backslash that escapes what follows */
    const char *next_group = at + BLOCK_BYTES;
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        if (at >= next_group && end - at >= GROUP_BYTES && carry == (at[-1] == '\\')) {
            while (end - at >= GROUP_BYTES && are_ordinary(at, is_ascii)) at += GROUP_BYTES;
            carry = at[-1] == '\\';
            next_group = at + GROUP_BYTES;
            if (end - at < BLOCK_BYTES) break;
        }
        struct block x = load_block(at);
        uint64_t escaped = escaped_bytes(block_equals(x, '\\'), &carry);
        uint64_t wrong = escaped & ~block_escapes(x);
        uint64_t stops = (block_equals(x, '"') & ~escaped) | block_controls(x) | wrong;
        if (stops) {
            at = stop_at(x, at, stops, is_ascii);
            return wrong & stops & -stops ? at - 1 : at;
        }
        if (UNLIKELY(block_high(x))) *is_ascii = false;
    }
    return json_scan_text_scalar(at - carry, end, is_ascii);
}

#endif
