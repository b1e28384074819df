/* lib/perf/study.h - all that is known of an API and its database: the one model that the phases of
 * perf-report pass on. `snapshot`, `load` and `attribute` fill it, `diagnose` adds findings,
 * `compare` sets it beside another, the renderers print it; study_json.h keeps it in a file between
 * any two of them. Half of it may be missing: an API without its database has no statements, a
 * database alone no endpoints; `missing` then says what and why.
 *
 * Units: times in milliseconds, shares 0..1, sizes in bytes unless the name says blocks (8 KiB).
 * Counters are differences over the part of the run they belong to, never totals since the server
 * started, unless the name says so. Strings and arrays live in the arena the study was made with.
 */
#ifndef DINER_PERF_STUDY_H
#define DINER_PERF_STUDY_H

#include "perf/result.h"

/* ---- the database --------------------------------------------------------------------------- */

#define PERF_STATEMENTS_MAX 10000
#define PERF_TABLES_MAX     5000
#define PERF_INDEXES_MAX    10000
#define PERF_ENDPOINTS_MAX  500

/* Statements folded by libpg_query's fingerprint: `IN ($1)` and `IN ($1, $2)` are one. Without
 * libpg_query the fingerprint is that of the server (queryid, in hex). */
struct perf_statement {
    const char *fingerprint;
    const char *text; /* normalised: constants are $n; cut at 64 KiB */
    bool truncated;   /* the server kept only the begin of the text */
    bool utility;     /* BEGIN, SET, look-ups of the catalog: shown, never judged */
    double calls, rows, exec_ms, plan_ms;
    double blocks_hit, blocks_read, blocks_dirtied, temp_blocks, wal_bytes;
};

struct perf_column {
    const char *name, *type;
    bool not_null;
    double null_share,
        distinct; /* as pg_stats: distinct below 0 is a share of the rows; 0 unknown */
    int width;    /* average bytes; 0 unknown */
};
struct perf_foreign_key {
    const char *name, *columns, *to_table, *to_columns; /* columns joined by ", " */
};
struct perf_table {
    const char *schema, *name;
    double rows, dead_rows, bytes, total_bytes; /* of now, estimates of the server */
    double seq_scans, seq_rows, index_scans, index_rows;
    double inserted, updated, hot_updated, deleted;
    double heap_hit, heap_read;
    double last_vacuum_age_s, last_analyze_age_s; /* below 0: never */
    double frozen_xid_age;
    const char *options;      /* reloptions, or NULL */
    bool partitioned;         /* has no rows of its own: they are in its partitions */
    const char *partition_of; /* "schema.name" of the table it is a partition of, or NULL */
    struct perf_column *columns;
    size_t ncolumns;
    struct perf_foreign_key *foreign_keys;
    size_t nforeign_keys;
};
struct perf_index {
    const char *schema, *table, *name, *method, *definition;
    const char *keys;      /* normalised key list with order and operator class: what is compared */
    const char *predicate; /* or NULL */
    bool unique, primary, constraint, valid, building, expression;
    double bytes, scans, scans_total, hit, read;
};
struct perf_setting {
    const char *name, *value, *unit; /* unit: NULL or as pg_settings has it */
};
/* A share of the samples taken of pg_stat_activity during a run. */
struct perf_wait {
    const char *type, *event; /* NULL, NULL: on the CPU */
    double sessions;          /* mean number of active sessions in it */
};
struct perf_session_peak {
    double active, idle, idle_in_transaction, total, blocked;
    double longest_transaction_s, longest_idle_in_transaction_s;
};

struct perf_server {
    const char *version;   /* "15.20" */
    int version_number;    /* 150020; 0: no database was looked at */
    bool has_statements;   /* pg_stat_statements */
    bool has_hypothetical; /* hypopg */
    double stats_age_s;    /* since the counters of the database were reset; below 0 unknown */
    double window_s;       /* between the two snapshots */
    double evicted;        /* statements that pg_stat_statements threw away meanwhile */
    bool reset;            /* counters were reset meanwhile: the differences are not valid */
    bool totals;           /* one snapshot only: the counters are totals over stats_age_s */
    int64_t taken_us;      /* wall clock of the (later) snapshot; 0 unknown */
    const char *identity; /* of the cluster and database: only snapshots of one can be subtracted */
    double evicted_total, reset_s, statements_reset_s; /* as the server tells them, seconds of the
                                                        * epoch: what differences are checked by */
    double database_bytes, commits, rollbacks, deadlocks, temp_bytes, blocks_hit, blocks_read;
    double max_connections, reserved_connections;
    struct perf_session_peak sessions;
    struct perf_statement *statements;
    size_t nstatements;
    struct perf_table *tables;
    size_t ntables;
    struct perf_index *indexes;
    size_t nindexes;
    struct perf_setting *settings;
    size_t nsettings;
    struct perf_wait *waits;
    size_t nwaits;
};

/* ---- the API -------------------------------------------------------------------------------- */

/* What one request to an endpoint costs in one statement: figures per request. */
struct perf_use {
    size_t statement; /* index in perf_server.statements */
    double calls, rows, exec_ms, blocks, temp_blocks, wal_bytes;
};
/* Calls per request of a statement, measured at several page sizes: calls = a + b n. */
#define PERF_SLOPE_POINTS 8
struct perf_slope {
    size_t statement;
    size_t points;
    double size[PERF_SLOPE_POINTS], calls[PERF_SLOPE_POINTS], rows[PERF_SLOPE_POINTS];
    double intercept, slope, r2;
};
/* A figure that rounds were measured in; the samples of comparisons. */
struct perf_round {
    double started_s, seconds;
    uint64_t requests, ok, errors, timeouts, limited;
    double p50_ms, p90_ms, p95_ms, p99_ms, mean_ms, rps; /* below 0: not supported by the sample */
    double database_ms, calls, row_count, blocks,
        wal_bytes; /* per request; below 0: not measured */
};
struct perf_probe { /* page 1 against a deep page */
    bool measured;
    double offset; /* rows skipped on the deep page */
    double first_ms, deep_ms, first_blocks, deep_blocks;
};
struct perf_endpoint {
    const char *name;           /* "GET /api/v1/orders" unless the configuration names it */
    const char *method, *path;  /* the template, parameters in braces */
    const char *size_parameter; /* the query parameter that sets the page size, or NULL */
    double weight;              /* share of the mixed run */
    struct perf_result *result; /* of its own run; NULL: not driven */
    struct perf_round *rounds;
    size_t nrounds;
    double body_bytes;       /* mean of an answer; below 0 unknown */
    bool attributed;         /* the figures per request below are valid */
    double background_share; /* of the statements' time that was not ours; subtracted */
    double database_ms, calls, row_count, blocks, temp_blocks, wal_bytes; /* per request */
    struct perf_use *uses;
    size_t nuses;
    struct perf_slope *slopes;
    size_t nslopes;
    struct perf_probe probe;
};
/* One step of the search for capacity. */
struct perf_step {
    double connections, rate; /* one of them is 0 */
    double rps, p50_ms, p95_ms, error_rate, database_sessions;
};

/* ---- what was found ------------------------------------------------------------------------- */

enum perf_severity { PERF_SEVERITY_NOTE, PERF_LOW, PERF_MEDIUM, PERF_HIGH }; /* 低 中 高 */
enum perf_level { PERF_LEVEL_DATABASE, PERF_LEVEL_APPLICATION, PERF_LEVEL_ARCHITECTURE };
enum perf_proof {
    PERF_PROOF_NONE,      /* cannot be proved here: `unproved` says why */
    PERF_PROOF_SUSPECTED, /* by a ratio or an estimate */
    PERF_PROOF_CONFIRMED, /* by an experiment: the slope, the deep page */
    PERF_PROOF_PLANNER,   /* the planner would use it: hypothetical index */
};
struct perf_evidence {
    const char *label_en, *label_zh; /* "calls per request" / "每请求调用次数" */
    const char *value;               /* as text, with unit */
};
struct perf_finding {
    const char *id; /* stable between runs: "missing_index-orders-store_id_created_at"; an anchor */
    const char *kind; /* "n_plus_one", "missing_index", ... : the table of kinds is in finding.h */
    enum perf_severity severity;
    enum perf_level level;
    enum perf_proof proof;
    const char *unproved; /* why there is no more proof, or NULL */
    const char *title_en, *title_zh;
    const char *cause_en, *cause_zh;  /* the cause, one or two sentences */
    const char *cure_en, *cure_zh;    /* what to do */
    const char *sql;                  /* the offending statement, or NULL */
    const char *rewrite;              /* it rewritten, or NULL */
    const char *apply_sql, *undo_sql; /* or NULL. Never run by diner */
    struct perf_evidence *evidence;
    size_t nevidence;
    size_t *endpoints; /* affected, indexes in perf_study.endpoints */
    size_t nendpoints;
    /* Gain and cost as far as they can be computed; below 0: unknown. */
    double gain_ms_per_request, gain_share, cost_before, cost_after; /* planner cost */
    double index_bytes, write_overhead; /* write_overhead: share added to each write of the table */
};

/* ---- the whole ------------------------------------------------------------------------------ */

struct perf_missing {
    const char *what; /* "statements", "hypothetical indexes", ... */
    const char *why_en, *why_zh;
};
struct perf_environment {
    const char *host_os, *cpu, *diner; /* as far as known */
    int cpus;
    double memory_bytes;
    const char *target; /* the API's base address, without user and query */
    int64_t started_us;
    const char *title, *owner, *related; /* from the configuration, or NULL */
    const char *currency;
    double cost_per_month, requests_per_day; /* 0: not given */
};
struct perf_study {
    struct perf_environment environment;
    struct perf_server server; /* over all the runs */
    struct perf_endpoint *endpoints;
    size_t nendpoints;
    struct perf_result *mixed; /* the run of all endpoints by weight, or NULL */
    double mixed_explained;    /* its database time: share explained as the sum of the endpoints';
                                * below 0 not measured */
    struct perf_step *steps;
    size_t nsteps;
    bool diagnosed;                /* causes were looked for */
    struct perf_finding *findings; /* most severe first */
    size_t nfindings;
    struct perf_missing *missing;
    size_t nmissing;
    bool voided; /* the generator could not keep up: times say nothing */
    const char *voided_why;
};

/* An empty study: nothing was measured, what may be unknown is. */
void perf_study_init(struct perf_study *s);
void perf_endpoint_init(struct perf_endpoint *e);
/* Frees what is not in the arena: the histograms of the results. Safe twice. */
void perf_study_release(struct perf_study *s);
/* Says that something could not be measured, once for each `what`. */
void perf_study_lacks(struct perf_study *s, struct arena *arena, const char *what,
                      const char *why_en, const char *why_zh);

#endif
