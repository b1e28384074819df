/* lib/perf/requests.c - see requests.h. */
#include "perf/requests.h"

#include "core/fileio.h"
#include "core/secret.h"
#include "net/digest.h"
#include "net/url.h"
#include "perf/parameters.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX_BYTES   ((size_t)32 << 20)
#define TARGET_MAX_BYTES ((size_t)64 << 10)

/* ---- headers -------------------------------------------------------------------------------- */

static struct http_header *add_headers(const struct field_string_map *map, struct http_header *at)
{
    for (size_t i = 0; i < map->count; i++)
        *at++ = (struct http_header){map->keys[i], map->values[i] ? map->values[i] : ""};
    return at;
}

static int add_auth(const struct perf_auth *a, struct arena *arena, struct http_header **at,
                    struct error *err)
{
    const char *reference = a->bearer ? a->bearer : a->basic ? a->basic->password : a->value;
    AUTO_STRBUF struct strbuf value = {0};
    char *secret = NULL;
    TRY(secret_resolve(reference, &secret, err));
    strbuf_init(&value, 0);
    if (a->basic != NULL) {
        strbuf_adds(&value, "Basic ");
        digest_encode(DIGEST_BASE64, span_of(arena_printf(arena, "%s:%s", a->basic->user, secret)),
                      &value);
        secret_register(value.data + strlen("Basic "));
    } else {
        strbuf_addf(&value, "%s%s", a->bearer ? "Bearer " : "", secret);
    }
    secret_free(secret);
    *(*at)++ = (struct http_header){a->header ? a->header : "Authorization",
                                    arena_strdup(arena, value.data)};
    return 0;
}

/* ---- variants ------------------------------------------------------------------------------- */

static int body_of(const struct perf_config *c, const struct perf_endpoint_config *e,
                   struct arena *arena, const char **ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    *ret = e->body;
    if (e->body_file == NULL)
        return 0;
    strbuf_init(&text, BODY_MAX_BYTES);
    const char *path = *e->body_file == '/'
                           ? e->body_file
                           : arena_printf(arena, "%s/%s", c->directory, e->body_file);
    TRY(file_read(path, BODY_MAX_BYTES, &text, err));
    *ret = arena_strdup(arena, text.data);
    return 0;
}

static int variant_build(const struct perf_rows_set *rows, const struct perf_endpoint_config *e,
                         const char *body, size_t i, struct arena *arena,
                         struct loadgen_request *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf target = {0}, filled = {0};
    strbuf_init(&target, TARGET_MAX_BYTES);
    strbuf_init(&filled, BODY_MAX_BYTES);
    TRY(perf_fill(rows, e->path, PERF_FILL_URL, i, &target, err));
    if (body != NULL)
        TRY(perf_fill(rows, body, PERF_FILL_JSON, i, &filled, err));
    if (target.overflow || filled.overflow)
        return error_set(err, ERR_LIMIT, "a request is too long");
    ret->method = e->method;
    ret->target = arena_strdup(arena, target.data);
    ret->expect = (int)e->expect;
    if (body != NULL)
        ret->body = span_of(arena_strdup(arena, filled.data));
    return 0;
}

static int variants_build(const struct perf_config *c, const struct perf_rows_set *rows, size_t i,
                          struct arena *arena, struct perf_variants *ret, struct error *err)
{
    const struct perf_endpoint_config *e = perf_config_endpoint(c, i);
    const char *body = NULL;
    TRY(body_of(c, e, arena, &body, err));
    size_t of_body = perf_fill_variants(rows, body);
    ret->count = perf_fill_variants(rows, e->path);
    ret->count = ret->count > of_body ? ret->count : of_body;
    ret->items = arena_array(arena, ret->count, sizeof *ret->items);
    struct http_header *headers = arena_array(arena, e->headers.count + 1, sizeof *headers);
    add_headers(&e->headers, headers);
    for (size_t k = 0; k < ret->count; k++) {
        TRY(variant_build(rows, e, body, k, arena, &ret->items[k], err));
        ret->items[k].headers = headers;
        ret->items[k].nheaders = e->headers.count;
    }
    return 0;
}

int perf_requests_build(const struct perf_config *c, const char *dsn, struct arena *arena,
                        struct perf_requests *ret, struct error *err)
{
    struct perf_rows_set rows = {0};
    TRY(perf_rows_read(c, dsn, arena, &rows, err));
    struct http_header *headers = arena_array(arena, c->headers.count + 2, sizeof *headers);
    struct http_header *end = add_headers(&c->headers, headers);
    if (c->auth != NULL)
        TRY(add_auth(c->auth, arena, &end, err));
    *ret = (struct perf_requests){
        .headers = headers, .nheaders = (size_t)(end - headers), .count = c->endpoints.count};
    ret->endpoints = arena_array(arena, ret->count + 1, sizeof *ret->endpoints);
    for (size_t i = 0; i < ret->count; i++)
        if (variants_build(c, &rows, i, arena, &ret->endpoints[i], err) != 0)
            return error_context(err, "endpoint '%s'",
                                 perf_endpoint_name(perf_config_endpoint(c, i), arena));
    return 0;
}

/* ---- other queries -------------------------------------------------------------------------- */

static bool sets_key(const char *part, size_t n, const char *key)
{
    size_t k = strlen(key);
    return n >= k && memcmp(part, key, k) == 0 && (n == k || part[k] == '=');
}

/* Everything of the query but the keys that are set anew. */
static void keep_query(const char *query, const char *const *pairs, struct strbuf *out)
{
    while (*query != '\0') {
        size_t n = strcspn(query, "&");
        bool is_set = false;
        for (size_t i = 0; pairs[i] != NULL; i += 2)
            is_set = is_set || sets_key(query, n, pairs[i]);
        if (!is_set && n > 0) {
            strbuf_addch(out, strchr(out->data, '?') == NULL ? '?' : '&');
            strbuf_add(out, query, n);
        }
        query += n + (query[n] == '&');
    }
}

static const char *target_with(const char *target, const char *const *pairs, struct arena *arena)
{
    AUTO_STRBUF struct strbuf out = {0};
    size_t path = strcspn(target, "?");
    strbuf_init(&out, TARGET_MAX_BYTES);
    strbuf_add(&out, target, path);
    if (target[path] == '?')
        keep_query(target + path + 1, pairs, &out);
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        strbuf_addch(&out, strchr(out.data, '?') == NULL ? '?' : '&');
        url_encode(&out, pairs[i]);
        strbuf_addch(&out, '=');
        url_encode(&out, pairs[i + 1]);
    }
    return arena_strdup(arena, out.data);
}

struct perf_variants perf_requests_with(const struct perf_variants *v, struct arena *arena,
                                        const char *const *pairs)
{
    struct perf_variants changed = {arena_array(arena, v->count, sizeof *changed.items), v->count};
    for (size_t i = 0; i < v->count; i++) {
        changed.items[i] = v->items[i];
        changed.items[i].target = target_with(v->items[i].target, pairs, arena);
    }
    return changed;
}
