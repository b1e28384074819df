/* lib/perf/app_bound.h - where the time goes that the database does not take, and what need not be
 * asked at all: application, connection pool, serial sections, caches. See docs/perf-diagnosis.md.
 */
#ifndef DINER_PERF_APP_BOUND_H
#define DINER_PERF_APP_BOUND_H

#include "perf/finding.h"

void diagnose_application(struct diagnosis *d); /* app_bound, pool_bound, serial_section */
/* After the rules whose cures make a statement cheap: a cache is the last of the cures. */
void diagnose_cacheable(struct diagnosis *d);

#endif
