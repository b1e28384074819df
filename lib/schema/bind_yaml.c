/* YAML nodes into structs. Every problem becomes a diagnostic; binding goes on behind it. */
#include "core/message.h"
#include "core/strbuf.h"
#include "schema/bind.h"
#include "schema/bind_parse.h"
#include "schema/interpolate.h"
#include "schema/suggest.h"
#include <ctype.h>
#include <string.h>

#define AT(type) (*(type *)((char *)out + f->offset))

static void bind_set(const struct field_set *set, const struct ynode *map, void *out,
                     const struct ynode *place, struct arena *arena, struct diagnostics *d);

/* Null stands for "not given" everywhere but in lists, where the word is kept as it is. */
static bool is_absent(const struct ynode *node)
{
    return node == NULL || (node->kind == YNODE_SCALAR && node->is_null);
}

/* The word null where it is one of the choices. */
static bool is_choice(const struct field *f, const struct ynode *node)
{
    if (f->type != FIELD_CHOICE || node->kind != YNODE_SCALAR)
        return false;
    for (const char *const *c = f->choices; *c != NULL; c++)
        if (strcmp(*c, node->text) == 0)
            return true;
    return false;
}

static void wrong_kind(const struct field *f, const struct ynode *node, struct diagnostics *d)
{
    diagnostics_add(d, node, NULL, "%s: expected %s, found %s", f->name, bind_expected(f->type),
                    ynode_kind_name(node->kind));
}

/* Is there a ${name} left that only a later pass could fill in? */
static const char *find_variable(const char *text)
{
    for (const char *p = strstr(text, "${"); p; p = strstr(p + 2, "${"))
        if ((p == text || p[-1] != '$') && (isalpha((unsigned char)p[2]) || p[2] == '_'))
            return p;
    return NULL;
}

/* A variable that could not be put in was reported there and then. */
static bool is_reported(const struct diagnostics *d, const struct ynode *node)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->items[i].file == node->file && d->items[i].line == node->line &&
            d->items[i].column == node->column && !d->items[i].is_warning)
            return true;
    return false;
}

static bool text_is_final(const struct field *f, const struct ynode *node, struct diagnostics *d)
{
    const char *variable = f->flags & FIELD_LATE ? NULL : find_variable(node->text);

    if (!variable)
        return true;
    if (is_reported(d, node))
        return false;
    diagnostics_add(d, node, NULL, "%s: '%.*s' cannot be used here", f->name,
                    (int)(strcspn(variable, "}") + 1), variable);
    return false;
}

/* The text of a value; one that is not final is looked at again by who uses it. */
static const char *text_of(const struct field *f, const struct ynode *node, struct arena *arena)
{
    return f->flags & FIELD_LATE ? node->text : interpolate_plain(node->text, arena);
}

static void bind_scalar(const struct field *f, const struct ynode *node, void *out,
                        struct arena *arena, struct diagnostics *d)
{
    struct error err = ERROR_INIT;

    if (node->kind != YNODE_SCALAR) {
        wrong_kind(f, node, d);
        return;
    }
    if (!text_is_final(f, node, d))
        return;
    if (bind_text(f, text_of(f, node, arena), out, arena, &err) != 0)
        diagnostics_add(d, node, err.hint[0] ? err.hint : NULL, "%s: %s", f->name, err.message);
}

static void bind_strings(const struct field *f, const struct ynode *node, void *out,
                         struct arena *arena, struct diagnostics *d)
{
    struct field_strings list = {0};
    size_t count = node->kind == YNODE_LIST ? node->count : 1;

    if (node->kind == YNODE_MAP) {
        wrong_kind(f, node, d);
        return;
    }
    list.items = arena_array(arena, count + 1, sizeof(*list.items));
    for (size_t i = 0; i < count; i++) {
        const struct ynode *item = node->kind == YNODE_LIST ? node->items[i] : node;
        if (item->kind != YNODE_SCALAR)
            diagnostics_add(d, item, NULL, "%s: expected text, found %s", f->name,
                            ynode_kind_name(item->kind));
        else if (item->is_null && !*item->text)
            diagnostics_add(d, item, "write \"\" for an empty text", "%s: an item is empty",
                            f->name);
        else if (text_is_final(f, item, d))
            list.items[list.count++] = text_of(f, item, arena);
    }
    AT(struct field_strings) = list;
}

static void bind_string_map(const struct field *f, const struct ynode *node, void *out,
                            struct arena *arena, struct diagnostics *d)
{
    struct field_string_map map = {0};

    if (node->kind != YNODE_MAP) {
        wrong_kind(f, node, d);
        return;
    }
    map.keys = arena_array(arena, node->count + 1, sizeof(*map.keys));
    map.values = arena_array(arena, node->count + 1, sizeof(*map.values));
    for (size_t i = 0; i < node->count; i++) {
        const struct ynode *item = node->items[i];
        if (item->kind != YNODE_SCALAR) {
            diagnostics_add(d, item, NULL, "%s.%s: expected text, found %s", f->name,
                            node->keys[i]->text, ynode_kind_name(item->kind));
            continue;
        }
        if (!text_is_final(f, item, d))
            continue;
        map.keys[map.count] = node->keys[i]->text;
        map.values[map.count++] = item->is_null ? NULL : text_of(f, item, arena);
    }
    AT(struct field_string_map) = map;
}

static void bind_objects(const struct field *f, const struct ynode *node, void *out,
                         struct arena *arena, struct diagnostics *d)
{
    bool named = f->type == FIELD_OBJECT_MAP;
    struct field_objects list = {.count = node->count};

    if (node->kind != (named ? YNODE_MAP : YNODE_LIST)) {
        wrong_kind(f, node, d);
        return;
    }
    list.items = arena_array(arena, node->count + 1, f->sub->struct_size);
    list.nodes = arena_array(arena, node->count + 1, sizeof(const struct ynode *));
    if (named)
        list.names = arena_array(arena, node->count + 1, sizeof(*list.names));
    for (size_t i = 0; i < node->count; i++) {
        const struct ynode *item = node->items[i];
        if (named)
            list.names[i] = node->keys[i]->text;
        list.nodes[i] = item;
        bind_set(f->sub, is_absent(item) ? NULL : item,
                 (char *)list.items + i * f->sub->struct_size, item, arena, d);
    }
    AT(struct field_objects) = list;
}

void bind_yaml_field(const struct field *f, const struct ynode *node, void *out,
                     struct arena *arena, struct diagnostics *d)
{
    switch (f->type) {
    case FIELD_STRINGS: bind_strings(f, node, out, arena, d); return;
    case FIELD_STRING_MAP: bind_string_map(f, node, out, arena, d); return;
    case FIELD_NODE: AT(const struct ynode *) = node; return;
    case FIELD_OBJECT: bind_set(f->sub, node, (char *)out + f->offset, node, arena, d); return;
    case FIELD_OBJECT_PTR:
        AT(void *) = arena_alloc(arena, f->sub->struct_size);
        bind_set(f->sub, node, AT(void *), node, arena, d);
        return;
    case FIELD_OBJECTS:
    case FIELD_OBJECT_MAP: bind_objects(f, node, out, arena, d); return;
    default: bind_scalar(f, node, out, arena, d); return;
    }
}

static void unknown_key(const struct field_set *set, const struct ynode *key, struct arena *arena,
                        struct diagnostics *d)
{
    const char **names;
    size_t n = 0;

    for (const struct field *f = set->fields; f->name; f++)
        n++;
    names = arena_array(arena, n + 1, sizeof(*names));
    n = 0;
    for (const struct field *f = set->fields; f->name; f++)
        if (!(f->flags & (FIELD_HIDDEN | FIELD_DEPRECATED)))
            names[n++] = f->name;
    const char *near = suggest_nearest(key->text, names, n);
    const char *hint = near ? arena_printf(arena, message_text("did you mean '%s'?"), near) : NULL;
    diagnostics_add(d, key, hint, "unknown key '%s' in %s", key->text, set->name);
}

static void deprecated_key(const struct field *f, const struct ynode *map, const struct ynode *key,
                           struct diagnostics *d)
{
    if (f->renamed_to && ynode_get(map, f->renamed_to))
        diagnostics_add(d, key, NULL, "'%s' is the old name of '%s', and both are given", f->name,
                        f->renamed_to);
    else if (f->renamed_to)
        diagnostics_warn(d, key, NULL, "'%s' is now called '%s'", f->name, f->renamed_to);
    else
        diagnostics_warn(d, key, NULL, "'%s' is deprecated", f->name);
}

static void bind_keys(const struct field_set *set, const struct ynode *map, void *out,
                      struct arena *arena, struct diagnostics *d)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct field *f = field_find(set, map->keys[i]->text);
        if (!f) {
            if (!set->open_keys)
                unknown_key(set, map->keys[i], arena, d);
            continue;
        }
        if (f->flags & FIELD_DEPRECATED)
            deprecated_key(f, map, map->keys[i], d);
        /* A null node keeps FIELD_NODE's own meaning: its owner decides. */
        if (!is_absent(map->items[i]) || f->type == FIELD_NODE || is_choice(f, map->items[i]))
            bind_yaml_field(f, map->items[i], out, arena, d);
    }
}

/* A required key may still be given by its old name. */
static bool is_given(const struct field_set *set, const struct ynode *map, const struct field *f)
{
    if (!is_absent(ynode_get(map, f->name)))
        return true;
    for (const struct field *old = set->fields; old->name; old++)
        if (old->renamed_to && strcmp(old->renamed_to, f->name) == 0 &&
            !is_absent(ynode_get(map, old->name)))
            return true;
    return false;
}

static void check_required(const struct field_set *set, const struct ynode *map,
                           const struct ynode *place, struct diagnostics *d)
{
    for (const struct field *f = set->fields; f->name; f++)
        if ((f->flags & FIELD_REQUIRED) && !is_given(set, map, f))
            diagnostics_add(d, place, f->help, "missing key '%s' in %s", f->name, set->name);
}

/* place: where to report what is missing; map may be NULL or a scalar the set has a key for. */
static void bind_set(const struct field_set *set, const struct ynode *map, void *out,
                     const struct ynode *place, struct arena *arena, struct diagnostics *d)
{
    bind_defaults(set, out, arena);
    if (map && map->kind != YNODE_MAP && set->scalar) {
        const struct field *f = field_find(set, set->scalar);
        /* "columns: {name: text}" is short for "{name: {type: text}}". */
        struct ynode *short_form = arena_alloc(arena, sizeof(*short_form));
        *short_form = (struct ynode){.kind = YNODE_MAP,
                                     .file = map->file,
                                     .line = map->line,
                                     .column = map->column,
                                     .count = 1,
                                     .items = arena_array(arena, 1, sizeof(struct ynode *)),
                                     .keys = arena_array(arena, 1, sizeof(struct ynode *))};
        short_form->keys[0] = ynode_scalar(arena, map, f->name);
        struct ynode *value = arena_alloc(arena, sizeof(*value));
        *value = *map;
        short_form->items[0] = value;
        map = short_form;
    }
    if (map && map->kind != YNODE_MAP) {
        diagnostics_add(d, map, NULL, "%s: expected a map, found %s", set->name,
                        ynode_kind_name(map->kind));
        return;
    }
    if (map)
        bind_keys(set, map, out, arena, d);
    check_required(set, map, place, d);
}

void bind_yaml(const struct field_set *set, const struct ynode *map, void *out, struct arena *arena,
               struct diagnostics *d)
{
    bind_set(set, is_absent(map) ? NULL : map, out, map, arena, d);
}
