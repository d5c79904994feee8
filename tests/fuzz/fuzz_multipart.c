/* tests/fuzz/fuzz_multipart.c: a form means the same wherever it is cut; the pieces that come out are what stands at their
 * offsets, and parts do not overlap. The first byte chooses the boundary. */
#include "base/check.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PARTS = MULTIPART_MAX_PARTS + 1 };
struct form {
    struct {
        uint64_t from, to, name_hash;
        bool has_file;
    } parts[MAX_PARTS];
    unsigned count;
    enum err_code code;
};

static void add(struct form *f, enum multipart what, const struct multipart_event *e, struct str body,
                uint64_t *at)
{
    require(f->count < MAX_PARTS && e->offset <= body.len && e->offset >= *at);
    if (what == MULTIPART_PART) {
        f->parts[f->count].from = e->offset;
        f->parts[f->count].name_hash = str_hash(e->name);
        f->parts[f->count].has_file = e->has_file;
    }
    if (what == MULTIPART_DATA) {
        require(e->data.len > 0 && e->offset == *at); /* without gaps */
        require(str_equals(str_part(body, (size_t)e->offset, e->data.len), e->data));
    }
    if (what == MULTIPART_PART_END) {
        require(e->offset == *at);
        f->parts[f->count++].to = e->offset;
    }
    *at = e->offset + e->data.len;
}

static void read_form(struct form *f, struct str boundary, struct str body, size_t step)
{
    struct multipart_reader m;
    struct multipart_event e;
    struct err err = {0};
    enum multipart what = MULTIPART_MORE;
    uint64_t at = 0;
    *f = (struct form){0};
    multipart_init(&m, boundary);
    for (size_t cut = 0; cut < body.len && what != MULTIPART_BAD; cut += step) {
        struct str in = str_part(body, cut, step);
        while ((what = multipart_next(&m, &in, &e, &err)) != MULTIPART_MORE && what != MULTIPART_BAD)
            add(f, what, &e, body, &at);
    }
    if (what != MULTIPART_BAD) (void)!multipart_end(&m, &err);
    f->code = err.code;
    multipart_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str boundaries[] = {STR_INIT("b"), STR_INIT("--"), STR_INIT("-b-"), STR_INIT("a b")};
    static struct form whole, cut;
    if (size == 0) return 0;
    struct str body = str_of((const char *)data + 1, size - 1), found = {0};
    struct str boundary = boundaries[data[0] % ARRAY_COUNT(boundaries)];
    struct err err;
    if (multipart_boundary(body, &found, &err))
        require(found.len > 0 && found.len <= MULTIPART_MAX_BOUNDARY_BYTES);
    read_form(&whole, boundary, body, body.len + 1);
    const size_t steps[] = {1, 2, data[0] / 4 + 1u};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        read_form(&cut, boundary, body, steps[i]);
        require(cut.count == whole.count && cut.code == whole.code);
        require(memcmp(cut.parts, whole.parts, sizeof *cut.parts * cut.count) == 0);
    }
    return 0;
}
