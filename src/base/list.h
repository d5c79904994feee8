/* base/list.h: a doubly linked list through a member of its elements. No allocation. */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev; /* of a head: first and last; both point to itself when empty */
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

static inline void list_prepend(struct list *head, struct list *item)
{
    list_append(head->next, item);
}

/* An item that is in no list (list_init) may be removed, too. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

#define LIST_ITEM(link, type, member) CONTAINER_OF(link, type, member)
/* The link in `item`; also where `item` is the head taken for one, which need not be aligned as its type is. */
#define LIST_LINK(item, type, member) ((struct list *)(void *)((char *)(item) + offsetof(type, member)))
/* The body may remove `item`, nothing else. */
#define LIST_EACH(item, head, type, member)                                                                  \
    for (type *item = LIST_ITEM((head)->next, type, member),                                                 \
              *item##_next = LIST_ITEM(LIST_LINK(item, type, member)->next, type, member);                   \
         LIST_LINK(item, type, member) != (head);                                                            \
         item = item##_next, item##_next = LIST_ITEM(LIST_LINK(item, type, member)->next, type, member))

#endif
