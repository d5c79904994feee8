/* tests/unit/test.h: what a unit test needs, over cmocka. A file of tests is a program of its own; its main is
 * tests/unit/test_main.c.
 *
 *     #include "test.h"
 *     TEST(bucket, gives_what_it_holds_and_then_refuses)
 *     {
 *         EXPECT_EQ(bucket_left(&b), 5);
 *         EXPECT_STR_EQ(name, "alice");
 *     }
 *
 * An EXPECT prints file:line and both values, marks the test as failed and goes on: it never jumps, so it may stand on
 * a fiber's stack or another thread. ASSERT_TRUE and SKIP return from the function they stand in (which returns void);
 * a SKIP stands in the TEST itself. `PROGRAM PATTERN` runs the tests whose "suite.name" matches ('*' and '?'). */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void test_skip(const char *file, int line, const char *why);
bool test_check(bool ok, const char *file, int line, const char *what);
bool test_check_ints(int64_t got, int64_t want, bool wants_equal, const char *file, int line);
bool test_check_bytes(struct str got, struct str want, bool wants_equal, const char *file, int line);
bool test_check_near(double got, double want, double tolerance, const char *file, int line);

/* Of the material outside the project: WEIR_SHARED or ../shared; NULL when `below` is not there. `below` may be "". The
 * text lives until the next call. Data of the project itself: test_source_path(). */
const char *test_shared_path(const char *below);
const char *test_source_path(const char *below);
/* How many of something large to use: `full`, and less under valgrind or an emulator (WEIR_TEST_SHRINK); never 0. */
size_t test_count(size_t full);
/* The kernel is played by qemu-user, which lets the program have all memory whatever setrlimit() said. */
bool test_is_emulated(void);
/* The whole file, in memory that is freed at the end of the test; at == NULL: it cannot be read. */
struct str test_read_file(const char *path);

#define TEST(suite, sentence)                                                                                \
    static void suite##_##sentence(void);                                                                    \
    __attribute__((constructor)) static void suite##_##sentence##_register(void)                             \
    {                                                                                                        \
        static struct test_case test = {.name = #suite "." #sentence, .run = suite##_##sentence};            \
        test_register(&test);                                                                                \
    }                                                                                                        \
    static void suite##_##sentence(void)

/* Both a C string and a struct str will do. */
#define TEST_AS_STR(x)                                                                                       \
    _Generic((x), struct str : test_str_itself, char * : str_from_cstr, const char * : str_from_cstr)(x)
/* Anything that fits 64 bits, pointers included; a double is for EXPECT_NEAR. */
#define TEST_AS_INT(x)                                                                                       \
    ((int64_t) _Generic((x), float                                                                           \
                        : (struct test_is_no_int *)0, double                                                 \
                        : (struct test_is_no_int *)0, default                                                \
                        : (x)))

#define EXPECT_TRUE(x) ((void)test_check((x), __FILE__, __LINE__, #x " is false"))
#define EXPECT_FALSE(x) ((void)test_check(!(x), __FILE__, __LINE__, #x " is true"))
#define EXPECT_EQ(got, want)                                                                                 \
    ((void)test_check_ints(TEST_AS_INT(got), TEST_AS_INT(want), true, __FILE__, __LINE__))
#define EXPECT_NE(got, unwanted)                                                                             \
    ((void)test_check_ints(TEST_AS_INT(got), TEST_AS_INT(unwanted), false, __FILE__, __LINE__))
#define EXPECT_NULL(p) ((void)test_check((p) == NULL, __FILE__, __LINE__, #p " is not NULL"))
#define EXPECT_NOT_NULL(p) ((void)test_check((p) != NULL, __FILE__, __LINE__, #p " is NULL"))
#define EXPECT_STR_EQ(got, want)                                                                             \
    ((void)test_check_bytes(TEST_AS_STR(got), TEST_AS_STR(want), true, __FILE__, __LINE__))
#define EXPECT_STR_NE(got, unwanted)                                                                         \
    ((void)test_check_bytes(TEST_AS_STR(got), TEST_AS_STR(unwanted), false, __FILE__, __LINE__))
#define EXPECT_MEM_EQ(got, got_bytes, want, want_bytes)                                                      \
    ((void)test_check_bytes(str_of((const void *)(got), (got_bytes)),                                        \
                            str_of((const void *)(want), (want_bytes)), true, __FILE__, __LINE__))
#define EXPECT_NEAR(got, want, tolerance)                                                                    \
    ((void)test_check_near((got), (want), (tolerance), __FILE__, __LINE__))
/* For words of your own: EXPECT_THAT(ok, "case %s: status %d", name, status). */
#define EXPECT_THAT(x, ...) ((x) ? (void)0 : test_fail(__FILE__, __LINE__, __VA_ARGS__))
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define ASSERT_TRUE(x)                                                                                       \
    do {                                                                                                     \
        if (!test_check((x), __FILE__, __LINE__, #x " is false")) return;                                    \
    } while (0)
#define SKIP(why)                                                                                            \
    do {                                                                                                     \
        test_skip(__FILE__, __LINE__, (why));                                                                \
        return;                                                                                              \
    } while (0)

static inline struct str test_str_itself(struct str s)
{
    return s;
}

#endif
