/* base/str.c: questions about bytes that somebody else owns. */
#include "base/str.h"

#include "base/attributes.h"

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Of four to seven bytes the first four and the last four. */
static uint64_t load_ends(struct str s)
{
    uint32_t first, last;
    memcpy(&first, s.at, sizeof first);
    memcpy(&last, s.at + s.len - sizeof last, sizeof last);
    return first | (uint64_t)last << 32;
}

/* ascii_lower() of eight bytes: in seven bits 'A' and more, but not more than 'Z', reach the eighth by an addition. */
static uint64_t word_lower(uint64_t word)
{
    uint64_t low = word & EACH_BYTE(0x7f);
    uint64_t is_letter = ((low + EACH_BYTE(0x80 - 'A')) ^ (low + EACH_BYTE(0x7f - 'Z'))) & ~word &
                         EACH_BYTE(0x80);
    return word | is_letter >> 2;
}

static bool words_match(const char *a, const char *b)
{
    uint64_t x = load_word(a), y = load_word(b);
    return x == y || word_lower(x) == word_lower(y);
}

bool str_equals_nocase(struct str a, struct str b)
{
    if (a.len != b.len) return false;
    size_t i = 0;
    if (a.len >= 8) {
        for (; i + 8 < a.len; i += 8)
            if (!words_match(a.at + i, b.at + i)) return false;
        return words_match(a.at + a.len - 8, b.at + a.len - 8); /* overlaps the one before */
    }
    if (a.len >= 4) {
        uint64_t x = load_ends(a), y = load_ends(b);
        return x == y || word_lower(x) == word_lower(y);
    }
    for (; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i])) return false;
    return true;
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equals(str_of(s.at, prefix.len), prefix);
}

bool str_starts_with_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equals_nocase(str_of(s.at, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equals(str_from(s, s.len - suffix.len), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    if (order != 0) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

struct str str_from(struct str s, size_t from)
{
    if (from >= s.len) return str_of(s.at ? s.at + s.len : NULL, 0);
    return str_of(s.at + from, s.len - from);
}

struct str str_part(struct str s, size_t from, size_t count)
{
    struct str rest = str_from(s, from);
    if (rest.len > count) rest.len = count;
    return rest;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.at[0])) s = str_from(s, 1);
    while (s.len > 0 && is_blank(s.at[s.len - 1])) s.len--;
    return s;
}

size_t str_find_char(struct str s, char c)
{
    const char *hit = s.len ? memchr(s.at, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.at) : SIZE_MAX;
}

size_t str_find(struct str s, struct str needle)
{
    if (needle.len == 0) return 0;
    const char *hit = s.len >= needle.len ? memmem(s.at, s.len, needle.at, needle.len) : NULL;
    return hit ? (size_t)(hit - s.at) : SIZE_MAX;
}

bool str_contains_nocase(struct str s, struct str needle)
{
    if (needle.len == 0) return true;
    char first = ascii_lower(needle.at[0]);
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (ascii_lower(s.at[i]) == first && str_equals_nocase(str_of(s.at + i, needle.len), needle))
            return true;
    return false;
}

struct str str_cut(struct str *rest, char separator)
{
    size_t at = str_find_char(*rest, separator);
    struct str before = *rest;
    if (at == SIZE_MAX) {
        *rest = str_of(NULL, 0);
        return before;
    }
    before.len = at;
    *rest = str_from(*rest, at + 1);
    return before;
}

bool str_to_u63(struct str s, int64_t *out)
{
    if (s.len == 0) return false;
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') return false;
        int digit = s.at[i] - '0';
        if (i >= 18 && n > (INT64_MAX - digit) / 10) return false; /* 18 digits always fit */
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    if (s.len > 0 && s.at[0] == '-') {
        int64_t n;
        if (!str_to_u63(str_from(s, 1), &n)) return false;
        *out = -n;
        return true;
    }
    return str_to_u63(s, out);
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.at[i]) * 0x100000001b3u;
    return h ^ (h >> 32);
}

bool str_equals_secret(struct str a, struct str b)
{
    if (a.len != b.len) return false;
    unsigned char differs = 0;
    for (size_t i = 0; i < a.len; i++) differs |= (unsigned char)(a.at[i] ^ b.at[i]);
    return differs == 0;
}

/* Greedy with one way back: the last star may always take one byte more. */
bool str_matches(struct str pattern, struct str s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, taken = 0;
    while (i < s.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            taken = i;
        } else if (p < pattern.len && pattern.at[p] == s.at[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*') p++;
    return p == pattern.len;
}
