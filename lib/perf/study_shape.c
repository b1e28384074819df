/* lib/perf/study_shape.c - see study_shape.h: the table. */
#include "perf/study_shape.h"

#define PLAIN(type, kind_, member)                                                                 \
    {                                                                                              \
        .key = #member, .kind = (kind_), .offset = offsetof(struct type, member)                   \
    }
#define TEXT(type, member)   PLAIN(type, MEMBER_TEXT, member)
#define FLAG(type, member)   PLAIN(type, MEMBER_FLAG, member)
#define NUMBER(type, member) PLAIN(type, MEMBER_NUMBER, member)
#define KNOWN(type, member)  PLAIN(type, MEMBER_KNOWN, member)
#define COUNT(type, member)  PLAIN(type, MEMBER_COUNT, member)
#define INDEX(type, member)  PLAIN(type, MEMBER_INDEX, member)
#define CHOICE(type, member, names_)                                                               \
    {                                                                                              \
        .key = #member, .kind = MEMBER_CHOICE, .offset = offsetof(struct type, member),            \
        .names = (names_)                                                                          \
    }
#define OBJECT(type, member, shape_)                                                               \
    {                                                                                              \
        .key = #member, .kind = MEMBER_OBJECT, .offset = offsetof(struct type, member),            \
        .of = &(shape_)                                                                            \
    }
#define LIST(type, member, max_, shape_)                                                           \
    {                                                                                              \
        .key = #member, .kind = MEMBER_LIST, .offset = offsetof(struct type, member),              \
        .count = offsetof(struct type, n##member), .max = (max_), .of = &(shape_)                  \
    }
#define POINTS(type, member)                                                                       \
    {                                                                                              \
        .key = #member, .kind = MEMBER_POINTS, .offset = offsetof(struct type, member),            \
        .count = offsetof(struct type, points), .max = PERF_SLOPE_POINTS                           \
    }
#define SHAPE(name, type, short_, ...)                                                             \
    static const struct member name##_members[] = {__VA_ARGS__, {0}};                              \
    static const struct shape name = {sizeof(struct type), (short_), name##_members}

/* ---- the database --------------------------------------------------------------------------- */

#define S perf_statement
SHAPE(statement_shape, S, false, TEXT(S, fingerprint), TEXT(S, text), FLAG(S, truncated),
      FLAG(S, utility), NUMBER(S, calls), NUMBER(S, rows), NUMBER(S, exec_ms), NUMBER(S, plan_ms),
      NUMBER(S, blocks_hit), NUMBER(S, blocks_read), NUMBER(S, blocks_dirtied),
      NUMBER(S, temp_blocks), NUMBER(S, wal_bytes));
#undef S
#define S perf_column
SHAPE(column_shape, S, true, TEXT(S, name), TEXT(S, type), FLAG(S, not_null), NUMBER(S, null_share),
      NUMBER(S, distinct), PLAIN(S, MEMBER_INT, width));
#undef S
#define S perf_foreign_key
SHAPE(foreign_key_shape, S, true, TEXT(S, name), TEXT(S, columns), TEXT(S, to_table),
      TEXT(S, to_columns));
#undef S
#define S perf_table
SHAPE(table_shape, S, false, TEXT(S, schema), TEXT(S, name), NUMBER(S, rows), NUMBER(S, dead_rows),
      NUMBER(S, bytes), NUMBER(S, total_bytes), NUMBER(S, seq_scans), NUMBER(S, seq_rows),
      NUMBER(S, index_scans), NUMBER(S, index_rows), NUMBER(S, inserted), NUMBER(S, updated),
      NUMBER(S, hot_updated), NUMBER(S, deleted), NUMBER(S, heap_hit), NUMBER(S, heap_read),
      KNOWN(S, last_vacuum_age_s), KNOWN(S, last_analyze_age_s), NUMBER(S, frozen_xid_age),
      TEXT(S, options), FLAG(S, partitioned), TEXT(S, partition_of),
      LIST(S, columns, 2000, column_shape), LIST(S, foreign_keys, 1000, foreign_key_shape));
#undef S
#define S perf_index
SHAPE(index_shape, S, false, TEXT(S, schema), TEXT(S, table), TEXT(S, name), TEXT(S, method),
      TEXT(S, definition), TEXT(S, keys), TEXT(S, predicate), FLAG(S, unique), FLAG(S, primary),
      FLAG(S, constraint), FLAG(S, valid), FLAG(S, building), FLAG(S, expression), NUMBER(S, bytes),
      NUMBER(S, scans), NUMBER(S, scans_total), NUMBER(S, hit), NUMBER(S, read));
#undef S
#define S perf_setting
SHAPE(setting_shape, S, true, TEXT(S, name), TEXT(S, value), TEXT(S, unit));
#undef S
#define S perf_wait
SHAPE(wait_shape, S, true, TEXT(S, type), TEXT(S, event), NUMBER(S, sessions));
#undef S
#define S perf_session_peak
SHAPE(sessions_shape, S, false, NUMBER(S, active), NUMBER(S, idle), NUMBER(S, idle_in_transaction),
      NUMBER(S, total), NUMBER(S, blocked), NUMBER(S, longest_transaction_s),
      NUMBER(S, longest_idle_in_transaction_s));
#undef S
#define S perf_server
SHAPE(server_shape, S, false, TEXT(S, version), PLAIN(S, MEMBER_INT, version_number),
      FLAG(S, has_statements), FLAG(S, has_hypothetical), KNOWN(S, stats_age_s),
      NUMBER(S, window_s), NUMBER(S, evicted), FLAG(S, reset), FLAG(S, totals),
      PLAIN(S, MEMBER_TIME, taken_us), TEXT(S, identity), NUMBER(S, evicted_total),
      NUMBER(S, reset_s), NUMBER(S, statements_reset_s), NUMBER(S, database_bytes),
      NUMBER(S, commits), NUMBER(S, rollbacks), NUMBER(S, deadlocks), NUMBER(S, temp_bytes),
      NUMBER(S, blocks_hit), NUMBER(S, blocks_read), NUMBER(S, max_connections),
      NUMBER(S, reserved_connections), OBJECT(S, sessions, sessions_shape),
      LIST(S, statements, PERF_STATEMENTS_MAX, statement_shape),
      LIST(S, tables, PERF_TABLES_MAX, table_shape),
      LIST(S, indexes, PERF_INDEXES_MAX, index_shape), LIST(S, settings, 1000, setting_shape),
      LIST(S, waits, 1000, wait_shape));
#undef S

/* ---- the API -------------------------------------------------------------------------------- */

#define S perf_use
SHAPE(use_shape, S, true, INDEX(S, statement), NUMBER(S, calls), NUMBER(S, rows),
      NUMBER(S, exec_ms), NUMBER(S, blocks), NUMBER(S, temp_blocks), NUMBER(S, wal_bytes));
#undef S
#define S perf_slope
SHAPE(slope_shape, S, true, INDEX(S, statement), POINTS(S, size), POINTS(S, calls), POINTS(S, rows),
      NUMBER(S, intercept), NUMBER(S, slope), NUMBER(S, r2));
#undef S
#define S perf_round
SHAPE(round_shape, S, true, NUMBER(S, started_s), NUMBER(S, seconds), COUNT(S, requests),
      COUNT(S, ok), COUNT(S, errors), COUNT(S, timeouts), COUNT(S, limited), KNOWN(S, p50_ms),
      KNOWN(S, p90_ms), KNOWN(S, p95_ms), KNOWN(S, p99_ms), KNOWN(S, mean_ms), KNOWN(S, rps),
      KNOWN(S, database_ms), KNOWN(S, calls), KNOWN(S, row_count), KNOWN(S, blocks),
      KNOWN(S, wal_bytes));
#undef S
#define S perf_probe
SHAPE(probe_shape, S, false, FLAG(S, measured), NUMBER(S, offset), NUMBER(S, first_ms),
      NUMBER(S, deep_ms), NUMBER(S, first_blocks), NUMBER(S, deep_blocks));
#undef S
#define S perf_endpoint
SHAPE(endpoint_shape, S, false, TEXT(S, name), TEXT(S, method), TEXT(S, path),
      TEXT(S, size_parameter), NUMBER(S, weight), PLAIN(S, MEMBER_RESULT, result),
      LIST(S, rounds, 1000, round_shape), KNOWN(S, body_bytes), FLAG(S, attributed),
      NUMBER(S, background_share), NUMBER(S, database_ms), NUMBER(S, calls), NUMBER(S, row_count),
      NUMBER(S, blocks), NUMBER(S, temp_blocks), NUMBER(S, wal_bytes),
      LIST(S, uses, PERF_STATEMENTS_MAX, use_shape),
      LIST(S, slopes, PERF_STATEMENTS_MAX, slope_shape), OBJECT(S, probe, probe_shape));
#undef S
#define S perf_step
SHAPE(step_shape, S, true, NUMBER(S, connections), NUMBER(S, rate), NUMBER(S, rps),
      KNOWN(S, p50_ms), KNOWN(S, p95_ms), NUMBER(S, error_rate), NUMBER(S, database_sessions));
#undef S

/* ---- what was found ------------------------------------------------------------------------- */

static const char *const SEVERITIES[] = {"note", "low", "medium", "high", NULL};
static const char *const LEVELS[] = {"database", "application", "architecture", NULL};
static const char *const PROOFS[] = {"none", "suspected", "confirmed", "planner", NULL};

#define S perf_evidence
SHAPE(evidence_shape, S, true, TEXT(S, label_en), TEXT(S, label_zh), TEXT(S, value));
#undef S
#define S perf_finding
SHAPE(finding_shape, S, false, TEXT(S, id), TEXT(S, kind), CHOICE(S, severity, SEVERITIES),
      CHOICE(S, level, LEVELS), CHOICE(S, proof, PROOFS), TEXT(S, unproved), TEXT(S, title_en),
      TEXT(S, title_zh), TEXT(S, cause_en), TEXT(S, cause_zh), TEXT(S, cure_en), TEXT(S, cure_zh),
      TEXT(S, sql), TEXT(S, rewrite), TEXT(S, apply_sql), TEXT(S, undo_sql),
      LIST(S, evidence, 100, evidence_shape),
      {.key = "endpoints",
       .kind = MEMBER_INDEXES,
       .offset = offsetof(struct S, endpoints),
       .count = offsetof(struct S, nendpoints),
       .max = PERF_ENDPOINTS_MAX},
      KNOWN(S, gain_ms_per_request), KNOWN(S, gain_share), KNOWN(S, cost_before),
      KNOWN(S, cost_after), KNOWN(S, index_bytes), KNOWN(S, write_overhead));
#undef S

/* ---- the whole ------------------------------------------------------------------------------ */

#define S perf_missing
SHAPE(missing_shape, S, true, TEXT(S, what), TEXT(S, why_en), TEXT(S, why_zh));
#undef S
#define S perf_environment
SHAPE(environment_shape, S, false, TEXT(S, host_os), TEXT(S, cpu), TEXT(S, diner),
      PLAIN(S, MEMBER_INT, cpus), NUMBER(S, memory_bytes), TEXT(S, target),
      PLAIN(S, MEMBER_TIME, started_us), TEXT(S, title), TEXT(S, owner), TEXT(S, related),
      TEXT(S, currency), NUMBER(S, cost_per_month), NUMBER(S, requests_per_day));
#undef S
#define S perf_study
static const struct member study_members[] = {
    OBJECT(S, environment, environment_shape),
    OBJECT(S, server, server_shape),
    LIST(S, endpoints, PERF_ENDPOINTS_MAX, endpoint_shape),
    PLAIN(S, MEMBER_RESULT, mixed),
    KNOWN(S, mixed_explained),
    LIST(S, steps, 1000, step_shape),
    FLAG(S, diagnosed),
    LIST(S, findings, 10000, finding_shape),
    LIST(S, missing, 100, missing_shape),
    FLAG(S, voided),
    TEXT(S, voided_why),
    {0},
};
const struct shape perf_study_shape = {sizeof(struct S), false, study_members};
#undef S
