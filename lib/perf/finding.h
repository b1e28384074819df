/* lib/perf/finding.h - the rules of the diagnosis in two tables, and how a finding is built.
 *
 * A rule looks at the study and adds findings; nothing else decides whether one is reported.
 * Severity is computed, never chosen by hand: from the share of the time that the finding stands
 * for (finding_severity_of), or, where no time can be given, from how far the figure is beyond its
 * threshold. docs/perf-diagnosis.md explains both. */
#ifndef DINER_PERF_FINDING_H
#define DINER_PERF_FINDING_H

#include "perf/sqltree.h"
#include "perf/study.h"

/* X(enum, kind, level, what). Findings of one severity stand in this order. */
#define PERF_KINDS(X)                                                                              \
    X(MISSING_INDEX, "missing_index", DATABASE, "an index that statements wait for")               \
    X(N_PLUS_ONE, "n_plus_one", APPLICATION, "one query for each row of another")                  \
    X(MISSING_PAGINATION, "missing_pagination", APPLICATION, "an answer without an end")           \
    X(DEEP_OFFSET, "deep_offset", APPLICATION, "pages that are skipped row by row")                \
    X(CHATTY_WRITES, "chatty_writes", APPLICATION, "rows written one at a time")                   \
    X(CACHEABLE, "cacheable", ARCHITECTURE, "the same answer computed again and again")            \
    X(POOL_BOUND, "pool_bound", ARCHITECTURE, "requests queue for database connections")           \
    X(SERIAL_SECTION, "serial_section", ARCHITECTURE, "requests are handled one after another")    \
    X(APP_BOUND, "app_bound", APPLICATION, "the time passes outside the database")                 \
    X(LOCKS, "locks", DATABASE, "statements wait for each other's locks")                          \
    X(LONG_TRANSACTION, "long_transaction", APPLICATION, "a transaction open for long")            \
    X(IDLE_IN_TRANSACTION, "idle_in_transaction", APPLICATION, "a transaction left open, idle")    \
    X(CONNECTIONS, "connections", DATABASE, "connections nearly used up")                          \
    X(CACHE_HIT, "cache_hit", DATABASE, "blocks read from outside the shared buffers")             \
    X(TEMP_FILES, "temp_files", DATABASE, "sorts and hashes that spill to disk")                   \
    X(SEQUENTIAL_SCANS, "sequential_scans", DATABASE, "a large table read whole, often")           \
    X(FOREIGN_KEY_INDEX, "foreign_key_index", DATABASE, "a foreign key without an index")          \
    X(INVALID_INDEX, "invalid_index", DATABASE, "an index that is written and never read")         \
    X(DUPLICATE_INDEX, "duplicate_index", DATABASE, "an index that another one covers")            \
    X(UNUSED_INDEX, "unused_index", DATABASE, "an index nobody reads")                             \
    X(BLOAT, "bloat", DATABASE, "space that holds no rows")                                        \
    X(DEAD_ROWS, "dead_rows", DATABASE, "dead rows that vacuum does not remove")                   \
    X(WRAPAROUND, "wraparound", DATABASE, "transaction ids run out")                               \
    X(SEQUENCE, "sequence", DATABASE, "a sequence runs out")                                       \
    X(STALE_STATISTICS, "stale_statistics", DATABASE, "a table the planner knows nothing of")      \
    X(LARGE_ANSWER, "large_answer", APPLICATION, "answers of a megabyte")                          \
    X(FAN_OUT, "fan_out", APPLICATION, "many queries, but no more with more rows")                 \
    X(LIMIT_WITHOUT_ORDER, "limit_without_order", APPLICATION, "pages in no order")

enum perf_kind {
#define X(id, kind, level, what) PERF_KIND_##id,
    PERF_KINDS(X)
#undef X
        PERF_KIND_COUNT
};
const char *perf_kind_name(enum perf_kind kind);

/* X(name, default, what). Shares are 0..1. */
#define PERF_THRESHOLDS(X)                                                                         \
    X(high_share, 0.30, "share of the time from which a finding is of high severity")              \
    X(medium_share, 0.10, "share of the time from which a finding is of medium severity")          \
    X(repeat_calls, 5, "calls of one statement per request that count as repeated")                \
    X(repeat_rows, 1.5, "rows per call up to which a SELECT looks up one row")                     \
    X(repeat_share, 0.05, "share of the request's time a repeated statement needs, or...")         \
    X(repeat_ms, 5, "...its milliseconds per request")                                             \
    X(slope_min, 0.5, "calls added by each row of the page: N+1 confirmed")                        \
    X(slope_flat, 0.05, "calls added by each row of the page up to which they are constant")       \
    X(slope_r2, 0.95, "coefficient of determination that a slope needs")                           \
    X(page_rows, 100, "rows per call of a SELECT without LIMIT")                                   \
    X(page_rows_high, 1000, "rows per call of a SELECT without LIMIT: high severity")              \
    X(offset_ratio, 5, "a deep page takes so many times the first in time or blocks")              \
    X(offset_blocks, 1000, "blocks per call from which OFFSET is suspected without a probe")       \
    X(body_bytes, 1048576, "bytes of an answer")                                                   \
    X(index_cost, 100, "planner cost below which a statement needs no index")                      \
    X(index_saving, 0.5, "share of the cost that an index must save")                              \
    X(index_second_saving, 0.3, "share that a further column must save on top")                    \
    X(index_rows, 500, "rows of a table below which no index is proposed")                         \
    X(index_per_table, 5, "indexes proposed for one table at most")                                \
    X(index_write_cost, 10, "planner cost of one more index entry as wide as the row")             \
    X(index_slow_ms, 20, "mean time of a statement for advice without hypopg")                     \
    X(index_selectivity, 0.3, "share of rows a further column must leave at most, without hypopg") \
    X(unused_scans, 50, "scans of an index since the counters began that count as unused")         \
    X(unused_bytes, 10485760, "bytes of an unused index")                                          \
    X(unused_days, 14, "days the counters must cover to call an index unused")                     \
    X(covered_bytes, 1048576, "bytes of an index that is the begin of another")                    \
    X(foreign_key_rows, 10000, "rows of a table whose foreign key needs an index")                 \
    X(scan_rows, 10000, "rows read by a sequential scan")                                          \
    X(scan_share, 0.95, "share of index scans below which a large table is scanned too often")     \
    X(cache_hit, 0.99, "share of blocks found in the shared buffers")                              \
    X(cache_hit_bad, 0.90, "the same: high severity")                                              \
    X(cache_blocks, 100000, "blocks looked at before a share says anything")                       \
    X(temp_blocks, 1000, "temporary blocks written per call")                                      \
    X(bloat_bytes, 104857600, "bytes without rows, by estimate")                                   \
    X(bloat_share, 0.5, "share of a table or index without rows, by estimate")                     \
    X(dead_rows, 10000, "dead rows")                                                               \
    X(dead_factor, 2, "times the number at which autovacuum should have begun")                    \
    X(stale_rows, 10000, "rows of a table that was never analysed")                                \
    X(wraparound_age, 1000000000, "age of a table's oldest transaction id (of 2,147,483,648)")     \
    X(wraparound_age_high, 1600000000, "the same: high severity (vacuum's failsafe)")              \
    X(sequence_share, 0.75, "share of a sequence's numbers used")                                  \
    X(sequence_share_high, 0.9, "the same: high severity")                                         \
    X(connection_share, 0.8, "share of the connections in use")                                    \
    X(connection_share_high, 0.95, "the same: high severity")                                      \
    X(transaction_s, 60, "seconds a transaction was open")                                         \
    X(idle_transaction_s, 60, "seconds a transaction was open and idle")                           \
    X(transaction_s_high, 600, "either of them: high severity")                                    \
    X(lock_share, 0.1, "share of the active sessions that waited for a lock")                      \
    X(lock_sessions, 0.5, "sessions that waited for a lock, on average: fewer are no trouble")     \
    X(cache_share, 0.10, "share of the database time of a statement worth a cache")                \
    X(cache_ms, 1, "milliseconds per request of a statement worth a cache")                        \
    X(cache_calls, 0.9, "calls per request of a statement that no cache stands before")            \
    X(cache_repeats, 20, "times the same was read in the run")                                     \
    X(app_share, 0.3, "share of the database below which a request's time is the application's")   \
    X(app_ms, 50, "milliseconds outside the database")                                             \
    X(step_growth, 0.1, "growth of the rate by doubled load below which it has levelled off")      \
    X(step_ms, 5, "milliseconds of an unloaded request below which its limit is the processor")    \
    X(pool_busy, 0.70, "share of the application's sessions that is in use at the plateau")

struct perf_thresholds {
#define X(name, value, what) double name;
    PERF_THRESHOLDS(X)
#undef X
};
void perf_thresholds_default(struct perf_thresholds *ret);

/* ---- building: private to the rules --------------------------------------------------------- */

struct diagnosis {
    struct perf_study *study;
    struct perf_thresholds limits;
    double p95_target_ms;
    struct arena *arena;
    struct sql_tree **trees;   /* of study->server.statements; NULL: not parsed */
    const char **unparsed;     /* why, where the tree is NULL */
    bool *helped;              /* statements that an advised index makes cheaper */
    struct perf_finding *list; /* in the heap while it grows */
    size_t count, capacity;
    struct perf_missing *missing;
    size_t nmissing, missing_capacity;
};

/* A finding of this kind whose id is "kind-rest", made of a format and safe as an anchor; all
 * figures unknown, severity a note. Borrowed until the next one is added. NULL when the id is
 * already there: the rule has nothing to add. */
struct perf_finding *finding_add(struct diagnosis *d, enum perf_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct perf_finding *finding_find(const struct diagnosis *d, enum perf_kind kind,
                                        const char *sql);
void finding_evidence(struct diagnosis *d, struct perf_finding *f, const char *label_en,
                      const char *label_zh, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void finding_endpoint(struct diagnosis *d, struct perf_finding *f, size_t endpoint); /* once each */
/* Every endpoint that uses the statement; returns how many. */
size_t finding_endpoints_of(struct diagnosis *d, struct perf_finding *f, size_t statement);

/* High from high_share on, medium from medium_share on, else low; unknown (below 0) is medium.
 * What is only suspected, or not proved, is one step lower. */
enum perf_severity finding_severity_of(const struct diagnosis *d, double share,
                                       enum perf_proof proof);
/* For figures that have two thresholds: low below the first never happens. */
enum perf_severity finding_severity_at(double value, double medium, double high);

/* What cannot be judged, and why. The same `what` is kept once. */
void diagnosis_miss(struct diagnosis *d, const char *what, const char *why_en, const char *why_zh);

/* The share of an endpoint's time that ms per request are, 0..1; below 0 when its time is unknown.
 */
double endpoint_share(const struct perf_endpoint *e, double ms_per_request);
const struct perf_use *endpoint_use(const struct perf_endpoint *e, size_t statement);

#endif
