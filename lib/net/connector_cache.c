/* The last good answers of a list, for when its system has none. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/log.h"
#include "core/sha256.h"
#include "net/connector_internal.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 64 /* of one resource, by parameters */

static void hash_text(struct sha256 *h, const char *text)
{
    sha256_add(h, text ? text : "", text ? strlen(text) + 1 : 1);
}

const char *cache_path(const struct connector *c, const char *resource,
                       const struct connector_param *params, size_t nparams, struct arena *arena)
{
    struct sha256 *h = sha256_new();
    char hex[65];

    hash_text(h, c->identity);
    for (size_t i = 0; i < nparams; i++) {
        hash_text(h, params[i].name);
        hash_text(h, params[i].value);
    }
    sha256_finish(h, hex);
    return arena_printf(arena, "%s/cache/%s.%s.%.16s.json", config_settings(c->config)->state_dir,
                        c->name, resource, hex);
}

struct tape *cache_begin(const char *path, const struct cache_spec *spec)
{
    struct tape *t = NULL;
    struct error err = ERROR_INIT;

    if (tape_open_cache(path, (size_t)spec->max_bytes, !spec->is_disguised, &t, &err) != 0)
        log_debug("nothing is kept: %s", err.message);
    return t;
}

/* Removes what is too old of the files that differ in their hash alone; how many stay. */
static int files_prune(const char *directory, const char *path, int64_t for_ms)
{
    const char *name = strrchr(path, '/') + 1;
    size_t stem = strlen(name) - strlen("0123456789abcdef.json");
    DIR *d = opendir(directory);
    struct dirent *entry;
    int stay = 0;

    while (d && (entry = readdir(d))) {
        struct stat st;
        if (strncmp(entry->d_name, name, stem) != 0 || strlen(entry->d_name) != strlen(name) ||
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bool is_old = clock_wall_us() / 1000 - (int64_t)st.st_mtim.tv_sec * 1000 > for_ms;
        if (!is_old || unlinkat(dirfd(d), entry->d_name, 0) != 0)
            stay += strcmp(entry->d_name, name) != 0;
    }
    if (d)
        closedir(d);
    return stay;
}

static int file_save(struct tape *t, const char *path, const struct cache_spec *spec,
                     struct error *err)
{
    AUTOFREE char *directory = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    mode_t mask = umask(077);
    int code = directory_make(directory, err);

    umask(mask);
    TRY(code);
    if (files_prune(directory, path, spec->for_ms) >= FILES_MAX)
        return error_set(err, ERR_LIMIT, "'%s' has %d lists of this resource already", directory,
                         FILES_MAX);
    return tape_save(t, err);
}

void cache_commit(struct tape *t, const char *path, const struct cache_spec *spec)
{
    struct error err = ERROR_INIT;

    if (file_save(t, path, spec, &err) != 0)
        log_debug("nothing is kept: %s", err.message);
    tape_free(t);
}

struct tape *cache_open(const char *path, const struct cache_spec *spec, const struct error *cause,
                        struct arena *arena, const char **ret_why, int64_t *ret_age_ms)
{
    struct tape *t = NULL;
    struct error err = ERROR_INIT;
    char at[DATETIME_ISO_MAX];

    if (tape_open(path, TAPE_REPLAY, &t, &err) != 0) {
        log_debug("no answers of before: %s", err.message);
        return NULL;
    }
    int64_t age_ms = (clock_wall_us() - tape_time_us(t)) / 1000;
    if (age_ms < 0 || age_ms > spec->for_ms) {
        tape_free(t);
        return NULL;
    }
    *ret_age_ms = age_ms;
    datetime_print(tape_time_us(t), NULL, at);
    *ret_why = arena_printf(arena, "answers of %s, %" PRId64 " min old, for: %.300s", at,
                            age_ms / 60000, cause->message);
    return t;
}
