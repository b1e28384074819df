/* lib/perf/inputs.h - what other tools measured: files of wrk, hey (text and csv), k6 (summary) and
 * vegeta (text and JSON), recognised by content.
 *
 * Each gives what it holds and leaves the rest unknown; errors are ERR_DATA with file:line.
 * Formats: wrk 4.1 and wrk2 print (with or without --latency), hey 0.1.4 print and `-o csv`, k6
 * `--summary-export` and the data of handleSummary() written as JSON, vegeta 12 `report` and
 * `report -type=json`. */
#ifndef DINER_PERF_INPUTS_H
#define DINER_PERF_INPUTS_H

#include "perf/result.h"

#define PERF_INPUT_MAX_BYTES ((size_t)128 << 20)

/* ERR_DATA when no known format fits; name is for messages. */
int perf_input_parse(struct span text, const char *name, struct arena *arena,
                     struct perf_result *ret, struct error *err);

#endif
