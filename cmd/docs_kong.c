/* cmd/docs_kong.c - configs/kong/kong.yaml from the OpenAPI file: a service for each module, which
 * is the first word of its addresses, one route for what asks for a token and one for what does
 * not. */
#include "docs.h"
#include "platform/openapi.h"
#include "schema/config.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX      "/api/v1/"
#define MODULES_MAX 64
#define METHODS     5 /* openapi_methods */

struct module {
    const char *name;
    bool is_closed[METHODS], is_open[METHODS]; /* methods that ask for a token, that do not */
    struct strbuf open;                        /* the addresses of the latter, as patterns */
};

static const char head[] =
    "# Generated from lib/platform/openapi.yaml (make docs); a change of the API changes it.\n"
    "#\n"
    "# Kong 3 without a database: envsubst '$DINER_JWT_SECRET' <kong.yaml >/etc/kong/kong.yaml, "
    "with\n"
    "# the secret of `diner serve`. The platform checks tokens, roles and the limits of each user\n"
    "# itself; here is refused what would not get past it, and each module can be sent elsewhere "
    "or\n"
    "# scaled by itself. /metrics and /ready are of one server, and not passed on.\n"
    "_format_version: \"3.0\"\n"
    "\n"
    "upstreams:\n"
    "  - name: diner-platform\n"
    "    algorithm: least-connections\n"
    "    targets:\n"
    "      - { target: \"127.0.0.1:8080\", weight: 100 }\n"
    "      - { target: \"127.0.0.1:8081\", weight: 100 }\n"
    "    healthchecks:\n"
    "      active:\n"
    "        type: http\n"
    "        http_path: /ready\n"
    "        timeout: 5\n"
    "        healthy: { interval: 5, successes: 1 }\n"
    "        unhealthy: { interval: 5, http_failures: 2, tcp_failures: 2, timeouts: 2 }\n"
    "      passive:\n"
    "        unhealthy: { tcp_failures: 3, timeouts: 3 }\n"
    "\n"
    "# The platform's access tokens: `use` is what they are for, so that a refresh token is none.\n"
    "consumers:\n"
    "  - username: diner-platform\n"
    "    jwt_secrets:\n"
    "      - { key: access, algorithm: HS256, secret: \"${DINER_JWT_SECRET}\" }\n"
    "\n";

/* ---- what the file says ------------------------------------------------------------------ */

static struct module *module_of(const char *name, struct module *modules, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(modules[i].name, name) == 0)
            return &modules[i];
    if (*count == MODULES_MAX)
        return NULL;
    modules[*count] = (struct module){.name = name};
    strbuf_init(&modules[*count].open, 0);
    return &modules[(*count)++];
}

/* "~/api/v1/payments/callbacks/[^/]+$" */
static void add_pattern(const char *path, struct strbuf *out)
{
    strbuf_adds(out, out->len > 0 ? ", \"~" : "\"~");
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '{')
            strbuf_adds(out, "[^/]+");
        p = *p == '{' ? strchr(p, '}') : p;
        if (*p == '.')
            strbuf_adds(out, "\\\\");
        if (*p != '}')
            strbuf_addch(out, *p);
    }
    strbuf_adds(out, "$\"");
}

static void read_path(const char *path, const struct ynode *operations, struct module *m)
{
    bool has_open = false;
    for (size_t i = 0; i < METHODS; i++) {
        const struct ynode *operation = ynode_get(operations, openapi_methods[i]);
        const struct ynode *security = operation != NULL ? ynode_get(operation, "security") : NULL;
        if (operation == NULL)
            continue;
        bool is_open = security != NULL && security->count == 0;
        m->is_open[i] |= is_open;
        m->is_closed[i] |= !is_open;
        has_open |= is_open;
    }
    if (has_open)
        add_pattern(path, &m->open);
}

/* ---- what Kong is told ------------------------------------------------------------------- */

static void add_methods(const bool are_in[METHODS], struct strbuf *out)
{
    const char *comma = "";
    strbuf_adds(out, "        methods: [");
    for (size_t i = 0; i < METHODS; i++) {
        if (!are_in[i])
            continue;
        strbuf_adds(out, comma);
        for (const char *p = openapi_methods[i]; *p != '\0'; p++)
            strbuf_addch(out, (char)toupper((unsigned char)*p));
        comma = ", ";
    }
    strbuf_adds(out, "]\n        strip_path: false\n");
}

static bool any(const bool are_in[METHODS])
{
    for (size_t i = 0; i < METHODS; i++)
        if (are_in[i])
            return true;
    return false;
}

static void add_module(const struct module *m, struct strbuf *out)
{
    strbuf_addf(out,
                "  - name: diner-%s\n"
                "    host: diner-platform\n"
                "    port: 8080\n"
                "    protocol: http\n"
                "    connect_timeout: 2000\n"
                "    read_timeout: 30000\n"
                "    retries: 1\n"
                "    routes:\n",
                m->name);
    if (any(m->is_closed)) {
        strbuf_addf(out,
                    "      - name: diner-%s\n"
                    "        paths: [\"" PREFIX "%s\"]\n",
                    m->name, m->name);
        add_methods(m->is_closed, out);
        strbuf_adds(out, "        plugins:\n"
                         "          - name: jwt\n"
                         "            config: { key_claim_name: use, claims_to_verify: [exp], "
                         "uri_param_names: [] }\n");
    }
    if (any(m->is_open)) {
        strbuf_addf(out, "      - name: diner-%s-open\n        paths: [%s]\n", m->name,
                    m->open.data);
        add_methods(m->is_open, out);
    }
}

static int default_number(const char *setting)
{
    for (const struct field *f = settings_fields.fields; f->name != NULL; f++)
        if (strcmp(f->name, setting) == 0)
            return (int)strtol(f->def, NULL, 10);
    return 0;
}

static void add_plugins(struct strbuf *out)
{
    strbuf_addf(
        out,
        "\n"
        "plugins:\n"
        "  - name: correlation-id\n"
        "    config: { header_name: X-Request-Id, generator: uuid, echo_downstream: true }\n"
        "  # A roof for each token, else address: what the integration role may. Others may\n"
        "  # less, which the platform sees to.\n"
        "  - name: rate-limiting\n"
        "    config: { minute: %d, hour: %d, limit_by: header, header_name: Authorization, "
        "policy: local }\n",
        default_number("rate.integration_minute"), default_number("rate.integration_hour"));
}

int docs_kong(struct arena *arena, struct strbuf *out, struct error *err)
{
    struct module *modules = arena_alloc(arena, MODULES_MAX * sizeof *modules);
    struct openapi api;
    size_t count = 0;
    TRY(openapi_open(arena, &api, err));
    const struct ynode *paths = ynode_get(api.root, "paths");
    for (size_t i = 0; paths != NULL && i < paths->count; i++) {
        const char *path = paths->keys[i]->text;
        struct module *m = NULL;
        if (strncmp(path, PREFIX, sizeof PREFIX - 1) == 0)
            m = module_of(openapi_module(&api, path), modules, &count);
        if (m != NULL)
            read_path(path, paths->items[i], m);
    }
    strbuf_adds(out, head);
    strbuf_adds(out, "services:\n");
    for (size_t i = 0; i < count; i++) {
        add_module(&modules[i], out);
        strbuf_release(&modules[i].open);
    }
    add_plugins(out);
    return ERR_OK;
}
