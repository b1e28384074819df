/* lib/pipeline/stream.h - what sources and targets are, and the rows between them.
 *
 * A source gives rows one at a time, its cells in the order of the stream's columns; a target takes
 * them one at a time. Only the engine (run.c, stream_run.c) counts, sleeps, retries, rejects and
 * writes state. Cells are borrowed until the next call. */
#ifndef DINER_PIPELINE_STREAM_H
#define DINER_PIPELINE_STREAM_H

#include "core/decimal.h"
#include "db/conn.h"
#include "db/copy.h"
#include "net/connector.h"
#include "pipeline/spec.h"

enum cell_form {
    CELL_NULL = 0,
    CELL_TEXT,   /* as read: to be stripped, null words, formats applied */
    CELL_CLEAN,  /* exact text of a value (JSON): no stripping, no null words */
    CELL_BINARY, /* PostgreSQL's binary form of the column's type */
};
struct cell {
    enum cell_form form;
    struct span text;
};

struct source_row {
    const struct cell *cells; /* ncolumns of the stream */
    const char *origin;       /* file name, or resource and page */
    const char *identity;     /* what of the origin stays the same when read again; NULL: origin */
    uint64_t position;        /* line in the file, or index in the page, from 1 */
    struct span raw;          /* the record as text */
    const char *fault;        /* the record cannot be used: why */
    struct span object;       /* the record as one JSON object, where it is one */
    struct span more;         /* what no column is read from, as a JSON object; of sources whose
                                 records are no objects, when asked (undeclared.h) */
    uint64_t fault_line, fault_column;
    /* Ways past the cells, for a target that would write what was read; unset where they do not
     * tell the same. The cells joined by this character are `raw`: no double quote, NUL or line end
     * in it. */
    char raw_delimiter;
    struct span binary; /* the cells as fields of a binary COPY, each with its length before it */
};

/* What a source knows at its end. */
struct source_summary {
    uint64_t skipped;    /* records left out by declared rules */
    int64_t expect_rows; /* what the source itself says; -1: nothing */
    bool rows_are_exact; /* more rows than that are wrong too */
    size_t nsums;        /* totals the source states */
    const char *sum_columns[8];
    struct decimal sums[8];
    const char *sha256;    /* of a file, or "" */
    uint64_t bytes;        /* read in all, as they came; 0: not counted */
    const char *state;     /* of the source's own, to be kept with the rows; NULL: none. Borrowed */
    const char **findings; /* of the check `subtotals`: what differs and is loaded all the same */
    size_t nfindings;
    /* Not what the source has now but what it had: why, and of when; else NULL. */
    const char *degraded;
};

struct rejects;
struct state_ledger;
struct column_reader;

struct stream_context;
struct stream_counts;
/* Who looks at the rows of a plan or dry run on their way; every function may be NULL, and stops
 * the stream by what it returns. */
struct stream_watch {
    void *self;
    /* Nothing is opened yet. */
    int (*begin)(void *self, const struct stream_context *ctx, struct error *err);
    /* A row that its target took. */
    int (*row)(void *self, const struct stream_context *ctx, const struct cell *cells,
               struct error *err);
    /* All rows are read and agree with what the source says of itself. */
    int (*read)(void *self, const struct stream_context *ctx, const struct stream_counts *counts,
                struct error *err);
    /* They wait in the table `staged` for the merge: transformed, checked, one a key. */
    int (*staged)(void *self, const struct stream_context *ctx, const char *staged,
                  const struct stream_counts *counts, struct error *err);
    /* The target has them, in the transaction that will be rolled back. */
    int (*merged)(void *self, const struct stream_context *ctx, const struct stream_counts *counts,
                  struct error *err);
};

/* Everything a plugin may use. Borrowed for the life of the stream. */
struct stream_context {
    struct pipeline *pipeline;
    struct stream_spec *stream;
    const struct config *config;
    const struct connector_builtin *builtins;
    struct connector_pool *connectors; /* of the run; NULL: each stream opens its own */
    struct arena *arena;               /* of this attempt */
    struct db_conn *db;                /* the run's own connection: lock, staging, state */
    int64_t run_id;
    const char *window_start, *window_end; /* RFC 3339, or NULL */
    const char *window_day;                /* 2026-11-21 when the window is one business day */
    struct bizday window_days;             /* the child's own; without a zone: the pipeline's */
    /* A fast way that turns out not to fit asks for the stream to be read again without it. */
    struct stream_fallback *fallback; /* NULL: it cannot be */
    const char **var_values;          /* by stream->vars index */
    const char *staged;               /* ${staged} in SQL; NULL: the staging table */
    /* One child of for_each: its bound values, and their canonical JSON, which is the `child` of
     * its state and history; "" and NULL without for_each. */
    const char *child;
    const struct field_string_map *items;
    int jobs;             /* connections that the stream may use at once, at least 1 */
    bool full_refresh;    /* forget what was kept of earlier runs */
    bool verify;          /* --verify: stored row hashes are not trusted, drift is repaired */
    bool dry_run;         /* read and validate, write nothing */
    bool backfill;        /* --from/--to: the cursor stays */
    bool plan;            /* stage and count inside a transaction that is rolled back */
    int64_t preview_rows; /* > 0: read no more than that */
    const char *control_connection; /* name of the run's connection in diner.yaml */
    bool is_pulled;                 /* target_postgres_pulls() */
    struct column_reader *reader;   /* from the source's open on */
    struct rejects *rejects;
    const struct replay
        *replay; /* rejected rows are what is read; their position is their number */
    const struct field_string_map *split; /* what ${split.x} is in the name of a file target */
    struct state_ledger *ledger; /* of files, in mode append or where `changed` stands; else NULL */
    /* Rows that a plan or dry run would send, or a run sends, to an API. */
    void (*on_row)(void *self, const struct stream_context *ctx, const struct cell *cells);
    void *on_row_self;
    const struct stream_watch *watch; /* or NULL */
};

struct stream_fallback {
    bool is_wanted; /* by this attempt */
    bool is_on;     /* this attempt goes without fast ways */
};
/* Whether this attempt is the one without fast ways. */
bool stream_fell_back(const struct stream_context *ctx);
/* Whether the source can be read a second time: no standard input, no pipe. */
bool stream_can_read_again(const struct stream_context *ctx);
/* Ends the attempt: it is repeated without fast ways (or fails as a bug, was it that already). */
int stream_fall_back(const struct stream_context *ctx, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a table that diner made keeps for itself (target/snapshot.h): never a column of a stream
 * that takes its columns from a query. */
#define STREAM_ROW_HASH "_row_hash"

/* Index of a column of the stream, or -1. */
int stream_column(const struct stream_spec *s, const char *name);
/* The value that for_each bound for a column (from: $name), or NULL. */
const char *stream_bound(const struct stream_context *ctx, size_t column);
/* The days and local times of what is read: the child's own, else the pipeline's. */
struct bizday stream_days(const struct stream_context *ctx);
/* The window's edges in the terms of a column: instants, local times (zone NULL: that of the days),
 * or the business days that it touches, the last one's successor being the end. An edge without a
 * zone, as the cursor of such a column is, is taken as it stands. */
struct stream_edges {
    bool start_is_local; /* it has no zone */
    int64_t us[2];
    const char *text[2], *type; /* of SQL */
};
int stream_window(const struct stream_context *ctx, enum db_kind kind, const struct zone *zone,
                  struct stream_edges *ret, struct error *err);
/* Fills ${...} of a late value: params, vars, window, run; result in ctx->arena. */
int stream_text(const struct stream_context *ctx, const char *text, const char **ret,
                struct error *err);
/* SQL with ${...} turned into $1.. ; ${staged} and the like are put in as they are. */
struct bound_sql {
    const char *sql;
    const char **params;
    size_t nparams;
};
int stream_sql(const struct stream_context *ctx, const char *sql, struct bound_sql *ret,
               struct error *err);
/* The same with the values put in as literals: for DDL, and to know one text from another. In
 * ctx->arena. */
int stream_sql_text(const struct stream_context *ctx, const char *sql, const char **ret,
                    struct error *err);

/* An error of the pipeline's own SQL, or of the names in it, is one of its file. */
void stream_blame_sql(struct error *err);

/* Value of a bound name of the child, or NULL. */
const char *stream_item(const struct stream_context *ctx, const char *name);

/* The spec of every source begins with a pointer for for_each, and its table with this row. */
#define SOURCE_FOR_EACH                                                                            \
    {                                                                                              \
        "for_each", FIELD_OBJECT_PTR, 0, "read it once for each row of a parent stream",           \
            .sub = &for_each_fields                                                                \
    }

struct column_habits;
struct source;
struct source_ops {
    const char *name;   /* in messages and the reference */
    const char *marker; /* the key that says it is this source: "file", "connector" */
    const char *also;   /* another that has to stand beside it, or NULL */
    const struct field_set *fields;
    bool gives_columns; /* may open without `columns:`; fills stream->columns itself */
    /* Further checks at lint time. */
    void (*check)(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d);
    /* The connector and the resource that a bound spec names; NULL: its kind names none. */
    void (*names)(const void *spec, const char **ret_connector, const char **ret_resource);
    /* Habits of its text cells, and the columns (at most 8) whose sums it states; may be NULL. */
    void (*habits)(const struct stream_context *ctx, struct column_habits *ret);
    size_t (*sums)(const struct stream_context *ctx, const char **ret_columns);
    int (*open)(const struct stream_context *ctx, struct source **ret, struct error *err);
    int (*next)(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
    int (*finish)(struct source *s, struct source_summary *ret, struct error *err);
    void (*progress)(struct source *s, uint64_t *ret_done, uint64_t *ret_total); /* bytes */
    void (*close)(struct source *s);
};
extern const struct source_ops source_file, source_download, source_rest, source_postgres,
    source_exec;
extern const struct source_ops *const source_registry[]; /* NULL-terminated */
/* The one that a node of a pipeline is, by its keys; NULL: none. */
const struct source_ops *source_of_node(const struct ynode *node);
/* Whether rows come out of the text of a file, wherever that came from. */
static inline bool source_reads_text(const struct source_ops *source)
{
    return source == &source_file || source == &source_download;
}

struct stream_counts {
    int64_t read, inserted, updated, unchanged, deleted, superseded, rejected, skipped;
    int64_t accepted; /* sound rows of a dry run, which does not know what would become of them */
    int64_t findings;
};
/* read = inserted + updated + unchanged + superseded + rejected + skipped + accepted; else
 * ERR_BUG. */
int stream_counts_check(const struct stream_counts *c, struct error *err);

struct target;
/* Whether the server moves the rows by itself, source and target being one database and their types
 * such that no value is bent on the way: then there is no source to be opened, and the target says
 * which columns there are. Asks the database of which types the query is. */
int target_postgres_pulls(const struct stream_context *ctx, bool *ret, struct error *err);
/* Rows that it staged so; -1: not so. */
int64_t target_postgres_staged(const struct stream_context *ctx, const struct target *t);
struct target_ops {
    const char *name;
    const char *marker;
    const struct field_set *fields;
    void (*check)(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d);
    void (*names)(const void *spec, const char **ret_connector, const char **ret_resource);
    int (*open)(const struct stream_context *ctx, struct target **ret, struct error *err);
    /* *ret_reason non-NULL: the row is refused, *ret_column says which column (or -1). */
    int (*row)(struct target *t, const struct source_row *row, const char **ret_reason,
               int *ret_column, struct error *err);
    /* All rows are in: makes them final inside the open transaction of ctx->db where it can, and
     * fills the counts except read, rejected, skipped (which it may add to). */
    int (*finish)(struct target *t, struct stream_counts *counts, struct error *err);
    /* In the same transaction, before the rejects of this load are saved: closes older ones whose
     * rows were read again. NULL: the target takes no rejects later. */
    int (*close_rejects)(struct target *t, struct error *err);
    /* After the engine's COMMIT: what must not happen before (a rename, a send). */
    int (*commit)(struct target *t, struct stream_counts *counts, struct error *err);
    void (*close)(struct target *t);              /* undoes what was not committed */
    const char *(*description)(struct target *t); /* "ods.orders", the path of the file written */
};
extern const struct target_ops target_postgres, target_file, target_rest;
extern const struct target_ops *const target_registry[];

#endif
