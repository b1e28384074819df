/* The files of a run: one, or the parts of a split. All are written and synced before the run's
 * COMMIT and renamed after it, the checksum file last; parts that a former run wrote and this one
 * does not are removed, or who reads by a glob would read their rows once more. */
#include "core/fileio.h"
#include "gen/embed.h"
#include "pipeline/state.h"
#include "pipeline/target/file_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTS_MAX       500
#define FLUSH_BYTES     ((size_t)64 << 10)
#define FLUSH_BYTES_BY  ((size_t)8 << 10) /* where all parts are open at once */
#define VALUE_MAX_BYTES 100

struct file_set {
    const struct stream_context *ctx;
    const struct file_target_spec *spec;
    struct file_part **parts;
    size_t nparts;
    struct file_part *current; /* unless split by values */
    struct hashmap *by_value;
    int *by_columns;
    const char *pattern;
    struct file_part *mark; /* the checksum file */
    const char **stale;     /* parts of a former run */
    size_t nstale;
    bool is_look;
};

/* ---- names ------------------------------------------------------------------------------ */

static int resolve(const struct file_set *set, const struct field_string_map *split,
                   const char **ret, struct error *err)
{
    struct stream_context ctx = *set->ctx;
    const char *text;
    ctx.split = split;
    TRY(stream_text(&ctx, set->spec->file, &text, err));
    *ret = text[0] == '/'
               ? arena_strdup(ctx.arena, text)
               : arena_printf(ctx.arena, "%s/%s", config_settings(ctx.config)->output_dir, text);
    return 0;
}

static struct field_string_map map_of(const struct file_set *set, const char *part)
{
    struct arena *arena = set->ctx->arena;
    size_t n = set->spec->split.by.count;
    struct field_string_map map = {.keys = arena_array(arena, n + 1, sizeof(char *)),
                                   .values = arena_array(arena, n + 1, sizeof(char *)),
                                   .count = n + 1};
    for (size_t i = 0; i < n; i++) {
        map.keys[i] = set->spec->split.by.items[i];
        map.values[i] = "*";
    }
    map.keys[n] = "part";
    map.values[n] = part;
    return map;
}

/* ---- parts ------------------------------------------------------------------------------ */

static int make_directory_of(const struct file_set *set, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash != path
               ? directory_make(arena_strndup(set->ctx->arena, path, (size_t)(slash - path)), err)
               : 0;
}

static int open_part(struct file_set *set, const struct field_string_map *split,
                     struct file_part **ret, struct error *err)
{
    struct file_part_options o = {.is_look = set->is_look,
                                  .packs = set->spec->compress == COMPRESS_GZIP,
                                  .flush_bytes =
                                      set->by_value != NULL ? FLUSH_BYTES_BY : FLUSH_BYTES};
    if (set->nparts == PARTS_MAX) {
        error_set(err, ERR_LIMIT, "'%s': more than %d files", set->pattern, PARTS_MAX);
        return error_hint(err, "make the parts of `split` larger");
    }
    TRY(resolve(set, split, &o.path, err));
    o.sheet = set->spec->format == TARGET_XLSX ? set->ctx->stream->name : NULL;
    TRY(make_directory_of(set, o.path, err));
    TRY(file_part_open(&o, ret, err));
    set->parts[set->nparts++] = *ret;
    return 0;
}

static int open_numbered(struct file_set *set, struct error *err)
{
    const char *number = arena_printf(set->ctx->arena, "%04zu", set->nparts + 1);
    struct field_string_map map = map_of(set, number);
    return open_part(set, &map, &set->current, err);
}

static bool is_full(const struct file_set *set, size_t bytes)
{
    const struct split_spec *split = &set->spec->split;
    const struct file_part *p = set->current;
    return p->count > 0 && ((split->rows > 0 && p->count == split->rows) ||
                            (split->bytes > 0 && p->bytes + bytes > (uint64_t)split->bytes));
}

/* What would leave the directory, or be another file's name. */
static int check_value(const struct file_set *set, const char *column, struct span value,
                       struct error *err)
{
    bool bad = value.len > VALUE_MAX_BYTES || (value.len > 0 && value.ptr[0] == '.');
    for (size_t i = 0; i < value.len; i++)
        bad |= value.ptr[i] == '/' || value.ptr[i] == '\\' || (unsigned char)value.ptr[i] < ' ';
    if (!bad)
        return 0;
    error_set(err, ERR_DATA, "'%s': the value '%.*s' of '%s' cannot be part of a file's name",
              set->pattern, (int)(value.len < VALUE_MAX_BYTES ? value.len : VALUE_MAX_BYTES),
              value.ptr, column);
    return error_hint(err, "split by a code");
}

static int part_by_value(struct file_set *set, const struct span *texts, struct file_part **ret,
                         struct error *err)
{
    AUTO_STRBUF struct strbuf key = {0};
    const struct field_strings *by = &set->spec->split.by;
    strbuf_init(&key, 0);
    for (size_t i = 0; i < by->count; i++) {
        struct span value = texts[set->by_columns[i]];
        strbuf_addf(&key, "%zu:", value.len);
        strbuf_add(&key, value.ptr, value.len);
    }
    *ret = hashmap_get(set->by_value, key.data, key.len);
    if (*ret != NULL)
        return 0;
    struct field_string_map map = map_of(set, "*");
    for (size_t i = 0; i < by->count; i++) {
        struct span value = texts[set->by_columns[i]];
        TRY(check_value(set, by->items[i], value, err));
        map.values[i] = arena_strndup(set->ctx->arena, value.ptr, value.len);
    }
    TRY(open_part(set, &map, ret, err));
    hashmap_put(set->by_value, key.data, key.len, *ret);
    return 0;
}

int file_set_part(struct file_set *set, const struct span *texts, size_t bytes,
                  struct file_part **ret, struct error *err)
{
    if (set->by_value != NULL)
        return part_by_value(set, texts, ret, err);
    if (is_full(set, bytes)) {
        TRY(file_part_close(set->current, err));
        TRY(open_numbered(set, err));
    }
    *ret = set->current;
    return 0;
}

static int prepare(struct file_set *set, struct error *err)
{
    const struct split_spec *split = &set->spec->split;
    const struct stream_spec *s = set->ctx->stream;
    struct field_string_map all = map_of(set, "*");
    TRY(resolve(set, &all, &set->pattern, err));
    if (!set->is_look && file_target_is_split(set->spec))
        atomic_file_sweep(set->pattern);
    if (split->by.count == 0)
        return open_numbered(set, err);
    set->by_value = hashmap_new();
    set->by_columns = arena_array(set->ctx->arena, split->by.count, sizeof *set->by_columns);
    for (size_t i = 0; i < split->by.count; i++) {
        set->by_columns[i] = stream_column(s, split->by.items[i]);
        if (set->by_columns[i] < 0) /* of a query, whose columns lint did not know */
            return error_set(err, ERR_SPEC, "split: '%s' is not a column of the stream",
                             split->by.items[i]);
    }
    return 0;
}

int file_set_open(const struct stream_context *ctx, struct file_set **ret, struct error *err)
{
    struct file_set *set = mem_alloc(sizeof *set);
    set->ctx = ctx;
    set->spec = ctx->stream->target_spec;
    set->is_look = ctx->dry_run || ctx->plan;
    set->parts = arena_array(ctx->arena, PARTS_MAX + 1, sizeof(struct file_part *));
    int code = prepare(set, err);
    if (code != 0) {
        file_set_free(set);
        return code;
    }
    *ret = set;
    return 0;
}

/* ---- what a former run left --------------------------------------------------------------- */

static bool is_written(const struct file_set *set, const char *path)
{
    for (size_t i = 0; i < set->nparts; i++)
        if (strcmp(set->parts[i]->path, path) == 0)
            return true;
    return false;
}

/* "SHA256 PATTERN" of a part of a former run: stale if this one does not write it. */
static int look_at_former(struct file_set *set, const char *name, const char *value,
                          struct error *err)
{
    const size_t hash_len = 64;
    const char *path = name + strlen("part:");
    bool is_ours = strlen(value) > hash_len + 1 && strcmp(value + hash_len + 1, set->pattern) == 0;
    if (!is_ours || is_written(set, path))
        return 0;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return state_delete(set->ctx, name, err);
    set->stale[set->nstale++] = arena_strdup(set->ctx->arena, path);
    return 0;
}

/* In the transaction of the run: what is on disk is known, whatever happens from here on. */
static int remember_parts(struct file_set *set, struct error *err)
{
    const struct stream_context *ctx = set->ctx;
    AUTO_RESULT struct db_result *res = NULL;
    if (!file_target_is_split(set->spec) || set->is_look)
        return 0;
    if (!db_in_transaction(ctx->db))
        TRY(db_begin(ctx->db, err));
    TRY(db_query(
        ctx->db, sql_state_part_list,
        DB_PARAMS(ctx->pipeline->name, ctx->stream->name, ctx->child != NULL ? ctx->child : ""),
        &res, err));
    set->stale = arena_array(ctx->arena, db_result_rows(res) + 1, sizeof(char *));
    for (size_t i = 0; i < db_result_rows(res); i++)
        TRY(look_at_former(set, db_result_text(res, i, 0), db_result_text(res, i, 1), err));
    for (size_t i = 0; i < set->nparts; i++) {
        const struct file_part *p = set->parts[i];
        TRY(state_set(ctx, arena_printf(ctx->arena, "part:%s", p->path),
                      arena_printf(ctx->arena, "%s %s", p->sha256, set->pattern), err));
    }
    return 0;
}

/* ---- the end ---------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* One line a file, as sha256sum writes it; of a split, under the name with "all" for the part. */
static int write_mark(struct file_set *set, struct error *err)
{
    AUTO_STRBUF struct strbuf path = {0};
    if (set->spec->checksum == 0)
        return 0;
    strbuf_init(&path, 0);
    for (const char *c = set->pattern; *c != '\0'; c++) {
        if (*c == '*' && file_target_is_split(set->spec))
            strbuf_adds(&path, "all");
        else
            strbuf_addch(&path, *c);
    }
    strbuf_adds(&path, ".sha256");
    struct file_part_options o = {
        .path = path.data, .is_look = set->is_look, .flush_bytes = FLUSH_BYTES};
    TRY(file_part_open(&o, &set->mark, err));
    for (size_t i = 0; i < set->nparts; i++)
        strbuf_addf(&set->mark->rows, "%s  %s\n", set->parts[i]->sha256,
                    base_name(set->parts[i]->path));
    return file_part_close(set->mark, err);
}

int file_set_finish(struct file_set *set, struct stream_counts *counts, struct error *err)
{
    for (size_t i = 0; i < set->nparts; i++) {
        struct file_part *p = set->parts[i];
        TRY(file_part_close(p, err));
        if (p->is_same)
            counts->unchanged += p->count;
        else
            counts->inserted += p->count;
    }
    TRY(write_mark(set, err));
    return remember_parts(set, err);
}

int file_set_commit(struct file_set *set, struct error *err)
{
    if (set->mark != NULL && !set->mark->is_same && !set->is_look)
        (void)unlink(set->mark->path); /* until all is in place there is none */
    for (size_t i = 0; i < set->nparts; i++)
        TRY(file_part_commit(set->parts[i], err));
    for (size_t i = 0; i < set->nstale; i++)
        if (unlink(set->stale[i]) != 0 && errno != ENOENT)
            return error_set_errno(err, ERR_IO, errno, "cannot remove '%s', a part of a former run",
                                   set->stale[i]);
    return set->mark != NULL ? file_part_commit(set->mark, err) : 0;
}

void file_set_free(struct file_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->nparts; i++)
        file_part_free(set->parts[i]);
    file_part_free(set->mark);
    hashmap_free(set->by_value);
    free(set);
}

const char *file_set_description(const struct file_set *set)
{
    return set->pattern;
}
