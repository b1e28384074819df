/* lib/platform/server/api_stock.c - /stock: what is there, its ledger, batches of adjustments. */
#include "core/clock.h"
#include "core/decimal.h"
#include "domain/outlet.h"
#include "domain/stock.h"
#include "format/jsonx.h"
#include "platform/server/internal.h"

static int read_filter(struct request *r, struct stock_filter *ret, struct error *err)
{
    *ret = (struct stock_filter){.store = request_query(r, "store"),
                                 .product = request_query(r, "product")};
    if (ret->store != NULL)
        TRY(outlet_check_scope(&r->ctx, ret->store, err));
    ret->below = request_query(r, "below");
    if (ret->below != NULL && strcmp(ret->below, "zero") != 0 && strcmp(ret->below, "min") != 0 &&
        strcmp(ret->below, "par") != 0)
        return request_refuse(r, err, "below", "'below' is zero, min or par");
    return request_query_time(r, "moved_since", &ret->moved_since, err);
}

static int get_stock_list(struct request *r, struct error *err)
{
    struct list_request l;
    struct stock_filter filter;
    AUTO_LISTING struct listing found;
    listing_init(&found);
    TRY(read_filter(r, &filter, err));
    TRY(list_begin(r, &stock_listing, &l, err));
    TRY(stock_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

/* ---- the ledger --------------------------------------------------------------------------- */

static int read_log_flags(struct request *r, struct stock_log_filter *ret, struct error *err)
{
    const char *flagged = request_query(r, "flagged");
    int64_t after_id = -1;
    if (flagged != NULL && strcmp(flagged, "true") != 0)
        return request_refuse(r, err, "flagged", "'flagged' is true, or left out");
    ret->is_flagged = flagged != NULL;
    TRY(request_query_int(r, "after_id", 0, INT64_MAX, &after_id, err));
    if (after_id >= 0)
        ret->after_id = domain_int(&r->ctx, after_id);
    return ERR_OK;
}

static int read_log_filter(struct request *r, struct stock_log_filter *ret, struct error *err)
{
    *ret = (struct stock_log_filter){.store = request_query(r, "store"),
                                     .product = request_query(r, "product"),
                                     .order_no = request_query(r, "order_no"),
                                     .change_type = request_query(r, "change_type")};
    if (ret->store != NULL)
        TRY(outlet_check_scope(&r->ctx, ret->store, err));
    if (ret->change_type != NULL && !stock_change_is_known(ret->change_type))
        return request_refuse(r, err, "change_type", "unknown 'change_type'");
    TRY(request_query_time(r, "since", &ret->since, err));
    TRY(request_query_time(r, "until", &ret->until, err));
    return read_log_flags(r, ret, err);
}

static int get_stock_log(struct request *r, struct error *err)
{
    struct list_request l;
    struct stock_log_filter filter;
    AUTO_LISTING struct listing found;
    listing_init(&found);
    TRY(read_log_filter(r, &filter, err));
    TRY(list_begin(r, &stock_log_listing, &l, err));
    TRY(stock_log_list(&r->ctx, &filter, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

/* ---- policy and levels -------------------------------------------------------------------- */

/* A member that may be null: "" then, and NULL when it is absent. */
static int read_level(struct request *r, const struct members *m, const char *name,
                      const char **ret, struct error *err)
{
    struct span raw = members_raw(m, name);
    TRY(members_decimal(r, m, name, false, 11, 6, ret, err));
    if (raw.ptr != NULL && *ret == NULL)
        *ret = "";
    return ERR_OK;
}

static int patch_stock(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct stock_settings settings;
    const char *document;
    int64_t version = -1;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "version policy par_qty min_qty pack_unit", &m, err));
    TRY(members_int(r, &m, "version", 1, INT32_MAX, &version, err));
    TRY(members_text(r, &m, "policy", false, 16, &settings.policy, err));
    if (settings.policy != NULL && !stock_policy_is_known(settings.policy))
        return request_refuse(r, err, "policy", "'policy' is forbid, allow or flag");
    TRY(read_level(r, &m, "par_qty", &settings.par_qty, err));
    TRY(read_level(r, &m, "min_qty", &settings.min_qty, err));
    TRY(members_text(r, &m, "pack_unit", false, 32, &settings.pack_unit, err));
    if (settings.pack_unit == NULL && members_raw(&m, "pack_unit").ptr != NULL)
        settings.pack_unit = "";
    TRY(stock_set(&r->ctx, r->captures[0], r->captures[1], version, &settings, &document, err));
    return respond_data(r, 200, span_of(document));
}

/* ---- adjustments -------------------------------------------------------------------------- */

static int read_adjustment(struct request *r, struct span raw, size_t index, void *self,
                           struct error *err)
{
    struct stock_adjustment *ret = (struct stock_adjustment *)self + index;
    struct members m;
    struct decimal delta;
    TRY(members_read(r, raw, "store product delta unit reason reason_code note", &m, err));
    TRY(members_text(r, &m, "store", true, 32, &ret->store, err));
    TRY(members_text(r, &m, "product", true, 64, &ret->product, err));
    TRY(members_decimal(r, &m, "delta", true, 11, 6, &ret->delta, err));
    TRY(members_text(r, &m, "unit", false, 32, &ret->unit, err));
    TRY(members_text(r, &m, "reason", true, 32, &ret->reason, err));
    TRY(members_text(r, &m, "reason_code", false, 32, &ret->reason_code, err));
    TRY(members_text(r, &m, "note", false, 500, &ret->note, err));
    if (!stock_reason_is_known(ret->reason))
        return request_refuse(
            r, err, "reason",
            "'reason' is erp_sync, adjust, count, waste, receipt or supplier_return");
    if (decimal_parse(ret->delta, strlen(ret->delta), &delta) && decimal_is_zero(&delta))
        return request_refuse(r, err, "delta", "'delta' must not be zero");
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
        jwriter_kstring(&w, "change", items[i].change);
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

static int read_items(struct request *r, struct stock_adjustment *items, size_t *ret_count,
                      struct error *err)
{
    struct span body;
    struct members m;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "items", &m, err));
    return members_list(r, &m, "items", STOCK_ADJUSTMENTS_MAX, read_adjustment, items, ret_count,
                        err);
}

static int post_adjustments(struct request *r, struct error *err)
{
    size_t count = 0;
    struct stock_adjustment *items = arena_array(r->arena, STOCK_ADJUSTMENTS_MAX, sizeof *items);
    TRY(read_items(r, items, &count, err));
    TRY(stock_adjust(&r->ctx, batch_ref(r), items, count, err));
    return respond_outcomes(r, items, count);
}

/* The same, and undone: what it says is what would happen. */
static int post_preview(struct request *r, struct error *err)
{
    char ref[37];
    size_t count = 0;
    struct stock_adjustment *items = arena_array(r->arena, STOCK_ADJUSTMENTS_MAX, sizeof *items);
    TRY(read_items(r, items, &count, err));
    clock_random_uuid(ref);
    TRY(db_begin(r->ctx.conn, err));
    TRY(stock_adjust(&r->ctx, ref, items, count, err));
    db_rollback(r->ctx.conn);
    return respond_outcomes(r, items, count);
}

const struct route routes_stock[] = {
    {"GET", "/api/v1/stock", 0, "store product moved_since below " LIST_QUERY, get_stock_list},
    {"GET", "/api/v1/stock/log", 0,
     "store product order_no change_type since until flagged after_id " LIST_QUERY, get_stock_log},
    {"POST", "/api/v1/stock/adjustments", ROUTE_WRITE, NULL, post_adjustments},
    {"POST", "/api/v1/stock/adjustments/preview", 0, NULL, post_preview},
    {"GET", "/api/v1/stock/{store}/{product}", ROUTE_NO_DB, "moved_since max_age", get_stock_aged},
    {"PATCH", "/api/v1/stock/{store}/{product}", ROUTE_WRITE, NULL, patch_stock},
    {0},
};
