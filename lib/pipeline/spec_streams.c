/* Streams of a pipeline: columns, plugins, keys, the order by `needs`. */
#include "core/message.h"
#include "pipeline/column.h"
#include "pipeline/spec_private.h"
#include "pipeline/stream.h"
#include "schema/suggest.h"

#include <string.h>

const struct source_ops *const source_registry[] = {
    &source_file, &source_download, &source_rest, &source_postgres, &source_exec, NULL};
const struct target_ops *const target_registry[] = {&target_file, &target_rest, &target_postgres,
                                                    NULL};

static struct stream_spec *stream_at(const struct pipeline *p, size_t i)
{
    return (struct stream_spec *)p->streams.items + i;
}

static struct stream_spec *stream_named(const struct pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->streams.count; i++)
        if (strcmp(p->streams.names[i], name) == 0)
            return stream_at(p, i);
    return NULL;
}

int pipeline_stream(const struct pipeline *p, const char *name, struct stream_spec **ret,
                    struct error *err)
{
    if (p->steps.count > 0) {
        error_set(err, ERR_USAGE, "'%s' is a job: it has pipelines, not streams", p->name);
        return name != NULL
                   ? error_hint(err, "run the pipeline with the stream '%s' by itself", name)
                   : ERR_USAGE;
    }
    struct stream_spec *found = name != NULL ? stream_named(p, name) : stream_at(p, 0);
    if (found != NULL) {
        *ret = found;
        return 0;
    }
    error_set(err, ERR_USAGE, "pipeline '%s' has no stream '%s'", p->name, name);
    const char *near = suggest_nearest(name, p->streams.names, p->streams.count);
    if (near != NULL)
        error_hint(err, "did you mean '%s'?", near);
    return ERR_USAGE;
}

/* ---- columns ---------------------------------------------------------------------------- */

/* The node of a key, for a place as near as can be. */
static const struct ynode *place_of(const struct ynode *node, const char *key)
{
    const struct ynode *value = ynode_get(node, key);
    return value != NULL ? value : node;
}

static bool has_zoned_format(const struct field_strings *formats)
{
    for (size_t i = 0; i < formats->count; i++)
        if (strstr(formats->items[i], "%z") != NULL || strcmp(formats->items[i], "iso") == 0 ||
            strncmp(formats->items[i], "epoch", 5) == 0 ||
            strcmp(formats->items[i], "odata_ms") == 0)
            return true;
    return false;
}

static void bind_column(struct pipeline *p, struct column_spec *c, const struct ynode *name,
                        const struct ynode *node, struct diagnostics *d)
{
    struct error err = ERROR_INIT;
    bind_yaml(&column_fields, node, c, p->arena, d);
    c->name = name->text;
    c->node = node;
    if (c->from == NULL)
        c->from = c->name;
    if (c->name[0] == '\0' || c->name[0] == '_')
        diagnostics_add(d, name, NULL, "column names beginning with '_' are diner's own");
    if (c->type_text != NULL && db_type_parse(c->type_text, &c->type, &err) != 0)
        diagnostics_add(d, place_of(node, "type"), err.hint, "%s", err.message);
    if (c->timezone != NULL && zone_load(c->timezone, &c->zone, &err) != 0)
        diagnostics_add(d, place_of(node, "timezone"), NULL, "%s", err.message);
    if (c->type.kind == DB_TIMESTAMPTZ && c->timezone == NULL && c->formats.count > 0 &&
        !has_zoned_format(&c->formats))
        diagnostics_add(d, place_of(node, "format"), "add  timezone: Asia/Shanghai  or %z",
                        "column '%s': none of its formats states a zone, and timestamptz needs one",
                        c->name);
    for (size_t i = 0; i < c->formats.count; i++)
        if (datetime_format_check(c->formats.items[i], &err) != 0)
            diagnostics_add(d, place_of(node, "format"), NULL, "%s", err.message);
    if ((c->mask != 0 || c->hash != NULL) && c->type.kind != DB_TEXT)
        diagnostics_add(d, place_of(node, "type"), NULL,
                        "column '%s': what is masked or hashed is text", c->name);
    if (c->mask != 0 && c->hash != NULL)
        diagnostics_add(d, place_of(node, "mask"), NULL, "column '%s' has either 'mask' or 'hash'",
                        c->name);
    bool is_time =
        c->type.kind == DB_DATE || c->type.kind == DB_TIMESTAMP || c->type.kind == DB_TIMESTAMPTZ;
    if (c->formats.count > 0 && !is_time)
        diagnostics_add(d, place_of(node, "format"), NULL, "'format' is for date and time columns");
    column_bind_habits(p, c, d);
}

static bool is_split(const struct ynode *map, size_t i)
{
    const struct ynode *value = map->items[i];
    if (i + 1 >= map->count || value->kind != YNODE_SCALAR || !value->is_plain)
        return false;
    const char *rest = map->keys[i + 1]->text, *open = strrchr(value->text, '(');
    size_t n = strlen(rest);
    return open != NULL && strchr(open, ')') == NULL && n > 0 && rest[n - 1] == ')' &&
           map->items[i + 1]->kind == YNODE_SCALAR && map->items[i + 1]->is_null;
}

/* { a: numeric(12,2), b: text } is three pairs to YAML. Told as what it is, and read as meant. */
static const struct ynode *mend_split(struct pipeline *p, const struct ynode *map,
                                      struct diagnostics *d)
{
    struct ynode *mended = NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (map->kind != YNODE_MAP || !is_split(map, i))
            continue;
        if (mended == NULL) {
            mended = arena_alloc(p->arena, sizeof *mended);
            *mended = *map;
            mended->keys = arena_array(p->arena, map->count, sizeof *mended->keys);
            mended->items = arena_array(p->arena, map->count, sizeof *mended->items);
            memcpy(mended->keys, map->keys, map->count * sizeof *mended->keys);
            memcpy(mended->items, map->items, map->count * sizeof *mended->items);
        }
        const char *whole =
            arena_printf(p->arena, "%s,%s", map->items[i]->text, map->keys[i + 1]->text);
        mended->items[i] = ynode_scalar(p->arena, map->items[i], whole);
        mended->keys[i + 1] = NULL;
        diagnostics_add(
            d, map->items[i],
            arena_printf(d->arena, message_text("quote it: %s: \"%s\""), map->keys[i]->text, whole),
            "within { } YAML splits '%s' at its comma", whole);
        i++;
    }
    if (mended == NULL)
        return map;
    mended->count = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (mended->keys[i] == NULL)
            continue;
        mended->keys[mended->count] = mended->keys[i];
        mended->items[mended->count++] = mended->items[i];
    }
    return mended;
}

static void bind_columns(struct pipeline *p, struct stream_spec *s, struct diagnostics *d)
{
    const struct ynode *node = s->columns_node;
    if (node == NULL) {
        if (s->source != NULL && !s->source->gives_columns)
            diagnostics_add(d, s->node, "list them as  columns: { name: type }",
                            "stream '%s' needs 'columns': a %s source states no types", s->name,
                            s->source->name);
        return;
    }
    if (node->kind != YNODE_MAP) {
        diagnostics_add(d, node, NULL, "'columns' is a mapping of name: type, found %s",
                        ynode_kind_name(node->kind));
        return;
    }
    node = s->columns_node = mend_split(p, node, d);
    s->ncolumns = node->count;
    s->columns = arena_array(p->arena, node->count + 1, sizeof *s->columns);
    for (size_t i = 0; i < node->count; i++)
        bind_column(p, &s->columns[i], node->keys[i], mend_split(p, node->items[i], d), d);
    columns_bind_codes(s, d);
}

int stream_column(const struct stream_spec *s, const char *name)
{
    for (size_t i = 0; i < s->ncolumns; i++)
        if (strcmp(s->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

void spec_need_column(const struct stream_spec *s, const char *name, const char *what,
                      const struct ynode *place, struct diagnostics *d)
{
    if (s->columns_node == NULL || stream_column(s, name) >= 0)
        return;
    const char **names = arena_array(d->arena, s->ncolumns + 1, sizeof *names);
    for (size_t i = 0; i < s->ncolumns; i++)
        names[i] = s->columns[i].name;
    const char *near = suggest_nearest(name, names, s->ncolumns);
    diagnostics_add(d, place,
                    near != NULL ? arena_printf(d->arena, message_text("did you mean '%s'?"), near)
                                 : NULL,
                    "stream '%s': %s '%s' is not one of its columns", s->name, what, name);
}

/* ---- plugins ---------------------------------------------------------------------------- */

const struct source_ops *source_of_node(const struct ynode *node)
{
    for (size_t i = 0; source_registry[i] != NULL; i++) {
        const char *also = source_registry[i]->also;
        if (ynode_get(node, source_registry[i]->marker) != NULL &&
            (also == NULL || ynode_get(node, also) != NULL))
            return source_registry[i];
    }
    return NULL;
}

/* The key that was meant to say what a source or target is; NULL: none is near to one. */
static const char *near_marker(const struct ynode *node, struct arena *arena)
{
    static const char *const markers[] = {"file", "connector", "connection", "exec"};
    for (size_t i = 0; i < node->count; i++) {
        const char *near = suggest_nearest(node->keys[i]->text, markers, 4);
        if (near != NULL)
            return arena_printf(arena, message_text("did you mean '%s'?"), near);
    }
    return NULL;
}

static const struct source_ops *source_of(const struct ynode *node, struct diagnostics *d)
{
    const struct source_ops *source = source_of_node(node);
    if (source != NULL)
        return source;
    diagnostics_add(d, node, near_marker(node, d->arena),
                    "a source has one of the keys 'file', 'connector', 'connection' or 'exec'");
    return NULL;
}

static const struct target_ops *target_of(const struct ynode *node, struct diagnostics *d)
{
    for (size_t i = 0; target_registry[i] != NULL; i++)
        if (ynode_get(node, target_registry[i]->marker) != NULL)
            return target_registry[i];
    diagnostics_add(d, node, near_marker(node, d->arena),
                    "a target has one of the keys 'connection', 'file' or 'connector'");
    return NULL;
}

static void bind_plugins(struct pipeline *p, struct stream_spec *s, struct diagnostics *d)
{
    if (s->source_node == NULL)
        return; /* told already: the key is required */
    if (s->source_node->kind != YNODE_MAP)
        diagnostics_add(d, s->source_node, NULL, "'source' is a mapping");
    else
        s->source = source_of(s->source_node, d);
    if (s->source != NULL) {
        s->source_spec = arena_alloc(p->arena, s->source->fields->struct_size);
        bind_yaml(s->source->fields, s->source_node, s->source_spec, p->arena, d);
        s->for_each = *(struct for_each_spec **)s->source_spec;
    }
    if (s->target_node == NULL || s->target_node->kind != YNODE_MAP) {
        diagnostics_add(d, s->node, "add 'target' to the stream or to 'defaults'",
                        "stream '%s' has no target", s->name);
        return;
    }
    s->target = target_of(s->target_node, d);
    if (s->target != NULL) {
        s->target_spec = arena_alloc(p->arena, s->target->fields->struct_size);
        bind_yaml(s->target->fields, s->target_node, s->target_spec, p->arena, d);
    }
}

static bool names_item(const struct ynode *node)
{
    return node != NULL && node->text != NULL && strstr(node->text, "${item.") != NULL;
}

/* A window that is replaced is that of one child, if the rows say whose they are. */
static void check_whose(const struct stream_spec *s, struct diagnostics *d)
{
    const struct field_string_map *bind = &s->for_each->bind;
    for (size_t k = 0; k < bind->count; k++) {
        bool is_told = false;
        for (size_t i = 0; i < s->ncolumns; i++)
            is_told |= column_is_of_child(&s->columns[i]) &&
                       strcmp(s->columns[i].from + 1, bind->keys[k]) == 0 &&
                       !spec_is_set(s, d->arena, s->columns[i].name);
        if (!is_told)
            diagnostics_add(
                d, place_of(s->source_node, "for_each"),
                arena_printf(d->arena, message_text("add a column  { type: text, from: $%s }"),
                             bind->keys[k]),
                "stream '%s': each child of 'for_each' would replace what the others loaded: no "
                "column says whose a row is by '%s'",
                s->name, bind->keys[k]);
    }
}

static void check_children(const struct stream_spec *s, struct diagnostics *d)
{
    const struct for_each_spec *each = s->for_each;
    const struct ynode *place = place_of(s->source_node, "for_each");
    if ((each->stream == NULL) == (each->query == NULL))
        diagnostics_add(d, place, NULL, "'for_each' has either 'stream' or 'query'");
    if (each->bind.count == 0)
        diagnostics_add(d, place, "such as  bind: { shop_id: shop_id }",
                        "'for_each' binds nothing");
    if (s->mode == MODE_REPLACE)
        diagnostics_add(
            d, place_of(s->node, "mode"), "use  mode: merge, or delete_insert with partition_by",
            "stream '%s': each child of 'for_each' would replace what the others loaded", s->name);
    if (s->mode == MODE_DELETE_INSERT)
        check_whose(s, d);
    if (s->target == &target_file && !names_item(ynode_get(s->target_node, "file")))
        diagnostics_add(d, place_of(s->target_node, "file"), "put ${item.NAME} into its name",
                        "stream '%s': each child of 'for_each' would write the same file", s->name);
}

/* `from: $name` of sources whose records know no such thing. */
static void check_bound_columns(const struct stream_spec *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->ncolumns && s->source == &source_rest; i++) {
        const char *from = s->columns[i].from;
        bool known = from[0] != '$';
        for (size_t k = 0; s->for_each != NULL && k < s->for_each->bind.count; k++)
            known |= strcmp(s->for_each->bind.keys[k], from + 1) == 0;
        if (!known)
            diagnostics_add(d, place_of(s->columns[i].node, "from"), NULL,
                            "column '%s': '%s' is not bound by 'for_each'", s->columns[i].name,
                            from);
    }
}

static void bind_lag(struct stream_spec *s, struct diagnostics *d)
{
    struct incremental_spec *inc = s->incremental;
    const struct ynode *place = ynode_get(ynode_get(s->node, "incremental"), "lag");
    struct decimal start;
    inc->is_number = inc->start != NULL && decimal_parse(inc->start, strlen(inc->start), &start);
    if (!inc->is_number) {
        if (!bind_parse_duration(inc->lag, &inc->lag_ms))
            diagnostics_add(d, place, "such as  lag: 10m",
                            "'lag' is a duration, as 'start' is a time, found '%s'", inc->lag);
        return;
    }
    if (place == NULL || !decimal_parse(inc->lag, strlen(inc->lag), &inc->lag_back) ||
        inc->lag_back.coefficient < 0)
        diagnostics_add(
            d, place_of(s->node, "incremental"),
            "such as  lag: 1000  for numbers given out in order but committed out of it; "
            "lag: 0  where that cannot be",
            "stream '%s': the cursor is a number, so 'lag' must say by how much less "
            "each run reads again",
            s->name);
    if (inc->window_ms > 0 || inc->has_business_day)
        diagnostics_add(
            d, place_of(s->node, "incremental"), NULL,
            "stream '%s': 'window' and 'business_day' are spans of time, and the cursor "
            "is a number",
            s->name);
}

static void check_slices(struct stream_spec *s, struct diagnostics *d)
{
    static const int64_t day_ms = INT64_C(86400000);
    struct incremental_spec *inc = s->incremental;
    if (s->for_each != NULL)
        check_children(s, d);
    check_bound_columns(s, d);
    if (inc == NULL)
        return;
    bind_lag(s, d);
    if (inc->has_business_day && inc->window_ms == 0)
        inc->window_ms = day_ms;
    if (inc->has_business_day && inc->window_ms % day_ms != 0)
        diagnostics_add(d, place_of(ynode_get(s->node, "incremental"), "window"),
                        "such as  window: 1d",
                        "stream '%s': windows of business days are whole days", s->name);
}

/* ---- order ------------------------------------------------------------------------------ */

enum visit { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

static void visit(struct pipeline *p, size_t i, enum visit *marks, size_t *count,
                  struct diagnostics *d);

/* The parent of for_each is loaded before its children are read. */
static void visit_parent(struct pipeline *p, struct stream_spec *s, enum visit *marks,
                         size_t *count, struct diagnostics *d)
{
    struct stream_spec *parent = stream_named(p, s->for_each->stream);
    const struct ynode *place = place_of(s->source_node, "for_each");
    if (parent == NULL)
        diagnostics_add(d, place, NULL, "for_each: '%s' is not a stream here", s->for_each->stream);
    else if (parent->target != NULL && parent->target != &target_postgres)
        diagnostics_add(d, place, NULL, "for_each: '%s' is not loaded into PostgreSQL",
                        s->for_each->stream);
    else
        visit(p, (size_t)(parent - stream_at(p, 0)), marks, count, d);
}

static void visit(struct pipeline *p, size_t i, enum visit *marks, size_t *count,
                  struct diagnostics *d)
{
    struct stream_spec *s = stream_at(p, i);
    if (marks[i] == VISIT_DONE)
        return;
    if (marks[i] == VISIT_OPEN) {
        diagnostics_add(d, s->node, NULL, "stream '%s' needs itself, by way of 'needs'", s->name);
        return;
    }
    marks[i] = VISIT_OPEN;
    if (s->for_each != NULL && s->for_each->stream != NULL)
        visit_parent(p, s, marks, count, d);
    for (size_t k = 0; k < s->needs.count; k++) {
        struct stream_spec *need = stream_named(p, s->needs.items[k]);
        if (need == NULL) {
            const char *near =
                suggest_nearest(s->needs.items[k], p->streams.names, p->streams.count);
            diagnostics_add(
                d, ynode_get(s->node, "needs"),
                near ? arena_printf(d->arena, message_text("did you mean '%s'?"), near) : NULL,
                "stream '%s' needs '%s', which is not a stream here", s->name, s->needs.items[k]);
        } else {
            visit(p, (size_t)(need - stream_at(p, 0)), marks, count, d);
        }
    }
    marks[i] = VISIT_DONE;
    s->order = *count;
    p->ordered[(*count)++] = s;
}

static void order_streams(struct pipeline *p, struct diagnostics *d)
{
    enum visit *marks = arena_array(p->arena, p->streams.count + 1, sizeof *marks);
    size_t count = 0;
    p->ordered = arena_array(p->arena, p->streams.count + 1, sizeof(struct stream_spec *));
    for (size_t i = 0; i < p->streams.count; i++)
        visit(p, i, marks, &count, d);
}

static void check_step_exists(const struct job_step *step, const struct config *config,
                              struct diagnostics *d)
{
    struct error err = ERROR_INIT;
    const char *path;
    if (step->run != NULL && pipeline_find(step->run, config, d->arena, &path, &err) != 0)
        diagnostics_add(d, step->node, err.hint, "%s", err.message);
}

static void check_steps(struct pipeline *p, const struct config *config, struct diagnostics *d)
{
    for (size_t i = 0; i < p->steps.count; i++) {
        struct job_step *step = (struct job_step *)p->steps.items + i;
        step->node = p->steps.nodes[i];
        check_step_exists(step, config, d);
        for (size_t k = 0; k < step->needs.count; k++) {
            bool found = false;
            for (size_t j = 0; j < i; j++) {
                const char *earlier = ((struct job_step *)p->steps.items + j)->run;
                found |= earlier != NULL && strcmp(earlier, step->needs.items[k]) == 0;
            }
            if (!found)
                diagnostics_add(d, step->node, NULL,
                                "step '%s' needs '%s', which is no earlier step",
                                step->run != NULL ? step->run : "", step->needs.items[k]);
        }
    }
}

/* Zero is a limit too: what the file leaves out is told apart from it. */
static void mark_unset(struct stream_spec *s, struct diagnostics *d)
{
    if (ynode_get(ynode_get(s->node, "guard"), "max_shrink") == NULL)
        s->guard.max_shrink = -1;
    if (ynode_get(ynode_get(s->node, "on_error"), "max_reject_rate") == NULL)
        s->on_error.max_reject_rate = -1;
    if (s->incremental != NULL) {
        struct error err = ERROR_INIT;
        const struct ynode *day = ynode_get(ynode_get(s->node, "incremental"), "business_day");
        s->incremental->has_business_day = day != NULL;
        if (s->incremental->timezone != NULL &&
            zone_load(s->incremental->timezone, &s->incremental->zone, &err) != 0)
            diagnostics_add(d, place_of(ynode_get(s->node, "incremental"), "timezone"), NULL, "%s",
                            err.message);
    }
}

void streams_bind(struct pipeline *p, const struct config *config, struct diagnostics *d)
{
    for (size_t i = 0; i < p->streams.count; i++) {
        struct stream_spec *s = stream_at(p, i);
        s->name = p->streams.names[i];
        s->node = p->streams.nodes[i];
        mark_unset(s, d);
        bind_plugins(p, s, d);
        spec_check_names(p, s, s->node, d);
        bind_columns(p, s, d);
        spec_mark_computed(s, p->arena);
        spec_check_stream(s, d);
        if (s->source == NULL || s->target == NULL)
            continue;
        check_slices(s, d);
        if (s->source->check != NULL)
            s->source->check(p, s, d);
        if (s->target->check != NULL)
            s->target->check(p, s, d);
    }
    spec_check_names(p, NULL, ynode_get(p->root, "hooks"), d);
    spec_check_hooks(&p->hooks, d);
    spec_check_targets(p, d);
    order_streams(p, d);
    check_steps(p, config, d);
}
