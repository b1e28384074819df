/* lib/perf/result_json.h - a result as JSON, and back: a part of a study (study_json.h). A
 * figure is a number, or null with its reason in "not_measured", or null with
 * its bounds in "between". */
#ifndef DINER_PERF_RESULT_JSON_H
#define DINER_PERF_RESULT_JSON_H

#include "format/jsonx.h"
#include "perf/result.h"

/* Writes the object. with_latencies: the raw histogram too, as [microseconds, count] pairs. */
void perf_result_to_json(struct jwriter *w, const struct perf_result *r, bool with_latencies);
/* Messages name in->path. */
struct input;
int input_read_result(struct input *in, const struct jsonx *node, struct perf_result *ret,
                      struct error *err);

#endif
