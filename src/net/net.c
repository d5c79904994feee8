/* net/net.c: what all streams of one loop share. */
#include "net/inside.h"

#include "base/mem.h"
#include "fiber/sanitize.h"
#include "net/resolver.h"

static void net_done(void *state)
{
    struct net *n = state;
    SANITIZE_ALLOW(n->buffer, STREAM_READ_BYTES);
    xfree(n->buffer);
    xfree(n->gathered);
    xfree(n->held);
    tls_scratch_free(n->tls);
    if (n->owns_resolver) resolver_free(n->resolver);
    xfree(n);
}

struct net *net_of(struct loop *l)
{
    struct net *n = loop_attached(l);
    if (n) return n;
    n = xzalloc(sizeof *n);
    n->loop = l;
    n->buffer = xmalloc(STREAM_READ_BYTES);
    n->gathered = xmalloc(GATHERED_BYTES);
    loop_attach(l, n, net_done);
    return n;
}
