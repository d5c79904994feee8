/* tests/unit/gateway/test_proxies.c: which proxy, for which base URL. */
#include "test.h"

#include "gateway/proxies.h"

static bool names(const char *entry, const char *host, uint16_t port)
{
    struct str one = str_from_cstr(entry);
    return no_proxy_names((struct config_strings){&one, 1}, str_from_cstr(host), port);
}

TEST(no_proxy, is_read_as_curl_and_go_read_it)
{
    static const struct {
        const char *entry, *host;
        uint16_t port;
        bool is_named;
    } rows[] = {
        {"*", "api.openai.com", 443, true},
        {"example.com", "example.com", 443, true},
        {"example.com", "EXAMPLE.com", 443, true},
        {"example.com", "example.com.", 443, true},
        {"Example.Com", "api.example.com", 443, true},
        {"example.com", "badexample.com", 443, false},
        {"example.com", "example.com.evil.test", 443, false},
        {".example.com", "api.example.com", 443, true},
        {".example.com", "example.com", 443, true},
        {"*.example.com", "a.b.example.com", 443, true},
        {"*.example.com", "example.com", 443, false},
        {"example.com:8443", "example.com", 8443, true},
        {"example.com:8443", "example.com", 443, false},
        {".", "example.com", 443, false},
        {"10.1.2.3", "10.1.2.3", 443, true},
        {"10.1.2.3", "10.1.2.30", 443, false},
        {"10.1.2.3:80", "10.1.2.3", 443, false},
        {"10.1.2.3:443", "10.1.2.3", 443, true},
        {"10.0.0.0/8", "10.255.0.1", 443, true},
        {"10.0.0.0/8", "11.0.0.1", 443, false},
        {"10.0.0.0/9", "10.127.0.1", 443, true},
        {"10.0.0.0/9", "10.128.0.1", 443, false},
        {"10.0.0.0/8", "10.example.com", 443, false},
        {"0.0.0.0/0", "8.8.8.8", 443, true},
        {"0.0.0.0/0", "fd00::1", 443, false},
        {"::/0", "8.8.8.8", 443, false},
        {"::/0", "fd00::1", 443, true},
        {"10.0.0.0/8", "::ffff:10.1.1.1", 443, true},
        {"fd00::/8", "fd12::1", 443, true},
        {"fd00::/8", "fe00::1", 443, false},
        {"::5", "0:0:0:0:0:0:0:5", 443, true},
        {"[::5]:443", "::5", 443, true},
        {"[::5]:80", "::5", 443, false},
        {"192.168.*", "192.168.1.1", 443, true},
        {"192.168.*:80", "192.168.1.1", 443, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_THAT(names(rows[i].entry, rows[i].host, rows[i].port) == rows[i].is_named, "%s, %s:%u",
                    rows[i].entry, rows[i].host, rows[i].port);
    EXPECT_FALSE(no_proxy_names((struct config_strings){NULL, 0}, STR("example.com"), 443));
}

TEST(proxy, is_chosen_for_each_base_url)
{
    static const struct {
        const char *own, *global, *except, *url, *want;
    } rows[] = {
        {"", "", "", "https://a.example", ""},
        {"", "http://g:1", "", "https://a.example", "http://g:1"},
        {"", "http://g:1", "", "http://a.example", ""},
        {"", "http://g:1", "a.example", "https://a.example", ""},
        {"", "http://g:1", "b.example", "https://a.example", "http://g:1"},
        {"http://p:1", "http://g:1", "*", "https://a.example", "http://p:1"},
        {"http://p:1", "", "", "http://a.example", "http://p:1"},
        {"off", "http://g:1", "", "https://a.example", ""},
        {"OFF", "http://g:1", "", "https://a.example", ""},
        {"http://p:1", "http://g:1", "", "https://localhost", ""},
        {"http://p:1", "http://g:1", "", "https://LOCALHOST:8443", ""},
        {"http://p:1", "http://g:1", "", "https://x.localhost", ""},
        {"http://p:1", "http://g:1", "", "https://127.1.2.3", ""},
        {"http://p:1", "http://g:1", "", "https://[::1]:1", ""},
        {"http://p:1", "http://g:1", "", "https://[::ffff:127.0.0.1]", ""},
        {"http://p:1", "http://g:1", "", "unix:/run/x.sock", ""},
        {"http://p:1", "", "", "https://127.0.0.1.example", "http://p:1"},
        {"http://p:1", "", "", "https://notlocalhost", "http://p:1"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct arena a;
        struct url url;
        struct err err = {0};
        struct str except = str_from_cstr(rows[i].except);
        struct config c = {.https_proxy = str_from_cstr(rows[i].global),
                           .no_proxy = {&except, except.len > 0}};
        struct config_provider p = {.proxy = str_from_cstr(rows[i].own)};
        arena_init(&a);
        EXPECT_TRUE(url_parse(&url, &a, str_from_cstr(rows[i].url), &err));
        EXPECT_STR_EQ(proxy_url(&c, &p, &url), rows[i].want);
        arena_done(&a);
    }
}
