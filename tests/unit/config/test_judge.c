/* What is possible where: a table of texts for each judge. */
#include "config/judge.h"
#include "base/attributes.h"
#include "test.h"

struct verdict {
    bool (*judge)(struct str s);
    const char *good[12], *bad[12];
};
static const struct verdict verdicts[] = {
    {judge_listen,
     {"127.0.0.1:8080", "[::1]:80", "[::]:0", ":8080", "localhost:1", "my-host.example:65535",
      "unix:/run/weir"},
     {"", "8080", "127.0.0.1", "127.0.0:80", "::1:80", "[::1]", "[::g]:1", "a b:1", "x:65536",
      "x:", "unix:", "x:8a"}},
    {judge_url,
     {"http://a", "https://a.example/v1", "HTTPS://a:8443/x?y=1", "http://[::1]:11434",
      "https://user:pw@host/x", "http://a_b"},
     {"", "a.example", "ftp://a", "http://", "http:///x", "http://a b", "http://a#x", "http://a:b",
      "https://a:"}},
    {judge_base_url,
     {"http://a", "https://a.example/v1", "unix:/run/x.sock", "unix:/run/x.sock:/v1"},
     {"", "unix:", "unix:/", "unix:run/x", "unix:/run/x:v1", "unix:/run/x y", "unix:/a?b"}},
    {judge_proxy,
     {"http://p:3128", "p:3128", "p", "HTTP://u:p%40w@10.0.0.1:1/", "http://u:a@b@[::1]:3128"},
     {"", "off", "https://p:1", "socks5://p:1", "http://", "http://u:p@", "http://p:x", "http://p/path",
      "p q"}},
    {judge_proxy_or_off, {"off", "OFF", "http://p:1"}, {"", "none://", "https://p"}},
    {judge_no_proxy,
     {"*", "localhost", ".corp", "*.corp", "example.com:8443", "10.0.0.0/8", "::1", "[::1]:443", "fd00::/8",
      "192.168.*"},
     {"", "a b", "<local>", "10.0.0.0/33", "/8", "a.example/8", "a,b"}},
    {judge_origin,
     {"*", "http://localhost:3000", "https://a.example", "http://[::1]:80"},
     {"", "localhost:3000", "https://a.example/", "https://*", "null x"}},
    {judge_network,
     {"10.0.0.0/8", "127.0.0.1", "unix", "::1", "fd00::/8", "0.0.0.0/0"},
     {"", "10.0.0/8", "10.0.0.0/33", "::1/129", "a.example", "10.0.0.0/", "10.0.0.0/-1"}},
    {judge_path, {"/", "/api/v1/x"}, {"", "x", "/a b", "/a?b", "/a#b"}},
    {judge_secret, {"sk-123", "a"}, {"", "a b", "a\n", "a\x7f", "\xc3\xa9"}},
    {judge_name, {"claude-*", "meta-llama/Llama-3:free", "a@b"}, {"", "a b", "\xc3\xa9"}},
    {judge_provider, {"openai", "a.b-c"}, {"", "a/b", "a b"}},
    {judge_header,
     {"X-Extra", "OpenAI-Organization", "Authorization"},
     {"", "Host", "content-length", "a b", "a:", "TE", "a\n"}},
    {judge_state,
     {"memory", "redis://:pw@h:6379/0", "rediss://h"},
     {"", "redis", "redis://", "http://h", "Memory"}},
    {judge_store,
     {"memory", "sqlite:weir.db", "postgres://h/db", "postgresql://h/db"},
     {"", "sqlite:", "mysql://h", "postgres://"}},
    {judge_broker, {"redis://h", "rediss://h"}, {"", "memory", "amqp://h"}},
    {judge_line,
     {"", "a b", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
     {"a\nb", "\x01", "\x7f", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82"}},
    {judge_text, {"", "a\n\tb\r\n"}, {"\x01", "\x1b[0m", "\xff"}},
};

TEST(judge, lets_through_what_is_possible_and_nothing_else)
{
    for (size_t i = 0; i < ARRAY_COUNT(verdicts); i++) {
        const struct verdict *v = &verdicts[i];
        for (size_t k = 0; k < ARRAY_COUNT(v->good) && v->good[k]; k++)
            EXPECT_THAT(v->judge(str_from_cstr(v->good[k])), "row %zu refuses %s", i, v->good[k]);
        for (size_t k = 0; k < ARRAY_COUNT(v->bad) && v->bad[k]; k++)
            EXPECT_THAT(!v->judge(str_from_cstr(v->bad[k])), "row %zu lets %s through", i, v->bad[k]);
    }
}

TEST(judge, no_text_may_hold_a_nul)
{
    EXPECT_FALSE(judge_line(str_of("a\0b", 3)) || judge_text(str_of("a\0b", 3)) ||
                 judge_secret(str_of("a\0b", 3)));
    EXPECT_FALSE(judge_header(str_of("a\0b", 3)) || judge_listen(str_of("a\0:1", 4)));
}

TEST(judge, only_this_machine_reaches_loopback_addresses_and_unix_sockets)
{
    static const char *const near[] = {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1",
                                       "localhost:1", "LOCALHOST:1", "unix:/x"};
    static const char *const far[] = {"0.0.0.0:1",           ":1", "[::]:1", "10.0.0.1:1", "example.com:1",
                                      "[::ffff:127.0.0.1]:1"};
    for (size_t i = 0; i < ARRAY_COUNT(near); i++) {
        EXPECT_THAT(listen_is_loopback(str_from_cstr(near[i])), "%s", near[i]);
        EXPECT_THAT(!listen_is_loopback(str_from_cstr(far[i])), "%s", far[i]);
    }
}
