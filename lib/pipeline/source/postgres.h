/* lib/pipeline/source/postgres.h - what the PostgreSQL target shares with the source: when both are
 * one database, rows are staged by the server itself. */
#ifndef DINER_PIPELINE_SOURCE_POSTGRES_H
#define DINER_PIPELINE_SOURCE_POSTGRES_H

#include "core/secret.h"
#include "pipeline/stream.h"

struct postgres_source_spec {
    struct for_each_spec *for_each;
    const char *connection, *query, *table;
};
/* The query with its parameters. */
int postgres_source_sql(const struct stream_context *ctx, struct bound_sql *ret, struct error *err);
/* Source and run are the same connection by name. */
bool postgres_source_is_local(const struct stream_context *ctx);

#endif
