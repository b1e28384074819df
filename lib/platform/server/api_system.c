/* lib/platform/server/api_system.c - health, readiness, the contract. */
#include "core/clock.h"
#include "gen/embed.h"
#include "platform/server/internal.h"

#define ACTIVE_USER_MS 300000

static int get_health(struct request *r, struct error *err)
{
    (void)err;
    return respond_data(r, 200, SPAN("{\"status\":\"ok\"}"));
}

/* Ready: a connection can be had, the database answers, the tables are there. */
static int get_ready(struct request *r, struct error *err)
{
    int64_t is_there = 0;
    int status = request_take_connection(r, err);
    if (status == ERR_OK)
        status = db_query_int(r->ctx.conn,
                              "SELECT (to_regclass('app.order_documents') IS NOT NULL)::int",
                              DB_NO_PARAMS, &is_there, err);
    if (status == ERR_OK && is_there != 0 && !atomic_load(&r->server->is_stopping))
        return respond_data(r, 200, SPAN("{\"status\":\"ready\"}"));
    r->retry_after_s = 1;
    respond_refusal(r, 503, API_ERROR(not_ready), "Not ready");
    return ERR_OK;
}

static int64_t count_connections(struct platform_server *s)
{
    int64_t n = 0;
    pthread_mutex_lock(&s->connections_lock);
    for (const struct connection *c = s->connections; c != NULL; c = c->next)
        n++;
    pthread_mutex_unlock(&s->connections_lock);
    return n;
}

static int get_metrics(struct request *r, struct error *err)
{
    struct platform_server *s = r->server;
    struct pool_figures pool;
    (void)err;
    pool_look(s->pool, &pool);
    const struct metrics_gauges gauges = {
        .active_users =
            (int64_t)rate_limiter_seen(s->rate, "user ", clock_monotonic_ms() - ACTIVE_USER_MS),
        .requests_active = atomic_load(&s->active),
        .connections = count_connections(s),
        .pool_busy = (int64_t)(pool.open - pool.idle),
        .pool_idle = (int64_t)pool.idle,
        .pool_max = (int64_t)pool.max,
        .pool_waits = (int64_t)pool.waits,
    };
    r->status = 200;
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(s->metrics, &gauges, &r->out);
    return ERR_OK;
}

static int get_contract(struct request *r, struct error *err)
{
    (void)err;
    r->status = 200;
    r->content_type = "application/yaml; charset=utf-8";
    strbuf_adds(&r->out, embedded_openapi_yaml);
    return ERR_OK;
}

#define OPEN (ROUTE_PUBLIC | ROUTE_UNLIMITED | ROUTE_NO_DB)
const struct route routes_system[] = {
    {"GET", "/health", OPEN, NULL, get_health},
    {"GET", "/ready", OPEN, NULL, get_ready},
    {"GET", "/metrics", OPEN, NULL, get_metrics},
    {"GET", "/openapi.yaml", OPEN, NULL, get_contract},
    {0},
};
