/* Where a system is, when it is at several addresses: a list, or what Consul says. They are tried
 * in turn; each has its own circuit breaker, for that hangs on the host. */
#include "core/clock.h"
#include "core/fileio.h"
#include "core/log.h"
#include "core/secret.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/retry.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ADDRESSES_MAX    32
#define CONSUL_BYTES_MAX ((size_t)1 << 20)

static void address_add(struct connector *c, const char *url)
{
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/')
        len--;
    if (len > 0 && c->naddresses < ADDRESSES_MAX)
        c->addresses[c->naddresses++] = arena_strndup(c->arena, url, len);
}

/* ${platform.url} may be several with commas between them: what stands around it is the same. */
static void list_add(struct connector *c, const char *base_url)
{
    const char *comma = strchr(base_url, ','), *last = strrchr(base_url, ',');
    const char *scheme = last ? strstr(last, "://") : NULL;
    const char *path = scheme ? strchr(scheme + 3, '/') : NULL;

    for (const char *p = base_url; comma; p = comma + 1, comma = strchr(p, ','))
        address_add(c, arena_printf(c->arena, "%.*s%s", (int)(comma - p), p, path ? path : ""));
    address_add(c, last ? last + 1 : base_url);
}

int addresses_begin(struct connector *c, struct error *err)
{
    c->addresses = arena_array(c->arena, ADDRESSES_MAX, sizeof(*c->addresses));
    list_add(c, c->spec.base_url);
    for (size_t i = 0; i < c->spec.addresses.count; i++)
        address_add(c, c->spec.addresses.items[i]);
    for (size_t i = 0; i < c->naddresses; i++) {
        char *origin = NULL;
        TRY(url_origin(c->addresses[i], &origin, err));
        free(origin);
    }
    c->base_url = c->identity = c->addresses[0];
    return 0;
}

/* ---- Consul -------------------------------------------------------------------------------- */

static const char *kept_path(const struct connector *c)
{
    return arena_printf(c->arena, "%s/cache/%s.consul.json", config_settings(c->config)->state_dir,
                        c->name);
}

/* Age in ms of what was answered last; -1: nothing was. */
static int64_t kept_age_ms(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? clock_wall_us() / 1000 - (int64_t)st.st_mtim.tv_sec * 1000 : -1;
}

static int kept_write(const char *path, struct span body, struct error *err)
{
    AUTOFREE char *directory = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    struct atomic_file *f = NULL;
    mode_t mask = umask(077);
    int code = directory_make(directory, err);

    if (code == 0)
        code = atomic_file_open(path, &f, err);
    umask(mask);
    TRY(code);
    code = atomic_file_write(f, body.ptr, body.len, err);
    if (code == 0)
        return atomic_file_commit(f, err);
    atomic_file_discard(f);
    return code;
}

/* GET /v1/health/service/NAME?passing=true lists the instances that pass their checks
 * (developer.hashicorp.com/consul/api-docs/health). */
static int consul_ask(struct connector *c, struct http_response *ret, struct error *err)
{
    const struct discover_spec *d = c->spec.discover;
    AUTO_STRBUF struct strbuf url = {0};
    struct http_header token = {"X-Consul-Token", NULL};
    struct http_client *http = NULL;
    char *secret = NULL;

    TRY(connector_http(c, &http, err));
    if (d->token && *d->token)
        TRY(secret_resolve(d->token, &secret, err));
    token.value = secret;
    strbuf_init(&url, CONNECTOR_TEXT_MAX);
    strbuf_addf(&url, "%s/v1/health/service/", d->consul);
    url_encode(&url, d->service);
    strbuf_adds(&url, "?passing=true");
    if (d->tag) {
        strbuf_adds(&url, "&tag=");
        url_encode(&url, d->tag);
    }
    const struct http_request request = {
        .url = url.data, .headers = &token, .nheaders = secret ? 1 : 0, .no_retry = true};
    int code = http_send(http, &request, ret, err);
    if (code == 0 && (code = http_response_check(&request, ret, err)) != 0)
        http_response_release(ret);
    secret_free(secret);
    return code;
}

/* The instances before the address of the file; false when the text is no list of them. */
static bool instances_read(struct connector *c, struct span text)
{
    struct jsonx *document = NULL;
    struct error err = ERROR_INIT;
    const char *base = c->identity, *authority = strstr(base, "://") + 3;
    const char *path = authority + strcspn(authority, "/");

    if (jsonx_parse(text.ptr, text.len, "Consul's answer", &document, &err) != 0)
        return false;
    bool is_list = jsonx_kind_of(document) == JSONX_ARRAY;
    c->naddresses = 0;
    for (size_t i = 0; is_list && i < jsonx_count(document); i++) {
        const struct jsonx *one = jsonx_at(document, i);
        const char *host = jsonx_text(jsonx_pointer(one, "/Service/Address"));
        int64_t port = 0;
        char *origin = NULL;
        if (!host || !*host)
            host = jsonx_text(jsonx_pointer(one, "/Node/Address"));
        if (!host || !jsonx_integer(jsonx_pointer(one, "/Service/Port"), &port) || port < 1 ||
            port > 65535)
            continue;
        const char *url =
            arena_printf(c->arena, strchr(host, ':') ? "%.*s[%s]:%d%s" : "%.*s%s:%d%s",
                         (int)(authority - base), base, host, (int)port, path);
        if (url_origin(url, &origin, &err) == 0 && c->naddresses < ADDRESSES_MAX - 1)
            address_add(c, url);
        free(origin);
    }
    jsonx_free(document);
    address_add(c, base);
    return is_list && c->naddresses > 1;
}

static bool kept_read(struct connector *c, const char *path)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&text, CONSUL_BYTES_MAX);
    return file_read(path, CONSUL_BYTES_MAX, &text, &err) == 0 &&
           instances_read(c, (struct span){text.data, text.len});
}

/* What Consul says; it is not asked while its last answer is young, and its last answer serves when
 * there is none. */
static void discover(struct connector *c)
{
    const char *path = kept_path(c);
    int64_t age_ms = kept_age_ms(path);
    struct http_response answer = {0};
    struct error err = ERROR_INIT, ignored = ERROR_INIT;

    if (age_ms >= 0 && age_ms <= c->spec.discover->max_age_ms && kept_read(c, path))
        return;
    if (consul_ask(c, &answer, &err) == 0) {
        const struct span body = {answer.body.data, answer.body.len};
        bool is_good = instances_read(c, body);
        if (is_good && kept_write(path, body, &ignored) != 0)
            log_debug("Consul's answer is not kept: %s", ignored.message);
        http_response_release(&answer);
        if (is_good)
            return;
        error_set(&err, ERR_REMOTE, "it knows no instance of '%s'", c->spec.discover->service);
    }
    if (age_ms >= 0 && kept_read(c, path))
        log_warn("connector '%s' uses the addresses of %" PRId64 " s ago, for Consul: %s", c->name,
                 age_ms / 1000, err.message);
    else
        log_warn("connector '%s' uses the address of its file, for Consul: %s", c->name,
                 err.message);
}

void addresses_ready(struct connector *c)
{
    const struct discover_spec *d = c->spec.discover;

    if (c->is_discovered || !d || !d->consul || !*d->consul)
        return;
    c->is_discovered = true;
    discover(c);
    c->base_url = c->addresses[0];
}

/* ---- requests ------------------------------------------------------------------------------ */

void addresses_rebase(struct outgoing *r)
{
    struct connector *c = r->c;

    for (size_t i = 0; !r->is_foreign && i < c->naddresses; i++) {
        size_t n = strlen(c->addresses[i]);
        if (strncmp(r->url, c->addresses[i], n) != 0 || !strchr("/?", r->url[n]))
            continue;
        if (c->addresses[i] != c->base_url)
            r->url = arena_printf(r->arena, "%s%s", c->base_url, r->url + n);
        return;
    }
}

bool addresses_next(struct outgoing *r, int code, const struct http_response *response)
{
    struct connector *c = r->c;

    if (!retry_host_is_down(code, code == 0 ? response->status : 0) || r->is_foreign ||
        ++r->addresses_tried >= c->naddresses || !retry_request_is_repeatable(&r->http))
        return false;
    size_t at = 0;
    while (at + 1 < c->naddresses && c->addresses[at] != c->base_url)
        at++;
    c->base_url = c->addresses[(at + 1) % c->naddresses];
    log_debug("connector '%s' goes on to the next address", c->name);
    return true;
}
