/* json/scan_text.h: how long strings are searched, for scan_avx2.c and scan_avx512.c, which say before they include this
 * (behind scan_blocks.h) what masks of a block they have: block_equals(), block_controls(), block_escapes(), block_high(). */
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

static inline const char *scan_text(const char *at, const char *end, bool *is_ascii)
{
    uint64_t carry = 0; /* one bit: the block before ended with a backslash */
    for (; end - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
        struct block x = load_block(at);
        uint64_t backslashes = block_equals(x, '\\'), escaped = backslashes << 1 | carry;
        if (UNLIKELY(backslashes & escaped))
            escaped = escaped_bytes(backslashes, &carry);
        else
            carry = backslashes >> 63;
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
