#include "pipeline/resolve.h"

#include "core/hashmap.h"
#include "pipeline/guess/names.h"
#include "pipeline/stream.h"
#include "schema/interpolate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolver {
    const struct pipeline *p;
    const struct config *config;
    struct arena *arena;
    const char *file;               /* its name without directories */
    struct hashmap *raw;            /* "line:column": the text before the environment was put in */
    int defaults_from, defaults_to; /* lines of `defaults` */
    struct resolved *items;
    size_t count, capacity;
    bool begins_item; /* the next key begins an item of a list */
};

/* ---- origins ---------------------------------------------------------------------------- */

static void note_raw(struct resolver *r, const struct ynode *node)
{
    char place[48];
    for (size_t i = 0; i < node->count; i++)
        note_raw(r, node->items[i]);
    if (node->kind != YNODE_SCALAR)
        return;
    snprintf(place, sizeof place, "%d:%d", node->line, node->column);
    hashmap_puts(r->raw, place, arena_strdup(r->arena, node->text));
}

static void find_defaults(struct resolver *r, const struct ynode *root)
{
    for (size_t i = 0; i < root->count; i++) {
        if (strcmp(root->keys[i]->text, "defaults") != 0)
            continue;
        r->defaults_from = root->keys[i]->line;
        r->defaults_to = i + 1 < root->count ? root->keys[i + 1]->line : INT32_MAX;
    }
}

/* The file once more, as it is written. */
static void read_raw(struct resolver *r)
{
    struct error ignored = ERROR_INIT;
    struct ynode *root;
    if (ynode_parse_file(r->p->file, r->arena, &root, &ignored) != 0 || root == NULL)
        return;
    note_raw(r, root);
    if (root->kind == YNODE_MAP)
        find_defaults(r, root);
}

/* What a text was made of. */
struct made_of {
    struct strbuf *variables; /* ", environment NAME" of each; NULL: not wanted */
    bool has_secret;          /* one of them is a secret by its name */
};

static bool is_secret_name(const char *name)
{
    static const char *const words[] = {"PASSWORD", "PASSWD",     "SECRET",  "TOKEN", "WEBHOOK",
                                        "DSN",      "CREDENTIAL", "API_KEY", "_KEY",  "APIKEY"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(name, words[i]) != NULL)
            return true;
    return false;
}

static void note_name(void *self, const char *name, size_t offset)
{
    struct made_of *m = self;
    const char *value;
    (void)offset;
    if (!isupper((unsigned char)name[0]) && name[0] != '_')
        return; /* a run puts it in */
    value = getenv(name);
    m->has_secret |= is_secret_name(name);
    if (m->variables != NULL)
        strbuf_addf(m->variables,
                    value != NULL && value[0] != '\0' ? ", environment %s" : ", %s is not set",
                    name);
}

static void look_at(const struct resolver *r, const struct ynode *node, struct made_of *m)
{
    struct error ignored = ERROR_INIT;
    char place[48];
    snprintf(place, sizeof place, "%d:%d", node->line, node->column);
    const char *raw = hashmap_gets(r->raw, place);
    if (raw != NULL)
        (void)interpolate_names(raw, note_name, m, &ignored);
}

static const char *origin_of(const struct resolver *r, const struct ynode *node)
{
    AUTO_STRBUF struct strbuf variables = {0};
    struct made_of m = {.variables = &variables};
    strbuf_init(&variables, 1 << 20);
    look_at(r, node, &m);
    bool is_default = node->line >= r->defaults_from && node->line < r->defaults_to;
    return arena_printf(r->arena, "%s:%d%s%s", r->file, node->line, is_default ? ", defaults" : "",
                        variables.data);
}

/* ---- values ----------------------------------------------------------------------------- */

static struct resolved *add(struct resolver *r, const char *path, const char *key, int depth)
{
    r->items = mem_grow(r->items, &r->capacity, r->count + 1, sizeof *r->items);
    struct resolved *item = &r->items[r->count++];
    *item =
        (struct resolved){.path = path, .key = key, .depth = depth, .begins_item = r->begins_item};
    r->begins_item = false;
    return item;
}

static void set_value(const struct resolver *r, struct resolved *item, const char *text,
                      const char *origin)
{
    AUTO_STRBUF struct strbuf value = {0};
    strbuf_init(&value, 8 << 20);
    name_yaml(&value, text);
    item->text = arena_strdup(r->arena, text);
    item->value = arena_strdup(r->arena, value.data);
    item->origin = origin;
}

/* A scalar as it may be shown. */
static const char *shown(const struct resolver *r, const struct ynode *node, bool secret,
                         struct strbuf *yaml)
{
    struct made_of m = {0};
    look_at(r, node, &m);
    const char *text = secret || m.has_secret ? "****" : node->text;
    name_yaml_template(yaml, text); /* its escapes are those of the file */
    return text;
}

static void set_scalar(const struct resolver *r, struct resolved *item, const struct ynode *node,
                       bool secret)
{
    AUTO_STRBUF struct strbuf value = {0};
    strbuf_init(&value, 8 << 20);
    item->text = arena_strdup(r->arena, shown(r, node, secret, &value));
    item->value = arena_strdup(r->arena, value.data);
    item->origin = origin_of(r, node);
}

static bool is_secret(const char *key, const struct field *f)
{
    static const char *const words[] = {"password", "secret", "token", "webhook", "dsn", "api_key"};
    if (f != NULL && (f->flags & FIELD_SECRET) != 0)
        return true;
    for (size_t i = 0; key != NULL && i < sizeof words / sizeof *words; i++)
        if (strstr(key, words[i]) != NULL)
            return true;
    /* a hook's URL is often a key, and so is the salt of a hash */
    return key != NULL && (strcmp(key, "http") == 0 || strcmp(key, "hash") == 0);
}

static bool is_flat_list(const struct ynode *node)
{
    for (size_t i = 0; i < node->count; i++)
        if (node->items[i]->kind != YNODE_SCALAR)
            return false;
    return node->kind == YNODE_LIST;
}

static void set_list(const struct resolver *r, struct resolved *item, const struct ynode *node,
                     bool secret)
{
    AUTO_STRBUF struct strbuf value = {0}, text = {0};
    strbuf_init(&value, 8 << 20);
    strbuf_init(&text, 8 << 20);
    strbuf_addch(&value, '[');
    for (size_t i = 0; i < node->count; i++) {
        strbuf_adds(&value, i > 0 ? ", " : "");
        strbuf_addf(&text, "%s%s", i > 0 ? "," : "", shown(r, node->items[i], secret, &value));
    }
    strbuf_addch(&value, ']');
    item->text = arena_strdup(r->arena, text.data);
    item->value = arena_strdup(r->arena, value.data);
    item->origin = origin_of(r, node);
}

static void walk_field(struct resolver *r, const struct field *f, const struct ynode *node,
                       const char *path, int depth);

/* Any node under a key; f is NULL where no table describes it. */
static void walk_node(struct resolver *r, const struct field *f, const char *key,
                      const struct ynode *node, const char *path, int depth)
{
    bool secret = is_secret(key, f);
    struct resolved *item = add(r, path, key, depth);
    if (node->kind == YNODE_SCALAR && node->is_null) {
        item->text = NULL;
        item->value = "null";
        item->origin = origin_of(r, node);
    } else if (node->kind == YNODE_SCALAR) {
        set_scalar(r, item, node, secret);
    } else if (is_flat_list(node)) {
        set_list(r, item, node, secret);
    } else if (node->kind == YNODE_MAP) {
        for (size_t i = 0; i < node->count; i++)
            walk_node(r, NULL, node->keys[i]->text, node->items[i],
                      arena_printf(r->arena, "%s.%s", path, node->keys[i]->text), depth + 1);
    } else {
        for (size_t i = 0; i < node->count; i++) {
            const char *at = arena_printf(r->arena, "%s.%zu", path, i);
            r->begins_item = true;
            if (node->items[i]->kind != YNODE_MAP) {
                walk_node(r, NULL, NULL, node->items[i], at, depth + 1);
                continue;
            }
            for (size_t k = 0; k < node->items[i]->count; k++)
                walk_node(r, NULL, node->items[i]->keys[k]->text, node->items[i]->items[k],
                          arena_printf(r->arena, "%s.%s", at, node->items[i]->keys[k]->text),
                          depth + 2);
        }
    }
}

/* ---- tables ----------------------------------------------------------------------------- */

/* Keys that a setting stands in for. */
static const char *setting_of(const struct field_set *set, const struct field *f)
{
    static const char *const settings[][3] = {{"on_error", "max_rejects", "rejects.max_rows"},
                                              {"on_error", "max_reject_rate", "rejects.max_rate"},
                                              {"guard", "max_shrink", "guard.max_shrink"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (strcmp(set->name, settings[i][0]) == 0 && strcmp(f->name, settings[i][1]) == 0)
            return settings[i][2];
    return NULL;
}

static void walk_absent(struct resolver *r, const struct field_set *set, const struct field *f,
                        const char *path, int depth);

/* map NULL: the whole mapping is left out of the file. */
static void walk_set(struct resolver *r, const struct field_set *set, const struct ynode *map,
                     const char *path, int depth)
{
    for (const struct field *f = set->fields; f->name != NULL; f++) {
        const struct ynode *node = ynode_get(map, f->name);
        const char *at = path[0] != '\0' ? arena_printf(r->arena, "%s.%s", path, f->name) : f->name;
        if ((f->flags & FIELD_HIDDEN) != 0 || strcmp(at, "defaults") == 0)
            continue; /* `defaults` stands where it was merged */
        if (node != NULL)
            walk_field(r, f, node, at, depth);
        else
            walk_absent(r, set, f, at, depth);
    }
}

static bool has_settings(const struct field_set *set)
{
    for (const struct field *f = set->fields; f->name != NULL; f++)
        if (setting_of(set, f) != NULL)
            return true;
    return false;
}

static void walk_absent(struct resolver *r, const struct field_set *set, const struct field *f,
                        const char *path, int depth)
{
    const char *setting = setting_of(set, f);
    if (setting != NULL) {
        const char *text = config_text(r->config, setting, true);
        set_value(
            r, add(r, path, f->name, depth), text != NULL ? text : "",
            arena_printf(r->arena, "setting %s: %s", setting, config_origin(r->config, setting)));
    } else if (f->def != NULL && strcmp(f->def, "-1") != 0 && f->type != FIELD_NODE) {
        set_value(r, add(r, path, f->name, depth), f->def, "default");
    } else if (f->type == FIELD_OBJECT && has_settings(f->sub)) {
        add(r, path, f->name, depth);
        walk_set(r, f->sub, NULL, path, depth + 1);
    }
}

/* The table of a source or target, by the key that says what it is. */
static const struct field_set *plugin_set(const struct field *f, const struct ynode *node)
{
    const struct source_ops *source = strcmp(f->name, "source") == 0 ? source_of_node(node) : NULL;
    if (source != NULL)
        return source->fields;
    for (size_t i = 0; strcmp(f->name, "target") == 0 && target_registry[i] != NULL; i++)
        if (ynode_get(node, target_registry[i]->marker) != NULL)
            return target_registry[i]->fields;
    return NULL;
}

static void walk_list(struct resolver *r, const struct field *f, const struct ynode *node,
                      const char *path, int depth)
{
    add(r, path, f->name, depth);
    for (size_t i = 0; i < node->count; i++) {
        const char *at = arena_printf(r->arena, "%s.%zu", path, i);
        r->begins_item = true;
        if (node->items[i]->kind == YNODE_MAP)
            walk_set(r, f->sub, node->items[i], at, depth + 2);
        else
            walk_node(r, NULL, NULL, node->items[i], at, depth + 1);
        r->begins_item = false;
    }
}

static void walk_field(struct resolver *r, const struct field *f, const struct ynode *node,
                       const char *path, int depth)
{
    const struct field_set *set = f->type == FIELD_NODE ? plugin_set(f, node) : f->sub;
    bool is_map = node->kind == YNODE_MAP;
    if (is_map && f->type == FIELD_OBJECT_MAP) {
        add(r, path, f->name, depth);
        for (size_t i = 0; i < node->count; i++) {
            const char *name = node->keys[i]->text;
            const char *at = arena_printf(r->arena, "%s.%s", path, name);
            if (node->items[i]->kind != YNODE_MAP) {
                walk_node(r, NULL, name, node->items[i], at, depth + 1);
                continue;
            }
            add(r, at, name, depth + 1);
            walk_set(r, f->sub, node->items[i], at, depth + 2);
        }
    } else if (is_map && set != NULL && (f->flags & FIELD_NAMED) == 0) {
        add(r, path, f->name, depth);
        walk_set(r, set, node, path, depth + 1);
    } else if (node->kind == YNODE_LIST && f->type == FIELD_OBJECTS && !is_flat_list(node)) {
        walk_list(r, f, node, path, depth);
    } else {
        walk_node(r, f, f->name, node, path, depth);
    }
}

void pipeline_resolve(const struct pipeline *p, const struct config *config,
                      const struct resolved **ret, size_t *ret_count)
{
    const char *slash = strrchr(p->file, '/');
    struct resolver r = {.p = p,
                         .config = config,
                         .arena = p->arena,
                         .file = slash != NULL ? slash + 1 : p->file,
                         .raw = hashmap_new()};
    read_raw(&r);
    walk_set(&r, &pipeline_fields, p->root, "", 0);
    struct resolved *items = arena_array(p->arena, r.count + 1, sizeof *items);
    if (r.count > 0)
        memcpy(items, r.items, r.count * sizeof *items);
    free(r.items);
    hashmap_free(r.raw);
    *ret = items;
    *ret_count = r.count;
}

void resolved_print(const struct resolved *items, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct resolved *item = &items[i];
        int blanks = item->depth * 2;
        if (item->begins_item)
            strbuf_addf(out, "%*s- ", item->key != NULL ? blanks - 2 : blanks, "");
        else
            strbuf_addf(out, "%*s", blanks, "");
        if (item->key != NULL) {
            name_yaml(out, item->key);
            strbuf_adds(out, item->value != NULL ? ": " : ":");
        }
        if (item->value != NULL)
            strbuf_addf(out, "%s   # %s", item->value, item->origin);
        strbuf_addch(out, '\n');
    }
}
