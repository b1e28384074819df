/* cmd/perf_measure.h - measuring, for perf-report as a whole and for its phases. */
#ifndef DINER_CMD_PERF_MEASURE_H
#define DINER_CMD_PERF_MEASURE_H

#include "cli/command.h"
#include "perf/config.h"
#include "perf/study_run.h"

/* db: instead of the configuration's, or NULL. before is filled where the configuration has a
 * second address; it may be NULL. */
int perf_measure(struct cli *cli, const struct perf_config *c, const char *db, unsigned phases,
                 struct perf_study *study, struct perf_study *before, struct error *err);

/* A database alone; db as above. for_ms as perf_study_snapshot. */
int perf_take_snapshot(struct cli *cli, const struct perf_config *c, const char *db, int64_t for_ms,
                       struct perf_study *s, struct error *err);

#endif
