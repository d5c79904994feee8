/* Other people's JSON, read in place and not part of the project: JSONTestSuite, and what providers really sent and got.
 * Without them these tests skip; test_check.c and its kin hold data of their own. */
#include "test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "json/check.h"
#include "json/cursor.h"
#include "json/skim.h"

#include <dirent.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE_BYTES = 64 << 20, MAX_NAMES = 64 };

/* What the suite leaves open (i_*) and we refuse; the rest of them we accept. check.h says why. */
static const char *const REFUSED[] = {
    "i_string_UTF-16LE_with_BOM.json",
    "i_string_UTF-8_invalid_sequence.json",
    "i_string_UTF8_surrogate_U+D800.json",
    "i_string_invalid_utf-8.json",
    "i_string_iso_latin_1.json",
    "i_string_lone_utf8_continuation_byte.json",
    "i_string_not_in_unicode_range.json",
    "i_string_overlong_sequence_2_bytes.json",
    "i_string_overlong_sequence_6_bytes.json",
    "i_string_overlong_sequence_6_bytes_null.json",
    "i_string_truncated-utf-8.json",
    "i_string_utf16BE_no_BOM.json",
    "i_string_utf16LE_no_BOM.json",
    "i_structure_500_nested_arrays.json",
    "i_structure_UTF-8_BOM_empty_object.json",
};

static bool is_to_be_accepted(const char *name)
{
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        if (strcmp(name, REFUSED[i]) == 0) return false;
    return name[0] != 'n';
}

static void read_whole(struct buf *out, const char *path)
{
    buf_clear(out);
    FILE *f = fopen(path, "rb");
    EXPECT_THAT(f != NULL, "%s cannot be read", path);
    for (size_t got = 1; f && got > 0; out->len += got) {
        if (!buf_reserve(out, 1 << 16)) break;
        got = fread(out->at + out->len, 1, 1 << 16, f);
    }
    if (f) fclose(f);
}

TEST(corpora, every_y_is_accepted_every_n_refused_and_i_as_decided)
{
    const char *found_path = test_shared_path("corpora/json/test_parsing");
    if (!found_path) SKIP("corpora/json/test_parsing is not there");
    char folder[2000];
    snprintf(folder, sizeof folder, "%s", found_path);
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort), judged = 0;
    struct buf text;
    buf_init(&text, MAX_FILE_BYTES);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (fnmatch("[yni]_*.json", names[i]->d_name, 0) == 0) {
            struct err err = {.text = "accepted"};
            read_whole(&text, path);
            bool ok = json_check(buf_str(&text), NULL, 0, NULL, &err);
            EXPECT_THAT(ok == is_to_be_accepted(names[i]->d_name), "%s: %s", names[i]->d_name, err.text);
            judged++;
        }
        free(names[i]);
    }
    free(names);
    buf_done(&text);
    EXPECT_TRUE(judged >= 318);
}

/* test_transform/<name> holds an array of one string or number, or an object: what we make of it. */
struct transform {
    const char *name;
    bool is_valid;
    const char *number; /* as strtod reads it; NULL: no double */
    const char *whole;  /* as an int64_t; NULL: none */
    struct str text;    /* what the string means */
};

static const struct transform TRANSFORMS[] = {
    {"number_-9223372036854775808.json", true, "-9223372036854775808", "-9223372036854775808", {0}},
    {"number_-9223372036854775809.json", true, "-9223372036854775809", NULL, {0}},
    {"number_1.0.json", true, "1", "1", {0}},
    {"number_1.000000000000000005.json", true, "1.000000000000000005", "1", {0}},
    {"number_1000000000000000.json", true, "1000000000000000", "1000000000000000", {0}},
    {"number_10000000000000000999.json", true, "10000000000000000999", NULL, {0}},
    {"number_1e-999.json", true, "0", "0", {0}},
    {"number_1e6.json", true, "1000000", "1000000", {0}},
    {"number_9223372036854775807.json", true, "9223372036854775807", "9223372036854775807", {0}},
    {"number_9223372036854775808.json", true, "9223372036854775808", NULL, {0}},
    {"string_1_escaped_invalid_codepoint.json", true, NULL, NULL, STR_INIT("\xef\xbf\xbd")},
    {"string_2_escaped_invalid_codepoints.json", true, NULL, NULL, STR_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
    {"string_3_escaped_invalid_codepoints.json", true, NULL, NULL,
     STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
    {"string_1_invalid_codepoint.json", false, NULL, NULL, {0}},
    {"string_2_invalid_codepoints.json", false, NULL, NULL, {0}},
    {"string_3_invalid_codepoints.json", false, NULL, NULL, {0}},
    {"string_with_escaped_NULL.json", true, NULL, NULL, STR_INIT("A\0B")},
};

static void expect_transform(const struct transform *t, struct str text)
{
    struct err err;
    struct arena a;
    struct str s = {0};
    double d = 0;
    int64_t n = 0;
    arena_init(&a);
    struct json_value v = json_at(json_value_of(text), 0);
    EXPECT_THAT(json_check(text, NULL, 0, NULL, &err) == t->is_valid, "%s", t->name);
    EXPECT_THAT(json_to_double(v, &d) == (t->number != NULL), "%s", t->name);
    EXPECT_NEAR(d, t->number ? strtod(t->number, NULL) : 0, 0);
    EXPECT_THAT(json_to_i64(v, &n) == (t->whole != NULL), "%s", t->name);
    EXPECT_EQ(n, t->whole ? strtoll(t->whole, NULL, 10) : 0);
    if (t->text.len > 0) EXPECT_TRUE(json_to_str(v, &a, &s));
    EXPECT_STR_EQ(s, t->text);
    arena_done(&a);
}

TEST(corpora, numbers_and_strings_mean_what_they_should)
{
    if (!test_shared_path("corpora/json/test_transform")) SKIP("corpora/json/test_transform is not there");
    for (size_t i = 0; i < sizeof TRANSFORMS / sizeof *TRANSFORMS; i++) {
        char below[200];
        snprintf(below, sizeof below, "corpora/json/test_transform/%s", TRANSFORMS[i].name);
        expect_transform(&TRANSFORMS[i], test_read_file(test_shared_path(below)));
    }
}

TEST(corpora, names_that_stand_twice_are_refused_and_similar_ones_are_not)
{
    static const struct {
        const char *name;
        bool is_accepted;
    } rows[] = {
        {"object_key_nfc_nfd.json", true},
        {"object_key_nfd_nfc.json", true},
        {"object_same_key_different_values.json", false},
        {"object_same_key_same_value.json", false},
        {"object_same_key_unclear_values.json", false},
    };
    if (!test_shared_path("corpora/json/test_transform")) SKIP("corpora/json/test_transform is not there");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char below[200];
        struct json_wanted wanted[] = {{STR("model")}};
        struct json_found found[1];
        struct err err;
        snprintf(below, sizeof below, "corpora/json/test_transform/%s", rows[i].name);
        struct str text = test_read_file(test_shared_path(below));
        EXPECT_EQ(json_check(text, wanted, 1, found, &err), rows[i].is_accepted);
        EXPECT_TRUE(json_check(text, NULL, 0, NULL, &err));
    }
}

static struct {
    struct buf text;
    size_t objects, others;
} recordings;

/* All members of the root by three ways: check, skim and the cursor's walk. */
static void expect_three_ways_to_agree(const char *path, struct str text)
{
    struct json_value root = json_value_of(text), key, value, skimmed[MAX_NAMES];
    struct json_wanted wanted[MAX_NAMES];
    struct json_found found[MAX_NAMES];
    struct str names[MAX_NAMES];
    struct json_members it;
    struct arena a;
    struct err err = {.text = "nothing"};
    size_t count = 0;
    arena_init(&a);
    json_members_init(&it, root);
    while (count < MAX_NAMES && json_members_next(&it, &key, &value)) {
        EXPECT_TRUE(json_to_str(key, &a, &names[count]));
        wanted[count].name = names[count];
        count++;
    }
    EXPECT_FALSE(it.is_malformed);
    EXPECT_THAT(json_check(text, wanted, count, found, &err), "%s: %s", path, err.text);
    EXPECT_THAT(json_skim(text, names, count, skimmed), "%s was not skimmed", path);
    json_members_init(&it, root);
    for (size_t i = 0; i < count && json_members_next(&it, &key, &value); i++) {
        EXPECT_TRUE(found[i].key.raw.at == key.raw.at && found[i].key.raw.len == key.raw.len);
        EXPECT_TRUE(found[i].value.raw.at == value.raw.at && found[i].value.raw.len == value.raw.len);
        EXPECT_TRUE(skimmed[i].raw.at == value.raw.at && skimmed[i].raw.len == value.raw.len);
        EXPECT_TRUE(found[i].value.type == value.type && skimmed[i].type == value.type);
    }
    arena_done(&a);
}

static int judge_recording(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    if (kind != FTW_F || fnmatch("re*.json", path + where->base, 0) != 0) return 0;
    read_whole(&recordings.text, path);
    struct str text = buf_str(&recordings.text);
    struct err err = {.text = "nothing"};
    EXPECT_THAT(json_check(text, NULL, 0, NULL, &err), "%s: %s", path, err.text);
    if (json_value_of(text).type == JSON_OBJECT) {
        expect_three_ways_to_agree(path, text);
        recordings.objects++;
    } else {
        recordings.others++;
    }
    return 0;
}

TEST(corpora, every_recorded_body_is_valid_and_read_alike_by_check_skim_and_cursor)
{
    const char *folder = test_shared_path("recordings");
    if (!folder) SKIP("the recordings are not there");
    buf_init(&recordings.text, MAX_FILE_BYTES);
    nftw(folder, judge_recording, 16, FTW_PHYS);
    EXPECT_TRUE(recordings.objects > 1000);
    buf_done(&recordings.text);
}
