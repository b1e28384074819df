/* lib/perf/sessions.h - what the database's sessions are at while a load runs: pg_stat_activity
 * ten times a second, by a process of its own, because a query here would delay the load.
 *
 * Memory is bounded: the first hour of samples and 128 different waits are kept. */
#ifndef DINER_PERF_SESSIONS_H
#define DINER_PERF_SESSIONS_H

#include "perf/study.h"

struct perf_sessions;
/* Starts the child; it connects with the DSN. There must be no other thread. */
int perf_sessions_begin(const char *dsn, struct perf_sessions **ret, struct error *err);
/* Mean number of active sessions since a moment of clock_monotonic_ns; below 0: no sample yet. */
double perf_sessions_active(const struct perf_sessions *s, int64_t since_ns);
/* Adds waits and the peaks to the server of a study, and ends the child. Without a single sample
 * study->missing says so. Frees s; NULL-safe. */
void perf_sessions_end(struct perf_sessions *s, struct arena *arena, struct perf_study *study);

#endif
