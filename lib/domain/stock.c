/* lib/domain/stock.c - reading stock, and adjusting it in batches. */
#include "domain/stock.h"
#include "domain/outlet.h"
#include "domain/product.h"
#include "format/jsonx.h"
#include "gen/embed.h"

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

bool stock_reason_is_known(const char *reason)
{
    static const char *const known[] = {"erp_sync", "adjust",          "count", "waste",
                                        "receipt",  "supplier_return", NULL};
    return is_one_of(reason, known);
}

bool stock_change_is_known(const char *change_type)
{
    static const char *const others[] = {"sale",        "restore",         "transfer_out",
                                         "transfer_in", "transfer_return", NULL};
    return is_one_of(change_type, others) || stock_reason_is_known(change_type);
}

bool stock_policy_is_known(const char *policy)
{
    static const char *const known[] = {"forbid", "allow", "flag", NULL};
    return is_one_of(policy, known);
}

static const char *store_of(const struct domain_context *ctx, const struct stock_filter *filter)
{
    return filter->store != NULL ? filter->store : ctx->only_store;
}

static const struct listing_sort stock_sorts[] = {{"store", {NULL, NULL}},
                                                  {"qty", {"k.qty", "numeric"}},
                                                  {"updated_at", {"k.updated_at", "timestamptz"}},
                                                  {0}};
const struct listing_spec stock_listing = {
    .sql = sql_stock_list,
    .count = sql_stock_count,
    .ncount = 3,
    .sorts = stock_sorts,
    .ties = {{"k.store_id", "bigint"}, {"k.product_id", "bigint"}},
    .order = "store"};

int stock_list(struct domain_context *ctx, const struct stock_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(
        ctx, &stock_listing,
        DB_PARAMS(store_of(ctx, filter), filter->product, filter->below, filter->moved_since), from,
        out, err);
}

int stock_find(struct domain_context *ctx, const struct stock_filter *filter,
               struct stock_found *ret, struct error *err)
{
    const char *ignored;
    AUTO_LISTING struct listing one;
    listing_init(&one);
    const struct listing_from from = {.limit = 1};
    TRY(outlet_check_scope(ctx, filter->store, err));
    TRY(stock_list(ctx, filter, &from, &one, err));
    if (one.count == 1) {
        ret->document = arena_strndup(ctx->arena, one.items.data, one.items.len);
        ret->store_id = one.last[0];
        ret->product_id = one.last[1];
        return ERR_OK;
    }
    TRY(outlet_get(ctx, filter->store, &ignored, err));
    TRY(product_get(ctx, filter->product, &ignored, err));
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(not_sold_here),
                         domain_detail(ctx, "product", filter->product),
                         "store '%s' does not sell '%s'", filter->store, filter->product);
}

int stock_get(struct domain_context *ctx, const struct stock_filter *filter,
              const char **ret_document, struct error *err)
{
    struct stock_found found = {0};
    TRY(stock_find(ctx, filter, &found, err));
    *ret_document = found.document;
    return ERR_OK;
}

/* ---- the ledger --------------------------------------------------------------------------- */

static const char *log_store(const struct domain_context *ctx, const struct stock_log_filter *f)
{
    return f->store != NULL ? f->store : ctx->only_store;
}

static const struct listing_sort stock_log_sorts[] = {
    {"id", {NULL, NULL}},
    {"created_at", {"l.created_at", "timestamptz"}},
    {"quantity", {"l.quantity", "numeric"}},
    {0}};
const struct listing_spec stock_log_listing = {.sql = sql_stock_log_list,
                                               .count = sql_stock_log_count,
                                               .ncount = 8,
                                               .sorts = stock_log_sorts,
                                               .ties = {{"l.id", "bigint"}},
                                               .order = "id"};

int stock_log_list(struct domain_context *ctx, const struct stock_log_filter *f,
                   const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &stock_log_listing,
                       DB_PARAMS(log_store(ctx, f), f->product, f->order_no, f->change_type,
                                 f->since, f->until, f->is_flagged ? "true" : NULL, f->after_id),
                       from, out, err);
}

/* ---- policy and levels -------------------------------------------------------------------- */

/* The constraints of the table, as refusals with a name. */
static int settings_conflict(struct domain_context *ctx, int status, struct error *err)
{
    if (status == ERR_OK || strcmp(err->sqlstate, "23514") != 0)
        return status;
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(bad_levels), NULL,
                         "par is over zero, and the minimum from zero to par");
}

static int check_settings(struct domain_context *ctx, const struct db_result *row,
                          const struct stock_settings *s, int64_t version, struct error *err)
{
    TRY(product_check_version(ctx, version, db_result_int(row, 0, 2), err));
    if (s->policy != NULL && strcmp(s->policy, "forbid") == 0 && db_result_bool(row, 0, 3))
        return domain_refuse(
            ctx, err, ERR_CONFLICT, API_ERROR(below_zero), NULL,
            "the stock is below zero: it cannot be forbidden before it is counted");
    if (!db_result_bool(row, 0, 4))
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_unit),
                             domain_detail(ctx, "unit", s->pack_unit),
                             "the product knows no unit '%s'", s->pack_unit);
    return ERR_OK;
}

int stock_set(struct domain_context *ctx, const char *store, const char *product, int64_t version,
              const struct stock_settings *s, const char **ret_document, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const struct stock_filter filter = {.store = store, .product = product};
    const char *unit = s->pack_unit != NULL && s->pack_unit[0] != '\0' ? s->pack_unit : NULL;
    TRY(outlet_check_scope(ctx, store, err));
    TRY(db_query(ctx->conn, sql_stock_settings_lock, DB_PARAMS(store, product, unit), &row, err));
    if (db_result_rows(row) == 0) /* says which of the two is not there */
        return stock_get(ctx, &filter, ret_document, err);
    TRY(check_settings(ctx, row, s, version, err));
    int status = db_execute(ctx->conn, sql_stock_settings_update,
                            DB_PARAMS(db_result_text(row, 0, 0), db_result_text(row, 0, 1),
                                      s->policy, s->par_qty, s->min_qty, s->pack_unit),
                            NULL, err);
    TRY(settings_conflict(ctx, status, err));
    domain_touch(ctx, DOMAIN_STOCK, db_result_text(row, 0, 0), db_result_text(row, 0, 1));
    return stock_get(ctx, &filter, ret_document, err);
}

/* ---- adjusting ---------------------------------------------------------------------------- */

static bool is_same_stock(const struct stock_adjustment *a, const struct stock_adjustment *b)
{
    return strcmp(a->store, b->store) == 0 && strcmp(a->product, b->product) == 0;
}

/* A statement changes a row once, so the second item for the same stock waits for the second
 * round. *ret_rounds is 1 in all but odd batches. */
static int *plan_rounds(struct domain_context *ctx, const struct stock_adjustment *items,
                        size_t count, int *ret_rounds)
{
    int *rounds = arena_array(ctx->arena, count, sizeof *rounds);
    *ret_rounds = count > 0;
    for (size_t i = 0; i < count; i++) {
        rounds[i] = 1;
        for (size_t j = 0; j < i; j++)
            if (is_same_stock(&items[i], &items[j]))
                rounds[i] = rounds[j] + 1;
        if (rounds[i] > *ret_rounds)
            *ret_rounds = rounds[i];
    }
    return rounds;
}

/* The items of one round (0: all) as JSON, in the arena. */
static const char *items_json(struct domain_context *ctx, const struct stock_adjustment *items,
                              size_t count, const int *rounds, int round)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (round != 0 && rounds[i] != round)
            continue;
        jwriter_object(&w);
        jwriter_kint(&w, "idx", (int64_t)i);
        jwriter_kstring(&w, "store", items[i].store);
        jwriter_kstring(&w, "product", items[i].product);
        jwriter_kstring(&w, "delta", items[i].delta);
        jwriter_kstring(&w, "unit", items[i].unit);
        jwriter_kstring(&w, "reason", items[i].reason);
        jwriter_kstring(&w, "reason_code", items[i].reason_code);
        jwriter_kstring(&w, "note", items[i].note);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

static int adjust_round(struct domain_context *ctx, const char *ref, const char *json,
                        struct stock_adjustment *items, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql_stock_adjust, DB_PARAMS(json, ref, ctx->only_store), &rows, err));
    for (size_t r = 0; r < db_result_rows(rows); r++) {
        struct stock_adjustment *item = &items[db_result_int(rows, r, 0)];
        const char *error = db_result_text(rows, r, 1);
        item->error = error[0] != '\0' ? arena_strdup(ctx->arena, error) : NULL;
        item->qty = arena_strdup(ctx->arena, db_result_text(rows, r, 2));
        item->change = arena_strdup(ctx->arena, db_result_text(rows, r, 3));
        domain_touch(ctx, DOMAIN_STOCK, db_result_text(rows, r, 4), db_result_text(rows, r, 5));
    }
    return ERR_OK;
}

int stock_adjust(struct domain_context *ctx, const char *ref, struct stock_adjustment *items,
                 size_t count, struct error *err)
{
    int round_count;
    const int *rounds = plan_rounds(ctx, items, count, &round_count);
    const char *all = items_json(ctx, items, count, rounds, 0);
    TRY(db_execute(ctx->conn, sql_stock_adjust_prepare, DB_PARAMS(all, ctx->only_store), NULL,
                   err));
    TRY(db_execute(ctx->conn, sql_stock_adjust_lock, DB_PARAMS(all), NULL, err));
    for (int round = 1; round <= round_count; round++)
        TRY(adjust_round(ctx, ref, items_json(ctx, items, count, rounds, round), items, err));
    return ERR_OK;
}
