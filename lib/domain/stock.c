/* lib/domain/stock.c - reading stock, and adjusting it in batches. */
#include "domain/stock.h"
#include "domain/outlet.h"
#include "domain/product.h"
#include "format/jsonx.h"
#include "gen/embed.h"

static const char *const reasons[] = {"erp_sync", "adjust", "count", "waste"};

bool stock_reason_is_known(const char *reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reason, reasons[i]) == 0)
            return true;
    return false;
}

static const char *store_of(const struct domain_context *ctx, const struct stock_filter *filter)
{
    return filter->store != NULL ? filter->store : ctx->only_store;
}

int stock_list(struct domain_context *ctx, const struct stock_filter *filter,
               const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, sql_stock_list,
                       DB_PARAMS(store_of(ctx, filter), filter->product, filter->moved_since,
                                 from->after[0], from->after[1], listing_limit(ctx, from),
                                 listing_skip(ctx, from)),
                       from->limit, 2, out, err);
}

int stock_count(struct domain_context *ctx, const struct stock_filter *filter, int64_t *ret_count,
                struct error *err)
{
    return db_query_int(ctx->conn, sql_stock_count,
                        DB_PARAMS(store_of(ctx, filter), filter->product), ret_count, err);
}

int stock_get(struct domain_context *ctx, const struct stock_filter *filter,
              const char **ret_document, struct error *err)
{
    const char *ignored;
    AUTO_LISTING struct listing one;
    listing_init(&one);
    const struct listing_from from = {.limit = 1};
    TRY(outlet_check_scope(ctx, filter->store, err));
    TRY(stock_list(ctx, filter, &from, &one, err));
    if (one.count == 1) {
        *ret_document = arena_strndup(ctx->arena, one.items.data, one.items.len);
        return ERR_OK;
    }
    TRY(outlet_get(ctx, filter->store, &ignored, err));
    TRY(product_get(ctx, filter->product, &ignored, err));
    return domain_refuse(ctx, err, ERR_NOT_FOUND, "not_sold_here",
                         domain_detail(ctx, "product", filter->product),
                         "store '%s' does not sell '%s'", filter->store, filter->product);
}

int stock_log_list(struct domain_context *ctx, const struct stock_filter *filter,
                   const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, sql_stock_log_list,
                       DB_PARAMS(store_of(ctx, filter), filter->product, from->after[0],
                                 listing_limit(ctx, from), listing_skip(ctx, from)),
                       from->limit, 1, out, err);
}

int stock_log_count(struct domain_context *ctx, const struct stock_filter *filter,
                    const struct listing_from *from, int64_t *ret_count, struct error *err)
{
    return db_query_int(ctx->conn, sql_stock_log_count,
                        DB_PARAMS(store_of(ctx, filter), filter->product, from->after[0]),
                        ret_count, err);
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
        jwriter_kstring(&w, "reason", items[i].reason);
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
