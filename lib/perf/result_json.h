/* lib/perf/result_json.h - a result as JSON, and back: the versioned form that a later run takes
 * as its baseline. A figure is a number, or null with its reason in "not_measured", or null with
 * its bounds in "between". Reading is inputs.h's. */
#ifndef DINER_PERF_RESULT_JSON_H
#define DINER_PERF_RESULT_JSON_H

#include "format/jsonx.h"
#include "perf/result.h"

#define PERF_JSON_VERSION 1

/* Writes the object. with_latencies: the raw histogram too, as [microseconds, count] pairs. */
void perf_result_to_json(struct jwriter *w, const struct perf_result *r, bool with_latencies);

#endif
