/* lib/domain/listing.c - lists in pieces. */
#include "domain/listing.h"

void listing_init(struct listing *l)
{
    *l = (struct listing){0};
    strbuf_init(&l->items, LISTING_BYTES_MAX);
}

void listing_release(struct listing *l)
{
    strbuf_release(&l->items);
}

const char *listing_limit(struct domain_context *ctx, const struct listing_from *from)
{
    return domain_int(ctx, from->limit + 1);
}

const char *listing_skip(struct domain_context *ctx, const struct listing_from *from)
{
    return domain_int(ctx, from->skip);
}

int listing_run(struct domain_context *ctx, const char *sql, const char *const *params,
                size_t nparams, int64_t limit, size_t nkeys, struct listing *out, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql, params, nparams, &rows, err));
    size_t found = db_result_rows(rows);
    size_t given = found > (size_t)limit ? (size_t)limit : found;
    for (size_t i = 0; i < given; i++) {
        struct span document = db_result_span(rows, i, 0);
        if (i > 0)
            strbuf_addch(&out->items, ',');
        strbuf_add(&out->items, document.ptr, document.len);
    }
    if (out->items.overflow)
        return error_set(err, ERR_LIMIT, "the list is over %zu bytes", LISTING_BYTES_MAX);
    out->count = (int64_t)given;
    out->has_more = found > given;
    for (size_t k = 0; k < nkeys && given > 0; k++)
        out->last[k] = arena_strdup(ctx->arena, db_result_text(rows, given - 1, k + 1));
    return ERR_OK;
}

int listing_one(struct domain_context *ctx, const char *sql, const char *const *params,
                size_t nparams, const char **ret_document, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql, params, nparams, &rows, err));
    if (db_result_rows(rows) == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no such thing");
    *ret_document = arena_strdup(ctx->arena, db_result_text(rows, 0, 0));
    return ERR_OK;
}
