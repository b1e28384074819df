/* lib/perf/record.h - turns finished requests, told one by one, into a perf_result: histograms of
 * response and service time, counts by outcome, and the slices that comparisons test.
 *
 * Response times are those of successful answers and of requests that timed out (at the time they
 * were given up): answers that failed fast would flatter a percentile, so they only count as
 * errors. Requests a second are successful answers inside the window. Memory is bounded. */
#ifndef DINER_PERF_RECORD_H
#define DINER_PERF_RECORD_H

#include "perf/result.h"

struct recorder;
/* window_s: what is to be measured, cut into slices of at least a second when that gives ten of
 * them, else into ten. */
struct recorder *recorder_new(double window_s);
void recorder_free(struct recorder *r); /* NULL-safe */
/* done_s since the start of the window, never falling; later than its end goes into the last
 * slice. Times in microseconds. */
void recorder_add(struct recorder *r, double done_s, int64_t response_us, int64_t service_us,
                  enum loadgen_outcome outcome);
/* Fills counts, percentiles, rates and samples. elapsed_s: what of the window really passed; only
 * whole slices become samples. The response histogram moves into the result. */
void recorder_finish(struct recorder *r, double elapsed_s, struct arena *arena,
                     struct perf_result *ret);
/* The number of slices and their length, for who samples beside. */
size_t recorder_slices(double window_s, double *ret_slice_s);

#endif
