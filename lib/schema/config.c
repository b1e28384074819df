#include "schema/config.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "schema/interpolate.h"
#include "schema/suggest.h"
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct config {
    struct arena *arena;
    struct settings settings;
    const char *file;     /* NULL: none was found */
    const char **origins; /* one a field of settings_fields; NULL: default */
    size_t nfields;
};

static size_t field_index(const struct field *f)
{
    return (size_t)(f - settings_fields.fields);
}

const struct settings *config_settings(const struct config *c)
{
    return &c->settings;
}

const char *config_file(const struct config *c)
{
    return c->file;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    arena_free(c->arena);
    free(c);
}

/* An empty variable is as good as none. */
static const char *env_get(const char *name)
{
    const char *value = name ? getenv(name) : NULL;

    return value && *value ? value : NULL;
}

/* ---- the file ---------------------------------------------------------------------------- */

/* Sets *ret_path to the file to read, NULL when there is none. */
static int find_file(struct config *c, const char *file, const char **ret_path, struct error *err)
{
    const char *named = file ? file : env_get("DINER_CONFIG");
    const char *home = env_get("HOME"), *xdg = env_get("XDG_CONFIG_HOME");
    const char *places[3] = {"diner.yaml", NULL, "/etc/diner/diner.yaml"};

    if (named) {
        if (access(named, F_OK) != 0)
            return error_set_errno(err, ERR_CONFIG, errno, "cannot read configuration '%s'", named);
        *ret_path = arena_strdup(c->arena, named);
        return 0;
    }
    if (xdg && *xdg == '/')
        places[1] = arena_printf(c->arena, "%s/diner/diner.yaml", xdg);
    else if (home)
        places[1] = arena_printf(c->arena, "%s/.config/diner/diner.yaml", home);
    *ret_path = NULL;
    for (size_t i = 0; i < 3 && !*ret_path; i++)
        if (places[i] && access(places[i], F_OK) == 0)
            *ret_path = places[i];
    return 0;
}

/* A value that would give something away: not a reference to where the secret is kept, not a
 * variable, and, for a connection string, one with a password in it. */
static bool is_literal_secret(const char *name, const char *text)
{
    static const char *const safe[] = {"env:", "file:", "cmd:"};

    for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
        if (strncmp(text, safe[i], strlen(safe[i])) == 0)
            return false;
    if (!*text || strstr(text, "${"))
        return false;
    if (strcmp(name, "dsn") == 0 && strncmp(text, "literal:", 8) != 0)
        return secret_register_dsn(text);
    return true;
}

struct loading {
    struct config *c;
    struct diagnostics d;
    bool readable_by_others;
    bool *seen; /* one a field */
};

static void check_secret(struct loading *l, const struct field *f, const struct ynode *node)
{
    if (node->kind != YNODE_SCALAR || !is_literal_secret(f->name, node->text))
        return;
    if (l->readable_by_others)
        diagnostics_add(&l->d, node, "chmod 600 the file, or write env:NAME or file:PATH instead",
                        "'%s' holds a secret and the file can be read by others", f->name);
}

/* Before variables are put in: what stands in the file itself. */
static void check_secrets(struct loading *l, const struct field *f, const struct ynode *value)
{
    if (f->flags & FIELD_SECRET)
        check_secret(l, f, value);
    if (f->type != FIELD_OBJECT_MAP)
        return;
    for (size_t i = 0; i < value->count; i++) {
        const struct ynode *item = value->items[i];
        for (const struct field *sub = f->sub->fields; sub->name; sub++) {
            bool is_short = item->kind == YNODE_SCALAR && f->sub->scalar &&
                            strcmp(f->sub->scalar, sub->name) == 0;
            const struct ynode *held = is_short ? item : ynode_get(item, sub->name);
            if (held && (sub->flags & FIELD_SECRET))
                check_secret(l, sub, held);
        }
    }
}

static void unknown_setting(struct loading *l, const char *name, const struct ynode *key)
{
    const char **names = arena_array(l->c->arena, l->c->nfields + 1, sizeof(*names));
    const char *hint = NULL;

    for (size_t i = 0; i < l->c->nfields; i++)
        names[i] = settings_fields.fields[i].name;
    const char *near = suggest_nearest(name, names, l->c->nfields);
    if (near)
        hint = arena_printf(l->c->arena, message_text("did you mean '%s'?"), near);
    diagnostics_add(&l->d, key, hint ? hint : "'diner help settings' lists them",
                    "unknown setting '%s'", name);
}

static bool is_group(const char *name)
{
    size_t n = strlen(name);

    for (const struct field *f = settings_fields.fields; f->name; f++)
        if (strncmp(f->name, name, n) == 0 && f->name[n] == '.')
            return true;
    return false;
}

static void load_value(struct loading *l, const struct field *f, const struct ynode *key,
                       struct ynode *value)
{
    size_t i = field_index(f);

    if (l->seen[i]) {
        diagnostics_add(&l->d, key, NULL, "'%s' is given twice", f->name);
        return;
    }
    l->seen[i] = true;
    if (value->kind == YNODE_SCALAR && value->is_null)
        return;
    check_secrets(l, f, value);
    interpolate_tree(value, NULL, NULL, l->c->arena, &l->d);
    bind_yaml_field(f, value, &l->c->settings, l->c->arena, &l->d);
    l->c->origins[i] =
        arena_printf(l->c->arena, "%s:%d:%d", value->file, value->line, value->column);
}

/* Nested maps become dotted names: {http: {timeout: 5s}} is http.timeout. */
static void load_map(struct loading *l, const char *prefix, const struct ynode *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct ynode *key = map->keys[i];
        const char *name = *prefix ? arena_printf(l->c->arena, "%s.%s", prefix, key->text)
                                   : arena_strdup(l->c->arena, key->text);
        const struct field *f = field_find(&settings_fields, name);
        if (f)
            load_value(l, f, key, map->items[i]);
        else if (!is_group(name))
            unknown_setting(l, name, key);
        else if (map->items[i]->kind == YNODE_MAP)
            load_map(l, name, map->items[i]);
        else if (!map->items[i]->is_null)
            diagnostics_add(&l->d, map->items[i], NULL, "%s: expected a map, found %s", name,
                            ynode_kind_name(map->items[i]->kind));
    }
}

static int load_file(struct config *c, struct error *err)
{
    struct loading l = {.c = c};
    struct ynode *root;
    struct ynode_flaw *flaws;
    struct stat st;
    int code = ynode_read_file(c->file, c->arena, &root, &flaws, err);

    if (code != 0) {
        err->code = ERR_CONFIG;
        return ERR_CONFIG;
    }
    diagnostics_init(&l.d, c->arena);
    diagnostics_add_flaws(&l.d, flaws);
    l.readable_by_others = stat(c->file, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
    l.seen = arena_array(c->arena, c->nfields, sizeof(*l.seen));
    if (root->kind == YNODE_MAP)
        load_map(&l, "", root);
    else if (!root->is_null)
        diagnostics_add(&l.d, root, NULL, "expected a map of settings, found %s",
                        ynode_kind_name(root->kind));
    return diagnostics_result(&l.d, ERR_CONFIG, err);
}

/* ---- environment and defaults ------------------------------------------------------------ */

int config_override(struct config *c, const char *name, const char *text, const char *origin,
                    struct error *err)
{
    const struct field *f = field_find(&settings_fields, name);

    if (!f)
        return error_set(err, ERR_CONFIG, "there is no setting '%s'", name);
    if (bind_text(f, text, &c->settings, c->arena, err) != 0) {
        err->code = ERR_CONFIG;
        return error_context(err, "%s", origin);
    }
    c->origins[field_index(f)] = arena_strdup(c->arena, origin);
    return 0;
}

static int load_environment(struct config *c, struct error *err)
{
    for (const struct field *f = settings_fields.fields; f->name; f++) {
        const char *value = env_get(f->env);
        if (value)
            TRY(config_override(c, f->name, value, arena_printf(c->arena, "env %s", f->env), err));
    }
    return 0;
}

/* Cron may give no HOME: the account's own is asked for then. */
static void default_state_dir(struct config *c)
{
    const char *xdg = env_get("XDG_STATE_HOME"), *home = env_get("HOME");

    if (c->settings.state_dir && *c->settings.state_dir)
        return;
    if (xdg && *xdg == '/') {
        c->settings.state_dir = arena_printf(c->arena, "%s/diner", xdg);
        return;
    }
    if (!home) {
        const struct passwd *account = getpwuid(getuid());
        home = account && account->pw_dir && *account->pw_dir ? account->pw_dir : NULL;
    }
    c->settings.state_dir =
        home ? arena_printf(c->arena, "%s/.local/state/diner", home) : "/var/lib/diner";
}

static int check_together(const struct config *c, struct error *err)
{
    const struct settings *s = &c->settings;

    if (s->page_size_default > s->page_size_max)
        return error_set(err, ERR_CONFIG, "page.size %lld is above page.size_max %lld",
                         (long long)s->page_size_default, (long long)s->page_size_max);
    if (s->retry_base_ms > s->retry_cap_ms)
        return error_set(err, ERR_CONFIG, "retry.base is above retry.cap");
    return 0;
}

static int load(struct config *c, const char *file, struct error *err)
{
    TRY(find_file(c, file, &c->file, err));
    if (c->file)
        TRY(load_file(c, err));
    TRY(load_environment(c, err));
    default_state_dir(c);
    return check_together(c, err);
}

int config_load(const char *file, struct config **ret, struct error *err)
{
    struct config *c = mem_alloc(sizeof(*c));

    c->arena = arena_new();
    while (settings_fields.fields[c->nfields].name)
        c->nfields++;
    c->origins = arena_array(c->arena, c->nfields, sizeof(*c->origins));
    bind_defaults(&settings_fields, &c->settings, c->arena);
    int code = load(c, file, err);
    if (code != 0) {
        config_free(c);
        return code;
    }
    *ret = c;
    return 0;
}

/* ---- connections and showing ------------------------------------------------------------- */

static const char *const connections_prefix = "connections.";

/* The index of a connection of the file, or -1. */
static ptrdiff_t connection_index(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->settings.connections.count; i++)
        if (strcmp(c->settings.connections.names[i], name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

static const char *connection_env(const struct config *c, const char *name, const char **ret_env)
{
    char *env = arena_printf(c->arena, "DINER_DSN_%s", name);

    for (char *p = env; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    *ret_env = env;
    if (env_get(env))
        return env_get(env);
    if (strcmp(name, "warehouse") == 0) {
        *ret_env = "DINER_DSN";
        return env_get("DINER_DSN");
    }
    return NULL;
}

/* The DSN or reference of a connection and where it came from; NULL when there is none. */
static const char *connection_text(const struct config *c, const char *name,
                                   const char **ret_origin)
{
    const char *env, *text = connection_env(c, name, &env);
    ptrdiff_t i = connection_index(c, name);

    if (text) {
        *ret_origin = arena_printf(c->arena, "env %s", env);
        return text;
    }
    if (i < 0)
        return NULL;
    const struct ynode *node = c->settings.connections.nodes[i];
    *ret_origin = arena_printf(c->arena, "%s:%d:%d", node->file, node->line, node->column);
    return ((const struct config_connection *)c->settings.connections.items)[i].dsn;
}

static bool is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
           strncmp(text, "cmd:", 4) == 0;
}

bool config_has_dsn(const struct config *c, const char *connection)
{
    const char *origin, *text = connection_text(c, connection, &origin);

    return text && *text;
}

int config_dsn(const struct config *c, const char *connection, char **ret_dsn, struct error *err)
{
    const char *origin, *env, *near, *text = connection_text(c, connection, &origin);
    char *dsn;

    if (!text || !*text) {
        error_set(err, ERR_CONFIG, "connection '%s' is not configured", connection);
        near = suggest_nearest(connection, c->settings.connections.names,
                               c->settings.connections.count);
        if (near)
            return error_hint(err, "did you mean '%s'?", near);
        (void)connection_env(c, connection, &env);
        return error_hint(err, "set %s, or connections.%s.dsn in diner.yaml", env, connection);
    }
    /* A plain DSN is no secret as a whole: only its password must not be seen. */
    if (is_reference(text) || strncmp(text, "literal:", 8) == 0) {
        if (secret_resolve(text, &dsn, err) != 0)
            return error_context(err, "connection '%s' (%s)", connection, origin);
    } else {
        dsn = mem_strdup(text);
    }
    (void)secret_register_dsn(dsn);
    *ret_dsn = dsn;
    return 0;
}

const char *config_origin(const struct config *c, const char *name)
{
    const struct field *f = field_find(&settings_fields, name);
    const char *origin = NULL;

    if (f) {
        origin = c->origins[field_index(f)];
        return origin ? origin : "default";
    }
    if (strncmp(name, connections_prefix, strlen(connections_prefix)) == 0)
        (void)connection_text(c, name + strlen(connections_prefix), &origin);
    return origin;
}

static const char *secret_text(const struct config *c, const char *text, bool is_dsn)
{
    AUTO_STRBUF struct strbuf masked = {0};

    if (is_reference(text))
        return text;
    if (!is_dsn || strncmp(text, "literal:", 8) == 0)
        return "****";
    strbuf_init(&masked, 0);
    secret_dsn_masked(text, &masked);
    return arena_strndup(c->arena, masked.data, masked.len);
}

const char *config_text(const struct config *c, const char *name, bool masked)
{
    const struct field *f = field_find(&settings_fields, name);
    const char *origin;

    if (!f) {
        if (strncmp(name, connections_prefix, strlen(connections_prefix)) != 0)
            return NULL;
        const char *dsn = connection_text(c, name + strlen(connections_prefix), &origin);
        return dsn && masked ? secret_text(c, dsn, true) : dsn;
    }
    if (f->flags & FIELD_SECRET) {
        const char *text = *(const char *const *)((const char *)&c->settings + f->offset);
        return text && masked ? secret_text(c, text, false) : text;
    }
    return bind_print(f, &c->settings, c->arena);
}
