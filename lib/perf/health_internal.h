/* lib/perf/health_internal.h - what health.c and health_tables.c share. */
#ifndef DINER_PERF_HEALTH_INTERNAL_H
#define DINER_PERF_HEALTH_INTERNAL_H

#include "perf/health.h"

/* A setting of the server as a number in its own unit. */
double health_setting(const struct diagnosis *d, const char *name, double otherwise);
/* Dead rows, bloat, wraparound, statistics, sequential scans. */
void health_judge_table(struct diagnosis *d, const struct perf_table *t);

#endif
