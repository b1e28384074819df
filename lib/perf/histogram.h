/* lib/perf/histogram.h - latencies in bounded memory (229 KiB), whatever their number.
 *
 * Log buckets with 2048 linear steps in each, as HdrHistogram with 3 significant digits lays them
 * out: values are microseconds from 0 to HISTOGRAM_MAX_US; a recorded value is known to within
 * 0.1 %. Count, mean and maximum are exact. Larger values are recorded as the largest. One thread.
 * Source of the layout: hdrhistogram.org. */
#ifndef DINER_PERF_HISTOGRAM_H
#define DINER_PERF_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX_US ((INT64_C(1) << 37) - 1) /* about 38 hours */

struct histogram;
struct histogram *histogram_new(void);
void histogram_free(struct histogram *h); /* NULL-safe */
void histogram_clear(struct histogram *h);

void histogram_record(struct histogram *h, int64_t value_us); /* below 0 counts as 0 */
void histogram_record_n(struct histogram *h, int64_t value_us, uint64_t times);
void histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *h);
int64_t histogram_max(const struct histogram *h); /* 0 when empty */
double histogram_mean(const struct histogram *h); /* 0 when empty */
/* The smallest recorded value that at least p percent of all are not above (nearest rank), rounded
 * up to its step and never above the maximum. p in 0..100; 0 when empty. */
int64_t histogram_percentile(const struct histogram *h, double p);
/* Calls back for each step that has a count, in rising order, with its highest value: recording
 * these values gives the same counts again. */
void histogram_each(const struct histogram *h,
                    void (*step)(void *self, int64_t value_us, uint64_t count), void *self);

#endif
