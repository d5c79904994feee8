/* gateway/certificates.c: a list of contexts, as long as the configuration has different tls: blocks. Old contexts live
 * on with the snapshots and connections that hold them. */
#include "gateway/certificates.h"

#include "base/list.h"
#include "base/mem.h"

struct entry {
    struct list link;
    char *ca, *cert, *key; /* paths; NULL: none */
    struct tls_context *context;
};

struct certificates {
    struct list entries;
    struct tls_tickets *tickets;
};

struct certificates *certificates_new(void)
{
    struct certificates *c = xzalloc(sizeof *c);
    list_init(&c->entries);
    c->tickets = tls_tickets_new();
    return c;
}

static void entry_free(struct entry *e)
{
    list_remove(&e->link);
    tls_context_unref(&e->context);
    xfree(e->ca);
    xfree(e->cert);
    xfree(e->key);
    xfree(e);
}

void certificates_free(struct certificates *c)
{
    if (!c) return;
    LIST_EACH(e, &c->entries, struct entry, link) entry_free(e);
    tls_tickets_unref(&c->tickets);
    xfree(c);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct entry *find(struct certificates *c, const struct tls_files *f)
{
    LIST_EACH(e, &c->entries, struct entry, link)
    {
        if (is_same(e->ca, f->ca) && is_same(e->cert, f->cert) && is_same(e->key, f->key)) return e;
    }
    return NULL;
}

struct tls_context *certificates_connect(struct certificates *c, const struct tls_files *files,
                                         struct err *err)
{
    struct entry *e = find(c, files);
    if (e && tls_context_is_current(e->context, files)) return tls_context_ref(e->context);
    struct tls_context *fresh = tls_context_new(files, err);
    if (!fresh) return NULL;
    if (e) entry_free(e);
    e = xzalloc(sizeof *e);
    e->ca = files->ca ? xstrdup(files->ca) : NULL;
    e->cert = files->cert ? xstrdup(files->cert) : NULL;
    e->key = files->key ? xstrdup(files->key) : NULL;
    e->context = fresh;
    list_append(&c->entries, &e->link);
    return tls_context_ref(fresh);
}

struct tls_acceptor *certificates_accept(struct certificates *c, const struct tls_files *files,
                                         struct err *err)
{
    return tls_acceptor_new(files, c->tickets, err);
}

void certificates_trim(struct certificates *c)
{
    LIST_EACH(e, &c->entries, struct entry, link)
    {
        if (!tls_context_is_shared(e->context)) entry_free(e);
    }
}
