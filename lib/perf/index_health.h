/* lib/perf/index_health.h - the indexes that are there: invalid, duplicate, unused, bloated; and
 * the foreign keys that have none. Needs the catalog only. See docs/perf-diagnosis.md. */
#ifndef DINER_PERF_INDEX_HEALTH_H
#define DINER_PERF_INDEX_HEALTH_H

#include "perf/finding.h"

void diagnose_indexes(struct diagnosis *d);

/* The name of the i-th key as a column, without quotes; "" after the last or for an expression. */
const char *index_key_column(const struct perf_index *x, size_t i, struct arena *arena);

#endif
