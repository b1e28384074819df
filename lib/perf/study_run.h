/* lib/perf/study_run.h - the phases that measure, put together: a look at each database before and
 * after, sessions sampled between, the load and the attribution in between. */
#ifndef DINER_PERF_STUDY_RUN_H
#define DINER_PERF_STUDY_RUN_H

#include "perf/study_load.h"

enum perf_phase { PERF_PHASE_LOAD = 1, PERF_PHASE_ATTRIBUTE = 2 };

/* Endpoints, environment and requests of each side are made from the configuration here; the
 * sides' studies need only be initialised, or read from a file to be continued. A signal ends it
 * with ERR_CANCELLED; what was measured until then is in the studies. */
int perf_study_measure(struct perf_load_plan *plan, unsigned phases, struct arena *arena,
                       struct error *err);

/* A database alone. for_ms > 0: two looks that far apart and the sessions in between; 0: one look,
 * totals. */
int perf_study_snapshot(const char *dsn, int64_t for_ms, struct arena *arena,
                        struct perf_study *study, struct error *err);

#endif
