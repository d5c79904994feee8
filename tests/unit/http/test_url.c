/* tests/unit/http/test_url.c: URLs of upstreams, authorities, percent-decoding, query parameters. */
#include "test.h"

#include "http/url.h"

static const struct {
    const char *text;
    bool is_https;
    const char *host;
    int port;
    const char *authority, *path, *query;
} accepted[] = {
    {"http://api.example.com", false, "api.example.com", 80, "api.example.com", "", ""},
    {"https://api.example.com/v1", true, "api.example.com", 443, "api.example.com", "/v1", ""},
    {"HTTPS://Api.Example.com/v1/", true, "Api.Example.com", 443, "Api.Example.com", "/v1", ""},
    {"http://h/", false, "h", 80, "h", "", ""},
    {"http://h//", false, "h", 80, "h", "", ""},
    {"http://127.0.0.1:8080/a/b/?x=1&y=%20", false, "127.0.0.1", 8080, "127.0.0.1:8080", "/a/b", "x=1&y=%20"},
    {"http://h?x", false, "h", 80, "h", "", "x"},
    {"http://h:80/", false, "h", 80, "h", "", ""},
    {"https://h:80", true, "h", 80, "h:80", "", ""},
    {"https://h:443", true, "h", 443, "h", "", ""},
    {"http://h:", false, "h", 80, "h", "", ""},
    {"http://h:0008", false, "h", 8, "h:8", "", ""},
    {"http://h:65535", false, "h", 65535, "h:65535", "", ""},
    {"http://[::1]:8080/x", false, "::1", 8080, "[::1]:8080", "/x", ""},
    {"http://[2001:db8::1]", false, "2001:db8::1", 80, "[2001:db8::1]", "", ""},
    {"http://a_b-c.d~e", false, "a_b-c.d~e", 80, "a_b-c.d~e", "", ""},
    {"http://h/openai/deployments/d:x/(y)", false, "h", 80, "h", "/openai/deployments/d:x/(y)", ""},
};

TEST(url, is_cut_into_its_parts)
{
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct url u;
        struct err err = {0};
        bool ok = url_parse(&u, &a, str_from_cstr(accepted[i].text), &err);
        EXPECT_THAT(ok, "%s: %s", accepted[i].text, err.text);
        if (!ok) continue;
        EXPECT_EQ(u.is_https, accepted[i].is_https);
        EXPECT_STR_EQ(u.host, accepted[i].host);
        EXPECT_EQ(u.port, accepted[i].port);
        EXPECT_STR_EQ(u.authority, accepted[i].authority);
        EXPECT_STR_EQ(u.path, accepted[i].path);
        EXPECT_STR_EQ(u.query, accepted[i].query);
    }
    arena_done(&a);
}

static const struct {
    const char *rule;
    struct str text;
} refused[] = {
    {"empty", STR_INIT("")},
    {"no scheme", STR_INIT("api.example.com/v1")},
    {"relative", STR_INIT("/v1")},
    {"another scheme", STR_INIT("ftp://h")},
    {"scheme without slashes", STR_INIT("http:h")},
    {"one slash", STR_INIT("http:/h")},
    {"no host", STR_INIT("http://")},
    {"no host but a path", STR_INIT("http:///v1")},
    {"no host but a port", STR_INIT("http://:80")},
    {"user", STR_INIT("http://u@h")},
    {"user and password", STR_INIT("https://u:p@h/v1")},
    {"empty user", STR_INIT("http://@h")},
    {"fragment", STR_INIT("http://h/#a")},
    {"empty fragment", STR_INIT("http://h#")},
    {"port 0", STR_INIT("http://h:0")},
    {"port over 65535", STR_INIT("http://h:65536")},
    {"a very large port", STR_INIT("http://h:99999999999999999999")},
    {"letters in the port", STR_INIT("http://h:80a")},
    {"two ports", STR_INIT("http://h:80:81")},
    {"minus in the port", STR_INIT("http://h:-1")},
    {"space in the host", STR_INIT("http://h h")},
    {"space around", STR_INIT(" http://h")},
    {"space after", STR_INIT("http://h ")},
    {"line end in the host", STR_INIT("http://h\r\nX: y")},
    {"line end in the path", STR_INIT("http://h/a\r\nX: y")},
    {"line end in the query", STR_INIT("http://h/?a\nb")},
    {"NUL in the host", STR_INIT("http://h\0x")},
    {"NUL in the path", STR_INIT("http://h/\0")},
    {"DEL", STR_INIT("http://h/\x7f")},
    {"not ASCII in the host", STR_INIT("http://h\xc3\xa9/")},
    {"not ASCII in the path", STR_INIT("http://h/\xc3\xa9")},
    {"backslash", STR_INIT("http://h\\x/")},
    {"backslash in the path", STR_INIT("http://h/\\x")},
    {"escape cut short", STR_INIT("http://h/%2")},
    {"escape of no hex", STR_INIT("http://h/%zz")},
    {"escape cut short in the query", STR_INIT("http://h/?a=%")},
    {"escape cut short in the host", STR_INIT("http://h%4")},
    {"IPv6 without brackets", STR_INIT("http://::1/")},
    {"IPv6 without end", STR_INIT("http://[::1/")},
    {"IPv6 with more behind", STR_INIT("http://[::1]x/")},
    {"IPv6 with a zone", STR_INIT("http://[fe80::1%25eth0]/")},
    {"empty brackets", STR_INIT("http://[]/")},
};

TEST(url, may_name_a_unix_socket)
{
    static const struct {
        const char *text, *host, *path, *query;
    } rows[] = {{"unix:/run/x.sock", "unix:/run/x.sock", "", ""},
                {"unix:/run/x.sock:/", "unix:/run/x.sock", "", ""},
                {"unix:/run/x.sock:/api/v1/", "unix:/run/x.sock", "/api/v1", ""},
                {"unix:/run/x.sock:/api?a=b", "unix:/run/x.sock", "/api", "a=b"}};
    static const char *const bad[] = {
        "unix:", "unix:/", "unix:x.sock", "unix:/x:", "unix:/x:v1", "unix:/x y", "unix:/x:/%2"};
    struct arena a;
    struct url url;
    struct err err;
    arena_init(&a);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_TRUE(url_parse(&url, &a, str_from_cstr(rows[i].text), &err));
        EXPECT_STR_EQ(url.host, rows[i].host);
        EXPECT_STR_EQ(url.path, rows[i].path);
        EXPECT_STR_EQ(url.query, rows[i].query);
        EXPECT_STR_EQ(url.authority, "localhost");
        EXPECT_TRUE(!url.is_https && url.port == 0);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        EXPECT_THAT(!url_parse(&url, &a, str_from_cstr(bad[i]), &err), "%s", bad[i]);
    arena_done(&a);
}

TEST(url, is_refused_with_a_sentence_when_it_is_not_plain)
{
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct url u;
        struct err err = {0};
        EXPECT_THAT(!url_parse(&u, &a, refused[i].text, &err), "%s is accepted", refused[i].rule);
        EXPECT_THAT(err.code == ERR_INVALID && err.text[0], "%s: no sentence", refused[i].rule);
    }
    arena_done(&a);
}

TEST(url, knows_ipv6_addresses)
{
    static const struct {
        const char *text;
        bool is_valid;
    } rows[] = {
        {"[::]", true},
        {"[::1]", true},
        {"[1::]", true},
        {"[1:2:3:4:5:6:7:8]", true},
        {"[1:2:3:4:5:6:7::]", true},
        {"[::2:3:4:5:6:7:8]", true},
        {"[1::8]", true},
        {"[abcd:EF01::]", true},
        {"[::ffff:192.0.2.1]", true},
        {"[1:2:3:4:5:6:192.0.2.1]", true},
        {"[1:2:3:4:5::192.0.2.1]", true},
        {"[1:2:3:4:5:6:7]", false},
        {"[1:2:3:4:5:6:7:8:9]", false},
        {"[1:2:3:4:5:6:7:8::]", false},
        {"[::1::2]", false},
        {"[:1]", false},
        {"[1:]", false},
        {"[:::]", false},
        {"[12345::]", false},
        {"[g::]", false},
        {"[::1.2.3]", false},
        {"[::1.2.3.256]", false},
        {"[::1.2.3.04]", false},
        {"[::1.2.3.4.5]", false},
        {"[::1.2.3.]", false},
        {"[1:2:3:4:5:6:7:1.2.3.4]", false},
        {"[1:2:3:4:5:6::1.2.3.4]", false},
        {"[1.2.3.4]", false},
        {"[v1.x]", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str host, port;
        EXPECT_THAT(url_split_authority(str_from_cstr(rows[i].text), &host, &port) == rows[i].is_valid, "%s",
                    rows[i].text);
    }
}

TEST(url, splits_an_authority_into_host_and_port)
{
    struct str host, port;
    EXPECT_TRUE(url_split_authority(STR("[::1]:8"), &host, &port));
    EXPECT_STR_EQ(host, "[::1]");
    EXPECT_STR_EQ(port, "8");
    EXPECT_TRUE(url_split_authority(STR("a.b"), &host, &port));
    EXPECT_STR_EQ(host, "a.b");
    EXPECT_NULL(port.at);
    EXPECT_TRUE(url_split_authority(STR("a:"), &host, &port));
    EXPECT_TRUE(port.at && port.len == 0);
    EXPECT_FALSE(url_split_authority(STR(""), &host, &port));
    EXPECT_FALSE(url_split_authority(STR("u@a"), &host, &port));
}

TEST(url, decodes_escapes)
{
    struct arena a;
    struct str out;
    arena_init(&a);
    EXPECT_TRUE(url_decode(&out, &a, STR("a%2Fb%3ac+d%e9")));
    EXPECT_STR_EQ(out, "a/b:c+d\xe9");
    struct str plain = STR("plain");
    EXPECT_TRUE(url_decode(&out, &a, plain));
    EXPECT_TRUE(out.at == plain.at);
    EXPECT_TRUE(url_decode(&out, &a, STR("")));
    EXPECT_STR_EQ(out, "");
    EXPECT_TRUE(url_decode(&out, &a, STR("%25%32%35")));
    EXPECT_STR_EQ(out, "%25");
    EXPECT_FALSE(url_decode(&out, &a, STR("a%2")));
    EXPECT_FALSE(url_decode(&out, &a, STR("%")));
    EXPECT_FALSE(url_decode(&out, &a, STR("%g0")));
    EXPECT_FALSE(url_decode(&out, &a, STR("a%00b")));
    EXPECT_FALSE(url_decode(&out, &a, STR("a\0b")));
    EXPECT_FALSE(url_decode(&out, &a, STR("%20\0")));
    arena_done(&a);
}

TEST(url, finds_query_parameters_by_their_whole_name)
{
    struct str query = STR("a=1&key=x%20y&b&key=z&=e&c=d=e");
    EXPECT_STR_EQ(url_query_value(query, STR("key")), "x%20y");
    EXPECT_STR_EQ(url_query_value(query, STR("a")), "1");
    EXPECT_STR_EQ(url_query_value(query, STR("c")), "d=e");
    EXPECT_TRUE(url_query_value(query, STR("b")).at != NULL);
    EXPECT_STR_EQ(url_query_value(query, STR("b")), "");
    EXPECT_NULL(url_query_value(query, STR("ke")).at);
    EXPECT_NULL(url_query_value(STR(""), STR("a")).at);
    EXPECT_NULL(url_query_value((struct str){NULL, 0}, STR("a")).at);
}
