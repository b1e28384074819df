#include "net/connector.h"
#include "core/secret.h"
#include "core/sha256.h"
#include "format/ynode.h"
#include "net/connector_internal.h"
#include "net/connector_look.h"
#include "net/url.h"
#include "schema/interpolate.h"
#include "schema/suggest.h"
#include <stdlib.h>

/* ---- binding ------------------------------------------------------------------------------- */

static bool key_is_late(const char *key)
{
    static const char *const late[] = {"path", "query", "headers", "body", "form"};

    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++)
        if (strcmp(key, late[i]) == 0)
            return true;
    return false;
}

/* Of auth: its texts are formulas. */
static bool auth_key_is_late(const char *key)
{
    return strcmp(key, "login") == 0 || strcmp(key, "send") == 0 || strcmp(key, "logout") == 0 ||
           strcmp(key, "claims") == 0;
}

static void auth_interpolate(struct ynode *auth, interpolate_resolver resolver, void *self,
                             struct arena *arena, struct diagnostics *d)
{
    if (auth->kind != YNODE_MAP)
        interpolate_tree(auth, resolver, self, arena, d);
    for (size_t i = 0; auth->kind == YNODE_MAP && i < auth->count; i++)
        if (!auth_key_is_late(auth->keys[i]->text))
            interpolate_tree(auth->items[i], resolver, self, arena, d);
}

/* Texts filled in by each request: that they can be is checked now. */
static void late_check(const struct ynode *node, struct diagnostics *d)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < node->count; i++)
        late_check(node->items[i], d);
    if (node->kind != YNODE_SCALAR)
        return;
    strbuf_init(&scratch, CONNECTOR_TEXT_MAX);
    if (interpolate_text(node->text, NULL, NULL, &scratch, &err) != 0)
        diagnostics_add_error(d, node, &err);
}

static void resources_interpolate(struct ynode *resources, interpolate_resolver resolver,
                                  void *self, struct arena *arena, struct diagnostics *d)
{
    for (size_t i = 0; i < resources->count; i++) {
        struct ynode *resource = resources->items[i];
        if (resource->kind != YNODE_MAP)
            continue;
        for (size_t k = 0; k < resource->count; k++) {
            if (strcmp(resource->keys[k]->text, "sign") == 0 ||
                strcmp(resource->keys[k]->text, "verify") == 0)
                continue; /* formulas */
            if (key_is_late(resource->keys[k]->text))
                late_check(resource->items[k], d);
            else
                interpolate_tree(resource->items[k], resolver, self, arena, d);
        }
    }
}

/* What holds for the whole file is put in now; what belongs to one request stays, so that a value
 * is never read for names a second time. */
static void spec_bind(struct ynode *root, interpolate_resolver resolver, void *self,
                      struct arena *arena, struct connector_spec *spec, struct diagnostics *d)
{
    struct error err = ERROR_INIT;
    char *origin = NULL;

    if (!root || root->kind != YNODE_MAP) {
        bind_yaml(&connector_fields, root, spec, arena, d);
        return;
    }
    for (size_t i = 0; i < root->count; i++) {
        if (strcmp(root->keys[i]->text, "resources") == 0)
            resources_interpolate(root->items[i], resolver, self, arena, d);
        else if (strcmp(root->keys[i]->text, "auth") == 0)
            auth_interpolate(root->items[i], resolver, self, arena, d);
        else if (strcmp(root->keys[i]->text, "sign") != 0 &&
                 strcmp(root->keys[i]->text, "verify") != 0)
            interpolate_tree(root->items[i], resolver, self, arena, d);
    }
    bind_yaml(&connector_fields, root, spec, arena, d);
    if (!connector_spec_concurrency(spec))
        diagnostics_add(d, ynode_get(root, "concurrency"), NULL,
                        "concurrency: expected 1 to 64, or adaptive, found '%s'",
                        spec->concurrency_text);
    connector_spec_check(spec, root, d);
    if (spec->base_url && !strstr(spec->base_url, "${") &&
        url_origin(spec->base_url, &origin, &err) != 0)
        diagnostics_add_error(d, ynode_get(root, "base_url"), &err);
    free(origin);
}

static struct ynode *tree_copy(struct arena *arena, const struct ynode *from)
{
    struct ynode *to = arena_alloc(arena, sizeof(*to));

    *to = *from;
    to->items = arena_array(arena, from->count + 1, sizeof(struct ynode *));
    for (size_t i = 0; i < from->count; i++)
        to->items[i] = tree_copy(arena, from->items[i]);
    return to;
}

static enum interpolate_result lint_resolve(void *self, const char *name, const char **ret_value)
{
    (void)self;
    *ret_value = strcmp(name, "platform.url") == 0 ? "http://127.0.0.1" : "any";
    return strncmp(name, "platform.", 9) == 0 ? INTERPOLATE_VALUE : INTERPOLATE_UNDEFINED;
}

void connector_lint(const struct ynode *root, struct arena *arena, struct diagnostics *d)
{
    struct connector_spec *spec = arena_alloc(arena, sizeof(*spec));

    spec_bind(root ? tree_copy(arena, root) : NULL, lint_resolve, NULL, arena, spec, d);
}

/* Connectors with the same file, address and credentials share a login. */
static const char *login_key(const struct connector *c, const struct ynode *root)
{
    static const char *const parts[] = {"base_url", "headers", "values", "secrets", "auth"};
    AUTO_STRBUF struct strbuf text = {0};
    struct sha256 *h = sha256_new();
    char hex[65];

    strbuf_init(&text, 0);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const struct ynode *node = ynode_get(root, parts[i]);
        if (node)
            ynode_print(node, 0, &text);
        strbuf_addch(&text, '\n');
    }
    sha256_add(h, text.data, text.len);
    sha256_finish(h, hex);
    explicit_bzero(text.data, text.len);
    return arena_printf(c->arena, "%s %s", c->name, hex);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int unknown_connector(const struct connector *c, const struct connector_builtin *builtins,
                             struct error *err)
{
    const char **names = NULL;
    size_t n = connector_names(c->config, builtins, c->arena, &names);
    const char *near = suggest_nearest(c->name, names, n);

    error_set(err, ERR_CONFIG, "there is no connector '%s'", c->name);
    if (near)
        return error_hint(err, "did you mean '%s'?", near);
    return error_hint(err, "it is looked for as %s.yaml in the directories of connector_path",
                      c->name);
}

static int file_find(struct connector *c, const struct connector_builtin *builtins,
                     struct ynode **ret, struct ynode_flaw **ret_flaws, struct error *err)
{
    const struct field_strings *dirs = &config_settings(c->config)->connector_path;

    for (size_t i = 0; i < dirs->count; i++) {
        const char *path = arena_printf(c->arena, "%s/%s.yaml", dirs->items[i], c->name);
        int code = ynode_read_file(path, c->arena, ret, ret_flaws, err);
        if (code != ERR_NOT_FOUND)
            return code;
    }
    for (const struct connector_builtin *b = builtins; b && b->name; b++)
        if (strcmp(b->name, c->name) == 0)
            return ynode_parse(b->yaml, strlen(b->yaml),
                               arena_printf(c->arena, "(built in)/%s.yaml", b->name), c->arena, ret,
                               err);
    return unknown_connector(c, builtins, err);
}

struct opening {
    struct connector *c;
    const char *unset; /* a setting that the file wants */
};

static enum interpolate_result open_resolve(void *self, const char *name, const char **ret_value)
{
    struct opening *o = self;
    const char *value = template_setting(o->c->config, name);
    size_t len = value ? strlen(value) : 0;

    if (o->c->tape && tape_is_replayed(o->c->tape) && strncmp(name, "platform.", 9) == 0) {
        *ret_value = arena_strdup(o->c->arena, name);
        return INTERPOLATE_VALUE;
    }
    if (len == 0) {
        if (strncmp(name, "platform.", 9) == 0 && !o->unset)
            o->unset = arena_strdup(o->c->arena, name);
        return INTERPOLATE_UNDEFINED;
    }
    /* A URL ends with or without a slash; paths begin with one. */
    while (strcmp(name, "platform.url") == 0 && len > 1 && value[len - 1] == '/')
        len--;
    *ret_value = arena_strndup(o->c->arena, value, len);
    return INTERPOLATE_VALUE;
}

static int spec_load(struct connector *c, struct ynode *root, struct error *err)
{
    struct opening o = {.c = c};
    struct diagnostics d;

    diagnostics_init(&d, c->arena);
    spec_bind(root, open_resolve, &o, c->arena, &c->spec, &d);
    if (d.errors > 0 && o.unset) {
        error_set(err, ERR_CONFIG, "connector '%s' needs the setting '%s'", c->name, o.unset);
        return error_hint(err, "set DINER_PLATFORM_%s, or '%s' in diner.yaml",
                          strcmp(o.unset, "platform.url") == 0    ? "URL"
                          : strcmp(o.unset, "platform.user") == 0 ? "USER"
                                                                  : "PASSWORD",
                          o.unset);
    }
    if (c->spec.name && strcmp(c->spec.name, c->name) != 0)
        diagnostics_add(&d, ynode_get(root, "name"), NULL, "name: '%s' is in the file of '%s'",
                        c->spec.name, c->name);
    int code = diagnostics_result(&d, ERR_SPEC, err);
    if (d.errors > 1 && !err->hint[0])
        error_hint(err, "diner connector lint %s shows them all", c->name);
    return code;
}

static bool is_path(const char *name)
{
    size_t n = strlen(name);

    return strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".yaml") == 0);
}

/* "dir/crm.yaml" to "crm" */
static const char *name_of_path(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');

    return arena_strndup(arena, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

/* A setting that this machine lacks is no fault of the file. */
static enum interpolate_result load_resolve(void *self, const char *name, const char **ret_value)
{
    if (open_resolve(self, name, ret_value) == INTERPOLATE_VALUE)
        return INTERPOLATE_VALUE;
    return lint_resolve(self, name, ret_value);
}

int connector_load(const char *name, const struct config *config,
                   const struct connector_builtin *builtins, struct arena *arena,
                   struct connector_loaded *ret, struct diagnostics *d, struct error *err)
{
    struct connector c = {.arena = arena, .config = config};
    struct opening o = {.c = &c};
    struct ynode *root = NULL;
    struct ynode_flaw *flaws = NULL;

    *ret = (struct connector_loaded){0};
    c.name = is_path(name) ? name_of_path(name, arena) : arena_strdup(arena, name);
    TRY(is_path(name) ? ynode_read_file(name, arena, &root, &flaws, err)
                      : file_find(&c, builtins, &root, &flaws, err));
    diagnostics_add_flaws(d, flaws);
    ret->name = c.name;
    ret->file = root ? root->file : name;
    ret->is_set_up = connector_variables_any(root);
    spec_bind(root, load_resolve, &o, arena, &ret->spec, d);
    if (ret->spec.name && strcmp(ret->spec.name, c.name) != 0)
        diagnostics_add(d, ynode_get(root, "name"), NULL, "name: '%s' is in the file of '%s'",
                        ret->spec.name, c.name);
    return 0;
}

static bool name_is_plain(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

/* Played, the system is where it was recorded, and nothing of this machine is asked. */
static int tape_begin(struct connector *c, struct ynode *root, struct error *err)
{
    struct ynode *base = ynode_get(root, "base_url");

    tape_adopt(c->tape, root, c->arena);
    if (!tape_is_replayed(c->tape) || !base || base->kind != YNODE_SCALAR)
        return 0;
    base->text = tape_base_url(c->tape, c->name);
    if (!base->text)
        return error_set(err, ERR_NOT_FOUND, "the tape has nothing of connector '%s'", c->name);
    return 0;
}

int connector_open(const char *name, const struct config *config,
                   const struct connector_builtin *builtins, struct connector **ret,
                   struct error *err)
{
    return connector_open_taped(name, config, builtins, NULL, ret, err);
}

int connector_open_taped(const char *name, const struct config *config,
                         const struct connector_builtin *builtins, struct tape *tape,
                         struct connector **ret, struct error *err)
{
    struct ynode *root = NULL;

    if (!name_is_plain(name))
        return error_set(err, ERR_SPEC, "'%.80s' is not a connector's name", name);
    struct connector *c = mem_alloc(sizeof(*c));
    c->arena = arena_new();
    c->name = arena_strdup(c->arena, name);
    c->config = config;
    c->tape = tape;
    int code = file_find(c, builtins, &root, NULL, err);
    if (code == 0 && tape)
        code = tape_begin(c, root, err);
    if (code == 0)
        code = spec_load(c, root, err);
    if (code == 0)
        code = addresses_begin(c, err);
    if (code != 0) {
        connector_close(c);
        return code;
    }
    c->login_key = login_key(c, root);
    *ret = c;
    return 0;
}

void connector_close(struct connector *c)
{
    if (!c || auth_session_park(c))
        return;
    http_client_free(c->http);
    auth_release(c);
    arena_free(c->arena);
    free(c);
}

/* ---- the client ---------------------------------------------------------------------------- */

static int64_t either(int64_t given, int64_t setting)
{
    return given > 0 ? given : setting;
}

int connector_http(struct connector *c, struct http_client **ret, struct error *err)
{
    const struct connector_spec *s = &c->spec;
    const struct settings *set = config_settings(c->config);

    if (!c->http) {
        struct http_options options = {
            .connect_timeout_ms = set->http_connect_timeout_ms,
            .timeout_ms = either(s->timeout_ms, set->http_timeout_ms),
            .idle_timeout_ms = s->idle_timeout_ms,
            .body_max_bytes = (size_t)either(s->body_max_bytes, set->http_body_max_bytes),
            .retry = {.max_attempts = 1 + (s->retry.max >= 0 ? s->retry.max : set->retry_max),
                      .base_ms = either(s->retry.base_ms, set->retry_base_ms),
                      .cap_ms = either(s->retry.cap_ms, set->retry_cap_ms),
                      .budget_ms = either(s->retry.budget_ms, set->retry_budget_ms)},
            .breaker_failures = either(s->breaker.failures, set->breaker_failures),
            .breaker_open_ms = either(s->breaker.open_ms, set->breaker_open_ms),
            .rate_count = s->rate.count,
            .rate_per_ms = s->rate.per_ms,
            .budget = c->budget,
            .in_flight_max = s->concurrency,
            .adaptive = s->adaptive,
            .ca_file = s->ca_file,
        };
        TRY(http_client_new(&options, &c->http, err));
        http_client_renew(c->http, c->is_isolated);
    }
    *ret = c->http;
    return 0;
}

void connector_renew(struct connector *c, bool is_isolated)
{
    c->is_isolated = is_isolated;
    if (c->http)
        http_client_renew(c->http, is_isolated);
}

/* ---- what it has --------------------------------------------------------------------------- */

const char *connector_name(const struct connector *c)
{
    return c->name;
}

static const struct resource_spec *resource_find(const struct connector *c, const char *name)
{
    for (size_t i = 0; i < c->spec.resources.count; i++)
        if (strcmp(c->spec.resources.names[i], name) == 0)
            return resource_at(&c->spec, i);
    return NULL;
}

const struct resource_spec *connector_resource(const struct connector *c, const char *name,
                                               struct error *err)
{
    const struct resource_spec *found = resource_find(c, name);

    if (found)
        return found;
    const char *near = suggest_nearest(name, c->spec.resources.names, c->spec.resources.count);
    error_set(err, ERR_SPEC, "connector '%s' has no resource '%s'", c->name, name);
    if (near)
        error_hint(err, "did you mean '%s'?", near);
    return NULL;
}

bool connector_has_resource(const struct connector *c, const char *resource)
{
    return resource_find(c, resource) != NULL;
}

int connector_write_of(const struct connector *c, const char *resource, struct connector_write *ret,
                       struct error *err)
{
    const struct resource_spec *r = connector_resource(c, resource, err);

    if (!r)
        return (int)err->code;
    if (!r->write) {
        error_set(err, ERR_SPEC, "resource '%s' of connector '%s' takes no records", resource,
                  c->name);
        return error_hint(err, "one that does declares 'write'");
    }
    *ret = (struct connector_write){.batch_rows = r->write->batch,
                                    .records = r->write->records,
                                    .results = r->write->results,
                                    .result_ok = r->write->result_ok,
                                    .result_error = r->write->result_error,
                                    .has_body = r->body != NULL,
                                    .resend = r->write->resend};
    return 0;
}

static const char **fields_split(const char *text, struct arena *arena, size_t *ret_count)
{
    const char **items = arena_array(arena, strlen(text) / 2 + 2, sizeof(*items));
    size_t n = 0;

    for (const char *p = text; *p; p += *p == ',') {
        p += strspn(p, " ");
        size_t len = strcspn(p, ","), trimmed = len;
        while (trimmed > 0 && p[trimmed - 1] == ' ')
            trimmed--;
        if (trimmed > 0)
            items[n++] = arena_strndup(arena, p, trimmed);
        p += len;
    }
    *ret_count = n;
    return items;
}

struct field_strings resource_fields(const struct resource_spec *r,
                                     const struct connector_param *params, size_t nparams,
                                     struct arena *arena)
{
    struct field_strings fields = r->fields;

    for (size_t i = 0; i < nparams && r->fields.count > 0; i++)
        if (strcmp(params[i].name, "fields") == 0 && params[i].value)
            fields.items = fields_split(params[i].value, arena, &fields.count);
    return fields;
}

int connector_fields_of(const struct connector *c, const char *resource,
                        const struct connector_param *params, size_t nparams, struct arena *arena,
                        struct field_strings *ret, struct error *err)
{
    const struct resource_spec *r = connector_resource(c, resource, err);

    if (!r)
        return (int)err->code;
    if (r->job && r->job->download[0] != '/')
        r = connector_resource(c, r->job->download, err);
    if (!r)
        return (int)err->code;
    *ret = resource_fields(r, params, nparams, arena);
    return 0;
}
