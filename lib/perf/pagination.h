/* lib/perf/pagination.h - answers without an end, pages reached by skipping rows, pages in no
 * order, answers of a megabyte; see docs/perf-diagnosis.md. */
#ifndef DINER_PERF_PAGINATION_H
#define DINER_PERF_PAGINATION_H

#include "perf/finding.h"

void diagnose_pagination(struct diagnosis *d);

#endif
