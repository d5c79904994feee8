/* tests/fuzz/fuzz_main.c: runs a fuzz target without libFuzzer, so that every test build compiles it and feeds it its
 * seeds. For each argument (a file or a folder): the seed whole, cut short in up to 64 places, and with single bytes
 * changed by a fixed pseudo-random sequence. Each input lies in memory of exactly its size, so that a sanitizer or
 * valgrind sees a read past its end. A folder `<noun>.shared` beside the corpus names more, below WEIR_SHARED. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_CUTS = 64, MAX_CHANGES = 64, MAX_SEED_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t seeds, inputs;
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void run_copy(const uint8_t *data, size_t size, bool is_changed)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    memcpy(copy, data, size);
    if (is_changed && size) copy[random_next() % size] = (uint8_t)random_next();
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
}

static void run_seed(const uint8_t *data, size_t size)
{
    seeds++;
    run_copy(data, size, false);
    if (size > 1 << 16) return;
    size_t cuts = size < MAX_CUTS ? size : MAX_CUTS;
    for (size_t i = 0; i < cuts; i++) run_copy(data, size * i / cuts, false);
    for (int i = 0; i < MAX_CHANGES; i++) run_copy(data, size, true);
}

static bool run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(MAX_SEED_BYTES);
    bool ok = f && data;
    if (ok) {
        size_t size = fread(data, 1, MAX_SEED_BYTES, f);
        ok = !ferror(f);
        if (ok) run_seed(data, size);
    }
    if (!ok) perror(path);
    if (f) fclose(f);
    free(data);
    return ok;
}

static bool run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) return run_file(path);
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) {
        perror(path);
        return false;
    }
    bool ok = true;
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(file, &st) == 0 && S_ISREG(st.st_mode))
            ok = run_file(file) && ok;
        free(names[i]);
    }
    free(names);
    return ok;
}

/* The lines of <corpus>.shared; a folder that is not there is passed over with a word. */
static bool run_shared(const char *corpus)
{
    char path[4096], line[1024];
    snprintf(path, sizeof path, "%s.shared", corpus);
    FILE *f = fopen(path, "r");
    if (!f) return true;
    const char *shared = getenv("WEIR_SHARED"), *source = getenv("WEIR_SOURCE");
    bool ok = true;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (shared && *shared)
            snprintf(path, sizeof path, "%s/%s", shared, line);
        else
            snprintf(path, sizeof path, "%s/../shared/%s", source ? source : ".", line);
        struct stat st;
        if (stat(path, &st) == 0)
            ok = run_path(path) && ok;
        else
            fprintf(stderr, "not there, passed over: %s\n", path);
    }
    fclose(f);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;
    run_copy((const uint8_t *)"", 0, false);
    for (int i = 1; i < argc; i++) ok = run_path(argv[i]) && run_shared(argv[i]) && ok;
    printf("%zu seeds, %zu inputs\n", seeds, inputs);
    if (!seeds) fprintf(stderr, "no seed found: each fuzz target has one at least\n");
    return ok && seeds ? 0 : 1;
}
