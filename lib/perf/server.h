/* lib/perf/server.h - a database as it is now, and what happened between two looks at it.
 *
 * Nothing is reset or written; PostgreSQL's own counters are read and subtracted. Works on
 * PostgreSQL 14 and later; without pg_stat_statements, or without the right to see its texts,
 * the rest is there and `study->missing` says what is not. */
#ifndef DINER_PERF_SERVER_H
#define DINER_PERF_SERVER_H

#include "db/conn.h"
#include "perf/study.h"

/* One look: fills study->server with totals (server.totals is set) and study->missing. conn is of
 * perf_session_open. Statements are folded by fingerprint. Blocks. */
int perf_server_take(struct db_conn *conn, struct arena *arena, struct perf_study *study,
                     struct error *err);

/* after minus before, the counters only: sizes, catalog and settings are those of after. What was
 * evicted or reset meanwhile is in ret->evicted and ret->reset. ERR_USAGE when they are of two
 * databases, or after is not the later one. Statements that were not called are left out; the
 * others stand by their time, the longest first. */
int perf_server_difference(const struct perf_server *before, const struct perf_server *after,
                           struct arena *arena, struct perf_server *ret, struct error *err);

/* Where a fingerprint stands among the statements; (size_t)-1 when it does not. */
size_t perf_server_statement(const struct perf_server *s, const char *fingerprint);

/* ---- quick looks at the statements, for between requests --------------------------------------
 */

enum {
    COUNTER_CALLS,
    COUNTER_ROWS,
    COUNTER_EXEC_MS,
    COUNTER_PLAN_MS,
    COUNTER_HIT,
    COUNTER_READ,
    COUNTER_DIRTIED,
    COUNTER_TEMP,
    COUNTER_WAL_BYTES,
    COUNTERS
};
struct perf_counter {
    int64_t id; /* the server's queryid */
    double values[COUNTERS];
};
struct perf_counters {
    struct perf_counter *items; /* by id, rising; heap */
    size_t count;
    double evicted, reset_s;
};
/* Fills *ret anew (what it held is freed). */
int perf_counters_take(struct db_conn *conn, struct perf_counters *ret, struct error *err);
void perf_counters_release(struct perf_counters *c);
/* after minus before into *ret: only what was called. False when entries were evicted or reset
 * meanwhile: the difference says nothing then, and is empty. */
bool perf_counters_difference(const struct perf_counters *before, const struct perf_counters *after,
                              struct perf_counters *ret);

/* All statements together, this report's own left out: what a round of a load cost. */
struct perf_sums {
    double calls, rows, exec_ms, blocks, wal_bytes, evicted, reset_s;
};
int perf_sums_take(struct db_conn *conn, struct perf_sums *ret, struct error *err);
/* False when entries were evicted or reset meanwhile. */
bool perf_sums_difference(const struct perf_sums *before, const struct perf_sums *after,
                          struct perf_sums *ret);

/* Which fingerprint an id belongs to; ids of this report's own statements belong to none. */
struct perf_names;
int perf_names_take(struct db_conn *conn, struct arena *arena, struct perf_names **ret,
                    struct error *err);
void perf_names_free(struct perf_names *n); /* NULL-safe */
struct perf_name {
    const char *fingerprint;
    const char *text;
    bool truncated, utility;
    bool is_ours; /* a statement of this report */
};
const struct perf_name *perf_names_find(const struct perf_names *n, int64_t id); /* or NULL */
/* Whether texts were kept from us, and whether libpg_query was missing. */
bool perf_names_hidden(const struct perf_names *n);
const char *perf_names_no_parser(const struct perf_names *n); /* why, or NULL */

#endif
