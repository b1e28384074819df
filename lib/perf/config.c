/* lib/perf/config.c - see config.h: reading, and what the grammar cannot say. */
#include "perf/config.h"

#include "net/loadgen.h"
#include "net/url.h"
#include "perf/study.h"
#include "perf/threshold.h"
#include "schema/interpolate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TARGETS_MAX 100
#define MONEY_MAX   1e12

const struct perf_endpoint_config *perf_config_endpoint(const struct perf_config *c, size_t i)
{
    return (const struct perf_endpoint_config *)c->endpoints.items + i;
}

const char *perf_endpoint_name(const struct perf_endpoint_config *e, struct arena *arena)
{
    if (e->name != NULL)
        return e->name;
    return arena_printf(arena, "%s %.*s", e->method, (int)strcspn(e->path, "?#"), e->path);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

bool perf_config_allows_host(const struct perf_config *c, const char *host)
{
    if (is_loopback(host))
        return true;
    for (size_t i = 0; i < c->allow_hosts.count; i++)
        if (strcasecmp(c->allow_hosts.items[i], host) == 0)
            return true;
    return false;
}

static void check_address(const struct perf_config *c, const struct ynode *root, const char *key,
                          const char *url, struct diagnostics *d)
{
    AUTOFREE char *origin = NULL;
    struct error err = ERROR_INIT;
    const struct ynode *place = ynode_get(root, key);
    if (url == NULL)
        return;
    if (url_origin(url, &origin, &err) != 0) {
        diagnostics_add_error(d, place, &err);
        return;
    }
    if (strpbrk(url, "?#") != NULL)
        diagnostics_add(d, place, "put queries into the endpoints' paths",
                        "'%s' is a base address: it has no query", key);
    char *host = strstr(origin, "://") + 3;
    *strrchr(host, ':') = '\0';
    if (!perf_config_allows_host(c, host))
        diagnostics_add(d, place,
                        "name it there when you may load it: allow_hosts: [HOST]; "
                        "this machine needs no permission",
                        "host '%s' is not in allow_hosts", host);
}

/* ---- endpoints and parameters ---------------------------------------------------------------- */

static bool is_allowed_method(const struct perf_config *c, const char *method)
{
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return true;
    for (size_t i = 0; i < c->methods.count; i++)
        if (strcmp(c->methods.items[i], method) == 0)
            return true;
    return false;
}

static const struct perf_parameter *parameter_find(const struct perf_config *c, const char *name,
                                                   size_t n)
{
    for (size_t i = 0; i < c->parameters.count; i++)
        if (strlen(c->parameters.names[i]) == n && memcmp(c->parameters.names[i], name, n) == 0)
            return (const struct perf_parameter *)c->parameters.items + i;
    return NULL;
}

/* A brace that does not open {NAME} or {NAME.COLUMN} is itself: bodies are JSON. */
static void check_placeholders(const struct perf_config *c, const char *text, bool strict,
                               const struct ynode *place, struct diagnostics *d)
{
    for (const char *p = text; p != NULL && (p = strchr(p, '{')) != NULL; p++) {
        size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        bool is_name = n > 0 && (p[n + 1] == '}' || p[n + 1] == '.');
        if (is_name && parameter_find(c, p + 1, n) == NULL)
            diagnostics_add(d, place, "declare it under parameters",
                            "no parameter is called '%.*s'", (int)n, p + 1);
        else if (!is_name && strict)
            diagnostics_add(d, place, "write it percent-encoded, as %7B",
                            "a '{' that begins no {NAME}");
    }
}

static void check_endpoint(const struct perf_config *c, size_t i, struct diagnostics *d)
{
    const struct perf_endpoint_config *e = perf_config_endpoint(c, i);
    const struct ynode *node = c->endpoints.nodes[i];
    if (e->path == NULL)
        return;
    const struct ynode *path = node->kind == YNODE_MAP ? ynode_get(node, "path") : node;
    if (e->path[0] != '/')
        diagnostics_add(d, path, NULL, "a path begins with '/', not '%.40s'", e->path);
    if (strchr(e->path, '#') != NULL)
        diagnostics_add(d, path, NULL, "a path has no fragment (#)");
    if (!is_allowed_method(c, e->method))
        diagnostics_add(d, ynode_get(node, "method"),
                        "name it there when the data may change: methods: [POST]",
                        "method '%s' is not in methods", e->method);
    if (e->body != NULL && e->body_file != NULL)
        diagnostics_add(d, ynode_get(node, "body_file"), NULL,
                        "body and body_file exclude each other");
    if (e->page_parameter != NULL && e->offset_parameter != NULL)
        diagnostics_add(d, ynode_get(node, "offset_parameter"), NULL,
                        "page_parameter and offset_parameter exclude each other");
    if (e->page_parameter != NULL && e->size_parameter == NULL)
        diagnostics_add(d, ynode_get(node, "page_parameter"),
                        "name the parameter that sets how many rows a page has",
                        "page_parameter needs size_parameter");
    check_placeholders(c, e->path, true, path, d);
    check_placeholders(c, e->body, false, ynode_get(node, "body"), d);
}

static void check_endpoints(struct perf_config *c, struct diagnostics *d)
{
    struct perf_endpoint_config *all = c->endpoints.items;
    if (c->endpoints.count > PERF_ENDPOINTS_MAX) {
        diagnostics_add(d, c->endpoints.nodes[PERF_ENDPOINTS_MAX], NULL, "more than %d endpoints",
                        PERF_ENDPOINTS_MAX);
        return;
    }
    for (size_t i = 0; i < c->endpoints.count; i++) {
        all[i].place = c->endpoints.nodes[i];
        check_endpoint(c, i, d);
        for (size_t k = 0; k < i && all[i].path != NULL; k++)
            if (all[k].path != NULL && strcmp(perf_endpoint_name(&all[i], d->arena),
                                              perf_endpoint_name(&all[k], d->arena)) == 0)
                diagnostics_add(d, all[i].place, "give it a name of its own",
                                "two endpoints are called '%s'",
                                perf_endpoint_name(&all[i], d->arena));
    }
}

static void check_parameters(const struct perf_config *c, struct diagnostics *d)
{
    for (size_t i = 0; i < c->parameters.count; i++) {
        const struct perf_parameter *p = (const struct perf_parameter *)c->parameters.items + i;
        int given = (p->sql != NULL) + (p->csv != NULL) + (p->values.count > 0);
        if (given != 1)
            diagnostics_add(d, c->parameters.nodes[i], NULL,
                            "a parameter has one of sql, csv and values, this one has %d", given);
        if (p->sql != NULL && c->database == NULL)
            diagnostics_add(d, ynode_get(c->parameters.nodes[i], "sql"), NULL,
                            "sql needs a database");
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

static bool is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
           strncmp(text, "cmd:", 4) == 0;
}

static void check_secret(const struct ynode *node, const char *key, const char *value,
                         struct diagnostics *d)
{
    if (value != NULL && !is_reference(value))
        diagnostics_add(d, ynode_get(node, key), "write env:NAME, file:PATH or cmd:COMMAND",
                        "a secret does not stand in this file");
}

static void check_auth(const struct perf_config *c, const struct ynode *root, struct diagnostics *d)
{
    const struct perf_auth *a = c->auth;
    const struct ynode *node = ynode_get(root, "auth");
    if (a == NULL)
        return;
    if ((a->bearer != NULL) + (a->basic != NULL) + (a->header != NULL) != 1)
        diagnostics_add(d, node, NULL, "auth has one of bearer, basic and header");
    if ((a->header == NULL) != (a->value == NULL))
        diagnostics_add(d, node, NULL, "header and value belong together");
    check_secret(node, "bearer", a->bearer, d);
    check_secret(node, "value", a->value, d);
    if (a->basic != NULL)
        check_secret(ynode_get(node, "basic"), "password", a->basic->password, d);
}

static void check_load(struct perf_config *c, const struct ynode *root, struct diagnostics *d)
{
    struct perf_load_config *l = &c->load;
    const struct ynode *node = ynode_get(root, "load");
    if (l->rate.per_ms == 0)
        return;
    int64_t scaled = l->rate.count > INT64_MAX / 1000 ? 0 : l->rate.count * 1000;
    l->rate_per_s = scaled % l->rate.per_ms == 0 ? scaled / l->rate.per_ms : 0;
    if (l->rate_per_s < 1 || l->rate_per_s > LOADGEN_RATE_MAX)
        diagnostics_add(d, ynode_get(node, "rate"), NULL,
                        "a rate is a whole number a second, 1/s to %d/s", LOADGEN_RATE_MAX);
}

static void check_sizes(struct perf_config *c, const struct ynode *root, struct diagnostics *d)
{
    struct perf_attribute_config *a = &c->attribute;
    const struct ynode *place = ynode_get(ynode_get(root, "attribute"), "page_sizes");
    for (size_t i = 0; i < a->page_sizes.count; i++) {
        char *end;
        double size = strtod(a->page_sizes.items[i], &end);
        bool rising = a->nsizes == 0 || size > a->sizes[a->nsizes - 1];
        if (*end != '\0' || !(size >= 1 && size <= 10000) || floor(size) < size || !rising ||
            i >= PERF_SLOPE_POINTS) {
            diagnostics_add(d, place, NULL,
                            "page sizes are at most %d whole numbers from 1 to 10000, rising",
                            PERF_SLOPE_POINTS);
            return;
        }
        a->sizes[a->nsizes++] = size;
    }
    if (a->nsizes == 1)
        diagnostics_add(d, place, NULL, "one page size shows no slope: give two or more");
}

static void read_money(struct perf_config *c, const struct ynode *root, struct diagnostics *d)
{
    if (c->cost_text == NULL)
        return;
    char *end;
    c->cost_per_month = strtod(c->cost_text, &end);
    if (*end != '\0' || end == c->cost_text || !(c->cost_per_month >= 0) ||
        c->cost_per_month > MONEY_MAX)
        diagnostics_add(d, ynode_get(root, "cost_per_month"), NULL,
                        "expected an amount such as 1200.50, found '%.40s'", c->cost_text);
    if (c->currency == NULL)
        diagnostics_add(d, ynode_get(root, "cost_per_month"), "currency: CNY",
                        "an amount needs its currency");
}

static struct perf_targets_text read_targets(const struct ynode *node, struct arena *arena,
                                             struct diagnostics *d)
{
    struct perf_targets_text t = {0};
    if (node == NULL || node->is_null)
        return t;
    if (node->kind != YNODE_LIST || node->count > TARGETS_MAX) {
        diagnostics_add(d, node, NULL, "targets are a list of at most %d, found %s", TARGETS_MAX,
                        ynode_kind_name(node->kind));
        return t;
    }
    t.items = arena_array(arena, node->count + 1, sizeof *t.items);
    for (size_t i = 0; i < node->count; i++) {
        const struct ynode *item = node->items[i];
        struct threshold threshold;
        struct error err = ERROR_INIT;
        if (item->kind != YNODE_SCALAR || *item->text == '\0')
            diagnostics_add(d, item, NULL, "a target is a text such as p(95)<200");
        else if (threshold_parse(item->text, &threshold, &err) != 0)
            diagnostics_add(d, item, *err.hint ? arena_strdup(arena, err.hint) : NULL, "%s",
                            err.message);
        else
            t.items[t.count++] = (struct perf_target_text){item->text, item};
    }
    return t;
}

static void check_whole(struct perf_config *c, const struct ynode *root, struct diagnostics *d)
{
    if (c->endpoints.count > 0 && c->target == NULL)
        diagnostics_add(d, ynode_key(root, "endpoints"), "target: http://127.0.0.1:8080",
                        "endpoints need a target");
    if (c->before != NULL && c->target == NULL)
        diagnostics_add(d, ynode_key(root, "before"), NULL, "before needs a target");
    if (c->database_before != NULL && c->before == NULL)
        diagnostics_add(d, ynode_key(root, "database_before"), NULL,
                        "database_before needs before");
    check_address(c, root, "target", c->target, d);
    check_address(c, root, "before", c->before, d);
    check_endpoints(c, d);
    check_parameters(c, d);
    check_auth(c, root, d);
    check_load(c, root, d);
    check_sizes(c, root, d);
    read_money(c, root, d);
    c->targets = read_targets(c->targets_node, d->arena, d);
    for (size_t i = 0; i < c->endpoints.count; i++) {
        struct perf_endpoint_config *e = (struct perf_endpoint_config *)c->endpoints.items + i;
        e->targets = read_targets(e->targets_node, d->arena, d);
    }
}

static void bind(struct ynode *root, struct arena *arena, struct diagnostics *d,
                 struct perf_config *ret)
{
    const char *slash = strrchr(root->file, '/');
    interpolate_tree(root, NULL, NULL, arena, d);
    bind_yaml(&perf_config_fields, root, ret, arena, d);
    ret->directory = slash == NULL
                         ? "."
                         : arena_strndup(arena, root->file,
                                         slash == root->file ? 1 : (size_t)(slash - root->file));
    check_whole(ret, root, d);
}

int perf_config_parse(const char *text, size_t n, const char *name, struct arena *arena,
                      struct diagnostics *d, struct perf_config *ret, struct error *err)
{
    struct ynode *root = NULL;
    TRY(ynode_parse(text, n, name, arena, &root, err));
    bind(root, arena, d, ret);
    return 0;
}

int perf_config_load(const char *path, struct arena *arena, struct diagnostics *d,
                     struct perf_config *ret, struct error *err)
{
    struct ynode *root = NULL;
    TRY(ynode_parse_file(path, arena, &root, err));
    bind(root, arena, d, ret);
    return 0;
}

/* Whoever types an address may load it: only a file could have been written by somebody else. */
int perf_config_of_url(const char *url, struct arena *arena, struct perf_config *ret,
                       struct error *err)
{
    AUTOFREE char *origin = NULL;
    if (url_origin(url, &origin, err) != 0) {
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    bind_defaults(&perf_config_fields, ret, arena);
    const char *authority = strstr(url, "://");
    authority = authority == NULL ? url : authority + 3;
    const char *path = authority + strcspn(authority, "/?#");
    struct perf_endpoint_config *e = arena_alloc(arena, sizeof *e);
    bind_defaults(field_find(&perf_config_fields, "endpoints")->sub, e, arena);
    size_t n = strcspn(path, "#");
    e->path = arena_printf(arena, "%s%.*s", *path == '/' ? "" : "/", (int)n, path);
    ret->version = 1;
    ret->target = arena_strndup(arena, url, (size_t)(path - url));
    ret->endpoints = (struct field_objects){.items = e, .count = 1};
    for (size_t i = 0; i < ret->attribute.page_sizes.count; i++)
        ret->attribute.sizes[ret->attribute.nsizes++] =
            strtod(ret->attribute.page_sizes.items[i], NULL);
    return 0;
}
