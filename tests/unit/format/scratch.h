/* A directory of a test's own for its files, removed at the end. */
#ifndef TESTS_UNIT_FORMAT_SCRATCH_H
#define TESTS_UNIT_FORMAT_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first. */
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_dir[64];

static inline int scratch_setup(void **state)
{
    (void)state;
    snprintf(scratch_dir, sizeof(scratch_dir), "/tmp/diner-format-XXXXXX");
    return mkdtemp(scratch_dir) ? 0 : -1;
}

static inline int scratch_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int scratch_teardown(void **state)
{
    (void)state;
    return nftw(scratch_dir, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes n bytes to a file of the directory; the path stays valid until the next call. */
static inline const char *scratch_file(const char *name, const void *bytes, size_t n)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", scratch_dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* A pipe that holds the bytes (at most what a pipe takes without a reader). */
static inline int scratch_pipe(const void *bytes, size_t n)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, n), (ssize_t)n);
    close(ends[1]);
    return ends[0];
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s", err.message);                                                           \
    } while (0)
#define assert_in(text, part)                                                                      \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("'%s' lacks '%s'", (text), (part));                                           \
    } while (0)

#endif
