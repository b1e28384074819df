/* lib/platform/server/api_system.c - health, readiness, the contract. */
#include "gen/embed.h"
#include "platform/server/internal.h"

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
    respond_refusal(r, 503, "not_ready", "Not ready");
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
    {"GET", "/openapi.yaml", OPEN, NULL, get_contract},
    {0},
};
