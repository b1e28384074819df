/* lib/perf/study_inputs.h - a study from any file: one of diner's own, or what wrk, k6, hey or
 * vegeta measured, as a study with one endpoint. */
#ifndef DINER_PERF_STUDY_INPUTS_H
#define DINER_PERF_STUDY_INPUTS_H

#include "perf/study.h"

/* path "-" is standard input. Errors as perf_study_parse and perf_input_parse. */
int perf_study_read_any(const char *path, struct arena *arena, struct perf_study *ret,
                        struct error *err);
/* The result as a study; it moves in. */
void perf_study_of_result(const struct perf_result *r, struct arena *arena, struct perf_study *ret);

#endif
