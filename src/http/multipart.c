/* http/multipart.c: a state for each place that a body can be cut at.
 *
 *     PREAMBLE --delimiter--> BEHIND --CRLF--> HEAD --blank line--> DATA --delimiter--> BEHIND …
 *                               '-- "--" --> CLOSED --CRLF, end--> EPILOGUE
 *
 * A delimiter is CRLF "--" boundary; its CRLF is no part of the data. A boundary holds no CR, so after a mismatch nothing
 * but a new CR can begin another one: the bytes that matched so far are data, and they are known without being kept. At
 * the very start, and right behind a part's head, the delimiter's CRLF is imagined: at the start that is how a body
 * begins; behind a head it would be a part without the blank line, which readers disagree about. */
#include "http/multipart.h"

#include "base/check.h"
#include "http/bytes.h"

enum state {
    PREAMBLE,
    DATA,
    BEHIND,
    BEHIND_DASH,
    PADDING,
    PADDING_CR,
    HEAD,
    CLOSED,
    CLOSED_CR,
    EPILOGUE,
    BROKEN
};
enum { LINE_END_BYTES = 2 };

/* ---- parameters of a header's value: ;name=token;name="quoted" ---- */
struct parameter {
    struct str name, value;
    bool is_quoted; /* the value has its escapes still */
};
enum parameter_result { PARAMETER, NO_MORE, MALFORMED };

static struct str skip_blanks(struct str s)
{
    while (s.len && (*s.at == ' ' || *s.at == '\t')) s = str_from(s, 1);
    return s;
}

static struct str take_token(struct str *rest)
{
    const char *end = byte_skip(rest->at, rest->at + rest->len, BYTE_TOKEN);
    struct str token = str_of(rest->at, (size_t)(end - rest->at));
    *rest = str_from(*rest, token.len);
    return token;
}

/* Behind the opening quote, up to the closing one, which is taken, too. */
static bool take_quoted(struct str *rest, struct str *out)
{
    size_t len = 0;
    while (len < rest->len && rest->at[len] != '"') len += rest->at[len] == '\\' ? 2 : 1;
    if (len >= rest->len) return false;
    *out = str_part(*rest, 0, len);
    *rest = str_from(*rest, len + 1);
    return true;
}

static enum parameter_result next_parameter(struct str *rest, struct parameter *p)
{
    *rest = skip_blanks(*rest);
    if (rest->len == 0) return NO_MORE;
    if (*rest->at != ';') return MALFORMED;
    *rest = skip_blanks(str_from(*rest, 1));
    if (rest->len == 0) return NO_MORE; /* a lone semicolon at the end is common */
    p->name = take_token(rest);
    if (p->name.len == 0 || rest->len == 0 || *rest->at != '=') return MALFORMED;
    *rest = str_from(*rest, 1);
    p->is_quoted = rest->len && *rest->at == '"';
    if (p->is_quoted) {
        *rest = str_from(*rest, 1);
        return take_quoted(rest, &p->value) ? PARAMETER : MALFORMED;
    }
    p->value = take_token(rest);
    return p->value.len ? PARAMETER : MALFORMED;
}

/* ---- the boundary ---- */
static bool is_boundary(struct str b)
{
    if (b.len == 0 || b.len > MULTIPART_MAX_BOUNDARY_BYTES || b.at[b.len - 1] == ' ') return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.at[i], lower = (char)(c | 0x20);
        bool is_fine = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') ||
                       str_find_char(STR("'()+_,-./:=? "), c) != SIZE_MAX;
        if (!is_fine) return false;
    }
    return true;
}

bool multipart_boundary(struct str content_type, struct str *boundary, struct err *err)
{
    struct str rest = content_type, type = str_part(rest, 0, str_find_char(rest, ';'));
    rest = str_from(rest, type.len);
    if (!str_equals_nocase(str_trim(type), STR("multipart/form-data")))
        return err_set(err, ERR_UNSUPPORTED, "the content type is not multipart/form-data");
    struct parameter p;
    struct str found = {0};
    enum parameter_result result;
    while ((result = next_parameter(&rest, &p)) == PARAMETER) {
        if (!str_equals_nocase(p.name, STR("boundary"))) continue;
        if (found.at) return err_set(err, ERR_INVALID, "multipart/form-data declares two boundaries");
        if (!is_boundary(p.value))
            return err_set(err, ERR_INVALID, "multipart/form-data declares a boundary that cannot be one");
        found = p.value;
    }
    if (result == MALFORMED)
        return err_set(err, ERR_INVALID, "the parameters of multipart/form-data are malformed");
    if (!found.at) return err_set(err, ERR_INVALID, "multipart/form-data declares no boundary");
    *boundary = found;
    return true;
}

/* ---- life ---- */
void multipart_init(struct multipart_reader *m, struct str boundary)
{
    require(is_boundary(boundary));
    *m = (struct multipart_reader){
        ._state = PREAMBLE, ._matched = LINE_END_BYTES, ._imagined = LINE_END_BYTES};
    m->_delimiter_bytes = (uint8_t)(4 + boundary.len);
    memcpy(m->_delimiter, "\r\n--", 4);
    memcpy(m->_delimiter + 4, boundary.at, boundary.len);
    buf_init(&m->_head, MULTIPART_MAX_HEAD_BYTES);
}

void multipart_done(struct multipart_reader *m)
{
    buf_done(&m->_head);
}

static COLD enum multipart refuse(struct multipart_reader *m, enum err_code code, const char *why,
                                  struct err *err)
{
    m->_state = BROKEN;
    err_set(err, code, "part %u: %s", m->_parts + 1, why);
    return MULTIPART_BAD;
}

static void take(struct multipart_reader *m, struct str *in, size_t bytes)
{
    *in = str_from(*in, bytes);
    m->_at += bytes;
}

/* ---- a part's head ---- */
/* Escapes are two; any other backslash is read in two ways. Written over itself. */
static bool unescape_name(struct str *name)
{
    char *to = (char *)(uintptr_t)name->at;
    size_t len = 0;
    for (size_t i = 0; i < name->len; i++) {
        if (name->at[i] == '\\' && ++i < name->len && name->at[i] != '"' && name->at[i] != '\\') return false;
        to[len++] = name->at[i];
    }
    name->len = len;
    return true;
}

/* NULL, or why not. */
static const char *read_disposition(struct str value, struct multipart_event *out)
{
    struct parameter p;
    enum parameter_result result;
    struct str type = take_token(&value);
    if (!str_equals_nocase(type, STR("form-data"))) return "its Content-Disposition is not form-data";
    while ((result = next_parameter(&value, &p)) == PARAMETER) {
        if (str_equals_nocase(p.name, STR("name*")))
            return "its name is in an encoding that forms do not have";
        if (str_starts_with_nocase(p.name, STR("filename"))) out->has_file = true;
        if (!str_equals_nocase(p.name, STR("name"))) continue;
        if (out->name.at) return "it has two names";
        if (p.is_quoted && !unescape_name(&p.value)) return "its name has an escape that forms do not have";
        out->name = p.value;
    }
    if (result == MALFORMED) return "its Content-Disposition is malformed";
    if (!out->name.at) return "it has no name";
    return out->name.len > MULTIPART_MAX_NAME_BYTES ? "its name is too long" : NULL;
}

static bool is_plain_encoding(struct str value)
{
    return str_equals_nocase(value, STR("binary")) || str_equals_nocase(value, STR("8bit")) ||
           str_equals_nocase(value, STR("7bit"));
}

static const char *read_line(struct str line, bool *has_disposition, struct multipart_event *out)
{
    struct str name = take_token(&line);
    if (name.len == 0 || line.len == 0 || *line.at != ':') return "a line of its head is malformed";
    line = str_from(line, 1);
    if (byte_skip(line.at, line.at + line.len, BYTE_VALUE) != line.at + line.len)
        return "a line of its head holds a control character";
    struct str value = str_trim(line);
    if (str_equals_nocase(name, STR("Content-Transfer-Encoding")) && !is_plain_encoding(value))
        return "it has a Content-Transfer-Encoding, which forms do not have";
    if (!str_equals_nocase(name, STR("Content-Disposition"))) return NULL;
    if (*has_disposition) return "it has two Content-Dispositions";
    *has_disposition = true;
    return read_disposition(value, out);
}

static enum multipart head_is_complete(struct multipart_reader *m, struct multipart_event *out,
                                       struct err *err)
{
    struct str rest = str_part(buf_str(&m->_head), 0, m->_head.len - LINE_END_BYTES);
    bool has_disposition = false;
    while (rest.len) {
        size_t end = str_find(rest, STR("\r\n"));
        const char *why = read_line(str_part(rest, 0, end), &has_disposition, out);
        if (why) return refuse(m, ERR_INVALID, why, err);
        rest = str_from(rest, end + LINE_END_BYTES);
    }
    if (!has_disposition) return refuse(m, ERR_INVALID, "it has no Content-Disposition", err);
    m->_state = DATA;
    m->_matched = m->_imagined = LINE_END_BYTES;
    out->offset = m->_at;
    return MULTIPART_PART;
}

/* Up to and with its blank line. PART, MORE or BAD. */
static enum multipart read_head(struct multipart_reader *m, struct str *in, struct multipart_event *out,
                                struct err *err)
{
    while (in->len) {
        if (!buf_append_char(&m->_head, *in->at))
            return refuse(m, ERR_TOO_LARGE, "its head has more than 8192 bytes", err);
        take(m, in, 1);
        struct str head = buf_str(&m->_head);
        if (*(head.at + head.len - 1) == '\n' &&
            (str_ends_with(head, STR("\r\n\r\n")) || head.len == LINE_END_BYTES))
            return head.len == LINE_END_BYTES && *head.at != '\r'
                       ? refuse(m, ERR_INVALID, "a line of its head is malformed", err)
                       : head_is_complete(m, out, err);
    }
    return MULTIPART_MORE;
}

/* ---- data, and the delimiter behind them ---- */
static enum multipart delimiter_is_complete(struct multipart_reader *m, struct multipart_event *out,
                                            struct err *err)
{
    bool is_imagined = m->_imagined > 0, ends_part = m->_state == DATA;
    m->_matched = m->_imagined = 0;
    m->_state = BEHIND;
    if (!ends_part) return MULTIPART_MORE;
    if (is_imagined) return refuse(m, ERR_INVALID, "no blank line stands behind its head", err);
    m->_parts++;
    out->offset = m->_at - m->_delimiter_bytes;
    return MULTIPART_PART_END;
}

/* What was thought to become a delimiter is data. */
static bool give_matched(struct multipart_reader *m, struct multipart_event *out)
{
    size_t bytes = m->_matched - m->_imagined;
    out->data = str_of(m->_delimiter + m->_imagined, bytes);
    out->offset = m->_at - bytes;
    m->_matched = m->_imagined = 0;
    return bytes > 0;
}

/* In the preamble DATA are no event; MORE only means that the state has changed or *in is used up. */
static enum multipart read_data(struct multipart_reader *m, struct str *in, struct multipart_event *out,
                                struct err *err)
{
    bool is_shown = m->_state == DATA;
    while (in->len) {
        if (m->_matched == 0) {
            const char *cr = memchr(in->at, '\r', in->len);
            size_t bytes = cr ? (size_t)(cr - in->at) : in->len;
            out->data = str_part(*in, 0, bytes);
            out->offset = m->_at;
            if (cr) m->_matched = 1;
            take(m, in, bytes + (cr ? 1 : 0));
            if (bytes && is_shown) return MULTIPART_DATA;
            continue;
        }
        while (in->len && m->_matched < m->_delimiter_bytes && *in->at == m->_delimiter[m->_matched]) {
            m->_matched++;
            take(m, in, 1);
        }
        if (m->_matched == m->_delimiter_bytes) return delimiter_is_complete(m, out, err);
        if (in->len && give_matched(m, out) && is_shown) return MULTIPART_DATA;
    }
    return MULTIPART_MORE;
}

/* ---- what may follow a delimiter ---- */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One byte; false: the line is none. */
static bool step_behind(struct multipart_reader *m, char c)
{
    switch ((enum state)m->_state) {
    case BEHIND:
        if (c == '-') return m->_state = BEHIND_DASH, true;
        m->_state = PADDING;
        return step_behind(m, c);
    case BEHIND_DASH: m->_state = CLOSED; return c == '-';
    case PADDING:
        if (c == '\r') m->_state = PADDING_CR;
        return c == '\r' || is_blank(c);
    case PADDING_CR: m->_state = HEAD; return c == '\n';
    case CLOSED:
        if (c == '\r') m->_state = CLOSED_CR;
        return c == '\r' || is_blank(c);
    case CLOSED_CR: m->_state = EPILOGUE; return c == '\n';
    case PREAMBLE:
    case DATA:
    case HEAD:
    case EPILOGUE:
    case BROKEN: break;
    }
    return false;
}

enum multipart multipart_next(struct multipart_reader *m, struct str *in, struct multipart_event *out,
                              struct err *err)
{
    if (m->_state == BROKEN) return refuse(m, ERR_INVALID, "it is malformed", err);
    while (in->len) {
        enum multipart result = MULTIPART_MORE;
        *out = (struct multipart_event){0};
        if (m->_state == PREAMBLE || m->_state == DATA) {
            result = read_data(m, in, out, err);
        } else if (m->_state == HEAD) {
            result = read_head(m, in, out, err);
        } else if (m->_state == EPILOGUE) {
            take(m, in, in->len);
        } else {
            if (!step_behind(m, *in->at))
                return refuse(m, ERR_INVALID, "a line begins with the boundary and is no delimiter", err);
            take(m, in, 1);
            buf_clear(&m->_head);
            if (m->_state == HEAD && m->_parts == MULTIPART_MAX_PARTS)
                return refuse(m, ERR_TOO_LARGE, "there are more than 128 parts", err);
        }
        if (result != MULTIPART_MORE) return result;
    }
    return MULTIPART_MORE;
}

bool multipart_end(const struct multipart_reader *m, struct err *err)
{
    if (m->_state == CLOSED || m->_state == EPILOGUE) return true;
    if (m->_state == PREAMBLE) return err_set(err, ERR_CLOSED, "the boundary stands nowhere in the body");
    return err_set(err, ERR_CLOSED, "the body ends before its last delimiter");
}
