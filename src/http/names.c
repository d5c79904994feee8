/* http/names.c: what header names, status codes and header lists mean.
 *
 * A name is recognised by one look into a table (length, first and last letter) and one comparison that
 * folds case: no allocation, no copy. Two rows of HTTP_NAMES that meet in one slot do not compile; then
 * SLOT takes other factors. */
#include "http/names.h"

#include "base/check.h"
#include "http/bytes.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { NAME_ROOM = 32 }; /* padded, so that two loads of 16 bytes compare a whole name */

struct name_row {
    char text[NAME_ROOM];
    size_t len;
};

#define AS_ROW(id, text, first, last) [id] = {text, sizeof(text) - 1},
static const struct name_row rows[H_COUNT] = {HTTP_NAMES(AS_ROW)};

#define CHECK_ROOM(id, text, first, last)                                                                    \
    static_assert(sizeof(text) <= NAME_ROOM, "longer than NAME_ROOM: " text);
HTTP_NAMES(CHECK_ROOM)

/* Letters count without their case bit; so does '-', which no name begins or ends with. */
#define SLOT(len, first, last) ((uint8_t)((len) + ((first)&0x1f) * 7u + ((last)&0x1f) * 27u))
#define AS_SLOT(id, text, first, last) [SLOT(sizeof(text) - 1, first, last)] = id,
static const uint8_t slots[256] = {HTTP_NAMES(AS_SLOT)};
static_assert(H_COUNT <= 256, "slots hold bytes");

enum http_name http_name_id(struct str name)
{
    if (name.len == 0) return H_OTHER;
    enum http_name id = slots[SLOT(name.len, (unsigned)name.at[0], (unsigned)name.at[name.len - 1])];
    const struct name_row *row = &rows[id];
    return row->len == name.len && str_equals_nocase(name, str_of(row->text, row->len)) ? id : H_OTHER;
}

struct str http_name_text(enum http_name id)
{
    require(id > H_OTHER && id < H_COUNT);
    return str_of(rows[id].text, rows[id].len);
}

#ifdef __SSE2__
/* Of 16 bytes: which are letters, digits or '-'? */
static unsigned plain_mask(__m128i v)
{
    __m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i is_dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_letter, is_digit), is_dash));
}

/* Of 16 bytes: which are those of the row? Only its letters may differ in their case bit. */
static unsigned equal_mask(__m128i v, const char *row)
{
    __m128i r = _mm_loadu_si128((const __m128i *)(const void *)row);
    __m128i case_bits = _mm_and_si128(_mm_cmpgt_epi8(r, _mm_set1_epi8('a' - 1)), _mm_set1_epi8(0x20));
    __m128i differs = _mm_andnot_si128(case_bits, _mm_xor_si128(v, r));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(differs, _mm_setzero_si128()));
}

static __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* For names of up to 31 bytes with 32 readable ones: one of ours (whose bytes need no look of their own),
 * or letters, digits and '-' only. 0: look closer. */
static size_t scan_wide(const char *at, enum http_name *id)
{
    __m128i low = load(at), high = load(at + 16), colon = _mm_set1_epi8(':');
    unsigned colons = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(low, colon));
    if (!colons) colons = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(high, colon)) << 16;
    unsigned len = colons ? (unsigned)__builtin_ctz(colons) : 0;
    if (len == 0) return 0;
    uint32_t name_bytes = (1u << len) - 1;
    enum http_name found = slots[SLOT(len, (unsigned)at[0], (unsigned)at[len - 1])];
    const struct name_row *row = &rows[found];
    if (row->len == len) {
        uint32_t equal = equal_mask(low, row->text);
        if (len > 16) equal |= equal_mask(high, row->text + 16) << 16;
        *id = found;
        if ((equal & name_bytes) == name_bytes) return len;
    }
    *id = H_OTHER;
    uint32_t plain = plain_mask(low);
    if (len > 16) plain |= plain_mask(high) << 16;
    return (plain & name_bytes) == name_bytes ? len : 0;
}
#endif

size_t http_name_scan(const char *at, const char *end, enum http_name *id)
{
#ifdef __SSE2__
    if (end - at >= NAME_ROOM) {
        size_t len = scan_wide(at, id);
        if (len) return len;
    }
#endif
    size_t len = (size_t)(byte_skip(at, end, BYTE_TOKEN) - at);
    *id = http_name_id(str_of(at, len));
    return len;
}

const struct http_header *http_headers_find(const struct http_headers *h, enum http_name id)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->at[i].id == id) return &h->at[i];
    return NULL;
}

const struct http_header *http_headers_find_text(const struct http_headers *h, struct str name)
{
    for (unsigned i = 0; i < h->count; i++)
        if (str_equals_nocase(h->at[i].name, name)) return &h->at[i];
    return NULL;
}

struct str http_headers_value(const struct http_headers *h, enum http_name id)
{
    const struct http_header *found = http_headers_find(h, id);
    return found ? found->value : (struct str){NULL, 0};
}

bool http_list_has(struct str list, struct str token)
{
    while (list.at) {
        struct str member = str_trim(str_cut(&list, ','));
        if (str_equals_nocase(member, token)) return true;
    }
    return false;
}

bool http_header_is_hop_by_hop(const struct http_header *h, const struct http_headers *all)
{
    switch (h->id) {
    case H_CONNECTION:
    case H_KEEP_ALIVE:
    case H_PROXY_CONNECTION:
    case H_PROXY_AUTHENTICATE:
    case H_PROXY_AUTHORIZATION:
    case H_TE:
    case H_TRAILER:
    case H_TRANSFER_ENCODING:
    case H_UPGRADE: return true;
    default: break;
    }
    for (unsigned i = 0; i < all->count; i++)
        if (all->at[i].id == H_CONNECTION && http_list_has(all->at[i].value, h->name)) return true;
    return false;
}

bool http_value_is_valid(struct str value)
{
    if (value.len == 0) return true;
    const char *last = value.at + value.len - 1;
    bool has_blanks_around = *value.at == ' ' || *value.at == '\t' || *last == ' ' || *last == '\t';
    return !has_blanks_around && byte_skip_value(value.at, last + 1) == last + 1;
}

static const struct {
    int status;
    struct str reason;
} reasons[] = {
    {200, STR_INIT("OK")}, /* first: it is asked for most */
    {100, STR_INIT("Continue")},
    {101, STR_INIT("Switching Protocols")},
    {201, STR_INIT("Created")},
    {202, STR_INIT("Accepted")},
    {204, STR_INIT("No Content")},
    {206, STR_INIT("Partial Content")},
    {301, STR_INIT("Moved Permanently")},
    {302, STR_INIT("Found")},
    {303, STR_INIT("See Other")},
    {304, STR_INIT("Not Modified")},
    {307, STR_INIT("Temporary Redirect")},
    {308, STR_INIT("Permanent Redirect")},
    {400, STR_INIT("Bad Request")},
    {401, STR_INIT("Unauthorized")},
    {402, STR_INIT("Payment Required")},
    {403, STR_INIT("Forbidden")},
    {404, STR_INIT("Not Found")},
    {405, STR_INIT("Method Not Allowed")},
    {406, STR_INIT("Not Acceptable")},
    {408, STR_INIT("Request Timeout")},
    {409, STR_INIT("Conflict")},
    {410, STR_INIT("Gone")},
    {412, STR_INIT("Precondition Failed")},
    {413, STR_INIT("Content Too Large")},
    {414, STR_INIT("URI Too Long")},
    {415, STR_INIT("Unsupported Media Type")},
    {416, STR_INIT("Range Not Satisfiable")},
    {417, STR_INIT("Expectation Failed")},
    {421, STR_INIT("Misdirected Request")},
    {422, STR_INIT("Unprocessable Content")},
    {424, STR_INIT("Failed Dependency")},
    {425, STR_INIT("Too Early")},
    {426, STR_INIT("Upgrade Required")},
    {428, STR_INIT("Precondition Required")},
    {429, STR_INIT("Too Many Requests")},
    {431, STR_INIT("Request Header Fields Too Large")},
    {451, STR_INIT("Unavailable For Legal Reasons")},
    {499, STR_INIT("Client Closed Request")},
    {500, STR_INIT("Internal Server Error")},
    {501, STR_INIT("Not Implemented")},
    {502, STR_INIT("Bad Gateway")},
    {503, STR_INIT("Service Unavailable")},
    {504, STR_INIT("Gateway Timeout")},
    {505, STR_INIT("HTTP Version Not Supported")},
    {529, STR_INIT("Overloaded")},
};

struct str http_status_reason(int status)
{
    for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
        if (reasons[i].status == status) return reasons[i].reason;
    return STR("");
}
