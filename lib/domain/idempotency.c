/* lib/domain/idempotency.c - a write that is sent twice happens once. */
#include "domain/idempotency.h"
#include "gen/embed.h"
#include <string.h>

int idempotency_claim(struct domain_context *ctx, const struct idempotency_request *request,
                      struct idempotency_answer *ret, struct error *err)
{
    AUTO_RESULT struct db_result *found = NULL;
    const char *user = domain_int(ctx, ctx->user_id);
    db_execute_later(ctx->conn, sql_idempotency_claim, DB_PARAMS(user, request->key));
    /* A statement of its own: its snapshot is taken after the wait. */
    TRY(db_query(ctx->conn, sql_idempotency_find, DB_PARAMS(user, request->key), &found, err));
    *ret = (struct idempotency_answer){0};
    if (db_result_rows(found) == 0)
        return ERR_OK;
    if (strcmp(db_result_text(found, 0, 0), request->method) != 0 ||
        strcmp(db_result_text(found, 0, 1), request->path) != 0 ||
        strcmp(db_result_text(found, 0, 2), request->request_hash) != 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(idempotency_key_reused), NULL,
                             "the idempotency key was used for another request");
    ret->status = (int)db_result_int(found, 0, 3);
    ret->body = arena_strdup(ctx->arena, db_result_text(found, 0, 4));
    return ERR_OK;
}

void idempotency_save(struct domain_context *ctx, const struct idempotency_request *request,
                      int status, const char *body)
{
    db_execute_later(ctx->conn, sql_idempotency_save,
                     DB_PARAMS(domain_int(ctx, ctx->user_id), request->key, request->method,
                               request->path, request->request_hash, domain_int(ctx, status),
                               body));
}
