/* lib/pipeline/target/stage.h - the staging table and what SQL does with it: transforms, checks,
 * guard, contract, constraints, merge. Rows wait in pg_temp.diner_stage (columns of the stream;
 * _row: their place in the source, within a file or page; _seq: the order of reading, which neither
 * ctid nor _row tells); nothing of it survives the session, so a killed run leaves nothing to clean
 * up. */
#ifndef DINER_PIPELINE_TARGET_STAGE_H
#define DINER_PIPELINE_TARGET_STAGE_H

#include "pipeline/stream.h"

#define STAGE_TABLE   "pg_temp.diner_stage"
#define STAGE_SQL_MAX ((size_t)4 << 20)
/* SQL: columns that are not the stream's own, to be taken from to_jsonb(s). */
#define STAGE_OWN "'{_row,_seq,_n,_is_new,_row_hash,_old_hash,_more}'::text[]"

/* Where rows came from: those from first_seq on, up to the next origin's. */
struct stage_origin {
    const char *origin, *identity; /* as of struct source_row; identity NULL: origin */
    int64_t first_seq;
};
struct stage_held {
    bool is_present;  /* else the contract leaves it out */
    bool is_known;    /* its type is one that diner loads */
    bool is_required; /* not null */
    bool is_domain;
    struct db_type type;
};
struct stage_target {
    const struct stream_context *ctx;
    const char *schema, *table;
    const char *quoted;   /* "ods"."orders": the table that is written */
    const char *shown;    /* the same, or the table whose name it will take: for messages */
    const char *like;     /* the table whose constraints hold; NULL: the one that is written */
    const char *staged;   /* SQL name of the table in which the rows wait: STAGE_TABLE or another */
    const char *sequence; /* column that has the order of reading: "_seq", or "ctid" of a table that
                             was filled in order */
    /* Filled by stage_ensure_target: tables that diner makes say which run wrote a row and when; a
     * table made by somebody else is left as it is. */
    bool has_run_id, has_loaded_at;
    bool has_old_hash; /* _row_hash of loads that kept it; this one does not: what it writes is null
                        */
    bool is_new;       /* by stage_ensure_target: it made the table, still without its key */
    bool has_row_hash; /* stage and target have _row_hash (snapshot.c) */
    bool is_rewritten; /* load: swap: every row is written anew */
    bool is_partial;   /* of a snapshot only what may differ is staged: absence means nothing */
    /* By column: a transform has changed it, and _was_N of the stage has what was read. */
    bool *was_kept;
    size_t nwas; /* columns of it: what nobody declared comes after them */
    struct stage_origin *origins;
    size_t norigins, origins_capacity;
    struct column_spec
        *declared; /* of the stream, while it has more (stage_undeclared.c); or NULL */
    size_t ndeclared;
    const struct stage_held *held; /* by column of the stream: what the target has for it */
};

int stage_create(struct stage_target *t, struct error *err);
/* What became of CREATE TABLE of the target. When another shard was first, the error is transient:
 * tried again, the rows are merged into the table that there is by then. */
int stage_not_created(const char *shown, struct error *err);
/* insert into stage select from the query; columns are taken from it when the stream has none. */
int stage_from_query(struct stage_target *t, const struct bound_sql *query, int64_t *ret_rows,
                     struct error *err);
/* Remembers where the row with this _seq came from. */
void stage_note_origin(struct stage_target *t, const struct source_row *row, int64_t seq);
struct stage_origin stage_origin_of(const struct stage_target *t, int64_t seq);
/* SQL of the pipeline, ${staged} being t->staged: what is run over the stage goes through here. */
int stage_sql(const struct stage_target *t, const char *text, struct bound_sql *ret,
              struct error *err);
/* Makes the target table, or adds the columns it lacks and widens types where the contract says
 * so; in the open transaction. */
int stage_ensure_target(struct stage_target *t, struct error *err);
/* Whether a unique index of the target is on the key's columns and nothing else. */
int stage_has_unique_key(const struct stage_target *t, bool *ret, struct error *err);
/* Whether rows can be COPYed straight into the target: it has nothing (constraints, triggers, other
 * types) that could refuse one, except nulls in columns that are not null: not_null, by column of
 * the stream, says where; to be refused before they are sent. The table must exist. */
int stage_is_plain(const struct stage_target *t, bool *not_null, bool *ret, struct error *err);
/* The columns' part of it: each is there, or will be added, and is of the very type. */
int stage_takes_rows(const struct stage_target *t, bool *not_null, bool *ret, struct error *err);

/* Steps of the committing transaction, in this order; each adds to the counts. */
/* What was read against the source's own figures (`reconcile: { against }`). */
int stage_reconcile(const struct stage_target *t, struct error *err);
bool stage_is_reconciled(const struct stream_spec *s);
int stage_transform(const struct stage_target *t, struct stream_counts *counts, struct error *err);
int stage_check(const struct stage_target *t, struct stream_counts *counts, struct error *err);
/* Rows that the target's columns cannot hold, as the contract says. */
int stage_contract(const struct stage_target *t, struct stream_counts *counts, struct error *err);
/* Rows outside the window: before it rejects, after it skipped (the next window has them). */
int stage_fit_window(const struct stage_target *t, struct stream_counts *counts, struct error *err);
int stage_supersede(const struct stage_target *t, struct stream_counts *counts, struct error *err);
int stage_guard(const struct stage_target *t, struct error *err);
/* The same for a caller that has counted. */
int stage_guard_rows(const struct stage_target *t, int64_t staged, int64_t present,
                     struct error *err);
/* Deletes, then what the target's constraints refuse, then what differs. */
int stage_merge(const struct stage_target *t, struct stream_counts *counts, struct error *err);
/* The highest cursor value staged, as text for the next window; NULL when no row is there. */
int stage_cursor(const struct stage_target *t, const char **ret, struct error *err);

/* ---- pieces of the steps ---------------------------------------------------------------- */

/* Takes the rows `s` of the stage for which `condition` holds out of it, as rejects; stops with the
 * budget's error when it is spent. */
struct stage_reject {
    const char *condition;
    const char *const *params;
    size_t nparams;
    const char *reason;
    const char *column; /* at fault, or NULL */
    const char *value;  /* SQL over `s` for the value at fault; NULL: the column's */
};
int stage_reject(const struct stage_target *t, const struct stage_reject *what,
                 struct stream_counts *counts, struct error *err);
/* The SQL of a reject's columns (_seq, _row, raw, key, whether the key is whole) over `s`; the
 * rows of that query become rejects by stage_reject_row. */
void stage_reject_columns(struct strbuf *out, const struct stage_target *t);
/* A transform is about to change the column of rows `from` ("s."): adds "_was_N" = from."column",
 * to the `set` of its update, the first time. A reject then has what was read, and can be read
 * again. */
void stage_keep_what_was(struct strbuf *out, const struct stage_target *t, const char *column,
                         const char *from);
int stage_reject_row(const struct stage_target *t, const struct db_result *row, const char *reason,
                     const char *column, const char *value, struct stream_counts *counts,
                     struct error *err);

/* stage_undeclared.c: whether the stage has `_more`; its members become columns of the stream; and
 * are none of it any more. */
bool stage_takes_undeclared(const struct stream_spec *s);
int stage_take_undeclared(struct stage_target *t, struct error *err);
void stage_forget_undeclared(struct stage_target *t);
/* The rows of a look-up: SQL without parentheses. */
int stage_lookup_rows(const struct stage_target *t, const struct lookup_spec *l,
                      struct bound_sql *ret, struct error *err);

/* What of the target a load replaces: condition on `t` with its parameters. */
struct stage_scope {
    const char *condition; /* "true": the whole table */
    const char *params[2];
    size_t nparams;
};
int stage_scope_of(const struct stage_target *t, struct stage_scope *ret, struct error *err);
/* Keys of the scope that were not staged, by `deletes`. A rejected key keeps its row; a reject
 * whose key cannot be read suppresses all, and says so. */
int stage_delete_missing(const struct stage_target *t, struct stream_counts *counts,
                         struct error *err);
/* `and not exists (...)` for target rows t of rejected keys, given as the JSON of $n; false when a
 * reject has no readable key (told in the log). */
bool stage_rejected_keys(const struct stage_target *t, size_t n, struct strbuf *condition,
                         struct strbuf *json);
/* reread.c, in the committing transaction, before its own rejects are saved: closes older rejects
 * of what this load has read again and replaced. */
int stage_close_rejects(const struct stage_target *t, struct error *err);
/* Rows that the target's constraints would refuse become rejects. */
int stage_constrain(const struct stage_target *t, struct stream_counts *counts, struct error *err);
/* All rows of the stage into the table; those that it refuses all the same are found by halving. */
int stage_insert_all(const struct stage_target *t, struct stream_counts *counts, struct error *err);
/* What the table has for the column holds every value of it, in the same binary form. */
bool stage_is_same_type(const struct db_type *declared, const struct db_type *held);
int stage_merge_versions(const struct stage_target *t, struct stream_counts *counts,
                         struct error *err);

/* NAME TYPE [not null] of column i, as the target has it. */
void stage_column_definition(struct strbuf *out, const struct stream_spec *s, size_t i);
/* Whether a new table gets its key after its rows: load first, index last. */
bool stage_key_comes_last(const struct stream_spec *s);
/* Effective `deletes` of the mode. */
enum stream_deletes stage_deletes(const struct stream_spec *s);
/* Whether the column is part of the stream's key. */
bool stage_is_key(const struct stream_spec *s, const char *name);
/* SQL pieces: "a", "b" with a prefix ("s.") before each; key columns; t."a" = s."a" and ... */
void stage_list(struct strbuf *out, const struct field_strings *names, const char *prefix);
void stage_match(struct strbuf *out, const struct field_strings *names, const char *left,
                 const char *right);
/* Columns that go into the target, those of the contract left out apart. */
void stage_written(struct strbuf *out, const struct stage_target *t, const char *prefix);
bool stage_is_written(const struct stage_target *t, size_t column);
/* What is put beside the values of a row: ", _run_id" and its value, where the table has it. */
const char *stage_run_column(const struct stage_target *t);
const char *stage_run_value(const struct stage_target *t);
/* select count(*) from TABLE */
int stage_count(const struct stage_target *t, const char *table, int64_t *ret, struct error *err);

#endif
