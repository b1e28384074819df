/* Connectors as people look at them: which there are, what each is, all that is wrong with it. */
#include "core/secret.h"
#include "net/connector_internal.h"
#include "net/connector_look.h"
#include "net/url.h"
#include "schema/suggest.h"
#include <glob.h>
#include <stdlib.h>

#define NAMES_MAX 4096

struct names {
    struct arena *arena;
    const char **items;
    size_t count;
};

static void name_add(struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->items[i], name) == 0)
            return;
    if (n->count < NAMES_MAX)
        n->items[n->count++] = name;
}

static void directory_add(struct names *n, const char *directory)
{
    glob_t found = {0};

    if (glob(arena_printf(n->arena, "%s/*.yaml", directory), 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *file = strrchr(found.gl_pathv[i], '/') + 1;
            name_add(n, arena_strndup(n->arena, file, strlen(file) - strlen(".yaml")));
        }
    globfree(&found);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t connector_names(const struct config *config, const struct connector_builtin *builtins,
                       struct arena *arena, const char ***ret)
{
    const struct field_strings *dirs = &config_settings(config)->connector_path;
    struct names n = {.arena = arena, .items = arena_array(arena, NAMES_MAX, sizeof(char *))};

    for (size_t i = 0; i < dirs->count; i++)
        directory_add(&n, dirs->items[i]);
    for (; builtins && builtins->name; builtins++)
        name_add(&n, builtins->name);
    if (n.count > 0)
        qsort(n.items, n.count, sizeof(*n.items), by_name);
    *ret = n.items;
    return n.count;
}

/* ---- one ------------------------------------------------------------------------------------- */

static const char *auth_name(const struct connector_spec *spec)
{
    const struct field *type = field_find(&connector_auth_set, "type");

    return type->choices[spec->auth.type];
}

/* "https://crm.example.com:443" without what goes without saying; NULL when it is no URL. */
static const char *host_of(const struct connector_spec *spec, struct arena *arena)
{
    struct error ignored = ERROR_INIT;
    char *origin = NULL;

    if (!spec->base_url || strstr(spec->base_url, "${") ||
        url_origin(spec->base_url, &origin, &ignored) != 0)
        return NULL;
    const char *host = strstr(origin, "://") + 3;
    size_t n = strlen(host);
    bool https = strncmp(origin, "https:", 6) == 0;
    const char *usual = https ? ":443" : ":80";
    if (n > strlen(usual) && strcmp(host + n - strlen(usual), usual) == 0)
        n -= strlen(usual);
    const char *copy = arena_strndup(arena, host, n);
    free(origin);
    return copy;
}

/* Reads "NAME..." behind ${ or env:. */
static void variable_look(const char *text, size_t *named, size_t *set)
{
    char name[128];
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    if (n == 0 || n >= sizeof(name))
        return;
    memcpy(name, text, n);
    name[n] = '\0';
    const char *value = getenv(name);
    ++*named;
    *set += value && *value;
}

static void variables_count(const struct ynode *node, size_t *named, size_t *set)
{
    const char *text = node->kind == YNODE_SCALAR ? node->text : "";

    if (strncmp(text, "env:", 4) == 0)
        variable_look(text + 4, named, set);
    for (const char *p = text; (p = strstr(p, "${")); p += 2)
        variable_look(p + 2, named, set);
    for (size_t i = 0; i < node->count; i++)
        variables_count(node->items[i], named, set);
}

bool connector_variables_any(const struct ynode *root)
{
    size_t named = 0, set = 0;

    if (root)
        variables_count(root, &named, &set);
    return named == 0 || set > 0;
}

int connector_describe(const char *name, const struct config *config,
                       const struct connector_builtin *builtins, struct arena *arena,
                       struct connector_summary *ret, struct diagnostics *d, struct error *err)
{
    struct connector_loaded loaded;
    struct connector_spec *spec = arena_alloc(arena, sizeof(*spec));

    TRY(connector_load(name, config, builtins, arena, &loaded, d, err));
    *spec = loaded.spec;
    *ret = (struct connector_summary){
        .spec = spec,
        .name = loaded.name,
        .description = loaded.spec.description,
        .file = loaded.file,
        .base_url = loaded.spec.base_url,
        .host = host_of(&loaded.spec, arena),
        .auth = auth_name(&loaded.spec),
        .sign = loaded.spec.sign ? sign_algorithms[loaded.spec.sign->algorithm] : NULL,
        .resources = loaded.spec.resources.names,
        .nresources = loaded.spec.resources.count,
        .is_set_up = loaded.is_set_up,
    };
    return 0;
}

struct name_list {
    struct arena *arena;
    const char **names;
    size_t count, capacity;
};

static void param_name_add(struct name_list *l, const char *name, size_t len)
{
    if (l->count == l->capacity) {
        const char **grown = arena_array(l->arena, l->capacity * 2 + 16, sizeof(*grown));
        for (size_t i = 0; i < l->count; i++)
            grown[i] = l->names[i];
        l->names = grown;
        l->capacity = l->capacity * 2 + 16;
    }
    l->names[l->count++] = arena_strndup(l->arena, name, len);
}

/* ${since.year} is of the parameter `since`. */
static void param_name_note(void *self, const char *name, size_t offset)
{
    size_t stem = strcspn(name, ".");

    (void)offset;
    if (strncmp(name, "page.", 5) == 0)
        return;
    param_name_add(self, name, strlen(name));
    if (name[stem] == '.')
        param_name_add(self, name, stem);
}

size_t connector_param_names(const struct connector_summary *s, const char *resource,
                             struct arena *arena, const char *const **ret)
{
    const struct field_objects *all = &s->spec->resources;
    struct name_list l = {.arena = arena};

    for (size_t i = 0; i < all->count; i++) {
        const struct resource_spec *r = resource_at(s->spec, i);
        if (strcmp(all->names[i], resource) != 0)
            continue;
        resource_names(r, param_name_note, &l);
        if (r->fields.count > 0)
            param_name_add(&l, "fields", strlen("fields"));
    }
    *ret = l.names;
    return l.count;
}

/* ---- an open one ----------------------------------------------------------------------------- */

const char *connector_auth_name(const struct connector *c)
{
    return auth_name(&c->spec);
}

int connector_secrets_resolve(struct connector *c, size_t *ret_count, struct error *err)
{
    const struct auth_spec *a = &c->spec.auth;
    const char *const references[] = {a->token, a->password, a->value, a->client_secret, a->key};
    const char *ignored = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
        if (references[i]) { /* a type has but one */
            TRY(auth_secret(c, references[i], &ignored, err));
            ++*ret_count;
        }
    TRY(connector_named_secrets(c, err));
    *ret_count += c->spec.secrets.count;
    return 0;
}

int connector_login(struct connector *c, bool *ret_sent, struct error *err)
{
    struct arena *arena = arena_new();
    struct outgoing r = {.arena = arena, .c = c};
    int type = c->spec.auth.type;

    *ret_sent = type == AUTH_JWT_LOGIN || type == AUTH_OAUTH2 || type == AUTH_SESSION;
    int code = auth_apply(&r, err);
    arena_free(arena);
    return code;
}

int connector_resource_of(const struct connector *c, const char *resource,
                          struct connector_resource_info *ret, struct error *err)
{
    const struct resource_spec *r = connector_resource(c, resource, err);

    if (!r)
        return (int)err->code;
    *ret = (struct connector_resource_info){
        .method = connector_methods[r->method],
        .writes = strcmp(connector_methods[r->method], "GET") != 0 && !r->repeatable,
        .is_paged = r->paginate && r->paginate->type != PAGINATE_NONE,
        .is_file = connector_gives_file(c, resource),
        .records = r->records,
        .is_signed = (r->sign ? r->sign : c->spec.sign) &&
                     (r->sign ? r->sign : c->spec.sign)->algorithm != SIGN_NONE,
    };
    return 0;
}
