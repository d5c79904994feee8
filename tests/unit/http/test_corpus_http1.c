/* tests/unit/http/test_corpus_http1.c: the requests of ../shared/corpora/http1, each whole, cut at every
 * byte and byte by byte: the parsers' verdict must be one that the corpus expects, and the same wherever
 * the bytes are cut. */
#include "test.h"

#include "connection.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_CASES = 2000, MAX_CASE_BYTES = 1 << 20, MAX_CUTS = 400 };

struct expected {
    struct str file, expect, n_ok, status, close, rule;
};

static struct expected cases[MAX_CASES];
static size_t case_count;
static char file_bytes[MAX_CASE_BYTES];

static bool load_cases(void)
{
    struct str text = test_read_file(test_shared_path("corpora/http1/expected.tsv"));
    case_count = 0;
    (void)str_cut(&text, '\n'); /* the columns' names */
    while (text.at && text.len > 0 && case_count < MAX_CASES) {
        struct str line = str_cut(&text, '\n');
        struct expected *e = &cases[case_count++];
        struct str *const columns[] = {&e->file, &e->expect, &e->n_ok, &e->status, &e->close, &e->rule};
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) *columns[i] = str_cut(&line, '\t');
    }
    return case_count > 0;
}

static struct str read_case(const struct expected *e)
{
    char below[512];
    snprintf(below, sizeof below, "corpora/http1/raw/%.*s", STR_ARG(e->file));
    const char *path = test_shared_path(below);
    FILE *f = path ? fopen(path, "rb") : NULL;
    EXPECT_THAT(f != NULL, "%s cannot be read", below);
    if (!f) return STR("");
    size_t len = fread(file_bytes, 1, sizeof file_bytes, f);
    fclose(f);
    return str_of(file_bytes, len);
}

/* Is the status one of "400|413 and more words"? */
static bool has_status(struct str list, int status)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", status);
    return str_find(list, str_from_cstr(digits)) != SIZE_MAX;
}

/* One file holds a folded line, which we refuse, before the request that never ends. */
static bool is_met_incomplete(const struct expected *e, const struct verdict *v, unsigned n_ok)
{
    bool is_folded = str_equals(e->file,
                                STR("llhttp-connection-11-multiple-tokens-with-folding-lws-and-crlf.raw"));
    if (is_folded) return v->end == END_REFUSED && v->status == 400 && v->complete == 0;
    if (str_equals(e->rule, STR("nothing was asked"))) return v->end == END_CLEAN && v->complete == 0;
    return v->end == END_INCOMPLETE && v->complete == n_ok;
}

static bool is_met(const struct expected *e, const struct verdict *v)
{
    int64_t n_ok = 0;
    if (!str_to_u63(e->n_ok, &n_ok)) return false;
    bool is_accepted = v->end <= END_CLOSED && v->complete == n_ok &&
                       (v->end == END_CLOSED || !str_equals(e->close, STR("yes")));
    bool is_refused = v->end == END_REFUSED && v->complete <= n_ok;
    if (str_equals(e->expect, STR("accept"))) return is_accepted;
    if (str_equals(e->expect, STR("reject"))) return is_refused && has_status(e->status, v->status);
    if (str_equals(e->expect, STR("reject-or-sanitise")))
        return is_accepted || (is_refused && v->status == 400);
    if (str_equals(e->expect, STR("limit")))
        return is_accepted || (is_refused && has_status(STR("400 413 414 431"), v->status));
    return str_equals(e->expect, STR("incomplete")) && is_met_incomplete(e, v, (unsigned)n_ok);
}

TEST(corpus_http1, each_request_gets_a_verdict_that_is_expected)
{
    if (!load_cases()) SKIP("corpora/http1 is not there (WEIR_SHARED)");
    for (size_t i = 0; i < case_count; i++) {
        struct str bytes = read_case(&cases[i]);
        struct verdict v = connection_run(bytes, bytes.len, 0);
        EXPECT_THAT(is_met(&cases[i], &v), "%.*s: %.*s (%.*s, %.*s), but: %u complete, end %d, status %d",
                    STR_ARG(cases[i].file), STR_ARG(cases[i].expect), STR_ARG(cases[i].n_ok),
                    STR_ARG(cases[i].status), v.complete, v.end, v.status);
    }
}

TEST(corpus_http1, a_request_means_the_same_wherever_it_is_cut)
{
    if (!load_cases()) SKIP("corpora/http1 is not there (WEIR_SHARED)");
    for (size_t i = 0; i < case_count; i++) {
        struct str bytes = read_case(&cases[i]);
        struct verdict whole = connection_run(bytes, bytes.len, 0);
        size_t step = bytes.len / test_count(MAX_CUTS) + 1;
        for (size_t cut = 0; cut < bytes.len; cut += step) {
            struct verdict v = connection_run(bytes, cut, 0);
            EXPECT_THAT(verdict_equals(&whole, &v), "%.*s cut at %zu", STR_ARG(cases[i].file), cut);
        }
        struct verdict v = connection_run(bytes, 1, step);
        EXPECT_THAT(verdict_equals(&whole, &v), "%.*s in pieces of %zu", STR_ARG(cases[i].file), step);
    }
}

/* Where the standard leaves a choice, we refuse, but for these. A change here is a change of policy. */
TEST(corpus_http1, what_may_be_refused_is_refused_but_for_a_named_few)
{
    static const struct str accepted[] = {
        STR_INIT(
            "3.2.2: absolute-form authority differs from Host"), /* the target's counts, Host is replaced */
        STR_INIT("RFC9110 2.5: HTTP/1.x with x>1 is treated as 1.1 (or 505)"),
        STR_INIT(
            "2.2: more than one empty line before request-line; 2.2: empty line before request-line SHOULD be ignored"),
        STR_INIT(
            "RFC9110 6.5.1: forbidden field in trailer (must not be merged/forwarded as header)"), /* dropped */
        STR_INIT("7.1.1: chunk-ext does not match the grammar"), /* dropped too, and only CRLF can end it */
        STR_INIT("encoded NUL in path"),                         /* url_decode() refuses it */
    };
    if (!load_cases()) SKIP("corpora/http1 is not there (WEIR_SHARED)");
    for (size_t i = 0; i < case_count; i++) {
        if (!str_equals(cases[i].expect, STR("reject-or-sanitise"))) continue;
        struct str bytes = read_case(&cases[i]);
        struct verdict v = connection_run(bytes, bytes.len, 0);
        bool may_be_accepted = false;
        for (size_t k = 0; k < sizeof accepted / sizeof *accepted; k++)
            may_be_accepted |= str_equals(accepted[k], cases[i].rule);
        EXPECT_THAT((v.end != END_REFUSED) == may_be_accepted, "%.*s: %.*s", STR_ARG(cases[i].file),
                    STR_ARG(cases[i].rule));
    }
}
