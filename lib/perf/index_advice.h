/* lib/perf/index_advice.h - which indexes are missing, for the workload as a whole.
 *
 * With a planner that can imagine indexes: candidates per statement, the best of them, then
 * greedily over all statements by what they save less what they cost each write, then verified
 * together and with each one left out. Without: a guess from the statistics, marked as such. See
 * docs/perf-diagnosis.md. */
#ifndef DINER_PERF_INDEX_ADVICE_H
#define DINER_PERF_INDEX_ADVICE_H

#include "perf/index_candidates.h"
#include "perf/planner.h"

struct advice_options {
    struct planner *planner; /* NULL: none; why_* says why */
    const char *why_en, *why_zh;
    int64_t budget_ms;
    size_t statements_max;
};
/* Fails only when the connection is lost or a signal came (ERR_CANCELLED). */
int diagnose_missing_indexes(struct diagnosis *d, const struct advice_options *options,
                             struct error *err);

#endif
