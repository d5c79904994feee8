/* A list through its elements. */
#include "test.h"

#include "base/list.h"

struct item {
    char name;
    struct list link;
};

static struct str names_in(const struct list *head)
{
    static char text[8];
    size_t count = 0;
    LIST_EACH(i, (struct list *)(uintptr_t)head, struct item, link) text[count++] = i->name;
    return str_of(text, count);
}

TEST(list, keeps_its_order_at_both_ends)
{
    struct list head;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    list_init(&head);
    EXPECT_TRUE(list_is_empty(&head));
    EXPECT_STR_EQ(names_in(&head), "");
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_prepend(&head, &a.link);
    EXPECT_FALSE(list_is_empty(&head));
    EXPECT_STR_EQ(names_in(&head), "abc");
    EXPECT_TRUE(LIST_ITEM(head.next, struct item, link) == &a);
}

TEST(list, an_item_may_be_removed_wherever_it_is_and_twice)
{
    struct list head;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_remove(&b.link);
    list_remove(&b.link);
    EXPECT_STR_EQ(names_in(&head), "ac");
    list_remove(&a.link);
    list_remove(&c.link);
    EXPECT_TRUE(list_is_empty(&head));
}

TEST(list, a_walk_may_remove_what_it_stands_on)
{
    struct list head;
    struct item items[5];
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].name = (char)('a' + i);
        list_append(&head, &items[i].link);
    }
    LIST_EACH(i, &head, struct item, link)
    {
        if (i->name % 2) list_remove(&i->link);
    }
    EXPECT_STR_EQ(names_in(&head), "bd");
}
