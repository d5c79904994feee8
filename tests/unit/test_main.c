/* tests/unit/test_main.c: the main of every unit test. Tests register themselves before main, in the order of their
 * file; cmocka runs them and prints its closing lines. A failed EXPECT only counts (it may stand on a fiber's stack,
 * where cmocka's longjmp must not start); the count is turned into cmocka's failure once the test has returned. */
#include "test.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_TESTS = 1000, MAX_FAILURES_SHOWN = 20, MAX_FILES = 64, MAX_BYTES_SHOWN = 400 };

static struct test_case *first_test, **next_test = &first_test;
static atomic_int failures;
static const char *skip_reason;
static void *files[MAX_FILES];
static size_t file_count;

void test_register(struct test_case *test)
{
    *next_test = test;
    next_test = &test->next;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    int count = atomic_fetch_add(&failures, 1);
    if (count >= MAX_FAILURES_SHOWN) return;
    va_list args;
    va_start(args, format);
    flockfile(stderr);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, args);
    fputs(count + 1 == MAX_FAILURES_SHOWN ? "\n(further failures are counted, not shown)\n" : "\n", stderr);
    funlockfile(stderr);
    va_end(args);
}

void test_skip(const char *file, int line, const char *why)
{
    fprintf(stderr, "%s:%d: skipped: %s\n", file, line, why);
    skip_reason = why;
}

bool test_check(bool ok, const char *file, int line, const char *what)
{
    if (!ok) test_fail(file, line, "%s", what);
    return ok;
}

bool test_check_ints(int64_t got, int64_t want, bool wants_equal, const char *file, int line)
{
    bool ok = (got == want) == wants_equal;
    if (!ok)
        test_fail(file, line, "got %" PRId64 " (0x%" PRIx64 "), want %s%" PRId64 " (0x%" PRIx64 ")", got,
                  (uint64_t)got, wants_equal ? "" : "anything but ", want, (uint64_t)want);
    return ok;
}

bool test_check_near(double got, double want, double tolerance, const char *file, int line)
{
    bool ok = got >= want - tolerance && got <= want + tolerance;
    if (!ok) test_fail(file, line, "got %.17g, want %.17g ± %g", got, want, tolerance);
    return ok;
}

/* Quoted, cut, unprintable bytes as \xNN. */
static void print_bytes(const char *label, struct str s)
{
    size_t shown = s.len < MAX_BYTES_SHOWN ? s.len : MAX_BYTES_SHOWN;
    fprintf(stderr, "  %s %zu bytes \"", label, s.len);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c == '\n')
            fputs("\\n", stderr);
        else if (c < 0x20 || c == 0x7f)
            fprintf(stderr, "\\x%02x", c);
        else
            fputc(c, stderr);
    }
    fputs(shown < s.len ? "\"…\n" : "\"\n", stderr);
}

bool test_check_bytes(struct str got, struct str want, bool wants_equal, const char *file, int line)
{
    if (str_equals(got, want) == wants_equal) return true;
    size_t same = 0;
    while (same < got.len && same < want.len && got.at[same] == want.at[same]) same++;
    if (!wants_equal)
        test_fail(file, line, "both are the same");
    else
        test_fail(file, line, "they differ from byte %zu on", same);
    if (atomic_load(&failures) > MAX_FAILURES_SHOWN) return false;
    flockfile(stderr);
    print_bytes("got ", got);
    print_bytes(wants_equal ? "want" : "not ", want);
    funlockfile(stderr);
    return false;
}

static const char *path_below(const char *root, const char *below)
{
    static char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", root, below) >= (int)sizeof path) return NULL;
    return access(path, R_OK) == 0 ? path : NULL;
}

const char *test_source_path(const char *below)
{
    const char *root = getenv("WEIR_SOURCE");
    return path_below(root ? root : ".", below);
}

const char *test_shared_path(const char *below)
{
    static char beside[4096];
    const char *root = getenv("WEIR_SHARED");
    if (root && *root) return path_below(root, below);
    const char *source = getenv("WEIR_SOURCE");
    if (snprintf(beside, sizeof beside, "%s/../shared", source ? source : ".") >= (int)sizeof beside)
        return NULL;
    return path_below(beside, below);
}

size_t test_count(size_t full)
{
    const char *shrink = getenv("WEIR_TEST_SHRINK");
    long by = shrink ? strtol(shrink, NULL, 10) : 1;
    size_t count = by > 1 ? full / (size_t)by : full;
    return count ? count : 1;
}

bool test_is_emulated(void)
{
    return getenv("WEIR_TEST_EMULATED") != NULL;
}

struct str test_read_file(const char *path)
{
    FILE *f = path ? fopen(path, "rb") : NULL;
    if (!f || file_count == MAX_FILES) {
        if (f) fclose(f);
        return (struct str){NULL, 0};
    }
    size_t len = 0, room = 1 << 16;
    char *at = malloc(room);
    for (size_t got; at && (got = fread(at + len, 1, room - len, f)) > 0;) {
        len += got;
        if (len == room) at = realloc(at, room *= 2);
    }
    fclose(f);
    files[file_count++] = at;
    return str_of(at, at ? len : 0);
}

static void free_files(void)
{
    while (file_count) free(files[--file_count]);
}

static void run_case(void **state)
{
    const struct test_case *test = *state;
    atomic_store(&failures, 0);
    skip_reason = NULL;
    test->run();
    free_files();
    int count = atomic_load(&failures);
    if (count) fail_msg("%d expectation%s not met", count, count == 1 ? " was" : "s were");
    if (skip_reason) skip();
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_TESTS];
    size_t count = 0;
    for (struct test_case *t = first_test; t; t = t->next) {
        if (count == MAX_TESTS) {
            fprintf(stderr, "more than %d tests in one file\n", MAX_TESTS);
            return 99;
        }
        tests[count++] = (struct CMUnitTest){.name = t->name, .test_func = run_case, .initial_state = t};
    }
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const char *slash = argc > 0 ? __builtin_strrchr(argv[0], '/') : NULL;
    return _cmocka_run_group_tests(slash ? slash + 1 : "tests", tests, count, NULL, NULL) != 0;
}
