/* The vectors are the reference implementation's; OpenSSL's agrees: openssl mac -macopt size:16 -macopt hexkey:… SIPHASH */
#include "test.h"

#include "base/attributes.h"
#include "base/fmt.h"
#include "base/siphash.h"

static const uint64_t SECRET[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

TEST(siphash, gives_what_the_reference_gives)
{
    static const struct {
        struct str text;
        const char *want;
    } rows[] = {
        {STR_INIT(""), "a3817f04ba25a8e66df67214c7550293"},
        {STR_INIT("\0"), "da87c1d86b99af44347659119b22fc45"},
        {STR_INIT("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16"), "5493e99933b0a8117e08ec0f97cfc3d9"},
        {STR_INIT("sk-bench-0123456789abcdef"), "cbe59e4e66e05515b283fe0c93f7e8e8"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct siphash hash = siphash_of(SECRET, rows[i].text);
        char hex[32];
        fmt_hex_bytes(hex, hash.words, sizeof hash.words);
        EXPECT_STR_EQ(str_of(hex, sizeof hex), rows[i].want);
    }
}

TEST(siphash, another_secret_or_text_gives_something_else)
{
    static const uint64_t other[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0909};
    struct siphash hash = siphash_of(SECRET, STR("key"));
    EXPECT_TRUE(siphash_equals(hash, siphash_of(SECRET, STR("key"))));
    EXPECT_FALSE(siphash_equals(hash, siphash_of(other, STR("key"))));
    EXPECT_FALSE(siphash_equals(hash, siphash_of(SECRET, STR("kez"))));
    EXPECT_FALSE(siphash_equals(hash, siphash_of(SECRET, STR("key\0"))));
}
