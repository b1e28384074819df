/* lib/pipeline/target/stage.h - the staging table and what SQL does with it: transforms, checks,
 * guard, merge. Rows wait in pg_temp.diner_stage (columns of the stream, and _row: their place in
 * the source, within a file or page; with a key also _seq: the order of reading, which neither ctid
 * nor _row tells); nothing of it survives the session, so a killed run leaves nothing to clean up.
 */
#ifndef DINER_PIPELINE_TARGET_STAGE_H
#define DINER_PIPELINE_TARGET_STAGE_H

#include "pipeline/stream.h"

#define STAGE_TABLE "pg_temp.diner_stage"

struct stage_target {
    const struct stream_context *ctx;
    const char *schema, *table;
    const char *quoted;   /* "ods"."orders" */
    const char *staged;   /* SQL name of the table in which the rows wait: STAGE_TABLE or another */
    const char *sequence; /* column that has the order of reading: "_seq", or "ctid" of a table that
                             was filled in order */
    bool is_new;          /* by stage_ensure_target: it made the table, still without its key */
    /* Filled by stage_ensure_target: tables that diner makes say which run wrote a row and when; a
     * table made by somebody else is left as it is. */
    bool has_run_id, has_loaded_at;
};

int stage_create(const struct stage_target *t, struct error *err);
/* insert into stage select from the query; columns are taken from it when the stream has none. */
int stage_from_query(const struct stage_target *t, const struct bound_sql *query, int64_t *ret_rows,
                     struct error *err);
/* SQL of the pipeline, ${staged} being t->staged: what is run over the stage goes through here. */
int stage_sql(const struct stage_target *t, const char *text, struct bound_sql *ret,
              struct error *err);
/* Makes the target table, or adds the columns it lacks; in the open transaction. */
int stage_ensure_target(struct stage_target *t, struct error *err);

/* Steps of the committing transaction; each adds to the counts. */
int stage_transform(const struct stage_target *t, struct stream_counts *counts, struct error *err);
int stage_check(const struct stage_target *t, struct stream_counts *counts, struct error *err);
int stage_supersede(const struct stage_target *t, struct stream_counts *counts, struct error *err);
int stage_guard(const struct stage_target *t, struct error *err);
/* The same for a caller that has counted. */
int stage_guard_rows(const struct stage_target *t, int64_t staged, int64_t present,
                     struct error *err);
int stage_merge(const struct stage_target *t, struct stream_counts *counts, struct error *err);
/* The highest cursor value staged, as text for the next window; NULL when no row is there. */
int stage_cursor(const struct stage_target *t, const char **ret, struct error *err);

/* NAME TYPE [not null] of column i, as the target has it. */
void stage_column_definition(struct strbuf *out, const struct stream_spec *s, size_t i);
/* Whether a new table gets its key after its rows: load first, index last. */
bool stage_key_comes_last(const struct stream_spec *s);
/* Whether the stage has _seq. */
bool stage_has_sequence(const struct stream_spec *s);
/* Whether the column is part of the stream's key. */
bool stage_is_key(const struct stream_spec *s, const char *name);
/* SQL pieces: "a", "b" with a prefix ("s.") before each. */
void stage_columns(struct strbuf *out, const struct stream_spec *s, const char *prefix);

#endif
