/* chat/losses.c: a short list of names, each once. */
#include "chat/losses.h"

static bool fits_a_header(struct str name)
{
    if (name.len == 0 || name.len > LOSS_NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] > '~' || name.at[i] == ',') return false;
    return true;
}

void losses_add(struct losses *l, struct str name)
{
    if (!fits_a_header(name)) name = STR("other");
    for (unsigned i = 0; i < l->count; i++)
        if (str_equals(l->names[i], name)) return;
    if (l->count < LOSSES_MAX)
        l->names[l->count++] = name;
    else
        l->is_cut = true;
}

struct str losses_join(const struct losses *l, struct arena *a)
{
    struct str pieces[2 * LOSSES_MAX + 1];
    size_t count = 0;
    for (unsigned i = 0; i < l->count; i++) {
        if (i > 0) pieces[count++] = STR(", ");
        pieces[count++] = l->names[i];
    }
    if (l->is_cut) pieces[count++] = STR(", ...");
    return arena_join(a, pieces, count);
}
