/* lib/perf/snapshot.h - what the database did meanwhile: PostgreSQL's own counters before and
 * after, subtracted. Nothing is ever reset, nothing is written.
 *
 * With pg_stat_statements (PostgreSQL 14 or later): execution time, calls and rows of the
 * statements finished in the connected database. Without it: pg_stat_database, whose active_time
 * counts the time sessions spent executing. Either way all sessions of that database count, so it
 * should serve only the API under test; what was used and what was not measured is said. */
#ifndef DINER_PERF_SNAPSHOT_H
#define DINER_PERF_SNAPSHOT_H

#include "db/conn.h"
#include "perf/result.h"

struct snapshot {
    double calls, exec_ms, rows;
    double blocks_hit, blocks_read, block_read_ms;
    double commits;
    double evicted, reset_s; /* counters that say whether the others can be subtracted */
    bool has_active_time;
};

struct database_watch;
/* Connects, decides on the method and takes the snapshot before. */
int database_watch_begin(const char *dsn, struct database_watch **ret, struct error *err);
enum perf_database_method database_watch_method(const struct database_watch *w);
/* Starts a child process that takes a snapshot at the begin of each of `slices` slices of slice_s
 * seconds, and after the last, from delay_s on: in a process of its own, because a query here
 * would delay the load. Only with pg_stat_statements, whose counters are up to date; else nothing
 * happens. Call it right before the load; there must be no other thread. */
int database_watch_slices(struct database_watch *w, double delay_s, double slice_s, size_t slices,
                          struct error *err);
/* Takes the snapshot after, fills ret->database from the difference and ret->sent, and the slices'
 * database_ms. pg_stat_database is told by idle sessions only after up to 10 s: settle_ms more are
 * waited for it (interruptible). Failures become "not measured" with their reason. */
void database_watch_end(struct database_watch *w, int64_t settle_ms, struct arena *arena,
                        struct perf_result *ret);
void database_watch_free(struct database_watch *w); /* NULL-safe; ends the child */
/* How long pg_stat_database needs. */
#define DATABASE_SETTLE_MS 10500

/* The difference of two snapshots, for database_watch_end and tests. */
void snapshot_difference(const struct snapshot *before, const struct snapshot *after,
                         enum perf_database_method method, uint64_t requests, struct arena *arena,
                         struct perf_result *ret);

#endif
