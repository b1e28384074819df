/* lib/domain/order.c - reading and creating orders. */
#include "domain/order.h"
#include "domain/outbox.h"
#include "domain/outlet.h"
#include "format/jsonx.h"
#include "gen/embed.h"

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

bool order_status_is_known(const char *status)
{
    static const char *const known[] = {"pending",   "paid",      "accepted",
                                        "fulfilled", "cancelled", NULL};
    return is_one_of(status, known);
}

bool order_channel_is_known(const char *channel)
{
    static const char *const known[] = {"dine_in", "takeout", "delivery", NULL};
    return is_one_of(channel, known);
}

/* ---- reading ------------------------------------------------------------------------------ */

static const char *store_of(const struct domain_context *ctx, const struct order_filter *f)
{
    return f->store != NULL ? f->store : ctx->only_store;
}

int order_list(struct domain_context *ctx, const struct order_filter *f,
               const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, sql_order_list,
                       DB_PARAMS(store_of(ctx, f), f->status, f->updated_since, f->updated_until,
                                 f->created_since, f->created_until, from->after[0], from->after[1],
                                 listing_limit(ctx, from)),
                       from->limit, 2, out, err);
}

int order_page(struct domain_context *ctx, const struct order_filter *f,
               const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, sql_order_page,
                       DB_PARAMS(store_of(ctx, f), f->status, f->updated_since, f->updated_until,
                                 f->created_since, f->created_until, listing_limit(ctx, from),
                                 listing_skip(ctx, from)),
                       from->limit, 0, out, err);
}

int order_count(struct domain_context *ctx, const struct order_filter *f, int64_t *ret_count,
                struct error *err)
{
    return db_query_int(ctx->conn, sql_order_count,
                        DB_PARAMS(store_of(ctx, f), f->status, f->updated_since, f->updated_until,
                                  f->created_since, f->created_until),
                        ret_count, err);
}

int order_get(struct domain_context *ctx, const char *order_no, const char **ret_document,
              struct error *err)
{
    int status =
        listing_one(ctx, sql_order_get, DB_PARAMS(order_no, ctx->only_store), ret_document, err);
    if (status == ERR_NOT_FOUND)
        return domain_refuse(ctx, err, ERR_NOT_FOUND, "unknown_order",
                             domain_detail(ctx, "order_no", order_no), "there is no order '%s'",
                             order_no);
    return status;
}

/* ---- creating ----------------------------------------------------------------------------- */

static const char *lines_json(struct domain_context *ctx, const struct order_request *request)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < request->line_count; i++) {
        jwriter_object(&w);
        jwriter_kint(&w, "line_no", (int64_t)i + 1);
        jwriter_kstring(&w, "product", request->lines[i].product);
        jwriter_kstring(&w, "quantity", request->lines[i].quantity);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

/* The names are literals here, for a refusal keeps only the pointer. */
static const char *line_refusal(const char *name)
{
    if (strcmp(name, "unknown_product") == 0)
        return "unknown_product";
    return strcmp(name, "inactive_product") == 0 ? "inactive_product" : "not_sold_here";
}

static int check_lines(struct domain_context *ctx, const char *store, const char *lines,
                       struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    AUTO_STRBUF struct strbuf details = {0};
    struct jwriter w;
    TRY(db_query(ctx->conn, sql_order_lines, DB_PARAMS(store, lines), &rows, err));
    if (db_result_rows(rows) == 0)
        return ERR_OK;
    strbuf_init(&details, 0);
    jwriter_init(&w, &details);
    jwriter_object(&w);
    jwriter_key(&w, "lines");
    jwriter_array(&w);
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        jwriter_object(&w);
        jwriter_kint(&w, "line_no", db_result_int(rows, i, 0));
        jwriter_kstring(&w, "product", db_result_text(rows, i, 1));
        jwriter_kstring(&w, "error", db_result_text(rows, i, 2));
        jwriter_end(&w);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    return domain_refuse(ctx, err, ERR_DATA, line_refusal(db_result_text(rows, 0, 2)),
                         arena_strdup(ctx->arena, details.data), "product '%s' cannot be ordered",
                         db_result_text(rows, 0, 1));
}

static int take_stock(struct domain_context *ctx, const char *order_id, struct error *err)
{
    AUTO_RESULT struct db_result *counts = NULL;
    AUTOFREE char *shortage = NULL;
    TRY(db_execute(ctx->conn, sql_order_stock_lock, DB_PARAMS(order_id), NULL, err));
    TRY(db_query(ctx->conn, sql_order_deduct, DB_PARAMS(order_id), &counts, err));
    if (db_result_int(counts, 0, 0) == db_result_int(counts, 0, 1))
        return ERR_OK;
    TRY(db_query_text(ctx->conn, sql_order_shortage, DB_PARAMS(order_id), &shortage, err));
    return domain_refuse(ctx, err, ERR_CONFLICT, "insufficient_stock",
                         arena_printf(ctx->arena, "{\"items\":%s}", shortage),
                         "there is not enough stock");
}

static int insert_order(struct domain_context *ctx, const struct order_request *r,
                        const char *lines, const char **ret_id, const char **ret_no,
                        struct error *err)
{
    AUTO_RESULT struct db_result *made = NULL;
    const char *user = ctx->user_id != 0 ? domain_int(ctx, ctx->user_id) : NULL;
    TRY(db_query(ctx->conn, sql_order_insert,
                 DB_PARAMS(r->store, lines, r->channel, domain_int(ctx, r->guests), r->table_no,
                           r->payment_method, r->member_ref, user),
                 &made, err));
    if (db_result_rows(made) != 1)
        return error_set(err, ERR_BUG, "the order was not inserted");
    *ret_id = arena_strdup(ctx->arena, db_result_text(made, 0, 0));
    *ret_no = arena_strdup(ctx->arena, db_result_text(made, 0, 1));
    return ERR_OK;
}

int order_create(struct domain_context *ctx, const struct order_request *request,
                 const char **ret_no, const char **ret_document, struct error *err)
{
    const char *id = NULL, *order_no = NULL, *document = NULL, *ignored;
    int status = outlet_get(ctx, request->store, &ignored, err);
    if (status == ERR_NOT_FOUND) /* the order is wrong, not the address it was sent to */
        return domain_refuse(ctx, err, ERR_DATA, ctx->refusal, ctx->details,
                             "there is no store '%s'", request->store);
    TRY(status);
    const char *lines = lines_json(ctx, request);
    TRY(check_lines(ctx, request->store, lines, err));
    TRY(insert_order(ctx, request, lines, &id, &order_no, err));
    TRY(outbox_add_order(ctx, "order.created", order_no, &document, err));
    /* Last, so that the rows everybody wants are locked for as short as can be. */
    TRY(take_stock(ctx, id, err));
    *ret_no = order_no;
    *ret_document = document;
    return ERR_OK;
}
