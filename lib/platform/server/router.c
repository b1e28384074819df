/* lib/platform/server/router.c - from the head of a request to its handler: route, token, rate,
 * connection, transaction, idempotency. */
#include "core/clock.h"
#include "core/sha256.h"
#include "domain/idempotency.h"
#include "platform/server/internal.h"

static const struct route *const tables[] = {
#define ROUTES(name) routes_##name,
#include "platform/server/routes.def"
#undef ROUTES
};
#define TABLE_COUNT (sizeof tables / sizeof tables[0])

static const char *const sources[TABLE_COUNT] = {
#define ROUTES(name) "lib/platform/server/api_" #name ".c",
#include "platform/server/routes.def"
#undef ROUTES
};

#define ENDPOINTS_MAX 128

/* ---- the endpoints ------------------------------------------------------------------------ */

static struct metrics_endpoint endpoints[ENDPOINTS_MAX];
static size_t first_endpoint[TABLE_COUNT], endpoint_count;
static pthread_once_t endpoints_made = PTHREAD_ONCE_INIT;

/* "/api/v1/orders/{order_no}" belongs to the service orders. */
static const char *service_of(const char *pattern)
{
    static char names[ENDPOINTS_MAX][32];
    static const char prefix[] = "/api/v1/";
    if (strncmp(pattern, prefix, sizeof prefix - 1) != 0)
        return "system";
    const char *word = pattern + sizeof prefix - 1;
    char *name = names[endpoint_count];
    snprintf(name, sizeof names[0], "%.*s", (int)strcspn(word, "/"), word);
    return name;
}

static void make_endpoints(void)
{
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        first_endpoint[t] = endpoint_count;
        for (const struct route *r = tables[t]; r->method != NULL; r++) {
            if (endpoint_count == ENDPOINTS_MAX)
                return;
            endpoints[endpoint_count] = (struct metrics_endpoint){service_of(r->pattern), r->method,
                                                                  r->pattern, sources[t]};
            endpoint_count++;
        }
    }
}

const struct metrics_endpoint *router_endpoints(size_t *ret_count)
{
    pthread_once(&endpoints_made, make_endpoints);
    *ret_count = endpoint_count;
    return endpoints;
}

size_t router_index(const struct route *route)
{
    for (size_t t = 0; t < TABLE_COUNT && route != NULL; t++)
        for (size_t i = first_endpoint[t]; i < endpoint_count; i++)
            if (&tables[t][i - first_endpoint[t]] == route)
                return i;
            else if (tables[t][i - first_endpoint[t]].method == NULL)
                break;
    return endpoint_count;
}

/* ---- modules ------------------------------------------------------------------------------ */

/* Who one is must be known to each server; the system is what watches it. */
static bool is_everywhere(const char *service)
{
    static const char *const names[] = {"system", "auth", "profile"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(service, names[i]) == 0)
            return true;
    return false;
}

/* The modules there are, each once, in the caller's array of ENDPOINTS_MAX; how many. */
static size_t list_modules(const char **ret)
{
    size_t count = 0;
    for (size_t i = 0; i < endpoint_count; i++) {
        bool is_new = !is_everywhere(endpoints[i].service);
        for (size_t k = 0; k < count && is_new; k++)
            is_new = strcmp(ret[k], endpoints[i].service) != 0;
        if (is_new)
            ret[count++] = endpoints[i].service;
    }
    return count;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int refuse_module(const char *name, const char *const *modules, size_t count,
                         struct error *err)
{
    AUTO_STRBUF struct strbuf all = {0};
    strbuf_init(&all, 0);
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&all, "%s%s", i > 0 ? ", " : "", modules[i]);
    error_set(err, ERR_USAGE, "there is no module '%s'", name);
    return error_hint(err, "the modules are %s", all.data);
}

int router_leave_out(const struct field_strings *only, bool **ret, struct error *err)
{
    const char *modules[ENDPOINTS_MAX];
    size_t count;
    (void)router_endpoints(&count);
    count = list_modules(modules);
    *ret = NULL;
    if (only == NULL || only->count == 0)
        return ERR_OK;
    for (size_t i = 0; i < only->count; i++)
        if (!is_among(only->items[i], modules, count))
            return refuse_module(only->items[i], modules, count, err);
    *ret = mem_array(endpoint_count, sizeof **ret);
    for (size_t i = 0; i < endpoint_count; i++)
        (*ret)[i] = !is_everywhere(endpoints[i].service) &&
                    !is_among(endpoints[i].service, only->items, only->count);
    return ERR_OK;
}

/* ---- the route ---------------------------------------------------------------------------- */

static bool match_pattern(struct request *r, const char *pattern)
{
    const char *captures[CAPTURES_MAX] = {NULL};
    size_t captured = 0, i = 0;
    const char *p = pattern;
    for (; *p == '/'; i++) {
        size_t n = strcspn(++p, "/");
        if (i == r->segment_count)
            return false;
        if (*p == '{') {
            if (r->segments[i][0] == '\0')
                return false;
            captures[captured++] = r->segments[i];
        } else if (strlen(r->segments[i]) != n || strncmp(p, r->segments[i], n) != 0) {
            return false;
        }
        p += n;
    }
    if (i != r->segment_count)
        return false;
    memcpy(r->captures, captures, sizeof captures);
    return true;
}

/* HEAD is answered as GET, without the body. */
static bool match_method(const struct request *r, const char *method)
{
    return strcmp(r->method, method) == 0 ||
           (strcmp(r->method, "HEAD") == 0 && strcmp(method, "GET") == 0);
}

static bool is_left_out(const struct platform_server *s, const struct route *route)
{
    return s->left_out != NULL && s->left_out[router_index(route)];
}

/* Sets r->route; else the answer is written: 404, or 405 with the methods there are. */
static bool find_route(struct request *r)
{
    AUTO_STRBUF struct strbuf allow = {0};
    strbuf_init(&allow, 256);
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        for (const struct route *route = tables[t]; route->method != NULL; route++) {
            if (is_left_out(r->server, route) || !match_pattern(r, route->pattern))
                continue;
            if (match_method(r, route->method)) {
                r->route = route;
                return true;
            }
            strbuf_addf(&allow, "%s%s", allow.len > 0 ? ", " : "", route->method);
        }
    }
    if (allow.len == 0) {
        respond_refusal(r, 404, API_ERROR(not_found), "There is nothing at this address");
        return false;
    }
    r->allow = arena_strdup(r->arena, allow.data);
    respond_refusal(r, 405, API_ERROR(method_not_allowed), "The address does not take this method");
    return false;
}

/* ---- who, and how often ------------------------------------------------------------------- */

static void name_address(struct request *r)
{
    char client[INET6_ADDRSTRLEN];
    proxies_client(r->server->proxies, r->connection != NULL ? r->connection->address : "unknown",
                   request_header(r, "X-Forwarded-For"), client);
    snprintf(r->client, sizeof r->client, "address %s", client);
}

static int authenticate(struct request *r, struct error *err)
{
    const char *header = request_header(r, "Authorization");
    name_address(r);
    if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
        return error_set(err, ERR_AUTH, "a bearer token is needed");
    TRY(token_verify(r->server->jwt_secret, header + 7, "access", clock_wall_us() / 1000000,
                     r->arena, &r->user, err));
    snprintf(r->client, sizeof r->client, "user %lld", (long long)r->user.user_id);
    r->ctx.user_id = r->user.user_id;
    r->ctx.only_store = r->user.store;
    r->ctx.hash_key = r->server->hash_key;
    return ERR_OK;
}

static bool has_role(const struct request *r, const char *role)
{
    return r->user.role != NULL && strcmp(r->user.role, role) == 0;
}

static bool is_within_rate(struct request *r)
{
    const struct server_limits *l = server_limits(r->server);
    int64_t wait_ms;
    bool is_integration = has_role(r, "integration");
    if (rate_limiter_take(r->server->rate, r->client,
                          is_integration ? &l->rate_integration_minute : &l->rate_minute,
                          is_integration ? &l->rate_integration_hour : &l->rate_hour,
                          clock_monotonic_ms(), &wait_ms))
        return true;
    r->retry_after_s = (wait_ms + 999) / 1000;
    r->allow = NULL; /* of an answer that this one takes the place of */
    respond_refusal(r, 429, API_ERROR(rate_limited), "Too many requests");
    return false;
}

/* Whether the role may use the address at all; which rows it sees is the domain's matter. */
static bool is_permitted(struct request *r)
{
    bool is_admin_only = (r->route->flags & ROUTE_ADMIN) != 0 && !has_role(r, "admin");
    bool is_write_denied = (r->route->flags & ROUTE_WRITE) != 0 && has_role(r, "readonly");
    if (!is_admin_only && !is_write_denied)
        return true;
    respond_refusal(r, 403, API_ERROR(forbidden_role),
                    is_admin_only ? "Only the role admin may do this"
                                  : "The role readonly changes nothing");
    return false;
}

/* False: the answer is written. A refused token still counts against the address. */
static bool admit(struct request *r)
{
    struct error err = ERROR_INIT;
    bool is_public = (r->route->flags & ROUTE_PUBLIC) != 0;
    int status = ERR_OK;
    if (is_public)
        name_address(r);
    else
        status = authenticate(r, &err);
    if ((r->route->flags & ROUTE_UNLIMITED) == 0 && !is_within_rate(r))
        return false;
    if (status == ERR_OK)
        return is_permitted(r);
    respond_refusal(
        r, 401, strstr(err.message, "expired") ? API_ERROR(token_expired) : API_ERROR(unauthorised),
        strstr(err.message, "expired") ? "The token has expired"
                                       : "A valid bearer token is needed");
    return false;
}

/* ---- the work ----------------------------------------------------------------------------- */

static int take_connection(struct request *r,
                           int (*take)(struct pool *, int64_t, struct db_conn **, struct error *),
                           struct error *err)
{
    TRY(take(r->server->pool, POOL_WAIT_MS, &r->ctx.conn, err));
    if (r->comment[0] != '\0')
        db_set_comment(r->ctx.conn, r->comment);
    return ERR_OK;
}

int request_take_connection(struct request *r, struct error *err)
{
    return take_connection(r, pool_take, err);
}

void request_give_connection(struct request *r)
{
    if (r->ctx.conn != NULL && r->comment[0] != '\0')
        db_set_comment(r->ctx.conn, NULL);
    pool_give(r->server->pool, r->ctx.conn);
    r->ctx.conn = NULL;
}

static int read_idempotency_key(struct request *r, const char **ret, struct error *err)
{
    const char *key = request_header(r, "Idempotency-Key");
    *ret = NULL;
    if (key == NULL)
        return ERR_OK;
    bool is_printable = true;
    for (const char *p = key; *p != '\0'; p++)
        is_printable = is_printable && *p > ' ' && *p < 0x7f;
    if (key[0] == '\0' || strlen(key) > IDEMPOTENCY_KEY_MAX || !is_printable)
        return request_refuse(r, err, "Idempotency-Key",
                              "an Idempotency-Key has 1 to %d printable ASCII characters",
                              IDEMPOTENCY_KEY_MAX);
    *ret = key;
    return ERR_OK;
}

static void replay(struct request *r, const struct idempotency_answer *answer)
{
    r->status = answer->status;
    r->is_replayed = true;
    strbuf_clear(&r->out);
    strbuf_adds(&r->out, answer->body);
}

/* The answer of a write is saved beside the work, so that one stands exactly when the other does.
 */
static int write_once(struct request *r, const struct idempotency_request *once, struct error *err)
{
    struct idempotency_answer answer = {0};
    if (once->key != NULL)
        TRY(idempotency_claim(&r->ctx, once, &answer, err));
    if (answer.status == 0)
        return r->route->handle(r, err);
    replay(r, &answer);
    r->is_committed = true;
    return db_commit(r->ctx.conn, err); /* of nothing: it was saved before */
}

void request_save(struct request *r)
{
    if (r->once->key != NULL && r->status != 0)
        idempotency_save(&r->ctx, r->once, r->status, r->out.data);
    r->is_committed = true;
}

int request_commit(struct request *r, struct error *err)
{
    request_save(r);
    return db_commit(r->ctx.conn, err);
}

void request_begin_again(struct request *r)
{
    r->is_committed = false;
    db_begin_later(r->ctx.conn);
}

static int run_write(struct request *r, struct error *err)
{
    char hash[65];
    struct idempotency_request *once = arena_alloc(r->arena, sizeof *once);
    struct sha256 *sha = sha256_new();
    sha256_add(sha, r->body.data, r->body.len);
    sha256_finish(sha, hash);
    *once = (struct idempotency_request){
        .method = r->method, .path = r->path, .request_hash = arena_strdup(r->arena, hash)};
    TRY(read_idempotency_key(r, &once->key, err));
    r->once = once;
    db_begin_later(r->ctx.conn);
    TRY(write_once(r, once, err));
    return r->is_committed ? ERR_OK : request_commit(r, err);
}

static int run_handler(struct request *r, struct error *err)
{
    TRY(request_check_query(r, r->route->query, err));
    if ((r->route->flags & ROUTE_NO_DB) != 0)
        return r->route->handle(r, err);
    bool is_write = (r->route->flags & ROUTE_WRITE) != 0;
    TRY(take_connection(r, is_write ? pool_take_to_write : pool_take, err));
    return is_write ? run_write(r, err) : r->route->handle(r, err);
}

void request_count_refused(struct request *r)
{
    struct error ignored = ERROR_INIT;
    (void)authenticate(r, &ignored);
    (void)is_within_rate(r);
}

void request_dispatch(struct request *r)
{
    struct error err = ERROR_INIT;
    if (!find_route(r)) {
        request_count_refused(r);
        return;
    }
    if (!admit(r))
        return;
    int status = run_handler(r, &err);
    request_give_connection(r);
    /* After the commit; also when it is not known whether it happened. */
    read_cache_drop(r->server->cache, r->ctx.touched, r->arena);
    if (status != ERR_OK)
        respond_error(r, &err);
}
