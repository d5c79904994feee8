/* tests/unit/http/test_multipart.c: forms, whole and byte by byte. */
#include "test.h"

#include "http/multipart.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEN_BYTES = 4096 };

/* What a body means, as text: "name=data;" for each part, name! for a file; then how it ended. */
static struct str meaning(struct str body, size_t step)
{
    static char seen[SEEN_BYTES];
    size_t len = 0;
    struct multipart_reader m;
    struct err err = {0};
    enum multipart result = MULTIPART_MORE;
    multipart_init(&m, STR("b"));
    for (size_t at = 0; at < body.len && result != MULTIPART_BAD; at += step) {
        struct str in = str_part(body, at, step);
        struct multipart_event e;
        while ((result = multipart_next(&m, &in, &e, &err)) != MULTIPART_MORE && result != MULTIPART_BAD) {
            if (result == MULTIPART_PART)
                len += (size_t)snprintf(seen + len, SEEN_BYTES - len, "%.*s%s=", STR_ARG(e.name),
                                        e.has_file ? "!" : "");
            if (result == MULTIPART_DATA) {
                EXPECT_STR_EQ(str_part(body, (size_t)e.offset, e.data.len), e.data);
                len += (size_t)snprintf(seen + len, SEEN_BYTES - len, "%.*s", STR_ARG(e.data));
            }
            if (result == MULTIPART_PART_END) {
                EXPECT_TRUE(str_starts_with(str_from(body, (size_t)e.offset), STR("\r\n--b")));
                len += (size_t)snprintf(seen + len, SEEN_BYTES - len, ";");
            }
        }
    }
    if (result == MULTIPART_BAD || !multipart_end(&m, &err))
        len += (size_t)snprintf(seen + len, SEEN_BYTES - len, "<%s>", err.text);
    multipart_done(&m);
    return str_of(seen, len);
}

static void expect(const char *body, const char *want)
{
    const size_t steps[] = {1, 2, 3, 5, 7, 11, SIZE_MAX / 2};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
        EXPECT_STR_EQ(meaning(str_from_cstr(body), steps[i]), want);
}

#define PART(name, data) "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" data "\r\n"

TEST(multipart, reads_parts_in_their_order)
{
    expect(PART("\"model\"", "whisper-1")
               PART("file; filename=\"a.mp3\"", "bytes\r\nand \r\n--more") "--b--\r\n",
           "model=whisper-1;file!=bytes\r\nand \r\n--more;");
    expect(PART("a", "") PART("b", "\r\n") "--b--", "a=;b=\r\n;");
    expect("--b--\r\n", "");
    expect("--b \t\r\nX: y\r\nCONTENT-DISPOSITION:form-data ;NAME=a;\r\n\r\n1\r\n--b-- \t\r\n", "a=1;");
}

TEST(multipart, passes_over_what_stands_before_and_behind)
{
    expect("\r\n" PART("a", "1") "--b--\r\nbehind\r\n--b\r\n", "a=1;");
    expect("before --b\r\n" PART("a", "1") "--b--\r\n", "a=1;");
    expect("\r\r\n" PART("a", "1") "--b--\r\n", "a=1;");
}

TEST(multipart, keeps_what_only_looks_like_a_delimiter)
{
    expect(PART("a", "\r\r\n-\r\n-\r\n--\r\n--a--b\n--b\n\r") "--b--",
           "a=\r\r\n-\r\n-\r\n--\r\n--a--b\n--b\n\r;");
    expect(PART("a", "-") "--b--", "a=-;");
    expect(PART("a", "--a") "--b--", "a=--a;");
    expect(PART("a", "\r\r") "--b--", "a=\r\r;");
}

TEST(multipart, takes_escapes_in_names_and_anything_in_filenames)
{
    expect(PART("\"a\\\"b\\\\\"", "1") "--b--", "a\"b\\=1;");
    expect(PART("a; filename=\"C:\\dir\\x.png\"; filename*=utf-8''x", "1") "--b--", "a!=1;");
    expect(PART("\"\xc3\xa4; name=x\"", "1") "--b--", "\xc3\xa4; name=x=1;");
    expect(PART("\"\"", "1") "--b--", "=1;");
}

TEST(multipart, refuses_what_can_be_read_in_two_ways)
{
    expect(PART("a", "1") "--bc\r\n", "a=1;<part 2: a line begins with the boundary and is no delimiter>");
    expect(PART("a", "1") "--b-\r\n", "a=1;<part 2: a line begins with the boundary and is no delimiter>");
    expect(PART("a", "1") "--b--x", "a=1;<part 2: a line begins with the boundary and is no delimiter>");
    expect("--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\n",
           "<part 1: a line begins with the boundary and is no delimiter>");
    expect("--b\r\nContent-Disposition: form-data; name=a\n\n1\r\n\r\n",
           "<part 1: a line of its head holds a control character>");
    expect("--b\r\n\n", "<the body ends before its last delimiter>");
    expect("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--\r\n",
           "a=<part 1: no blank line stands behind its head>");
    expect("--b\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n", "<part 1: it has no name>");
    expect("--b\r\n: x\r\n\r\n", "<part 1: a line of its head is malformed>");
    expect("--b\r\n\r\n1\r\n--b--", "<part 1: it has no Content-Disposition>");
    expect("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n",
           "<part 1: its Content-Disposition is not form-data>");
    expect(PART("a; name=b", ""), "<part 1: it has two names>");
    expect(PART("a\r\nContent-Disposition: form-data; name=b", ""),
           "<part 1: it has two Content-Dispositions>");
    expect(PART("a; name*=utf-8''b", ""), "<part 1: its name is in an encoding that forms do not have>");
    expect(PART("\"mo\\del\"", ""), "<part 1: its name has an escape that forms do not have>");
    expect(PART("\"a", ""), "<part 1: its Content-Disposition is malformed>");
    expect(PART("a b", ""), "<part 1: its Content-Disposition is malformed>");
    expect(PART("a\r\nContent-Transfer-Encoding: base64", ""),
           "<part 1: it has a Content-Transfer-Encoding, which forms do not have>");
    expect(PART("a\r\nContent-Transfer-Encoding: Binary", "1") "--b--", "a=1;");
}

TEST(multipart, misses_its_end)
{
    expect("", "<the boundary stands nowhere in the body>");
    expect("--c\r\n", "<the boundary stands nowhere in the body>");
    expect(PART("a", "1"), "a=1<the body ends before its last delimiter>");
    expect(PART("a", "1") "--b", "a=1;<the body ends before its last delimiter>");
    expect(PART("a", "1") "--b-", "a=1;<the body ends before its last delimiter>");
}

static struct str repeated(const char *text, unsigned times)
{
    size_t len = strlen(text);
    char *at = malloc(len * times);
    for (unsigned i = 0; i < times; i++) memcpy(at + i * len, text, len);
    return str_of(at, len * times);
}

TEST(multipart, has_ceilings)
{
    struct str parts = repeated(PART("a", ""), 129);
    EXPECT_TRUE(str_ends_with(meaning(parts, 100), STR("<part 129: there are more than 128 parts>")));
    EXPECT_FALSE(str_ends_with(meaning(str_part(parts, 0, parts.len / 129 * 128), 100), STR("parts>")));
    free((char *)(uintptr_t)parts.at);
    struct str lines = repeated("--b\r\nX-Long: 0123456789012345678901234567890123456789\r\n", 200);
    memcpy((char *)(uintptr_t)lines.at, "--b\r\n", 5);
    for (size_t i = 5; i < lines.len; i++)
        if (lines.at[i] == '-' && lines.at[i + 1] == '-') memcpy((char *)(uintptr_t)lines.at + i, "Yes:Y", 3);
    EXPECT_TRUE(str_ends_with(meaning(lines, 1000), STR("bytes>")));
    free((char *)(uintptr_t)lines.at);
}

static void expect_boundary(const char *type, const char *want)
{
    struct str found = {0};
    struct err err = {0};
    bool is_found = multipart_boundary(str_from_cstr(type), &found, &err);
    EXPECT_EQ(is_found, want != NULL);
    if (want) EXPECT_STR_EQ(found, want);
}

TEST(multipart, finds_its_boundary)
{
    expect_boundary("multipart/form-data; boundary=abc", "abc");
    expect_boundary("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b?c\" ;", "a b?c");
    expect_boundary("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                    "----WebKitFormBoundary7MA4YWxkTrZu0gW");
    expect_boundary("multipart/form-data", NULL);
    expect_boundary("multipart/form-data; boundary=", NULL);
    expect_boundary("multipart/form-data; boundary=\"\"", NULL);
    expect_boundary("multipart/form-data; boundary=\"a \"", NULL);
    expect_boundary("multipart/form-data; boundary=\"a", NULL);
    expect_boundary("multipart/form-data; boundary=\"a\\\"b\"", NULL);
    expect_boundary("multipart/form-data; boundary=a; boundary=a", NULL);
    expect_boundary("multipart/form-data boundary=a", NULL);
    expect_boundary("multipart/mixed; boundary=a", NULL);
    expect_boundary("multipart/form-data; boundary="
                    "12345678901234567890123456789012345678901234567890123456789012345678901",
                    NULL);
}
