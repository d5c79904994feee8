/* Allocation that has an answer for everything. */
#include "test.h"

#include "base/mem.h"

TEST(mem, nothing_is_a_place_too)
{
    void *a = xmalloc(0), *b = xzalloc(0), *c = xrealloc(NULL, 0);
    EXPECT_TRUE(a && b && c);
    xfree(a);
    xfree(b);
    xfree(c);
    xfree(NULL);
}

TEST(mem, zeroed_and_grown_memory_keeps_its_bytes)
{
    char *p = xzalloc(100);
    for (int i = 0; i < 100; i++) EXPECT_EQ(p[i], 0);
    memset(p, 'x', 100);
    p = xrealloc(p, 100000);
    EXPECT_EQ(p[99], 'x');
    xfree(p);
    p = xstrdup("abc");
    EXPECT_STR_EQ(p, "abc");
    xfree(p);
}
