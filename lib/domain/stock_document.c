/* lib/domain/stock_document.c - items and outcomes of documents about stock. */
#include "domain/stock_document.h"
#include "format/jsonx.h"

const char *stock_items_json(struct domain_context *ctx, const struct stock_item *items,
                             size_t count)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++) {
        jwriter_object(&w);
        jwriter_kstring(&w, "product", items[i].product);
        jwriter_kstring(&w, "quantity", items[i].quantity);
        jwriter_kstring(&w, "unit", items[i].unit);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

static enum error_code class_of(const char *problem)
{
    static const char *const conflicts[] = {"insufficient_stock", "reservation_ended",
                                            "transfer_ended", "over_received", "corrected_since"};
    if (strcmp(problem, "forbidden_store") == 0)
        return ERR_AUTH;
    if (strcmp(problem, "unknown_reservation") == 0 || strcmp(problem, "unknown_transfer") == 0)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < sizeof conflicts / sizeof *conflicts; i++)
        if (strcmp(problem, conflicts[i]) == 0)
            return ERR_CONFLICT;
    return ERR_DATA;
}

/* Which line it is, of problems that are about lines; NULL else. */
static const char *first_line(struct domain_context *ctx, const char *details)
{
    struct error ignored = ERROR_INIT;
    struct jsonx *document = NULL;
    int64_t line_no = 0;
    const char *text = NULL;
    if (details == NULL ||
        jsonx_parse(details, strlen(details), "details", &document, &ignored) != ERR_OK)
        return NULL;
    const struct jsonx *line = jsonx_pointer(document, "/lines/0");
    if (line != NULL && jsonx_integer(jsonx_get(line, "line_no"), &line_no))
        text = arena_printf(ctx->arena, ": line %lld, '%s': %s", (long long)line_no,
                            jsonx_text(jsonx_get(line, "product")),
                            jsonx_text(jsonx_get(line, "error")));
    jsonx_free(document);
    return text;
}

static int refuse(struct domain_context *ctx, const struct db_result *row, struct error *err)
{
    const char *problem = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    const char *details = db_result_text(row, 0, 2);
    details = details != NULL ? arena_strdup(ctx->arena, details) : NULL;
    const char *line = first_line(ctx, details);
    return domain_refuse(ctx, err, class_of(problem), problem, details, "%s%s",
                         db_result_text(row, 0, 1), line != NULL ? line : "");
}

int stock_document_run(struct domain_context *ctx, const char *sql, const char *const *params,
                       size_t nparams, const char **ret_id, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql, params, nparams, &row, err));
    if (db_result_rows(row) == 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_store), NULL,
                             "there is no such store");
    if (db_result_text(row, 0, 0) != NULL)
        return refuse(ctx, row, err);
    domain_touch(ctx, DOMAIN_STOCK, db_result_text(row, 0, 3), db_result_text(row, 0, 4));
    if (ret_id != NULL)
        *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 5));
    return ERR_OK;
}

int stock_document_list(struct domain_context *ctx, const struct listing_spec *spec,
                        const struct stock_document_filter *filter, const struct listing_from *from,
                        struct listing *out, struct error *err)
{
    const char *const filters[] = {filter->store != NULL ? filter->store : ctx->only_store,
                                   filter->status};
    return listing_run(ctx, spec, filters, spec->ncount, from, out, err);
}

int stock_document_get(struct domain_context *ctx, const char *sql, const char *id,
                       const char *unknown, const char **ret_document, struct error *err)
{
    int status = listing_one(ctx, sql, DB_PARAMS(id, ctx->only_store), ret_document, err);
    if (status != ERR_NOT_FOUND)
        return status;
    return domain_refuse(ctx, err, ERR_NOT_FOUND, unknown, domain_detail(ctx, "id", id),
                         "there is no document %s", id);
}
