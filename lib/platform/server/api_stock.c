/* lib/platform/server/api_stock.c - /stock: what is there, its ledger, batches of adjustments. */
#include "core/clock.h"
#include "core/decimal.h"
#include "domain/outlet.h"
#include "domain/stock.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

static int read_filter(struct request *r, struct stock_filter *ret, struct error *err)
{
    *ret = (struct stock_filter){.store = request_query(r, "store"),
                                 .product = request_query(r, "product")};
    if (ret->store != NULL)
        TRY(outlet_check_scope(&r->ctx, ret->store, err));
    return request_query_time(r, "moved_since", &ret->moved_since, err);
}

static int get_stock_list(struct request *r, struct error *err)
{
    struct list_request l;
    struct stock_filter filter;
    AUTO_LISTING struct listing found;
    int64_t total = -1;
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, 2, &l, err));
    TRY(stock_list(&r->ctx, &filter, &l.from, &found, err));
    if (list_wants_total(&l))
        TRY(stock_count(&r->ctx, &filter, &total, err));
    return list_end(r, &l, &found, 2, total, err);
}

static int get_stock(struct request *r, struct error *err)
{
    const char *document;
    struct stock_filter filter = {.store = r->captures[0], .product = r->captures[1]};
    TRY(request_query_time(r, "moved_since", &filter.moved_since, err));
    TRY(stock_get(&r->ctx, &filter, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_stock_log(struct request *r, struct error *err)
{
    struct list_request l;
    struct stock_filter filter;
    AUTO_LISTING struct listing found;
    int64_t total = -1, after_id = -1;
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, 1, &l, err));
    TRY(request_query_int(r, "after_id", 0, INT64_MAX, &after_id, err));
    if (after_id >= 0 && l.from.after[0] == NULL)
        l.from.after[0] = domain_int(&r->ctx, after_id);
    TRY(stock_log_list(&r->ctx, &filter, &l.from, &found, err));
    if (list_wants_total(&l))
        TRY(stock_log_count(&r->ctx, &filter, &l.from, &total, err));
    return list_end(r, &l, &found, 1, total, err);
}

/* ---- adjustments -------------------------------------------------------------------------- */

static int read_adjustment(struct request *r, struct span raw, struct stock_adjustment *ret,
                           struct error *err)
{
    struct members m;
    struct decimal delta;
    TRY(members_read(r, raw, "store product delta reason note", &m, err));
    TRY(members_text(r, &m, "store", true, 32, &ret->store, err));
    TRY(members_text(r, &m, "product", true, 64, &ret->product, err));
    TRY(members_decimal(r, &m, "delta", true, 11, 6, &ret->delta, err));
    TRY(members_text(r, &m, "reason", true, 32, &ret->reason, err));
    TRY(members_text(r, &m, "note", false, 500, &ret->note, err));
    if (!stock_reason_is_known(ret->reason))
        return request_refuse(r, err, "reason", "'reason' is erp_sync, adjust, count or waste");
    if (decimal_parse(ret->delta, strlen(ret->delta), &delta) && decimal_is_zero(&delta))
        return request_refuse(r, err, "delta", "'delta' must not be zero");
    return ERR_OK;
}

static int read_items(struct request *r, struct span array, struct stock_adjustment *items,
                      size_t *ret_count, struct error *err)
{
    struct jpull_array iterator;
    struct error parse = ERROR_INIT;
    size_t count = 0;
    if (array.ptr == NULL || jpull_array_begin(array, &iterator, &parse) != ERR_OK)
        return request_refuse(r, err, "items", "'items' must be a list");
    for (;;) {
        struct span raw;
        bool is_end;
        if (jpull_array_next(&iterator, &raw, &is_end, &parse) != ERR_OK)
            return request_refuse(r, err, "items", "'items' is malformed: %s", parse.message);
        if (is_end)
            break;
        if (count == STOCK_ADJUSTMENTS_MAX)
            return request_refuse(r, err, "items", "more than %d items", STOCK_ADJUSTMENTS_MAX);
        int status = read_adjustment(r, raw, &items[count], err);
        if (status != ERR_OK)
            return error_context(err, "items[%zu]", count);
        count++;
    }
    if (count == 0)
        return request_refuse(r, err, "items", "'items' is empty");
    *ret_count = count;
    return ERR_OK;
}

static int respond_outcomes(struct request *r, const struct stock_adjustment *items, size_t count)
{
    AUTO_STRBUF struct strbuf data = {0};
    struct jwriter w;
    int64_t applied = 0;
    for (size_t i = 0; i < count; i++)
        applied += items[i].error == NULL;
    strbuf_init(&data, 0);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    jwriter_kint(&w, "applied", applied);
    jwriter_kint(&w, "refused", (int64_t)count - applied);
    jwriter_key(&w, "results");
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++) {
        jwriter_object(&w);
        jwriter_kstring(&w, "store", items[i].store);
        jwriter_kstring(&w, "product", items[i].product);
        jwriter_kbool(&w, "ok", items[i].error == NULL);
        jwriter_kstring(&w, "qty", items[i].qty);
        jwriter_kstring(&w, "error", items[i].error);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    return respond_data(r, 200, (struct span){data.data, data.len});
}

/* The ledger names the batch by its idempotency key, so that a batch can be found again; without
 * one by an id of its own. */
static const char *batch_ref(struct request *r)
{
    char id[37];
    const char *key = request_header(r, "Idempotency-Key");
    if (key != NULL)
        return arena_printf(r->arena, "batch:%lld:%s", (long long)r->ctx.user_id, key);
    clock_random_uuid(id);
    return arena_printf(r->arena, "batch:%s", id);
}

static int post_adjustments(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    size_t count = 0;
    struct stock_adjustment *items = arena_array(r->arena, STOCK_ADJUSTMENTS_MAX, sizeof *items);
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "items", &m, err));
    TRY(read_items(r, members_raw(&m, "items"), items, &count, err));
    TRY(stock_adjust(&r->ctx, batch_ref(r), items, count, err));
    return respond_outcomes(r, items, count);
}

const struct route routes_stock[] = {
    {"GET", "/api/v1/stock", 0, "store product moved_since cursor page page_size", get_stock_list},
    {"GET", "/api/v1/stock/log", 0, "store product after_id cursor page page_size", get_stock_log},
    {"POST", "/api/v1/stock/adjustments", ROUTE_WRITE, NULL, post_adjustments},
    {"GET", "/api/v1/stock/{store}/{product}", 0, "moved_since", get_stock},
    {0},
};
