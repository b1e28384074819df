/* lib/platform/server/request.c - the head of a request: target, query, parameters. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/trace.h"
#include "platform/server/encode.h"
#include "platform/server/internal.h"
#include <ctype.h>
#include <stdlib.h>

#define TARGET_BYTES_MAX 8192

/* What the client calls the request, when it is harmless; else an id of ours. */
static void set_request_id(struct request *r)
{
    const char *given = request_header(r, "X-Request-Id");
    size_t length = given != NULL ? strlen(given) : 0;
    bool is_plain = length > 0 && length < sizeof r->request_id;
    for (size_t i = 0; i < length && is_plain; i++)
        is_plain = isalnum((unsigned char)given[i]) || given[i] == '-' || given[i] == '_';
    if (is_plain)
        memcpy(r->request_id, given, length + 1);
}

/* The caller's trace goes on here; one that is recorded is also told to the database, so that its
 * logs can be joined. (Not others: a statement with a comment of its own is not kept prepared.) */
static void set_trace(struct request *r)
{
    const char *parent = request_header(r, "traceparent");
    bool is_sampled = false;
    if (!trace_parse(parent, r->trace_id, &is_sampled))
        memcpy(r->trace_id, r->request_id, sizeof r->trace_id);
    else if (is_sampled)
        snprintf(r->comment, sizeof r->comment, "traceparent='%.55s'", parent);
    trace_span_begin_remote(&r->span, parent, r->method);
    if (r->span.id[0] != '\0')
        snprintf(r->trace_id, sizeof r->trace_id, "%s", r->span.trace_id);
    trace_span_enter(&r->span);
}

struct request *request_new(struct platform_server *server, struct MHD_Connection *mhd,
                            const char *target)
{
    struct request *r = mem_alloc(sizeof *r);
    r->server = server;
    r->mhd = mhd;
    r->arena = arena_new();
    r->started_ns = clock_monotonic_ns();
    r->target = arena_strdup(r->arena, target);
    r->path = r->target;
    r->method = "";
    r->content_type = "application/json; charset=utf-8";
    r->ctx.arena = r->arena;
    const struct server_limits *limits = server_limits(server);
    r->ctx.points = limits->has_points ? &limits->points : NULL;
    strbuf_init(&r->body, BODY_BYTES_MAX);
    strbuf_init(&r->out, LISTING_BYTES_MAX + BODY_BYTES_MAX);
    clock_random_uuid(r->request_id);
    memcpy(r->trace_id, r->request_id, sizeof r->trace_id);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->connection = info != NULL ? info->socket_context : NULL;
    return r;
}

void request_free(struct request *r)
{
    strbuf_release(&r->body);
    strbuf_release(&r->out);
    arena_free(r->arena);
    free(r);
}

const char *request_header(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

static int refuse_target(struct request *r, struct error *err, const char *what)
{
    return domain_refuse(&r->ctx, err, ERR_USAGE, API_ERROR(bad_request), NULL, "%s", what);
}

static int parse_path(struct request *r, struct span path, struct error *err)
{
    size_t i = 0;
    if (path.len == 0 || path.ptr[0] != '/')
        return refuse_target(r, err, "the path does not begin with '/'");
    while (i < path.len) {
        size_t start = ++i;
        while (i < path.len && path.ptr[i] != '/')
            i++;
        if (r->segment_count == SEGMENTS_MAX)
            return refuse_target(r, err, "the path is too deep");
        char *segment = percent_decode(r->arena, (struct span){path.ptr + start, i - start}, false);
        if (segment == NULL)
            return refuse_target(r, err, "the path is not percent-encoded UTF-8 without NUL");
        r->segments[r->segment_count++] = segment;
    }
    return ERR_OK;
}

static int parse_pair(struct request *r, struct span pair, struct error *err)
{
    const char *equals = memchr(pair.ptr, '=', pair.len);
    size_t name_len = equals != NULL ? (size_t)(equals - pair.ptr) : pair.len;
    struct span value = {pair.ptr + name_len + (equals != NULL),
                         pair.len - name_len - (equals != NULL)};
    if (pair.len == 0)
        return ERR_OK;
    if (r->query_count == QUERY_MAX)
        return refuse_target(r, err, "too many query parameters");
    struct query_pair *q = &r->query[r->query_count++];
    q->name = percent_decode(r->arena, (struct span){pair.ptr, name_len}, true);
    q->value = percent_decode(r->arena, value, true);
    if (q->name == NULL || q->value == NULL)
        return refuse_target(r, err, "the query is not percent-encoded UTF-8 without NUL");
    return ERR_OK;
}

int request_parse_target(struct request *r, struct error *err)
{
    set_request_id(r);
    set_trace(r);
    size_t length = strlen(r->target);
    if (length > TARGET_BYTES_MAX)
        return refuse_target(r, err, "the address is too long");
    const char *question = strchr(r->target, '?');
    size_t path_len = question != NULL ? (size_t)(question - r->target) : length;
    r->path = arena_strndup(r->arena, r->target, path_len);
    TRY(parse_path(r, (struct span){r->target, path_len}, err));
    const char *rest = question != NULL ? question + 1 : NULL;
    while (rest != NULL) {
        const char *and = strchr(rest, '&');
        size_t n = and != NULL ? (size_t)(and-rest) : strlen(rest);
        TRY(parse_pair(r, (struct span){rest, n}, err));
        rest = and != NULL ? and+1 : NULL;
    }
    return ERR_OK;
}

/* ---- query parameters --------------------------------------------------------------------- */

int request_refuse(struct request *r, struct error *err, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, ERR_USAGE, format, args);
    va_end(args);
    r->ctx.refusal = API_ERROR(bad_parameter);
    r->ctx.details = domain_detail(&r->ctx, "parameter", name);
    return err->code;
}

const char *request_query(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->query_count; i++)
        if (strcmp(r->query[i].name, name) == 0)
            return r->query[i].value[0] != '\0' ? r->query[i].value : NULL;
    return NULL;
}

/* Whether word stands in a blank-separated list. */
static bool list_has(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; n > 0 && (p = strstr(p, word)) != NULL; p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

int request_check_query(struct request *r, const char *allowed, struct error *err)
{
    for (size_t i = 0; i < r->query_count; i++) {
        const char *name = r->query[i].name;
        if (!list_has(allowed != NULL ? allowed : "", name))
            return request_refuse(r, err, name, "unknown query parameter '%s'", name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(r->query[j].name, name) == 0)
                return request_refuse(r, err, name, "query parameter '%s' is given twice", name);
    }
    return ERR_OK;
}

int request_query_time(struct request *r, const char *name, const char **ret, struct error *err)
{
    const char *given = request_query(r, name);
    struct datetime when;
    char text[DATETIME_ISO_MAX];
    if (given == NULL) {
        *ret = NULL;
        return ERR_OK;
    }
    char *copy = arena_strdup(r->arena, given);
    size_t n = strlen(copy);
    if (n > 6 && copy[n - 6] == ' ') /* a + that was not escaped */
        copy[n - 6] = '+';
    if (!datetime_parse_iso(copy, n, &when) || !when.has_zone || !when.has_time)
        return request_refuse(r, err, name,
                              "'%s' is not an RFC 3339 instant like 2026-11-22T05:15:00Z", name);
    datetime_print(when.us, NULL, text);
    *ret = arena_strdup(r->arena, text);
    return ERR_OK;
}

int request_query_int(struct request *r, const char *name, int64_t min, int64_t max,
                      int64_t *ret_value, struct error *err)
{
    const char *given = request_query(r, name);
    if (given == NULL)
        return ERR_OK;
    size_t digits = strspn(given, "0123456789");
    int64_t value = digits > 0 && digits < 19 ? strtoll(given, NULL, 10) : -1;
    if (given[digits] != '\0' || value < min || value > max)
        return request_refuse(r, err, name, "'%s' must be a whole number from %lld to %lld", name,
                              (long long)min, (long long)max);
    *ret_value = value;
    return ERR_OK;
}
