/* The ${...} of a pipeline: whether what they name is known where they stand. */
#include "core/message.h"
#include "pipeline/spec_private.h"
#include "schema/interpolate.h"
#include "schema/suggest.h"

#include <string.h>

struct name_check {
    const struct pipeline *p;
    const struct stream_spec *s; /* NULL: a hook, which knows params and the run */
    const struct ynode *place;
    struct diagnostics *d;
};

/* ${split.part}, ${split.COLUMN} of a file target that is split. */
static bool names_split(const struct ynode *target, const char *name)
{
    const struct ynode *split = ynode_get(target, "split"), *by = ynode_get(split, "by");
    if (strcmp(name, "part") == 0)
        return split != NULL && by == NULL;
    if (by != NULL && by->kind == YNODE_SCALAR)
        return strcmp(by->text, name) == 0;
    for (size_t i = 0; by != NULL && i < by->count; i++)
        if (by->items[i]->kind == YNODE_SCALAR && strcmp(by->items[i]->text, name) == 0)
            return true;
    return false;
}

static void check_name(void *self, const char *name, size_t offset)
{
    static const char *const fixed[] = {
        "run.id",     "window.start", "window.start_s", "window.start_ms",  "window.start_local",
        "window.end", "window.end_s", "window.end_ms",  "window.end_local", "window.day",
        "staged",     "state"};
    static const struct field_string_map none = {0};
    const struct name_check *c = self;
    const size_t nfixed = c->s != NULL ? sizeof fixed / sizeof *fixed : 1;
    size_t n = 0;
    (void)offset;
    if (name[0] < 'a' || name[0] > 'z')
        return; /* the environment */
    if (c->s != NULL && strncmp(name, "split.", 6) == 0 && names_split(c->s->target_node, name + 6))
        return;
    const struct field_string_map *vars = c->s != NULL ? &c->s->vars : &none;
    const struct field_string_map *items =
        c->s != NULL && c->s->for_each != NULL ? &c->s->for_each->bind : &none;
    size_t count = nfixed + c->p->params.count + vars->count + items->count;
    const char **known = arena_array(c->d->arena, count, sizeof *known);
    for (size_t i = 0; i < nfixed; i++)
        known[n++] = fixed[i];
    for (size_t i = 0; i < c->p->params.count; i++)
        known[n++] = arena_printf(c->d->arena, "params.%s", c->p->params.names[i]);
    for (size_t i = 0; i < vars->count; i++)
        known[n++] = arena_printf(c->d->arena, "vars.%s", vars->keys[i]);
    for (size_t i = 0; i < items->count; i++)
        known[n++] = arena_printf(c->d->arena, "item.%s", items->keys[i]);
    for (size_t i = 0; i < n; i++)
        if (strcmp(known[i], name) == 0)
            return;
    const char *near = suggest_nearest(name, known, n);
    diagnostics_add(c->d, c->place,
                    near != NULL
                        ? arena_printf(c->d->arena, message_text("did you mean '${%s}'?"), near)
                        : NULL,
                    "'${%s}' is not defined", name);
}

/* Keys whose value may be the name of a .sql file; `query` is told by its plugin. */
static bool names_sql(const char *key)
{
    return strcmp(key, "sql") == 0 || strcmp(key, "against") == 0;
}

static void check_sql_file(struct name_check *c, const struct ynode *node)
{
    struct error err = ERROR_INIT;
    const char *text;
    if (node->kind == YNODE_SCALAR && pipeline_sql(c->p, node, node->text, &text, &err) != 0)
        diagnostics_add_error(c->d, NULL, &err);
}

static void check_names(struct name_check *c, const struct ynode *node)
{
    struct name_check of_hook = {.p = c->p, .d = c->d};
    struct error err = ERROR_INIT;
    const char *text;
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->count; i++) {
        bool is_hook = node->kind == YNODE_MAP && strcmp(node->keys[i]->text, "hooks") == 0;
        check_names(is_hook ? &of_hook : c, node->items[i]);
        if (node->kind == YNODE_MAP && names_sql(node->keys[i]->text))
            check_sql_file(c, node->items[i]);
    }
    if (node->kind != YNODE_SCALAR || pipeline_sql(c->p, node, node->text, &text, &err) != 0)
        return;
    c->place = node;
    (void)interpolate_names(text, check_name, c, &err);
}

void spec_check_names(const struct pipeline *p, const struct stream_spec *s,
                      const struct ynode *node, struct diagnostics *d)
{
    check_names(&(struct name_check){p, s, NULL, d}, node);
}
