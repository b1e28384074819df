/* lib/domain/member_export.c - all that is kept about one person. */
#include "domain/member_export.h"
#include "domain/member.h"
#include "gen/embed.h"
#include <inttypes.h>

int member_person(struct domain_context *ctx, const char *member_no, const char **ret_ids,
                  int64_t *ret_records, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const char *ignored;
    TRY(member_get(ctx, member_no, false, &ignored, err));
    TRY(db_query(ctx->conn, sql_export_records, DB_PARAMS(member_no), &row, err));
    *ret_ids = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    *ret_records = db_result_int(row, 0, 1);
    return ERR_OK;
}

int member_export(struct domain_context *ctx, const char *member_no, const char **ret_document,
                  struct error *err)
{
    const char *ids;
    int64_t records;
    TRY(member_person(ctx, member_no, &ids, &records, err));
    if (records > MEMBER_EXPORT_RECORDS_MAX)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(export_too_large),
                             arena_printf(ctx->arena, "{\"records\":%" PRId64 "}", records),
                             "there are %" PRId64 " records about member '%s'", records, member_no);
    return listing_one(ctx, sql_export_member, DB_PARAMS(ids, member_no), ret_document, err);
}
