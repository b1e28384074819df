/* lib/platform/server/cached.c - reads that may be answered from the cache, with a stated age. */
#include "domain/outlet.h"
#include "domain/product.h"
#include "domain/read_cache.h"
#include "domain/stock.h"
#include "platform/server/internal.h"
#include <inttypes.h>

#define MAX_AGE_S_MAX 86400

/* A document, and the ids it is kept under. */
struct loaded {
    const char *document, *store_id, *id;
};
typedef int load_fn(struct request *r, struct loaded *ret, struct error *err);

/* The document, and where it comes from. */
static int respond_aged(struct request *r, const char *document, const char *source, int64_t age_ms,
                        bool is_degraded)
{
    size_t n = strlen(document);
    while (n > 0 && document[n - 1] != '}')
        n--;
    const char *text = arena_printf(
        r->arena, "%.*s, \"source\" : \"%s\", \"age_s\" : %" PRId64 ", \"degraded\" : %s}",
        (int)(n > 0 ? n - 1 : 0), document, source, (age_ms + 999) / 1000,
        is_degraded ? "true" : "false");
    return respond_data(r, 200, span_of(text));
}

static int load_fresh(struct request *r, load_fn *load, struct loaded *ret, struct error *err)
{
    TRY(request_take_connection(r, err));
    return load(r, ret, err);
}

/* The database does not answer: better what was true then, and said so, than nothing. */
static int respond_stale(struct request *r, const struct read_cache_key *key, int status)
{
    struct read_cache_found found;
    read_cache_get_any(r->server->cache, key, r->arena, &found);
    if (found.document == NULL)
        return status;
    return respond_aged(r, found.document, "cache", found.age_ms, true);
}

static int read_through(struct request *r, const struct read_cache_key *key, load_fn *load,
                        struct error *err)
{
    struct read_cache_found found = {0};
    struct loaded loaded = {0};
    int64_t max_age_s = 0;
    TRY(request_query_int(r, "max_age", 0, MAX_AGE_S_MAX, &max_age_s, err));
    if (max_age_s > 0)
        read_cache_get(r->server->cache, key, max_age_s * 1000, r->arena, &found);
    if (found.document != NULL)
        return respond_aged(r, found.document, "cache", found.age_ms, false);
    int status = load_fresh(r, load, &loaded, err);
    if (status != ERR_OK && max_age_s > 0 && r->ctx.refusal == NULL &&
        error_class_of(err->code) == ERROR_CLASS_TRANSIENT)
        return respond_stale(r, key, status);
    TRY(status);
    read_cache_put(r->server->cache, key, loaded.store_id, loaded.id, loaded.document, found.lease,
                   r->arena);
    return respond_aged(r, loaded.document, "database", 0, false);
}

/* ---- what is read so ---------------------------------------------------------------------- */

static int load_stock(struct request *r, struct loaded *ret, struct error *err)
{
    struct stock_found found;
    struct stock_filter filter = {.store = r->captures[0], .product = r->captures[1]};
    TRY(request_query_time(r, "moved_since", &filter.moved_since, err));
    TRY(stock_find(&r->ctx, &filter, &found, err));
    *ret = (struct loaded){found.document, found.store_id, found.product_id};
    return ERR_OK;
}

int get_stock_aged(struct request *r, struct error *err)
{
    const struct read_cache_key key = {DOMAIN_STOCK, r->captures[0], r->captures[1]};
    TRY(outlet_check_scope(&r->ctx, r->captures[0], err));
    if (request_query(r, "moved_since") != NULL && request_query(r, "max_age") != NULL)
        return request_refuse(r, err, "max_age", "what moved is never read from the cache");
    return read_through(r, &key, load_stock, err);
}

static int load_product(struct request *r, struct loaded *ret, struct error *err)
{
    ret->store_id = "0";
    return product_find(&r->ctx, r->captures[0], &ret->document, &ret->id, err);
}

int get_product_aged(struct request *r, struct error *err)
{
    const struct read_cache_key key = {DOMAIN_PRODUCT, "", r->captures[0]};
    return read_through(r, &key, load_product, err);
}
