#include "pipeline/spec.h"

#include "core/clock.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "pipeline/spec_private.h"
#include "pipeline/stream.h"
#include "pipeline/test_private.h"
#include "schema/interpolate.h"
#include "schema/suggest.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQL_FILE_MAX ((size_t)1 << 20)

/* ---- finding ---------------------------------------------------------------------------- */

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t pipeline_names(const struct config *config, struct arena *arena, const char ***ret_names)
{
    const struct field_strings *path = &config_settings(config)->pipeline_path;
    const char **names = NULL;
    size_t count = 0, capacity = 0;
    for (size_t i = 0; i < path->count; i++) {
        DIR *dir = opendir(path->items[i]);
        if (dir == NULL)
            continue;
        for (struct dirent *e; (e = readdir(dir)) != NULL;) {
            if (!has_suffix(e->d_name, ".yaml"))
                continue;
            names = mem_grow(names, &capacity, count + 1, sizeof *names);
            names[count++] = arena_strndup(arena, e->d_name, strlen(e->d_name) - 5);
        }
        closedir(dir);
    }
    *ret_names = arena_array(arena, count + 1, sizeof **ret_names);
    if (count > 0)
        memcpy((void *)*ret_names, (const void *)names, count * sizeof *names);
    qsort((void *)*ret_names, count, sizeof **ret_names, by_name);
    free((void *)names);
    return count;
}

int pipeline_find(const char *name, const struct config *config, struct arena *arena,
                  const char **ret_path, struct error *err)
{
    if (has_suffix(name, ".yaml") || has_suffix(name, ".yml")) {
        *ret_path = arena_strdup(arena, name);
        return 0;
    }
    const struct field_strings *path = &config_settings(config)->pipeline_path;
    for (size_t i = 0; i < path->count; i++) {
        const char *candidate = arena_printf(arena, "%s/%s.yaml", path->items[i], name);
        if (access(candidate, F_OK) == 0) {
            *ret_path = candidate;
            return 0;
        }
    }
    const char **names;
    size_t count = pipeline_names(config, arena, &names);
    const char *nearest = suggest_nearest(name, names, count);
    error_set(err, ERR_NOT_FOUND, "there is no pipeline '%s'", name);
    if (nearest != NULL)
        error_hint(err, "did you mean '%s'?", nearest);
    else
        error_hint(err,
                   "looked in the directories of the setting 'pipeline_path' (%s, ...); a "
                   "path ending in .yaml is taken as it is",
                   path->count > 0 ? path->items[0] : message_text("none"));
    return err->code;
}

/* ---- defaults --------------------------------------------------------------------------- */

/* Every stream's source, target, on_error and guard start from those of `defaults`. */
static void merge_defaults(struct ynode *root, struct arena *arena)
{
    static const char *const keys[] = {"source", "target", "on_error", "guard"};
    const struct ynode *defaults = ynode_get(root, "defaults");
    struct ynode *streams = ynode_get(root, "streams");
    if (defaults == NULL || defaults->kind != YNODE_MAP || streams == NULL ||
        streams->kind != YNODE_MAP)
        return;
    for (size_t i = 0; i < streams->count; i++) {
        struct ynode *stream = streams->items[i];
        if (stream->kind != YNODE_MAP)
            continue;
        struct ynode *under = arena_alloc(arena, sizeof *under);
        *under = *defaults;
        under->count = 0;
        under->keys = arena_array(arena, 4, sizeof *under->keys);
        under->items = arena_array(arena, 4, sizeof *under->items);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            struct ynode *value = ynode_get(defaults, keys[k]);
            const struct ynode *own = ynode_get(stream, keys[k]);
            /* A target of another kind (a file, an API) is not a variant of the default one. */
            if (value == NULL ||
                (own != NULL && own->kind == YNODE_MAP && !same_plugin(value, own)))
                continue;
            under->keys[under->count] = ynode_scalar(arena, value, keys[k]);
            under->items[under->count++] = value;
        }
        if (under->count > 0) {
            struct ynode *merged = ynode_merge(arena, under, stream);
            merged->line = stream->line;
            merged->column = stream->column;
            streams->items[i] = merged;
        }
    }
}

bool same_plugin(const struct ynode *a, const struct ynode *b)
{
    static const char *const markers[] = {"file", "connector", "connection", "exec"};
    const char *in_a = NULL, *in_b = NULL;
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        if (in_a == NULL && ynode_get(a, markers[i]) != NULL)
            in_a = markers[i];
        if (in_b == NULL && ynode_get(b, markers[i]) != NULL)
            in_b = markers[i];
    }
    return in_a == NULL || in_b == NULL || in_a == in_b;
}

/* ---- params ----------------------------------------------------------------------------- */

static int param_index(const struct pipeline *p, const char *name, size_t n)
{
    for (size_t i = 0; i < p->params.count; i++)
        if (strlen(p->params.names[i]) == n && memcmp(p->params.names[i], name, n) == 0)
            return (int)i;
    return -1;
}

static int param_check(struct pipeline *p, size_t i, int64_t now_us, struct error *err)
{
    const struct param_spec *spec = (const struct param_spec *)p->params.items + i;
    const char *value = p->param_values[i];
    if (value == NULL) {
        error_set(err, ERR_USAGE, "param '%s' has no value", p->params.names[i]);
        return error_hint(err, "give it as --param %s=VALUE", p->params.names[i]);
    }
    if (spec->type == 1) {
        int32_t days;
        if (bizday_parse(&p->bizday, value, now_us, &days, err) != 0) {
            err->code = ERR_USAGE;
            return error_context(err, "param '%s'", p->params.names[i]);
        }
        char text[11];
        date_print(days, text);
        p->param_values[i] = arena_strdup(p->arena, text);
    } else if (spec->type == 2) {
        struct decimal d;
        if (!decimal_parse(value, strlen(value), &d) || d.scale != 0)
            return error_set(err, ERR_USAGE, "param '%s': '%s' is not a whole number",
                             p->params.names[i], value);
    }
    return 0;
}

static int resolve_params(struct pipeline *p, const struct pipeline_options *options,
                          struct error *err)
{
    p->param_values = arena_array(p->arena, p->params.count + 1, sizeof *p->param_values);
    for (size_t i = 0; i < p->params.count; i++)
        p->param_values[i] = ((const struct param_spec *)p->params.items + i)->def;
    for (size_t i = 0; options->params != NULL && i < options->params->count; i++) {
        const char *text = options->params->items[i], *eq = strchr(text, '=');
        if (eq == NULL)
            return error_set(err, ERR_USAGE, "--param '%s': expected name=value", text);
        int at = param_index(p, text, (size_t)(eq - text));
        if (at < 0) {
            const char *name = arena_strndup(p->arena, text, (size_t)(eq - text));
            const char *near = suggest_nearest(name, p->params.names, p->params.count);
            error_set(err, ERR_USAGE, "pipeline '%s' has no param '%s'", p->name, name);
            if (near != NULL)
                error_hint(err, "did you mean '%s'?", near);
            return ERR_USAGE;
        }
        p->param_values[at] = arena_strdup(p->arena, eq + 1);
    }
    for (size_t i = 0; i < p->params.count; i++)
        if (p->param_values[i] != NULL || !options->is_look)
            TRY(param_check(p, i, options->now_us, err));
    return 0;
}

/* Defaults that can be no value of their type. */
static void check_params(struct pipeline *p, int64_t now_us, struct diagnostics *d)
{
    p->param_values = arena_array(p->arena, p->params.count + 1, sizeof *p->param_values);
    for (size_t i = 0; i < p->params.count && p->bizday.zone != NULL; i++) {
        struct error err = ERROR_INIT;
        p->param_values[i] = ((const struct param_spec *)p->params.items + i)->def;
        if (p->param_values[i] != NULL && param_check(p, i, now_us, &err) != 0)
            diagnostics_add_error(d, ynode_get(p->params.nodes[i], "default"), &err);
    }
}

const char *pipeline_param(const struct pipeline *p, const char *name)
{
    int i = param_index(p, name, strlen(name));
    return i < 0 ? NULL : p->param_values[i];
}

/* ---- loading ---------------------------------------------------------------------------- */

static void check_shape(struct pipeline *p, struct diagnostics *d)
{
    if (p->version > 1)
        diagnostics_add(d, ynode_get(p->root, "version"), "a newer diner wrote it",
                        "version %lld is not known here, only 1", (long long)p->version);
    for (const char *c = p->name; c != NULL && *c != '\0'; c++) {
        if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && *c != '_' && *c != '-') {
            diagnostics_add(d, ynode_get(p->root, "name"), NULL,
                            "name '%s' may have lower-case letters, digits, _ and - only", p->name);
            break;
        }
    }
    if (p->streams.count > 0 && p->steps.count > 0)
        diagnostics_add(d, ynode_get(p->root, "steps"), NULL,
                        "a file has either 'streams' (a pipeline) or 'steps' (a job), not both");
    if (p->streams.count == 0 && p->steps.count == 0 && d->errors == 0)
        diagnostics_add(d, p->root, NULL, "a pipeline needs 'streams', a job needs 'steps'");
}

static void bind_file(struct pipeline *p, struct ynode *root, const struct config *config,
                      struct diagnostics *d)
{
    void *bound = arena_alloc(p->arena, pipeline_fields.struct_size);
    merge_defaults(root, p->arena);
    bind_yaml(&pipeline_fields, p->root, bound, p->arena, d);
    struct pipeline kept = *p;
    memcpy(p, bound, sizeof *p); /* struct pipeline is the first member of what was bound */
    p->arena = kept.arena;
    p->file = kept.file;
    p->directory = kept.directory;
    p->root = kept.root;
    check_shape(p, d);
    struct error err = ERROR_INIT;
    const struct settings *s = config_settings(config);
    if (zone_load(s->timezone, &p->bizday.zone, &err) != 0)
        diagnostics_add_error(d, NULL, &err);
    p->bizday.cutoff_s = s->business_day_s;
}

static const char *directory_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path));
}

static int load(struct pipeline *p, const char *name, const struct config *config,
                const struct pipeline_options *options, struct diagnostics *d, struct error *err)
{
    struct ynode *root;
    struct ynode_flaw *flaws;
    if (options->text != NULL)
        p->file = arena_strdup(p->arena, name);
    else
        TRY(pipeline_find(name, config, p->arena, &p->file, err));
    p->directory = directory_of(p->arena, p->file);
    int code = options->text != NULL ? ynode_read(options->text, strlen(options->text), p->file,
                                                  p->arena, &root, &flaws, err)
                                     : ynode_read_file(p->file, p->arena, &root, &flaws, err);
    diagnostics_add_flaws(d, flaws);
    if (code != 0) {
        diagnostics_add_error(d, NULL, err);
        return code;
    }
    if (root == NULL || root->kind != YNODE_MAP)
        return ynode_error(root, err, "a pipeline file is a mapping, found %s",
                           root == NULL || root->is_null ? message_text("nothing")
                                                         : ynode_kind_name(root->kind));
    p->root = root;
    interpolate_tree(root, NULL, NULL, p->arena, d);
    bind_file(p, root, config, d);
    streams_bind(p, config, d);
    check_params(p, options->now_us, d);
    tests_check(p, d); /* with errors too: all problems are told at once */
    if (d->errors == 0)
        TRY(resolve_params(p, options, err));
    return diagnostics_result(d, ERR_SPEC, err);
}

int pipeline_load(const char *name, const struct config *config,
                  const struct pipeline_options *options, struct pipeline **ret,
                  struct diagnostics **ret_diagnostics, struct error *err)
{
    struct arena *arena = arena_new();
    struct pipeline *p = arena_alloc(arena, sizeof *p);
    p->arena = arena;
    struct diagnostics *d = arena_alloc(arena, sizeof *d);
    diagnostics_init(d, arena);
    struct pipeline_options defaults = {.now_us = clock_wall_us(), .is_look = true};
    if (options != NULL)
        defaults = *options;
    if (defaults.now_us == 0)
        defaults.now_us = clock_wall_us();
    int code = load(p, name, config, &defaults, d, err);
    if (ret_diagnostics != NULL) {
        if (code != 0 && d->errors == 0)
            diagnostics_add_error(d, NULL, err);
        *ret_diagnostics = d;
        *ret = p;
        return code;
    }
    if (code != 0) {
        arena_free(arena);
        return code;
    }
    *ret = p;
    return 0;
}

void pipeline_free(struct pipeline *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = (const struct stream_spec *)p->streams.items + i;
        for (size_t k = 0; k < s->ncolumns; k++)
            secret_free(s->columns[k].hash_key);
    }
    arena_free(p->arena);
}

int pipeline_sql(const struct pipeline *p, const struct ynode *place, const char *text,
                 const char **ret_sql, struct error *err)
{
    if (!has_suffix(text, ".sql") || strpbrk(text, " \n") != NULL) {
        *ret_sql = text;
        return 0;
    }
    const char *path = text[0] == '/' ? text : arena_printf(p->arena, "%s/%s", p->directory, text);
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, SQL_FILE_MAX);
    if (file_read(path, SQL_FILE_MAX, &sql, err) != 0) {
        struct error cause = *err;
        return ynode_error(place, err, "%s", cause.message);
    }
    size_t n = sql.len;
    while (n > 0 && strchr(" \t\r\n;", sql.data[n - 1]) != NULL)
        n--;
    *ret_sql = arena_strndup(p->arena, sql.data, n);
    return 0;
}
