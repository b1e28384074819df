/* lib/pipeline/source/postgres.h - what the PostgreSQL target shares with the source (when both are
 * one database, rows are staged by the server itself), and what the source's own files share. */
#ifndef DINER_PIPELINE_SOURCE_POSTGRES_H
#define DINER_PIPELINE_SOURCE_POSTGRES_H

#include "core/secret.h"
#include "pipeline/stream.h"

struct postgres_source_spec {
    struct for_each_spec *for_each;
    const char *connection, *query, *table;
    int64_t readers; /* 0: what --jobs says */
    const char *split;
};
/* The query with its parameters, bounded by the window of an incremental stream when it does not
 * see to that itself. conn (of the source) is asked for the cursor's type. */
int postgres_source_sql(const struct stream_context *ctx, struct db_conn *conn,
                        struct bound_sql *ret, struct error *err);
/* The rows of it that meet a condition too; NULL: all. */
int postgres_source_part(const struct stream_context *ctx, struct db_conn *conn,
                         const char *condition, struct bound_sql *ret, struct error *err);
/* Source and run are the same connection by name. */
bool postgres_source_is_local(const struct stream_context *ctx);

/* Disjoint conditions that together hold for every row of the source, in the order of the rows they
 * give: by ranges of `split`, or by the pages of a plain table. One NULL when it cannot be split.
 * In ctx->arena. */
int postgres_source_split(const struct stream_context *ctx, struct db_conn *conn, size_t readers,
                          const char *const **ret_conditions, size_t *ret_count, struct error *err);

#endif
