#include "pipeline/lint.h"

#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "net/connector_look.h"
#include "pipeline/stream.h"
#include "schema/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE_MAX_BYTES ((size_t)16 << 20)

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

/* ---- connectors ------------------------------------------------------------------------- */

static const char *near(struct arena *arena, const char *word, const char *const *names, size_t n)
{
    const char *found = suggest_nearest(word, names, n);
    return found ? arena_printf(arena, "did you mean '%s'?", found) : NULL;
}

/* Many pipelines name the same one, and reading it takes longer than reading a pipeline. */
struct lint_connector {
    const char *name;
    struct connector_summary summary;
    size_t errors;
    struct error failure; /* code ERR_OK: there it is */
    struct lint_connector *next;
};

static const struct lint_connector *look_at(struct lint *l, const char *name)
{
    struct lint_connector *c = l->connectors;
    struct diagnostics faults;
    while (c != NULL && strcmp(c->name, name) != 0)
        c = c->next;
    if (c != NULL)
        return c;
    c = arena_alloc(l->arena, sizeof *c);
    *c = (struct lint_connector){.name = arena_strdup(l->arena, name), .next = l->connectors};
    l->connectors = c;
    diagnostics_init(&faults, l->arena);
    if (connector_describe(c->name, l->config, l->builtins, l->arena, &c->summary, &faults,
                           &c->failure) == 0)
        error_clear(&c->failure); /* of a directory that does not have it */
    c->errors = faults.errors;
    return c;
}

/* A parameter that no request of the resource asks for is refused by the run. */
static void check_params(const struct lint_connector *c, const char *resource,
                         const struct ynode *place, struct diagnostics *d)
{
    const struct ynode *params = ynode_get(place, "params");
    const char *const *names;
    size_t n = connector_param_names(&c->summary, resource, d->arena, &names);
    for (size_t i = 0; params != NULL && params->kind == YNODE_MAP && i < params->count; i++) {
        const char *name = params->keys[i]->text;
        size_t k = 0;
        while (k < n && strcmp(names[k], name) != 0)
            k++;
        if (k < n)
            continue;
        const char *hint = near(d->arena, name, names, n);
        if (hint == NULL)
            hint = arena_printf(d->arena,
                                message_text("leave it out: it cannot be asked for there, unless "
                                             "the resource has ${%s} in its path, query, headers "
                                             "or body"),
                                name);
        diagnostics_add(d, params->keys[i], hint,
                        "resource '%s' of connector '%s' has no parameter '%s'", resource, c->name,
                        name);
    }
}

/* That a named connector is there, without fault, and has the resource. place: of the source or
 * target. */
static void check_named(struct lint *l, const char *connector, const char *resource,
                        const struct ynode *place, struct diagnostics *d)
{
    const struct ynode *at = ynode_get(place, "connector");
    if (connector == NULL || resource == NULL || strstr(connector, "${") != NULL)
        return;
    const struct lint_connector *c = look_at(l, connector);
    if (c->failure.code != ERR_OK) {
        diagnostics_add_error(d, at, &c->failure);
        return;
    }
    if (c->errors > 0)
        diagnostics_warn(d, at, "diner connector lint shows them all",
                         "connector '%s' has %zu fault%s", connector, c->errors,
                         c->errors > 1 ? "s" : "");
    for (size_t i = 0; i < c->summary.nresources; i++)
        if (strcmp(c->summary.resources[i], resource) == 0) {
            check_params(c, resource, place, d);
            return;
        }
    diagnostics_add(d, ynode_get(place, "resource"),
                    near(d->arena, resource, c->summary.resources, c->summary.nresources),
                    "connector '%s' has no resource '%s'", connector, resource);
}

static void check_connectors(struct lint *l, const struct pipeline *p, struct diagnostics *d)
{
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = (const struct stream_spec *)p->streams.items + i;
        const char *connector = NULL, *resource = NULL;
        if (s->source != NULL && s->source->names != NULL && s->source_spec != NULL) {
            s->source->names(s->source_spec, &connector, &resource);
            check_named(l, connector, resource, s->source_node, d);
        }
        if (s->target != NULL && s->target->names != NULL && s->target_spec != NULL) {
            s->target->names(s->target_spec, &connector, &resource);
            check_named(l, connector, resource, s->target_node, d);
        }
    }
}

/* ---- connections ------------------------------------------------------------------------ */

/* A file that lists connections is believed to list all but those of the environment, as a run
 * would. Without such a list only the environment speaks, which may be another one where the
 * pipeline runs: then it is a warning, and nothing where no connection is known at all. */
static void check_connection(struct lint *l, const char *name, const struct ynode *at,
                             struct diagnostics *d)
{
    struct error err = ERROR_INIT;
    char *dsn = NULL;
    bool is_listed = config_settings(l->config)->connections.count > 0;
    if (name == NULL || name[0] == '\0' || strstr(name, "${") != NULL ||
        strcmp(name, "warehouse") == 0 || config_has_dsn(l->config, name) ||
        (!is_listed && !config_has_dsn(l->config, "warehouse")))
        return;
    if (config_dsn(l->config, name, &dsn, &err) == 0) /* says what to set: there is none */
        secret_free(dsn);
    else if (is_listed)
        diagnostics_add_error(d, at, &err);
    else
        diagnostics_warn(d, at, err.hint, "%s", err.message);
}

static void check_place(struct lint *l, const struct ynode *place, struct diagnostics *d)
{
    const struct ynode *at = ynode_get(place, "connection");
    if (at != NULL && at->kind == YNODE_SCALAR)
        check_connection(l, at->text, at, d);
}

static void check_hooks(struct lint *l, const struct hooks_spec *hooks, struct diagnostics *d)
{
    const struct field_objects *const lists[] = {&hooks->before, &hooks->after, &hooks->on_failure,
                                                 &hooks->on_partial};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < lists[i]->count; k++)
            check_place(l, lists[i]->nodes[k], d);
}

static void check_connections(struct lint *l, const struct pipeline *p, struct diagnostics *d)
{
    check_hooks(l, &p->hooks, d);
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = (const struct stream_spec *)p->streams.items + i;
        check_place(l, s->source_node, d);
        check_place(l, s->target_node, d);
        check_hooks(l, &s->hooks, d);
    }
}

/* ---- files ------------------------------------------------------------------------------ */

/* name: by pipeline_path or a file; with a text: the file's text. */
static void lint_one(struct lint *l, const char *name, const char *text)
{
    struct pipeline *p = NULL;
    struct diagnostics *d = NULL;
    struct error err = ERROR_INIT;
    struct pipeline_options options = {.text = text, .is_look = true};
    (void)pipeline_load(name, l->config, &options, &p, &d, &err);
    if (p != NULL) {
        check_connectors(l, p, d);
        check_connections(l, p, d);
    }
    l->checked++;
    l->errors += d->errors;
    for (size_t i = 0; i < d->count; i++)
        l->tell(l->self, &d->items[i]);
    pipeline_free(p);
}

/* ---- Markdown --------------------------------------------------------------------------- */

/* The next line of a page, without its end; NULL at the end. */
static const char *next_line(const char **rest, size_t *ret_len)
{
    const char *line = *rest;
    if (*line == '\0')
        return NULL;
    size_t n = strcspn(line, "\n");
    *rest = line + n + (line[n] == '\n');
    *ret_len = n > 0 && line[n - 1] == '\r' ? n - 1 : n;
    return line;
}

static size_t indent_of(const char *line, size_t n)
{
    size_t i = 0;
    while (i < n && line[i] == ' ')
        i++;
    return i;
}

/* How many ` or ~ a line begins with: three and more are a fence. */
static size_t fence_of(const char *line, size_t n, char mark)
{
    size_t i = 0;
    while (i < n && line[i] == mark)
        i++;
    return i >= 3 ? i : 0;
}

static bool is_yaml(const char *word, size_t rest)
{
    return (rest >= 4 && strncmp(word, "yaml", 4) == 0 && (rest == 4 || word[4] == ' ')) ||
           (rest >= 3 && strncmp(word, "yml", 3) == 0 && (rest == 3 || word[3] == ' '));
}

/* A key of the block's outermost map, which stands as far in as its fence. */
static bool has_key(const char *block, const char *key, size_t margin)
{
    size_t n = strlen(key), len;
    for (const char *rest = block, *line; (line = next_line(&rest, &len)) != NULL;)
        if (len > margin + n && indent_of(line, len) == margin &&
            strncmp(line + margin, key, n) == 0 && line[margin + n] == ':')
            return true;
    return false;
}

/* A whole pipeline or job; other blocks are parts, or of another kind. */
static bool is_whole(const char *block, size_t margin)
{
    return has_key(block, "version", margin) &&
           (has_key(block, "streams", margin) || has_key(block, "steps", margin));
}

/* Blank lines stand for the page above a block, so that places are those of the page. */
static int lint_page(struct lint *l, const char *path, struct error *err)
{
    AUTO_STRBUF struct strbuf page = {0}, block = {0};
    strbuf_init(&page, PAGE_MAX_BYTES);
    strbuf_init(&block, PAGE_MAX_BYTES * 2);
    TRY(file_read(path, PAGE_MAX_BYTES, &page, err));
    const char *rest = page.data, *line;
    size_t n, number = 0, margin = 0, lines_above = 0, fence = 0;
    char mark = '`';
    bool in_yaml = false;
    while ((line = next_line(&rest, &n)) != NULL) {
        number++;
        size_t indent = indent_of(line, n);
        if (fence == 0 && indent < n && line[indent] == '~')
            mark = '~';
        else if (fence == 0)
            mark = '`';
        size_t marks = fence_of(line + indent, n - indent, mark);
        if (marks > 0 && fence == 0) {
            fence = marks;
            in_yaml = is_yaml(line + indent + marks, n - indent - marks);
            margin = indent;
            lines_above = number;
            strbuf_clear(&block);
            for (size_t i = 0; in_yaml && i < number; i++)
                strbuf_addch(&block, '\n');
        } else if (marks > 0 && marks >= fence) {
            if (in_yaml && is_whole(block.data + lines_above, margin))
                lint_one(l, path, block.data);
            fence = 0;
            in_yaml = false;
        } else if (in_yaml) {
            strbuf_add(&block, line, n);
            strbuf_addch(&block, '\n');
        }
    }
    return 0;
}

/* ---- directories ------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int lint_file(struct lint *l, const char *path, struct error *err)
{
    if (has_suffix(path, ".md"))
        return lint_page(l, path, err);
    lint_one(l, path, NULL);
    return 0;
}

static int lint_directory(struct lint *l, const char *path, struct error *err)
{
    DIR *dir = opendir(path);
    const char **names = NULL;
    size_t count = 0, capacity = 0;
    if (dir == NULL)
        return error_set_errno(err, ERR_IO, errno, "cannot list '%s'", path);
    struct arena *arena = arena_new();
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (!has_suffix(e->d_name, ".yaml") && !has_suffix(e->d_name, ".yml") &&
            !has_suffix(e->d_name, ".md"))
            continue;
        names = mem_grow(names, &capacity, count + 1, sizeof *names);
        names[count++] = arena_printf(arena, "%s/%s", path, e->d_name);
    }
    closedir(dir);
    if (count > 0)
        qsort((void *)names, count, sizeof *names, by_name);
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = lint_file(l, names[i], err);
    free((void *)names);
    arena_free(arena);
    return code;
}

int lint_path(struct lint *l, const char *what, struct error *err)
{
    struct stat st;
    if (strchr(what, '/') != NULL || has_suffix(what, ".md") || what[0] == '.') {
        if (stat(what, &st) == 0 && S_ISDIR(st.st_mode))
            return lint_directory(l, what, err);
        return lint_file(l, what, err);
    }
    /* A plain word is a pipeline's name first, a directory only when there is no such pipeline. */
    struct error ignored = ERROR_INIT;
    struct arena *arena = arena_new();
    const char *found;
    bool is_directory = pipeline_find(what, l->config, arena, &found, &ignored) != 0 &&
                        stat(what, &st) == 0 && S_ISDIR(st.st_mode);
    arena_free(arena);
    if (is_directory)
        return lint_directory(l, what, err);
    lint_one(l, what, NULL);
    return 0;
}
