/* config/source_system.c: the process's own environment and files: what main hands to config_load(). */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static const char *system_getenv(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

static bool read_all(FILE *file, struct buf *out, struct err *err)
{
    char piece[1024];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        if (!buf_append(out, str_of(piece, got))) return err_set(err, ERR_TOO_LARGE, "larger than 1MiB");
    return !ferror(file) || err_set_errno(err, errno, "cannot be read");
}

static bool system_read_file(void *arg, const char *path, struct buf *out, struct err *err)
{
    (void)arg;
    FILE *file = fopen(path, "re");
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return err_set(err, ERR_NOT_FOUND, "no such file");
    if (!file) return err_set_errno(err, errno, "cannot be opened");
    bool is_read = read_all(file, out, err);
    fclose(file);
    return is_read;
}

const struct config_source config_source_system = {.getenv = system_getenv, .read_file = system_read_file};
