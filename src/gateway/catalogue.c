/* gateway/catalogue.c: lists of model ids behind a lock. A fresh list replaces the old one whole. */
#include "gateway/catalogue.h"

#include "base/map.h"
#include "base/mem.h"
#include "json/cursor.h"

#include <pthread.h>

struct model_list {
    struct arena arena; /* ids */
    struct str *ids;
    size_t count;
    struct map by_id;
};

struct catalogue {
    pthread_mutex_t lock;
    struct model_list list;
    bool is_claimed;
    msec_t ask_again_at; /* 0: never asked to an end */
};

struct catalogues {
    struct map by_origin; /* main's alone */
    struct arena arena;
};

struct catalogues *catalogues_new(void)
{
    struct catalogues *all = xzalloc(sizeof *all);
    map_init(&all->by_origin);
    arena_init(&all->arena);
    return all;
}

static void list_done(struct model_list *l)
{
    map_done(&l->by_id);
    arena_done(&l->arena);
}

void catalogues_free(struct catalogues *all)
{
    if (!all) return;
    size_t at = 0;
    for (struct map_entry *e; (e = map_next(&all->by_origin, &at));) {
        struct catalogue *c = e->value;
        list_done(&c->list);
        pthread_mutex_destroy(&c->lock);
    }
    map_done(&all->by_origin);
    arena_done(&all->arena);
    xfree(all);
}

struct catalogue *catalogues_get(struct catalogues *all, struct str provider, struct str base_url)
{
    struct arena scratch;
    arena_init(&scratch);
    struct str id = arena_join(&scratch, (struct str[]){provider, STR(" "), base_url}, 3);
    struct catalogue *c = map_get(&all->by_origin, id);
    if (!c) id = arena_copy(&all->arena, id);
    arena_done(&scratch);
    if (c) return c;
    c = arena_new(&all->arena, struct catalogue);
    pthread_mutex_init(&c->lock, NULL);
    map_init(&c->list.by_id);
    arena_init(&c->list.arena);
    map_put(&all->by_origin, id, c);
    return c;
}

enum catalogue_claim catalogue_claim(struct catalogue *c, msec_t now)
{
    pthread_mutex_lock(&c->lock);
    bool is_known = c->ask_again_at != 0, is_due = !c->is_claimed && now >= c->ask_again_at;
    if (is_due) c->is_claimed = true;
    pthread_mutex_unlock(&c->lock);
    if (is_due) return CATALOGUE_YOURS;
    return is_known ? CATALOGUE_KNOWN : CATALOGUE_AWAITED;
}

void catalogue_release(struct catalogue *c)
{
    pthread_mutex_lock(&c->lock);
    c->is_claimed = false;
    pthread_mutex_unlock(&c->lock);
}

/* OpenAI's {"data":[{"id":…}]}; Together answers with the bare array. */
static struct json_value list_of(struct str reply)
{
    struct json_value root = json_value_of(str_trim(reply));
    return root.type == JSON_ARRAY ? root : json_get(root, STR("data"));
}

static void read_list(struct model_list *l, struct json_value list)
{
    *l = (struct model_list){0};
    map_init(&l->by_id);
    arena_init(&l->arena);
    struct json_items it;
    struct json_value item;
    size_t room = 0;
    json_items_init(&it, list);
    while (json_items_next(&it, &item)) room++;
    if (room > CATALOGUE_MAX_MODELS) room = CATALOGUE_MAX_MODELS;
    l->ids = arena_new_array(&l->arena, struct str, room + 1);
    json_items_init(&it, list);
    while (l->count < room && json_items_next(&it, &item)) {
        struct str id;
        if (!json_to_str(json_get(item, STR("id")), &l->arena, &id) || id.len == 0 || id.len > 512) continue;
        id = arena_copy(&l->arena, id);
        if (map_put(&l->by_id, id, l)) continue;
        l->ids[l->count++] = id;
    }
}

void catalogue_store(struct catalogue *c, struct str reply, msec_t now)
{
    struct json_value list = list_of(reply);
    bool is_list = list.type == JSON_ARRAY;
    struct model_list fresh, old; /* up to 4 MiB are read while nobody has to wait for it */
    if (is_list) read_list(&fresh, list);
    pthread_mutex_lock(&c->lock);
    old = c->list;
    if (is_list) c->list = fresh;
    c->is_claimed = false;
    c->ask_again_at = now + (is_list ? CATALOGUE_FRESH_MS : CATALOGUE_RETRY_MS);
    pthread_mutex_unlock(&c->lock);
    if (is_list) list_done(&old);
}

bool catalogue_has(struct catalogue *c, struct str model)
{
    pthread_mutex_lock(&c->lock);
    bool has = map_get(&c->list.by_id, model) != NULL;
    pthread_mutex_unlock(&c->lock);
    return has;
}

size_t catalogue_list(struct catalogue *c, struct arena *a, const struct str **ids)
{
    pthread_mutex_lock(&c->lock);
    struct str *copies = arena_new_array(a, struct str, c->list.count + 1);
    for (size_t i = 0; i < c->list.count; i++) copies[i] = arena_copy(a, c->list.ids[i]);
    size_t count = c->list.count;
    pthread_mutex_unlock(&c->lock);
    *ids = copies;
    return count;
}
